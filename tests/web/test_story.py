"""The story so far: who may see it, what it shows within everybody's rights, how it is cached, and how it looks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import html
from playwright.sync_api import Browser
from sqlalchemy import delete, update

from digest.models import Article, ArticleTopic
from digest.service.storypages import MOST
from digest.store.db import writing
from digest.store.placing import change
from digest.types import Placed
from tests.service.town import Clock, Town
from tests.web.desk import MONDAY, WebDesk
from tests.web.looking import looked_at

FERRY = "Ferry Sandpiper runs onto Cutler Bank in fog; all 84 passengers safe"
BEGINNING = (
    "The island ferry ran onto the bank shortly after 21:40 last night with 84 passengers and six crew. Nobody was "
    "hurt. Thick fog had closed in half an hour after the ship left Skellan."
)
FREED = (
    "Two tugs pulled the Sandpiper free at high water on Tuesday morning, after divers had found a crack of three "
    "metres. Her owner Petra Lund expects the ship back in service within nine weeks."
)


@pytest.fixture
def town(desk: WebDesk) -> Town:
    """What happens around the desk's topics, at the desk's time."""
    desk.readers.default_timezone = "Europe/Berlin"
    return Town(desk.engine, desk.settings, Clock(MONDAY))


@pytest.fixture
def ferry(town: Town) -> int:
    """A story in three versions: begun by two, grown by one with news, then by a copy that adds nothing."""
    at = MONDAY - timedelta(hours=9)
    story = town.story(FERRY, "harbour", at=at, text=BEGINNING, publisher="Lanthorn Courier", rights="full")
    also: dict[str, Any] = {"text": "Fog on the bank.", "publisher": "Quayside Wire", "credit": "Reuters"}
    of_the_same_gather = town.story("Sandpiper aground", "harbour", at=at + timedelta(minutes=20), **also)
    with writing(town.engine) as session:
        moved = update(Article).where(Article.story_id == of_the_same_gather)  # type: ignore[arg-type]
        session.connection().execute(moved.values(story_id=story))
    grown = at + timedelta(hours=6)
    town.story("Sandpiper is free", "harbour", "sport", at=grown, into=story, text=FREED, publisher="Saltgate Herald")
    again = grown + timedelta(hours=1)
    town.story("Once more: the Sandpiper", "harbour", at=again, into=story, text=FREED, publisher="The Copy")
    return story


def decide(town: Town, *, merged: Mapping[int, int] | None = None, related: Mapping[int, int] | None = None) -> None:
    """Stories become others, or are found to be of one thread."""
    near = {one: ((other, 0.3),) for one, other in (related or {}).items()}
    with writing(town.engine) as session:
        change(session, Placed((), (), merged or {}, {}, near), MONDAY)


def read(answer: str) -> Any:
    """A page or a mail, to be asked for its parts."""
    return html.fromstring(answer)


def chapters(answer: httpx.Response) -> list[tuple[str, list[str], list[str]]]:
    """(heading, quotations, headlines with their sources) of each chapter as they stand."""
    page = read(answer.text)
    found = []
    for each in page.find_class("chapter"):
        quoted = [" | ".join(" ".join(part.text_content().split()) for part in q) for q in each.iter("blockquote")]
        told = [" | ".join(" ".join(part.text_content().split()) for part in line) for line in each.iter("li")]
        (heading,) = each.iter("h2")
        found.append((" ".join(heading.text_content().split()), quoted, told))
    return found


def test_chapters_tell_what_each_version_brought(client: httpx.Client, ferry: int) -> None:
    answer = client.get(f"/story/{ferry}")
    assert answer.status_code == 200
    page = read(answer.text)
    assert page.findtext(".//h1") == FERRY
    assert "Told by 3 publishers. All times on this page are Berlin time." in " ".join(page.text_content().split())
    assert chapters(answer) == [
        ("Mar 2, 2026, 08:00 Nothing new", [], ["Once more: the Sandpiper | The Copy"]),
        ("Mar 2, 2026, 07:00 New", [FREED], ["Sandpiper is free | Saltgate Herald"]),
        (
            "Mar 2, 2026, 01:20 First told",
            [f"{BEGINNING} | Lanthorn Courier"],
            [
                f"{FERRY} | Lanthorn Courier, Mar 2, 01:00",
                "Sandpiper aground | Reuters via Quayside Wire, Mar 2, 01:20",
            ],
        ),
    ]
    links = page.xpath("//section[contains(@class, 'chapter')]//a/@href")
    assert all(str(link).startswith("https://paper.example/") for link in links)
    assert len(links) == 4
    (sign_up,) = page.xpath("//a[contains(@class, 'button')]/@href")
    assert sign_up == "/subscribe?topic=harbour&topic=sport"


@pytest.mark.parametrize(("rights", "shown"), [("title", []), ("excerpt", [BEGINNING]), ("full", [BEGINNING])])
def test_nothing_beyond_the_rights_of_its_source(
    client: httpx.Client, town: Town, rights: str, shown: list[str]
) -> None:
    story = town.story(FERRY, "harbour", at=MONDAY, text=BEGINNING, rights=rights)
    ((_, quoted, told),) = chapters(client.get(f"/story/{story}"))
    assert (quoted, len(told)) == (shown, 1)


def test_what_may_not_be_quoted_is_no_news(client: httpx.Client, town: Town) -> None:
    story = town.story(FERRY, "harbour", at=MONDAY, text=BEGINNING)
    town.story("Free", "harbour", at=MONDAY + timedelta(hours=1), into=story, text=FREED, rights="title")
    answer = client.get(f"/story/{story}")
    assert "tugs" not in answer.text
    assert chapters(answer)[0][:2] == ("Mar 2, 2026, 11:00 Nothing new", [])


def test_only_what_a_public_topic_tells(client: httpx.Client, desk: WebDesk, town: Town) -> None:
    town.service.topics.add("Board", public=False)
    hidden = town.story("Board meets", "board", at=MONDAY)
    nowhere = client.get("/story/4711")
    assert (nowhere.status_code, nowhere.headers["cache-control"]) == (404, "no-store")
    same = client.get(f"/story/{hidden}")
    assert (same.status_code, same.text, same.headers["cache-control"]) == (404, nowhere.text, "no-store")

    mixed = town.story("Pier closes", "harbour", at=MONDAY)
    town.story("Why the board closes the pier", "board", at=MONDAY, into=mixed, text=FREED, publisher="The Board")
    told = client.get(f"/story/{mixed}")
    assert told.status_code == 200
    assert "board" not in told.text.casefold()
    assert "tugs" not in told.text, "not even what it says"
    assert "Told by 1 publisher." in told.text

    desk.later(minutes=1)  # a page may be a minute old
    town.service.topics.edit("harbour", public=False)
    assert client.get(f"/story/{mixed}").status_code == 404
    town.service.topics.edit("harbour", public=True)
    with writing(town.engine) as session:
        session.connection().execute(delete(ArticleTopic))
    desk.later(minutes=1)
    assert client.get(f"/story/{mixed}").status_code == 404


@pytest.mark.parametrize("number", ["0", "01", "-1", "1.0", "٣", "x", "%00", "9" * 19, "9" * 5000, "1%2f..", " 1"])
def test_addresses_that_are_no_story(client: httpx.Client, ferry: int, number: str) -> None:
    assert client.get(f"/story/{number}").status_code == 404
    assert client.get(f"/story/{ferry}").status_code == 200


def test_it_may_be_kept_and_is_asked_for_by_its_tag(
    client: httpx.Client, desk: WebDesk, town: Town, ferry: int
) -> None:
    first = client.get(f"/story/{ferry}")
    assert first.headers["cache-control"] == "public, max-age=60"
    assert first.headers["vary"] == "Accept-Language"
    assert first.headers["x-robots-tag"] == "noindex"
    assert "set-cookie" not in first.headers
    tag = first.headers["etag"]
    for known in (tag, f'"other", W/{tag}', "*"):
        again = client.get(f"/story/{ferry}", headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["content-security-policy"] == first.headers["content-security-policy"]
    german = client.get(f"/story/{ferry}", headers={"If-None-Match": tag, "Accept-Language": "de"})
    assert (german.status_code, german.headers["content-language"]) == (200, "de")
    assert "Was bisher geschah" in german.text
    town.story("A third tug", "harbour", at=MONDAY, into=ferry)
    assert client.get(f"/story/{ferry}", headers={"If-None-Match": tag}).status_code == 304, "within the minute"
    desk.later(minutes=1)
    assert "A third tug" in client.get(f"/story/{ferry}", headers={"If-None-Match": tag}).text


def test_a_story_of_very_many_tellings_shows_the_newest(client: httpx.Client, town: Town) -> None:
    story = town.story("Telling number 0", "harbour", at=MONDAY)
    for number in range(1, MOST + 5):
        town.story(f"Telling number {number}", "harbour", at=MONDAY + timedelta(minutes=number), into=story)
    answer = client.get(f"/story/{story}")
    assert len(chapters(answer)) == MOST
    assert "5 earlier tellings are not shown." in answer.text
    assert f"Telling number {MOST + 4}<" in answer.text
    assert "Telling number 4<" not in answer.text


def test_what_publishers_write_is_text(client: httpx.Client, town: Town) -> None:
    nasty = '<script>alert("1")</script> & <b>bold</b>'
    story = town.story(nasty, "harbour", at=MONDAY, text=f"It said {nasty} on the northern quay of the old town.")
    answer = client.get(f"/story/{story}")
    assert "<script>alert" not in answer.text
    assert read(answer.text).findtext(".//h1") == nasty


def test_a_story_that_became_another_leads_there(client: httpx.Client, desk: WebDesk, town: Town, ferry: int) -> None:
    gone = town.story("Fog on Cutler Bank", "harbour", at=MONDAY, publisher="Skellan Post")
    assert client.get(f"/story/{gone}").status_code == 200
    decide(town, merged={gone: ferry})
    desk.later(minutes=1)

    answer = client.get(f"/story/{gone}?lang=de")
    assert (answer.status_code, answer.headers["location"]) == (302, f"/story/{ferry}?lang=de")
    assert answer.headers["cache-control"] == "public, max-age=60"
    told = client.get(f"/story/{ferry}").text
    assert "Fog on Cutler Bank" in told
    assert "Told by 4 publishers." in told

    for slug in ("harbour", "sport"):
        town.service.topics.edit(slug, public=False)
    desk.later(minutes=1)
    assert client.get(f"/story/{gone}").status_code == 404, "not even that there is one"


def test_related_stories_are_named_as_far_as_they_are_public(client: httpx.Client, town: Town, ferry: int) -> None:
    town.service.topics.add("Board", public=False)
    lamp = town.story("Lighthouse of Cutler Bank gets new lamp", "harbour", at=MONDAY)
    secret = town.story("What the board says of the bank", "board", at=MONDAY)
    decide(town, related={ferry: lamp})
    decide(town, related={secret: ferry})

    page = read(client.get(f"/story/{ferry}").text)
    (section,) = page.find_class("related")
    assert [(link.get("href"), link.text) for link in section.iter("a")] == [
        (f"/story/{lamp}", "Lighthouse of Cutler Bank gets new lamp")
    ]
    (back,) = read(client.get(f"/story/{lamp}").text).find_class("related")
    assert [link.get("href") for link in back.iter("a")] == [f"/story/{ferry}"]


# --- where it is linked -----------------------------------------------------------------------------------------------


def parts_of(mail: EmailMessage) -> tuple[str, str]:
    bodies = [mail.get_body((kind,)) for kind in ("html", "plain")]
    page, plain = (body.get_content() if body is not None else "" for body in bodies)
    return page, plain


def test_also_covered_by_leads_there_without_a_token(
    client: httpx.Client, desk: WebDesk, town: Town, ferry: int
) -> None:
    town.service.topics.add("Board", public=False)
    private = town.story("Board meets on the pier", "board", at=MONDAY - timedelta(hours=1))
    town.story("The board met", "board", at=MONDAY - timedelta(hours=1), into=private, publisher="Other", text=FREED)
    desk.readers.add("ada@example.org", topics=["harbour", "board"], timezone="Europe/Berlin")
    planned = desk.service.send_by_hand(None, None)
    assert planned is not None
    (mail,) = desk.mail()
    page, plain = parts_of(mail)
    address = f"{desk.settings.public_url}/story/{ferry}"
    links = read(page).xpath("//p[contains(@class, 'also')]/a")
    told = "Also covered by Quayside Wire and Saltgate Herald"
    assert [(link.get("href"), " ".join(link.text_content().split())) for link in links] == [(address, told)]
    # Five spaces: one more than is meant, as flowed text has it (RFC 3676, section 4.4).
    assert f"     The story so far: {address}" in plain.splitlines()
    assert f"/story/{private}" not in page + plain, "a private topic's story has no page"
    assert len(read(page).xpath("//p[contains(@class, 'also')]")) == 2, "which is said without a link"
    view = desk.keyring.tokens(desk.number(), planned.edition_id).view
    shown = client.get(f"/view/{view}").text
    assert f'href="{address}"' in shown
    assert client.get(f"/story/{ferry}").status_code == 200


# --- looked at --------------------------------------------------------------------------------------------------------

ARABIC = "جنوح العبّارة «زمّار الرمل» على ضفة كاتلر في الضباب ونجاة ركابها الأربعة والثمانين"
DRESSES = [
    ("en", 1100, "light", True),
    ("de", 320, "dark", True),
    ("ar", 375, "light", True),
    ("en", 375, "dark", False),
]


@pytest.mark.browser
@pytest.mark.parametrize(("language", "width", "scheme", "script"), DRESSES)
def test_looked_at(
    served: str, browser: Browser, artifacts: Path, town: Town, ferry: int,
    language: str, width: int, scheme: str, script: bool,
) -> None:  # fmt: skip
    if language == "ar":
        ferry = town.story(ARABIC, "madina", at=MONDAY - timedelta(hours=3), language="ar", publisher="رصيف لانثورن",
                           text="جنحت العبّارة مساء أمس وعلى متنها أربعة وثمانون راكبًا. ولم يُصب أحد بأذى.")  # fmt: skip
        town.story("The Sandpiper floats", "harbour", at=MONDAY, into=ferry, text=FREED, publisher="Saltgate Herald")
    decide(town, related={ferry: town.story("Lighthouse of Cutler Bank gets new lamp", "harbour", at=MONDAY)})
    context = browser.new_context(
        viewport={"width": width, "height": 740}, locale=language, java_script_enabled=script,
        color_scheme="dark" if scheme == "dark" else "light",
    )  # fmt: skip
    try:
        page = context.new_page()
        page.goto(f"{served}/story/{ferry}")
        assert page.locator("html").get_attribute("lang") == language
        assert page.locator(".chapter").count() >= 2
        looked_at(
            page, artifacts / f"story-{language}-{width}-{scheme}{'' if script else '-noscript'}.png", script=script
        )
    finally:
        context.close()
