"""The reader's own pages in real Chromium, walked as a person would, looked at, and judged by axe-core."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from digest.store.db import reading
from subscribers import consent
from tests.browser import follow
from tests.web.desk import WebDesk, link_of
from tests.web.looking import looked_at
from tests.web.test_preferences import DIGEST

pytestmark = pytest.mark.browser

HEIGHT = 740


@dataclass(frozen=True)
class Dress:
    language: str
    width: int
    scheme: str
    script: bool = True

    def __str__(self) -> str:
        return f"{self.language}-{self.width}-{self.scheme}{'' if self.script else '-noscript'}"


# Each language, width and scheme with and without script once or more; every combination would take minutes.
DRESSES = [
    Dress("en", 375, "light"),
    Dress("de", 320, "dark"),
    Dress("ar", 1100, "light"),
    Dress("ar", 320, "dark", script=False),
    Dress("de", 1100, "light", script=False),
]


@dataclass
class Walk:
    """One reader, one browser."""

    desk: WebDesk
    page: Page
    served: str
    artifacts: Path
    dress: Dress
    who: int

    def to(self, path: str) -> None:
        self.page.goto(self.served + path)

    def press(self, selector: str) -> None:
        """Press a button and wait for its page: what it did is durable then."""
        follow(self.page, selector)

    def look(self, name: str) -> None:
        """A picture, no sideways scrolling, nothing to say for axe-core."""
        file = self.artifacts / f"reader-{name}-{self.dress}.png"
        direction = "rtl" if self.dress.language == "ar" else "ltr"
        assert self.page.locator("html").get_attribute("dir") == direction, "in the reader's own language"
        looked_at(self.page, file, script=self.dress.script)

    @property
    def digest(self) -> str:
        return f"/preferences/{self.desk.keyring.tokens(self.who, DIGEST).manage}"

    @property
    def leaving(self) -> str:
        return f"/leave/{self.desk.keyring.tokens(self.who, DIGEST).leave}"


@contextmanager
def walking(desk: WebDesk, served: str, browser: Browser, artifacts: Path, dress: Dress) -> Iterator[Walk]:
    who = desk.join(
        "ada@example.org", "harbour", "hafen", "madina", locale=dress.language, timezone="Europe/Berlin", name="Ada"
    )
    context = browser.new_context(
        viewport={"width": dress.width, "height": HEIGHT},
        color_scheme="dark" if dress.scheme == "dark" else "light",
        # Not the reader's: their own language wins where the page knows them.
        locale=dress.language,
        java_script_enabled=dress.script,
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda told: complaints.append(told.text) if told.type == "error" else None)
    yield Walk(desk, page, served, artifacts, dress, who)
    context.close()
    unwanted = [text for text in complaints if not any(status in text for status in ("410", "422"))]
    assert not unwanted, unwanted


@pytest.fixture(params=DRESSES, ids=str)
def walk(
    request: pytest.FixtureRequest, desk: WebDesk, served: str, browser: Browser, artifacts: Path
) -> Iterator[Walk]:
    with walking(desk, served, browser, artifacts, request.param) as walk:
        yield walk


SAVE = "form:has(#cadence) > p button"


def test_steering_and_pausing(walk: Walk) -> None:
    page, desk = walk.page, walk.desk
    walk.to(walk.digest)
    walk.look("preferences")
    page.check("#cadence-days")
    page.fill("#most", "99")
    walk.press(SAVE)
    assert page.locator(".notice li").count() == 2
    assert page.input_value("#most") == "99"
    walk.look("errors")
    page.check('#cadence [name="day"][value="fri"]')
    page.check('#cadence [name="day"][value="tue"]')
    page.fill("#most", "7")
    page.check("#quiet")
    page.select_option('[name="place-madina"]', "1")
    page.uncheck("#topic-harbour")
    page.check("#topic-sport")
    page.locator("details.own summary").nth(1).click()
    page.select_option('[name="own-hafen"]', "weekly:sat")
    page.fill('[name="own-hafen-time"]', "09:30")
    walk.look("filled")
    walk.press(SAVE)
    assert page.locator("[role=status]").is_visible()
    walk.look("saved")
    row = desk.reader("ada@example.org")
    assert row.topics == ("madina", "hafen", "sport")
    assert (row.cadence, row.max_stories) == ("days:tue,fri", 7)
    (hafen,) = [each for each in desk.readers.choices(walk.who, edition_id=DIGEST).topics if each.slug == "hafen"]
    assert (hafen.cadence, hafen.send_minute) == ("weekly:sat", 570)
    for shortcut in ("week", "weekly"):
        walk.to(f"{walk.digest}/{shortcut}")
        walk.look(f"shortcut-{shortcut}")
    walk.to(f"{walk.digest}#pause")
    walk.press("#pause button[value=month]")
    assert desk.reader("ada@example.org").paused_until is not None
    walk.look("paused")
    walk.to(walk.digest)
    walk.look("preferences-paused")
    walk.press(".told button")
    assert desk.reader("ada@example.org").paused_until is None
    walk.press("main a")
    page.fill("#until", "2026-03-20")
    walk.press("#pause button[value=date]")
    assert desk.reader("ada@example.org").paused_until is not None


def test_the_account(walk: Walk) -> None:
    page, desk = walk.page, walk.desk
    walk.to(walk.digest)
    walk.press('form[action*="/fresh"] button')
    walk.look("fresh-sent")
    (mail,) = desk.mail()
    walk.to(link_of(mail, "account"))
    walk.look("account-open")
    walk.press("button[type=submit]")
    walk.look("account")
    with page.expect_download() as download:
        page.click("button[value=csv]")
    assert download.value.suggested_filename.endswith(".csv")
    page.fill("#email", "ada@")
    walk.press('form[action*="/me/address"] button')
    assert page.input_value("#email") == "ada@"
    walk.look("account-errors")
    page.fill("#email", "ada@example.net")
    walk.press('form[action*="/me/address"] button')
    walk.look("account-moving")
    links = {str(mail["To"]): mail for mail in desk.mail()}
    walk.to(link_of(links["ada@example.org"], "stop-move"))
    walk.look("stop-move")
    walk.to(link_of(links["ada@example.net"], "move"))
    walk.look("move")
    desk.later(minutes=2)  # links of pages are good for the minute in which the address changed
    walk.press("button[type=submit]")
    walk.look("moved")
    assert desk.status("ada@example.net") == "active"
    walk.to(walk.digest)
    walk.look("old-link")
    desk.later(hours=1)
    walk.press("button[type=submit]")
    (mail,) = desk.mail()
    assert mail["To"] == "ada@example.net"
    walk.to(link_of(mail, "account"))
    walk.press("button[type=submit]")
    page.check("#yes")
    walk.press("button.final")
    walk.look("erased")
    assert desk.everybody() == []
    walk.to("/fresh")
    page.fill("#email", "nobody@example.org")
    desk.later(minutes=1)
    walk.press("button[type=submit]")
    assert page.locator("#email").count() == 0


def test_leaving_less_or_all(walk: Walk) -> None:
    page, desk = walk.page, walk.desk
    walk.to(walk.leaving)
    page.click(".why summary")
    page.select_option("#reason", "often")
    page.fill("#note", "A ferry a day is enough.")
    walk.look("leave")
    page.check("#topic-hafen")
    walk.press("button[value=topics]")
    walk.look("less")
    assert desk.reader("ada@example.org").topics == ("harbour", "madina")
    walk.to(walk.leaving)
    walk.press("button[value=weekly]")
    walk.look("weekly")
    assert desk.reader("ada@example.org").cadence == "weekly:mon"
    walk.to(walk.leaving)
    walk.press("button[value=all]")
    walk.look("left")
    assert desk.status() == "left"
    walk.press("button[type=submit]")
    assert desk.status() == "active"
    walk.look("back")
    walk.to(walk.leaving)
    walk.press("button[value=all]")
    walk.to(walk.digest)
    walk.look("ended")
    walk.to(walk.leaving)
    walk.look("left-before")
    assert page.locator("button[type=submit]").count() == 0, "what was left before is not taken back"
    with reading(desk.engine) as session:
        mark = consent.leaving(session, walk.who)
    assert mark is not None
    walk.to(f"/back/{desk.keyring.seal('back', walk.who, mark)}")
    walk.look("back-by-mail")
    walk.press("button[type=submit]")
    assert desk.status() == "active"
    walk.to(f"/back/{desk.keyring.seal('back', walk.who, mark)}")
    walk.look("back-too-late")


def test_the_keyboard_steers(desk: WebDesk, served: str, browser: Browser, artifacts: Path) -> None:
    with walking(desk, served, browser, artifacts, Dress("en", 1100, "light")) as walk:
        page = walk.page
        walk.to(walk.digest)
        page.focus('[name="place-harbour"]')
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        page.focus("#cadence-daily")
        page.keyboard.press("ArrowDown")
        assert page.is_checked("#cadence-weekdays")
        assert not page.is_checked("#quiet")
        page.focus("#most")
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        assert page.is_checked("#quiet")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert page.locator("[role=status]").is_visible(), "Enter saves, and nothing else"
        row = desk.reader("ada@example.org")
        assert row.topics == ("hafen", "madina", "harbour")
        assert row.cadence == "weekdays"
        assert row.all_quiet
