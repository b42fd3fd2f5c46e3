"""The bundled town keeps its promises, and its papers are a web site like any other."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from lxml import etree, html

from digest.demo.content import FOLDER, IMAGES, Article, Town, load
from digest.demo.feeds import ATOM, CONTENT, MEDIA
from digest.demo.site import FolderSite, Site
from digest.errors import InputError

FIRST = datetime(2026, 3, 10, 7, 0, tzinfo=UTC)
XHTML = "http://www.w3.org/1999/xhtml"


class Clock:
    """The demo's own clock, set by hand."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture(scope="module")
def town() -> Town:
    return load()


@pytest.fixture
def clock() -> Clock:
    return Clock(FIRST + timedelta(days=2))


@pytest.fixture
def site(town: Town, clock: Clock) -> Iterator[Site]:
    with Site(town, clock, FIRST) as serving:
        yield serving


@pytest.fixture
def web(site: Site) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.url) as client:
        yield client


def guids(body: bytes) -> list[str]:
    """The item ids of a feed of any of the three formats, in its order."""
    if body.startswith(b"{"):
        return [item["id"] for item in json.loads(body)["items"]]
    root = etree.fromstring(body)
    found = root.findall("channel/item/guid") or root.findall(f"{{{ATOM}}}entry/{{{ATOM}}}id")
    return [str(element.text) for element in found]


def tellings(town: Town) -> dict[str, list[Article]]:
    events: dict[str, list[Article]] = defaultdict(list)
    for article in town.articles:
        if article.event:
            events[article.event].append(article)
    return events


def test_the_town_is_as_large_as_promised(town: Town) -> None:
    assert 64 <= sum(article.day > 0 for article in town.articles) <= 75
    assert len(town.publishers) >= 8
    assert len(town.topics) == 5
    assert {article.language for article in town.articles} == {"en", "de", "ar"}
    assert sum(article.picture is not None for article in town.articles) >= 16
    assert {article.day for article in town.articles} == {0, 1, 2, 3}


def test_several_events_are_told_by_three_papers_in_their_own_words(town: Town) -> None:
    events = tellings(town)
    by_three = {name for name, told in events.items() if len({a.publisher for a in told}) >= 3}
    assert len(by_three) >= 7
    assert {events[name][0].language for name in by_three} >= {"en", "de"}
    arabic = [told for told in events.values() if told[0].language == "ar"]
    assert any(len({a.publisher for a in told}) >= 2 for told in arabic)
    for told in events.values():
        assert len({a.language for a in told}) == 1
        assert len({a.topic for a in told}) == 1
        assert len({a.title for a in told}) == len({a.body for a in told}) == len(told)


def test_every_feed_has_a_backlog_before_the_demo_begins(town: Town) -> None:
    """A feed's first gather brings backlog, which is never news (docs/design.md, section 8): there must be some."""
    old = Counter((article.publisher, article.topic) for article in town.articles if article.day == 0)
    assert old == {(publisher.slug, topic): 1 for publisher in town.publishers for topic in publisher.topics}
    assert all(article.event is None for article in town.articles if article.day == 0)


def test_guids_titles_and_pages_are_unique(town: Town) -> None:
    for attribute in ("guid", "id", "title"):
        assert len({getattr(article, attribute) for article in town.articles}) == len(town.articles)


def test_the_second_morning_has_an_update_and_the_third_a_silent_topic(town: Town) -> None:
    days = {name: {a.day for a in told} for name, told in tellings(town).items()}
    assert [name for name, on in days.items() if {1, 2} <= on] == ["ferry-aground"]
    by_topic = {topic.slug: {a.day for a in town.articles if a.topic == topic.slug} for topic in town.topics}
    assert by_topic.pop(town.silent_topic) == {0, 1, 2}
    assert all(on == {0, 1, 2, 3} for on in by_topic.values())


def test_the_readers_are_a_mixed_company(town: Town) -> None:
    assert 6 <= len(town.readers) <= 8
    assert {reader.locale for reader in town.readers} == {"en", "de", "ar"}
    morning = {FIRST.astimezone(ZoneInfo(reader.timezone)).utcoffset() for reader in town.readers}
    assert len(morning) >= 4
    assert any(len(reader.topics) == 5 for reader in town.readers)
    assert any(reader.topics == (town.silent_topic,) for reader in town.readers)
    assert all(reader.address.split("@")[1] in ("example.org", "example.net", "example.com") for reader in town.readers)


