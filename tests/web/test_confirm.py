"""The link of the confirmation mail: looking changes nothing, one button does, and an old link offers another."""

from __future__ import annotations

import httpx
import pytest

from subscribers.tokens import Keyring
from tests.web.desk import WebDesk, link_of, token_of
from tests.web.reading import form, forms, press


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_scanners_change_nothing(client: httpx.Client, desk: WebDesk, method: str) -> None:
    link = link_of(desk.ask(), "confirm")
    for _ in range(3):
        assert client.request(method, link).status_code == 200
    assert client.request(method, f"{link}/again").status_code == 405
    assert desk.status() == "pending"
    assert desk.waiting() == 0


def test_one_button_confirms_and_says_what_comes(client: httpx.Client, desk: WebDesk) -> None:
    link = link_of(desk.ask("ada@example.org", "sport", "harbour", timezone="Asia/Kolkata"), "confirm")
    page = client.get(link)
    assert page.text.index("Sport") < page.text.index("Harbour"), "in the order asked for"
    done = press(client, page)
    assert done.status_code == 200
    assert desk.status() == "active"
    assert "Your first digest comes tomorrow at 07:00, Kolkata time." in done.text
    assert "A welcome mail is on its way" in done.text
    again = press(client, page)
    assert again.status_code == 200
    assert "Your next digest comes tomorrow at 07:00, Kolkata time." in again.text
    assert "A welcome mail" not in again.text, "there is only one"


def test_an_added_topic_is_confirmed_the_same_way(client: httpx.Client, desk: WebDesk) -> None:
    desk.join("ada@example.org", "harbour")
    desk.later(hours=1)
    page = client.get(link_of(desk.ask("ada@example.org", "sport"), "confirm"))
    assert "Sport" in page.text
    assert "Harbour" not in page.text
    done = press(client, page)
    assert "That is settled" in done.text
    assert desk.reader("ada@example.org").topics == ("harbour", "sport")


def test_the_page_after_leads_to_the_preferences(client: httpx.Client, desk: WebDesk) -> None:
    done = press(client, link_of(desk.ask(), "confirm"))
    token = done.text.partition('href="/preferences/')[2].partition('"')[0].partition("?")[0]
    claim = desk.keyring.unseal(token, "steer")
    assert (claim.subscriber_id, claim.context) == (desk.number(), desk.minute())


def test_a_readers_own_language_is_spoken_unless_another_is_asked_for(client: httpx.Client, desk: WebDesk) -> None:
    english = {"accept-language": "en"}
    for address, asked_for, language in (("ada@example.org", "", "de"), ("ben@example.org", "?lang=ar", "ar")):
        link = link_of(desk.ask(address, locale="de"), "confirm")
        page = client.get(link + asked_for, headers=english)
        asked = form(page)
        told = client.post(asked.action, data=asked.sent(), headers=english)
        for each in (page, told):
            assert each.headers["content-language"] == language
            assert f'<html lang="{language}"' in each.text
        desk.mail()


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({}, {}),
        ({"token": "x"}, {}),
        ({"token": "somebody else's"}, {}),
        ({"token": "ours"}, {"sec-fetch-site": "cross-site"}),
        ({"token": "ours"}, {"origin": "https://elsewhere.example"}),
    ],
)
def test_only_our_own_page_presses(
    client: httpx.Client, desk: WebDesk, fields: dict[str, str], headers: dict[str, str]
) -> None:
    link = link_of(desk.ask(), "confirm")
    now = int(desk.now().timestamp())
    tokens = {"ours": desk.keyring.seal("form", desk.number(), now),
              "somebody else's": desk.keyring.seal("form", desk.number() + 1, now)}  # fmt: skip
    sent = {name: tokens.get(value, value) for name, value in fields.items()}
    page = client.post(link, data=sent, headers=headers)
    assert page.status_code == 422
    assert desk.status() == "pending"
    assert press(client, page).status_code == 200, "and the page that says so has the button"
    assert desk.status() == "active"


def test_a_page_left_open_asks_once_more(client: httpx.Client, desk: WebDesk) -> None:
    page = client.get(link_of(desk.ask(), "confirm"))
    desk.later(hours=25)
    late = press(client, page)
    assert late.status_code == 422
    assert "Please press the button once more." in late.text
    assert press(client, late).status_code == 200


