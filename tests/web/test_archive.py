"""The archive's pages and feeds: what they hold and what not, how they are cached, in feed readers, and looked at."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import feedparser
import httpx
import pytest
from lxml import etree, html
from playwright.sync_api import Browser

from digest.gather.feed import parse_feed
from digest.types import ArchivedDay, ArchivedStory, ArchivedTopic, TopicFeed
from digest.web.archivefeeds import FeedSite, atom, day_id, feed_id, json_feed
from tests.service.town import Clock, Town
from tests.web.desk import MONDAY, WebDesk
from tests.web.looking import looked_at

FERRY = "Ferry Sandpiper runs onto Cutler Bank in fog; all 84 passengers safe"
TEXT = "The island ferry ran onto the bank after 21:40 last night with 84 passengers and six crew. Nobody was hurt."
NASTY = 'Lamp <script>alert("1 & 2")</script> ]]> \u202eis lit'
ARABIC = "جنوح العبّارة «زمّار الرمل» على ضفة كاتلر في الضباب"
CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
PUBLIC = "https://paper.example.org"
TUESDAY = MONDAY + timedelta(days=1)


@pytest.fixture
def desk(make_desk: Any) -> WebDesk:
    """The service as it is reached at PUBLIC, with two archived topics."""
    desk: WebDesk = make_desk(public_url=PUBLIC)
    desk.furnish()
    for slug in ("harbour", "madina"):
        desk.service.topics.edit(slug, archived=True)
    return desk


@pytest.fixture
def town(desk: WebDesk) -> Town:
    """What happens around the desk's topics, by the desk's clock."""
    return Town(desk.engine, desk.settings, Clock(MONDAY), service=desk.service)


@pytest.fixture
def told(desk: WebDesk, town: Town) -> tuple[int, int]:
    """Two days of the harbour: three stories on Monday, an update and a new one on Tuesday. (ferry, edition)."""
    ferry = town.story(FERRY, "harbour", "madina", at=MONDAY - timedelta(hours=3), text=TEXT, publisher="Courier")
    also = {"text": "Fog on the bank, and a ferry in it.", "publisher": "Quayside Wire"}
    town.story("Sandpiper aground", "harbour", at=MONDAY - timedelta(hours=2), into=ferry, **also)
    town.story(NASTY, "harbour", at=MONDAY - timedelta(hours=4), text="Of a lamp & its keeper <b>Ann</b>.")
    town.story(ARABIC, "madina", "harbour", at=MONDAY - timedelta(hours=5), language="ar", publisher="رصيف لانثورن",
               text="جنحت العبّارة مساء أمس وعلى متنها أربعة وثمانون راكبًا. ولم يُصب أحد بأذى.")  # fmt: skip
    desk.join("ada@example.org", "harbour", "madina", timezone="Europe/Berlin")
    planned = desk.service.send_by_hand(None, None, since=MONDAY - timedelta(days=1))
    assert planned is not None
    desk.later(days=1)
    freed = "Two tugs pulled the Sandpiper free at high water. Divers had found a crack of three metres in her hull."
    town.story(
        "Sandpiper is free", "harbour", at=TUESDAY - timedelta(hours=2), into=ferry, text=freed, publisher="Herald"
    )
    town.story("Pier closes", "harbour", at=TUESDAY - timedelta(hours=3))
    assert desk.service.send_by_hand(None, None, since=MONDAY - timedelta(days=1)) is not None
    desk.mail()
    return ferry, planned.edition_id


def read(answer: httpx.Response) -> Any:
    return html.fromstring(answer.text)


def words(node: Any) -> str:
    return " ".join(node.text_content().split())


# --- pages ------------------------------------------------------------------------------------------------------------


def test_from_the_topics_over_the_days_to_a_day(client: httpx.Client, told: tuple[int, int]) -> None:
    ferry, _ = told
    page = read(client.get("/archive/"))
    assert [each.get("href") for each in page.xpath("//main//li/a")] == ["/archive/harbour/", "/archive/madina/"]
    assert "Last: Tuesday, March 3, 2026" in words(page)
    page = read(client.get("/archive/harbour/"))
    assert [(each.get("href"), words(each)) for each in page.xpath("//main//li/a")] == [
        ("/archive/harbour/2026-03-03", "Tuesday, March 3, 2026"),
        ("/archive/harbour/2026-03-02", "Monday, March 2, 2026"),
    ]
    assert f"{FERRY} · 3 stories" in words(page)
    answer = client.get("/archive/harbour/2026-03-02")
    page = read(answer)
    assert words(page.find(".//h1")) == "Monday, March 2, 2026"
    first = page.xpath("//article")[0]
    assert [words(each) for each in first] == [
        FERRY, "Courier, Mar 2, 07:00", TEXT, "Also covered by Quayside Wire"
    ]  # fmt: skip
    assert first.xpath(".//a/@href") == ["https://paper.example/" + FERRY.replace(" ", "-"), f"/story/{ferry}"]
    assert client.get(f"/story/{ferry}").status_code == 200
    assert NASTY in [words(each) for each in page.xpath("//article/h2/a")]
    assert not page.xpath("//article//script")
    assert page.xpath("//a[@rel='next']/@href") == ["/archive/harbour/2026-03-03"]
    assert page.xpath("//a[contains(@class, 'button')]/@href") == ["/subscribe?topic=harbour"]
    tuesday = read(client.get("/archive/harbour/2026-03-03"))
    (update,) = [each for each in tuesday.xpath("//article") if "Sandpiper" in words(each)]
    assert words(update).startswith("Sandpiper is free Update · Herald, Mar 3, 08:00 Two tugs")


def test_they_carry_what_pages_for_everybody_carry(client: httpx.Client, told: tuple[int, int]) -> None:
    for path in ("/archive/", "/archive/harbour/", "/archive/harbour/2026-03-02"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-security-policy"] == CSP
        assert answer.headers["cache-control"] == "public, max-age=60"
        assert answer.headers["x-robots-tag"] == "noindex"
        assert answer.headers["vary"] == "Accept-Language"
        assert client.head(path).status_code == 200
        again = client.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        german = client.get(path, headers={"If-None-Match": answer.headers["etag"], "Accept-Language": "de"})
        assert (german.status_code, german.headers["content-language"]) == (200, "de")
        page = read(answer)
        assert page.xpath("//img | //iframe | //style | //form | //*[@style]") == [], "nothing from anywhere else"
        assert all(each.startswith("/static/") for each in page.xpath("//link[@rel='stylesheet' or @rel='icon']/@href"))


def test_nothing_personal_anywhere(client: httpx.Client, desk: WebDesk, told: tuple[int, int]) -> None:
    _, edition = told
    tokens = desk.keyring.tokens(desk.number(), edition)
    paths = ["/archive/", "/archive/harbour/", "/archive/harbour/2026-03-02", "/archive/harbour/2026-03-03"]
    for path in [*paths, "/archive/harbour/feed.atom", "/archive/harbour/feed.json"]:
        text = client.get(path).text
        for personal in (
            "ada@",
            "/view/",
            "/leave/",
            "/preferences/",
            "/why/",
            tokens.view,
            tokens.leave,
            tokens.manage,
        ):
            assert personal not in text, f"{personal} in {path}"


def test_feeds_are_found_from_the_pages(client: httpx.Client, told: tuple[int, int]) -> None:
    for path in ("/archive/harbour/", "/archive/harbour/2026-03-02"):
        found = read(client.get(path)).xpath("//head/link[@rel='alternate']")
        assert [(each.get("type"), each.get("href")) for each in found] == [
            ("application/atom+xml", "/archive/harbour/feed.atom"),
            ("application/feed+json", "/archive/harbour/feed.json"),
        ]
        for each in found:
            assert client.get(each.get("href")).headers["content-type"] == f"{each.get('type')}; charset=utf-8"


@pytest.mark.parametrize(
    "path",
    [
        "nowhere/", "sport/", "sport/feed.atom", "sport/2026-03-02", "HARBOUR/", "%00/", "%00", "harbour/2026-03-01",
        "harbour/2026-02-30", "harbour/2026-3-2", "harbour/20260302", "harbour/٢٠٢٦-٠٣-٠٢", "harbour/2026-03-02/",
        "harbour/feed.rss", "harbour/?before=yesterday", "harbour/?before=", f"{'x' * 3000}/",
    ],
)  # fmt: skip
def test_whatever_else_is_nothing(client: httpx.Client, told: tuple[int, int], path: str) -> None:
    answer = client.get(f"/archive/{path}")
    assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")


def test_one_page_has_one_address(client: httpx.Client, told: tuple[int, int]) -> None:
    for short, whole in (("/archive?lang=de", "/archive/?lang=de"), ("/archive/harbour", "/archive/harbour/")):
        answer = client.get(short)
        assert (answer.status_code, answer.headers["location"]) == (301, whole)
    assert client.get("/archive//evil.example").status_code == 404


def test_private_at_once(client: httpx.Client, desk: WebDesk, told: tuple[int, int]) -> None:
    known = client.get("/archive/harbour/feed.atom").headers["etag"]
    desk.service.topics.edit("harbour", public=False)
    for path in ("harbour/", "harbour/2026-03-02", "harbour/feed.atom", "harbour/feed.json"):
        assert client.get(f"/archive/{path}", headers={"If-None-Match": known}).status_code == 404
    assert "harbour" not in client.get("/archive/").text
    desk.service.topics.edit("madina", archived=False)
    assert "No topic has an archive." in client.get("/archive/").text


def test_the_form_and_the_front_page_lead_there(client: httpx.Client, desk: WebDesk) -> None:
    form = read(client.get("/subscribe?lang=de"))
    links = form.xpath("//p[@class='sample']/a[starts-with(@href, '/archive/')]/@href")
    assert sorted(links) == ["/archive/harbour/?lang=de", "/archive/madina/?lang=de"]
    assert read(client.get("/")).xpath("//a[@href='/archive/']")
    assert "Nothing yet; the next digest is the first." in client.get("/archive/harbour/").text
    for slug in ("harbour", "madina"):
        desk.service.topics.edit(slug, archived=False)
    for path in ("/subscribe", "/"):
        assert "/archive/" not in client.get(path).text


# --- feeds ------------------------------------------------------------------------------------------------------------

XML = "{http://www.w3.org/XML/1998/namespace}"
ATOM = {"a": "http://www.w3.org/2005/Atom"}


def test_the_atom_feed(client: httpx.Client, told: tuple[int, int]) -> None:
    answer = client.get("/archive/harbour/feed.atom")
    root: Any = etree.fromstring(answer.content)
    assert root.get(f"{XML}lang") == "en"
    assert root.findtext("a:id", None, ATOM) == "tag:paper.example.org,2026-03-02:archive/harbour/feed"
    assert root.findtext("a:title", None, ATOM) == "Harbour – Morning Paper"
    assert root.findtext("a:updated", None, ATOM) == "2026-03-03T09:00:00Z"
    assert root.findtext("a:author/a:name", None, ATOM) == "Morning Paper"
    assert {each.get("rel"): each.get("href") for each in root.findall("a:link", ATOM)} == {
        "self": f"{PUBLIC}/archive/harbour/feed.atom",
        "alternate": f"{PUBLIC}/archive/harbour/",
    }
    entries = root.findall("a:entry", ATOM)
    assert [each.findtext("a:id", None, ATOM) for each in entries] == [
        "tag:paper.example.org,2026-03-03:archive/harbour",
        "tag:paper.example.org,2026-03-02:archive/harbour",
    ]
    monday = entries[1]
    assert monday.findtext("a:title", None, ATOM) == FERRY
    assert monday.findtext("a:published", None, ATOM) == "2026-03-02T09:00:00Z"
    assert monday.find("a:link", ATOM).get("href") == f"{PUBLIC}/archive/harbour/2026-03-02"
    assert monday.find("a:content", ATOM).get("type") == "html"
    inside: Any = html.fromstring(monday.findtext("a:content", None, ATOM))
    assert all(re.match("https?://", link) for link in inside.xpath("//@href"))
    assert not inside.xpath("//script | //img")
    assert NASTY in words(inside)
    assert [each.get("dir") for each in inside.xpath("//h2[@lang='ar']")] == ["rtl"]


def test_feedparser_and_our_own_reader_read_both(client: httpx.Client, told: tuple[int, int]) -> None:
    links = [f"{PUBLIC}/archive/harbour/2026-03-03", f"{PUBLIC}/archive/harbour/2026-03-02"]
    bodies = {name: client.get(f"/archive/harbour/{name}") for name in ("feed.atom", "feed.json")}
    theirs = feedparser.parse(bodies["feed.atom"].content, response_headers={"content-type": "application/atom+xml"})
    assert (theirs.bozo, theirs.version) == (False, "atom10")
    assert [each.link for each in theirs.entries] == links
    assert "alert" in theirs.entries[1].content[0].value
    assert "<script" not in theirs.entries[1].content[0].value
    for name, body in bodies.items():
        ours = parse_feed(
            body.content, content_type=body.headers["content-type"], url=f"{PUBLIC}/archive/harbour/{name}"
        )
        assert ours.title == "Harbour – Morning Paper"
        assert [(each.url, each.title) for each in ours.items][1] == (links[1], FERRY)
        assert [each.guid for each in ours.items] == [
            "tag:paper.example.org,2026-03-03:archive/harbour", "tag:paper.example.org,2026-03-02:archive/harbour",
        ]  # fmt: skip
        assert ours.items[1].published_at == MONDAY
        assert "84 passengers" in ours.items[1].text


def test_the_json_feed(client: httpx.Client, told: tuple[int, int]) -> None:
    feed = client.get("/archive/harbour/feed.json").json()
    items = feed.pop("items")
    assert feed == {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Harbour – Morning Paper",
        "home_page_url": f"{PUBLIC}/archive/harbour/",
        "feed_url": f"{PUBLIC}/archive/harbour/feed.json",
        "language": "en",
        "description": "Ships, ferries and everything that happens between the two piers.",
        "authors": [{"name": "Morning Paper"}],
    }
    assert {**items[1], "content_html": ""} == {
        "id": "tag:paper.example.org,2026-03-02:archive/harbour",
        "url": f"{PUBLIC}/archive/harbour/2026-03-02",
        "title": FERRY,
        "content_html": "",
        "date_published": "2026-03-02T09:00:00Z",
        "date_modified": "2026-03-02T09:00:00Z",
    }
    assert "ADA" not in json.dumps(items).upper()


def test_a_feed_speaks_its_topics_language_whoever_asks(client: httpx.Client, told: tuple[int, int]) -> None:
    arabic = client.get("/archive/madina/feed.atom", headers={"Accept-Language": "de"})
    assert "vary" not in arabic.headers
    assert 'xml:lang="ar"' in arabic.text
    content: Any = etree.fromstring(arabic.content).findtext("a:entry/a:content", None, ATOM)
    assert html.fromstring(content).get("dir") == "rtl"
    assert "الخبر حتى الآن" in content


def test_repeats_of_a_feed_are_answered_short(
    client: httpx.Client, desk: WebDesk, town: Town, told: tuple[int, int]
) -> None:
    for name in ("feed.atom", "feed.json"):
        path = f"/archive/harbour/{name}"
        first = client.get(path)
        assert first.headers["cache-control"] == "public, max-age=60"
        assert first.headers["last-modified"] == format_datetime(TUESDAY, usegmt=True)
        etag, modified = first.headers["etag"], first.headers["last-modified"]
        earlier = format_datetime(TUESDAY - timedelta(seconds=1), usegmt=True)
        for headers, status in (
            ({"If-None-Match": etag}, 304),
            ({"If-None-Match": f'"other", W/{etag}'}, 304),
            ({"If-Modified-Since": modified}, 304),
            ({"If-Modified-Since": earlier}, 200),
            ({"If-Modified-Since": "soon"}, 200),
            ({"If-None-Match": '"other"', "If-Modified-Since": modified}, 200),
        ):
            again = client.get(path, headers=headers)
            assert (again.status_code, again.headers["etag"]) == (status, etag), headers
            assert (again.content == b"") is (status == 304)
    desk.later(days=1)
    town.story("Tug sinks", "harbour", at=desk.time - timedelta(hours=1))
    assert desk.service.send_by_hand(None, None) is not None
    grown = client.get(path, headers={"If-None-Match": etag, "If-Modified-Since": modified})
    assert (grown.status_code, grown.json()["items"][0]["title"]) == (200, "Tug sinks")


@pytest.mark.parametrize(
    ("public_url", "authority"),
    [
        ("https://paper.example.org", "paper.example.org"), ("https://PAPER.example.org:8443", "paper.example.org"),
        ("http://127.0.0.1:8080", "127.0.0.1"), ("http://[::1]:8080", "localhost"),
    ],
)  # fmt: skip
def test_ids_are_tags_of_the_host(public_url: str, authority: str) -> None:
    feed = a_feed("Harbour")
    assert feed_id(feed, public_url) == f"tag:{authority},2026-01-05:archive/harbour/feed"
    assert day_id(feed, feed.days[0].day, public_url) == f"tag:{authority},2026-03-02:archive/harbour"


def test_what_xml_cannot_hold_is_left_out() -> None:
    strange = "A\x00B\x0bC\ufffeD \ud800E & <F> ]]>"
    site = FeedSite("M & <N>", PUBLIC, lambda day: f"<p>{strange}</p>")
    root: Any = etree.fromstring(atom(a_feed(strange), site))
    assert root.findtext("a:entry/a:title", None, ATOM) == "ABCD E & <F> ]]>"
    assert root.findtext("a:author/a:name", None, ATOM) == "M & <N>"
    (item,) = json.loads(json_feed(a_feed("A\x0bC"), FeedSite("M", PUBLIC, lambda day: "")))["items"]
    assert item["title"] == "A\x0bC", "JSON holds anything"


def a_feed(title: str) -> TopicFeed:
    story = ArchivedStory(1, 1, 0, title, "en", "", "https://paper.example/1", "Wire", (), 0, False, MONDAY)
    topic = ArchivedTopic(1, "harbour", "Harbour", "", "en", datetime(2026, 1, 5, tzinfo=UTC))
    return TopicFeed(topic, (ArchivedDay(MONDAY.date(), MONDAY, MONDAY, (story,)),), MONDAY)


# --- looked at --------------------------------------------------------------------------------------------------------

DRESSES = [
    ("en", 1100, "light", True), ("de", 320, "dark", True), ("ar", 375, "light", True), ("en", 375, "dark", False),
]  # fmt: skip


@pytest.mark.browser
@pytest.mark.parametrize(("language", "width", "scheme", "script"), DRESSES)
def test_looked_at(
    served: str, browser: Browser, artifacts: Path, told: tuple[int, int],
    language: str, width: int, scheme: str, script: bool,
) -> None:  # fmt: skip
    topic = "madina" if language == "ar" else "harbour"
    context = browser.new_context(
        viewport={"width": width, "height": 740}, locale=language, java_script_enabled=script,
        color_scheme="dark" if scheme == "dark" else "light",
    )  # fmt: skip
    try:
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        places = {"topics": "", "days": f"{topic}/", "day": f"{topic}/2026-03-02"}
        for name, path in places.items():
            page.goto(f"{served}/archive/{path}")
            assert page.locator("html").get_attribute("lang") == language
            dress = f"{language}-{width}-{scheme}{'' if script else '-noscript'}"
            looked_at(page, artifacts / f"archive-{name}-{dress}.png", script=script)
        assert [each for each in asked if not each.startswith(served)] == [], "nothing is asked of anybody else"
        page.goto(f"{served}/subscribe")
        looked_at(page, artifacts / f"archive-form-{dress}.png", script=script)
    finally:
        context.close()