def test_every_text_has_the_length_of_a_news_item(town: Town) -> None:
    for article in town.articles:
        assert 2 <= len(article.body) <= 4, article.id
        text = html.fragment_fromstring(" ".join(article.body), create_parent="div").text_content()
        assert (45 if article.day else 25) <= len(text.split()) <= 130, article.id
        assert '"' not in article.title, article.id
        assert "&" not in article.title, f"{article.id}: a title is plain text"


def test_pictures_are_small_wide_jpegs_and_have_a_text_alternative(town: Town) -> None:
    for article in town.articles:
        if article.picture is None:
            continue
        assert len(article.picture.alt) >= 15, article.id
        data = (IMAGES / article.picture.file).read_bytes()
        assert data.startswith(b"\xff\xd8\xff")
        assert len(data) < 60_000
    used = {article.picture.file for article in town.articles if article.picture}
    assert used == {file.name for file in IMAGES.glob("*.jpg")}


def test_feeds_are_cumulative_by_the_clock(town: Town, site: Site, web: httpx.Client, clock: Clock) -> None:
    seen: dict[str, list[str]] = {}
    for moment in [FIRST - timedelta(days=2), *(FIRST + timedelta(days=day) for day in range(3))]:
        clock.moment = moment
        for feed in site.feeds():
            before, now = seen.get(feed.url, []), guids(web.get(feed.url).content)
            assert now[len(now) - len(before) :] == before
            seen[feed.url] = now
        due = {article.guid for article in town.articles if article.at(FIRST) <= moment}
        assert {guid for found in seen.values() for guid in found} == due
    assert len(due) == len(town.articles)


def test_the_silent_topic_is_silent_on_the_third_morning(
    town: Town, site: Site, web: httpx.Client, clock: Clock
) -> None:
    urls = [feed.url for feed in site.feeds() if feed.topic_slug == town.silent_topic]
    clock.moment = FIRST + timedelta(days=1)
    second = [web.get(url).content for url in urls]
    clock.moment = FIRST + timedelta(days=2)
    assert [web.get(url).content for url in urls] == second


def test_all_formats_and_content_types_are_there(site: Site, web: httpx.Client) -> None:
    types = Counter(web.get(feed.url).headers["content-type"].split(";")[0] for feed in site.feeds())
    assert types.keys() == {"application/rss+xml", "application/atom+xml", "application/feed+json"}
    assert len(site.feeds()) == len({feed.url for feed in site.feeds()})


def test_rss_carries_encoded_content_dates_and_media(web: httpx.Client) -> None:
    item = etree.fromstring(web.get("/courier/harbour.xml").content).findall("channel/item")[-1]
    date = parsedate_to_datetime(str(item.findtext("pubDate")))
    assert date.tzinfo is not None
    assert str(item.findtext(f"{{{CONTENT}}}encoded")).startswith("<p>")
    feed = etree.fromstring(web.get("/courier/science.xml").content)
    media = feed.findall(f"channel/item/{{{MEDIA}}}content")
    assert media
    assert all(web.get(str(m.get("url"))).headers["content-type"] == "image/jpeg" for m in media)
    assert all(m.findtext(f"{{{MEDIA}}}description") for m in media)
    short = etree.fromstring(web.get("/herald/harbour.xml").content)
    assert short.find(f"channel/item/{{{CONTENT}}}encoded") is None
    assert "<p>" in str(short.findtext("channel/item/description"))


def test_atom_carries_xhtml_or_html(web: httpx.Client) -> None:
    xhtml = etree.fromstring(web.get("/sounding/science.xml").content)
    paragraphs = xhtml.findall(f"{{{ATOM}}}entry/{{{ATOM}}}content/{{{XHTML}}}div/{{{XHTML}}}p")
    assert len(paragraphs) > 6
    escaped = etree.fromstring(web.get("/review/culture.xml").content)
    content = escaped.find(f"{{{ATOM}}}entry/{{{ATOM}}}content")
    assert content is not None
    assert content.get("type") == "html"
    assert str(content.text).startswith("<p>")
    updated = datetime.fromisoformat(str(escaped.findtext(f"{{{ATOM}}}updated")))
    assert updated.tzinfo is not None


def test_json_feed_is_version_1_1(web: httpx.Client) -> None:
    feed = web.get("/mole/kueste.json").json()
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["language"] == "de"
    assert all(datetime.fromisoformat(item["date_published"]).tzinfo for item in feed["items"])


