"""The language of a page stays that of the page on which somebody pressed, whatever their browser would choose."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser

from tests.browser import follow
from tests.web.conftest import SignUpForm
from tests.web.desk import WebDesk, link_of
from tests.web.looking import looked_at
from tests.web.reading import form, forms, press
from tests.web.test_preferences import DIGEST

ENGLISH = {"accept-language": "en"}


@pytest.fixture
def ada(desk: WebDesk, client: httpx.Client) -> int:
    """A reader in Arabic at an English browser."""
    client.headers.update(ENGLISH)
    return desk.join("ada@example.org", "harbour", "sport", "madina", locale="ar")


def arabic(answer: httpx.Response, status: int = 200) -> httpx.Response:
    """The answer, in Arabic, and every form of it leads on in Arabic."""
    assert answer.status_code == status
    assert answer.headers["content-language"] == "ar"
    assert '<html lang="ar" dir="rtl">' in answer.text
    for each in forms(answer):
        assert each.action.endswith("?lang=ar") or each.action == "/me/language", each.action
    return answer


def links_to_itself(page: httpx.Response) -> bool:
    return 'hreflang="de"' in page.text


def test_leaving_and_coming_back(client: httpx.Client, desk: WebDesk, ada: int) -> None:
    link = f"/leave/{desk.keyring.tokens(ada, DIGEST).leave}"
    page = arabic(client.get(link))
    assert links_to_itself(page)
    for choice in ("weekly", "week"):
        arabic(press(client, page, choice=choice))
    paused = arabic(press(client, page, choice="month"))
    arabic(press(client, paused, f"{link}/undo"))
    arabic(press(client, page, choice="topics"), 422)
    arabic(press(client, page, choice="topics", topic="sport"))
    goodbye = arabic(press(client, page, choice="all"))
    assert not links_to_itself(goodbye), "a GET of this address would show another page"
    arabic(press(client, goodbye, f"{link}/undo"))
    arabic(press(client, goodbye, f"{link}/undo"), 410)


def test_an_old_link_to_leave_speaks_as_the_reader_does(client: httpx.Client, desk: WebDesk, ada: int) -> None:
    desk.later(days=800)
    link = f"/leave/{desk.keyring.tokens(ada, DIGEST).leave}"
    goodbye = arabic(press(client, arabic(client.get(link))))
    arabic(press(client, goodbye, f"{link}/undo"))


def test_steering(client: httpx.Client, desk: WebDesk, ada: int) -> None:
    link = f"/preferences/{desk.keyring.tokens(ada, DIGEST).manage}"
    page = arabic(client.get(link))
    saved = arabic(press(client, page, f"{link}?"))
    assert links_to_itself(saved), "GET shows the same page"
    wrong = arabic(press(client, page, f"{link}?", time="07:01"), 422)
    assert not links_to_itself(wrong), "GET would lose what was typed"
    paused = arabic(press(client, page, f"{link}/pause"))
    arabic(press(client, paused, f"{link}/pause"))
    arabic(press(client, page, f"{link}/fresh"))
    german = press(client, page, f"{link}?", locale="de")
    assert german.headers["content-language"] == "de", "the language that was just chosen"
    assert all(each.action.endswith("?lang=de") for each in forms(german))


def test_an_old_link_keeps_the_language_that_was_asked_for(client: httpx.Client, desk: WebDesk, ada: int) -> None:
    link = f"/preferences/{desk.keyring.tokens(ada, DIGEST).manage}"
    desk.later(days=91)
    arabic(press(client, arabic(client.get(f"{link}?lang=ar"), 410), f"{link}/fresh"))


def test_asking_confirming_and_the_account(client: httpx.Client, desk: WebDesk, filled: SignUpForm, ada: int) -> None:
    asked = form(client.get("/subscribe?lang=ar"))
    desk.later(minutes=1)
    arabic(client.post(asked.action, data=asked.sent(email="ben@")), 422)
    arabic(client.post(asked.action, data=asked.sent(email="ben@example.org", topic="sport")), 202)
    (mail,) = desk.mail()
    page = arabic(client.get(link_of(mail, "confirm")))
    arabic(press(client, page))
    desk.mail()
    fresh = form(client.get("/fresh?lang=ar"))
    arabic(client.post(fresh.action, data=fresh.sent(email="ada@example.org")), 422)
    desk.later(seconds=10)
    arabic(client.post(fresh.action, data=fresh.sent(email="ada@example.org")))
    (mail,) = desk.mail()
    account = arabic(press(client, arabic(client.get(link_of(mail, "account")))))
    for action in ("name", "address", "language"):
        arabic(press(client, account, f"/me/{action}", email="eve@example.net", lang="ar"))
    links = {str(mail["To"]): mail for mail in desk.mail()}
    arabic(press(client, arabic(client.get(link_of(links["ada@example.org"], "stop-move")))))
    arabic(press(client, account, "/me/erase", yes=""), 410)


def test_the_account_in_another_language_uses_no_link_up(client: httpx.Client, desk: WebDesk, ada: int) -> None:
    desk.readers.ask_fresh_link("ada@example.org", locale="ar", network=None)
    (mail,) = desk.mail()
    account = press(client, link_of(mail, "account"))
    assert not links_to_itself(account)
    german = press(client, account, "/me/language", lang="de")
    assert (german.status_code, german.headers["content-language"]) == (200, "de")
    named = press(client, german, "/me/name", name="Ada")
    assert named.headers["content-language"] == "de"
    nothing = press(client, account, "/me/language", lang="xx")
    assert (nothing.status_code, nothing.headers["content-language"]) == (200, "ar")
    assert client.post("/me/language", data={"desk": "x", "lang": "de"}).status_code == 404


@pytest.mark.browser
@pytest.mark.parametrize("script", [True, False])
def test_a_person_switches_the_language_of_their_account(
    desk: WebDesk, served: str, browser: Browser, artifacts: Path, script: bool
) -> None:
    desk.join("ada@example.org", "harbour", locale="en")
    desk.readers.ask_fresh_link("ada@example.org", locale="en", network=None)
    (mail,) = desk.mail()
    context = browser.new_context(locale="en", viewport={"width": 320, "height": 740}, java_script_enabled=script)
    page = context.new_page()
    page.goto(served + link_of(mail, "account"))
    follow(page, "main button")
    for language, direction in (("de", "ltr"), ("ar", "rtl"), ("en", "ltr")):
        follow(page, f".languages button[value={language}]")
        html = page.locator("html")
        assert (html.get_attribute("lang"), html.get_attribute("dir")) == (language, direction)
        assert "ada@example.org" in page.inner_text("main")
        assert page.locator(".languages [aria-current]").get_attribute("value") == language
        looked_at(page, artifacts / f"reader-account-switched-{language}-{script}.png", script=script)
    follow(page, ".languages button[value=de]")
    page.fill("#name", "Ada")
    follow(page, "form[action^='/me/name'] button")
    assert page.locator("html").get_attribute("lang") == "de"
    context.close()