def test_links_expire_after_seven_days_and_another_is_sent(client: httpx.Client, desk: WebDesk) -> None:
    link = link_of(desk.ask(), "confirm")
    page = client.get(link)
    desk.later(days=7)
    assert client.get(link).status_code == 200
    desk.later(minutes=1)
    for answer in (client.get(link), press(client, page)):
        assert answer.status_code == 410
        assert "This link has expired" in answer.text
    assert desk.status() == "pending"
    sent = press(client, link)
    assert (sent.status_code, sent.headers["location"]) == (303, "/subscribe/sent?lang=en")
    (mail,) = desk.mail()
    assert press(client, link_of(mail, "confirm")).status_code == 200
    assert desk.status() == "active"


def test_another_link_is_not_sent_to_who_has_confirmed(client: httpx.Client, desk: WebDesk) -> None:
    link = link_of(desk.ask(), "confirm")
    press(client, link)
    desk.mail()
    desk.later(days=8)
    assert press(client, link).status_code == 303, "the same answer"
    assert desk.mail() == []


def test_a_foreign_form_asks_for_no_mail(client: httpx.Client, desk: WebDesk) -> None:
    link = link_of(desk.ask(), "confirm")
    desk.later(days=8)
    assert client.post(f"{link}/again").status_code == 410
    asked = form(client.get(link))
    assert client.post(asked.action, data=asked.sent(), headers={"sec-fetch-site": "cross-site"}).status_code == 410
    assert desk.waiting() == 0


def test_mails_to_confirm_are_few_and_far_between(client: httpx.Client, desk: WebDesk) -> None:
    link = link_of(desk.ask(), "confirm")
    desk.later(days=8)
    sent = []
    for minutes in (0, 5, 6, 11, 15, 60, 22 * 60, 60):
        desk.later(minutes=minutes)
        assert press(client, link).status_code == 303
        sent.append(len(desk.mail()))
    assert sent == [1, 0, 1, 1, 0, 0, 0, 1]


def test_who_has_left_is_not_confirmed_by_an_old_link(client: httpx.Client, desk: WebDesk) -> None:
    page = client.get(link_of(desk.ask(), "confirm"))
    press(client, page)
    desk.readers.leave(desk.number(), reason="page")
    assert (press(client, page).status_code, desk.status()) == (410, "left")


def test_who_is_gone_has_nothing_to_confirm(client: httpx.Client, desk: WebDesk) -> None:
    link = f"/confirm/{desk.keyring.tokens(4711, desk.minute()).confirm}"
    token = {"token": desk.keyring.seal("form", 4711, int(desk.time.timestamp()))}
    assert (client.get(link).status_code, client.post(link, data=token).status_code) == (410, 410)


@pytest.mark.parametrize("gone", ["left", "erased"])
def test_a_link_that_is_opened_again_tells_the_true_state(client: httpx.Client, desk: WebDesk, gone: str) -> None:
    """No page promises what its button would refuse, and none tells more than the button would."""
    link = link_of(desk.ask(), "confirm")
    page = client.get(link)
    press(client, page)
    done = client.get(link)
    assert (done.status_code, forms(done)) == (200, [])
    assert "That is done" in done.text
    for told in ("Harbour", "Sport", "ada@example.org", "/preferences/"):
        assert told not in done.text
    assert press(client, page).status_code == 200, "pressed twice, it is done"
    if gone == "left":
        desk.readers.leave(desk.number(), reason="page")
    else:
        desk.readers.erase(desk.number())
    over, pressed = client.get(link), press(client, page)
    assert (over.status_code, pressed.status_code) == (410, 410)
    assert over.text.split("</main>")[0] == pressed.text.split("</main>")[0].replace("?lang=en", "")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_forged_foreign_and_broken_links_all_look_the_same(client: httpx.Client, desk: WebDesk, method: str) -> None:
    real = token_of(desk.ask(), "confirm")
    ours = desk.keyring.tokens(desk.number(), desk.minute())
    foreign = Keyring(["another-key-of-another-installation-0001"]).tokens(desk.number(), desk.minute())
    wrong = (
        *(ours.view, ours.leave, ours.manage, foreign.confirm, ours.confirm[:-1], ours.confirm + "A"),
        *(desk.keyring.seal("steer", desk.number(), desk.minute()), real.swapcase()),
        *("x", "%00", "ä", "a" * 5000, "..%2f..%2fetc"),
    )
    bodies = set()
    for token in wrong:
        for tail in ("", "/again") if method == "POST" else ("",):
            answer = client.request(method, f"/confirm/{token}{tail}")
            assert answer.status_code == 404, token
            bodies.add(answer.text.split("<footer>")[0])
    assert len(bodies) == 1
    assert desk.status() == "pending"