def test_unchanged_feeds_answer_304(web: httpx.Client, clock: Clock) -> None:
    clock.moment = FIRST
    first = web.get("/wire/harbour.json")
    tag = first.headers["etag"]
    again = web.get("/wire/harbour.json", headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status_code, again.content) == (304, b"")
    since = {"If-Modified-Since": first.headers["last-modified"]}
    assert web.get("/wire/harbour.json", headers=since).status_code == 304
    # RFC 9110, 13.1.3: a date beside a tag counts for nothing.
    assert web.get("/wire/harbour.json", headers={**since, "If-None-Match": '"other"'}).status_code == 200
    clock.moment = FIRST + timedelta(days=1)
    assert web.get("/wire/harbour.json", headers={"If-None-Match": tag}).status_code == 200


def test_front_pages_announce_their_feeds(town: Town, site: Site, web: httpx.Client) -> None:
    announced = set()
    for publisher in town.publishers:
        page = html.fromstring(web.get(f"/{publisher.slug}/").text)
        announced |= {link.get("href") for link in page.iterfind(".//link[@rel='alternate']")}
    assert announced == {feed.url for feed in site.feeds()}


def test_article_pages_tell_what_they_are_and_appear_in_time(town: Town, web: httpx.Client, clock: Clock) -> None:
    for article in town.articles:
        page = html.fromstring(web.get(f"/{article.publisher}/{article.id}.html").text)
        og = {meta.get("property"): meta.get("content") for meta in page.iterfind(".//meta[@property]")}
        assert og["og:title"] == article.title
        assert page.get("lang") == article.language
        assert page.get("dir") == ("rtl" if article.language == "ar" else "ltr")
        assert ("og:image" in og) == (article.picture is not None)
    last = max(town.articles, key=lambda article: article.at(FIRST))
    clock.moment = last.at(FIRST) - timedelta(seconds=1)
    assert web.get(f"/{last.publisher}/{last.id}.html").status_code == 404


@pytest.mark.parametrize("path", ["/nobody/", "/courier/nothing.xml", "/images/../town.json", "/courier/harbour.json"])
def test_what_is_not_there_is_a_404(web: httpx.Client, path: str) -> None:
    assert web.get(path).status_code == 404


def test_head_has_no_body_and_closing_leaves_no_listener(town: Town, clock: Clock) -> None:
    with Site(town, clock, FIRST) as site, httpx.Client() as kept_alive:
        answer = kept_alive.head(site.url)
        assert int(answer.headers["content-length"]) > 500
        assert answer.content == b""
        site.close()
        with pytest.raises(httpx.TransportError):
            kept_alive.get(site.url)


def test_a_taken_port_is_one_clear_line(town: Town, site: Site, clock: Clock) -> None:
    port = int(site.url.rsplit(":", 1)[1])
    with pytest.raises(InputError, match=f"cannot listen on port {port}"):
        Site(town, clock, FIRST, port)


def test_a_folder_of_feeds_is_served_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a feed.rss").write_bytes(b"<rss/>")
    (tmp_path / "b.atom").write_bytes(b"<feed/>")
    (tmp_path / "INDEX.md").write_text("what these are")
    (tmp_path / "deeper").mkdir()
    with FolderSite(tmp_path) as site, httpx.Client() as web:
        first, second = site.feeds()
        assert (first.topic_slug, first.publisher, second.publisher) == ("", "a feed", "b")
        answer = web.get(first.url)
        assert (answer.content, answer.headers["content-type"]) == (b"<rss/>", "application/rss+xml")
        assert web.get(first.url, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
        assert web.get(f"{site.url}/INDEX.md").status_code == 404
        (tmp_path / "b.atom").unlink()
        assert web.get(second.url).status_code == 404


def test_a_folder_without_feeds_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no feed files"):
        FolderSite(tmp_path)
    with pytest.raises(InputError, match="not a folder that can be read"):
        FolderSite(tmp_path / "missing")


def test_a_slip_in_the_content_is_named(tmp_path: Path) -> None:
    for file in FOLDER.glob("*.json"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    assert load(tmp_path) == load()
    rows = json.loads((tmp_path / "wire.json").read_text())
    rows[0]["topic"] = "opera"
    (tmp_path / "wire.json").write_text(json.dumps(rows))
    with pytest.raises(InputError, match=f"{rows[0]['id']}: wire has no feed for 'opera'"):
        load(tmp_path)
    (tmp_path / "wire.json").unlink()
    with pytest.raises(InputError, match=r"cannot be read: .*wire\.json"):
        load(tmp_path)
