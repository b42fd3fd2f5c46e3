"""What a link proves and what not: old mails give no new links, and leaving is taken back by its own page only."""

from __future__ import annotations

import re

import httpx
import pytest

from digest.store.db import writing
from subscribers import account, topics
from subscribers.types import SignUp
from tests.web.desk import WebDesk, link_of
from tests.web.reading import form, press
from tests.web.test_account import fresh
from tests.web.test_preferences import DIGEST

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
BROWSER = {"accept": "text/html"}


@pytest.fixture
def ada(desk: WebDesk) -> int:
    return desk.join(timezone="Asia/Kolkata")


@pytest.fixture
def link(desk: WebDesk, ada: int) -> str:
    return f"/leave/{desk.keyring.tokens(ada, DIGEST).leave}"


def steers(page: httpx.Response) -> list[str]:
    """The links to the preferences on a page."""
    return re.findall(r"/preferences/[\w-]+", page.text)


# --- leave links ------------------------------------------------------------------------------------------------------


def test_a_leave_link_is_no_key_to_anything(client: httpx.Client, desk: WebDesk, link: str) -> None:
    """Whoever holds a digest can leave; an active reader's page has nothing to take back."""
    sent = form(client.get(link), link).sent()
    for fields in ({}, {"token": sent["token"]}, {"token": sent["token"], "undo": "x"}):
        answer = client.post(f"{link}/undo", data=fields)
        assert answer.status_code == 410
        assert "Harbour" not in answer.text
        assert steers(answer) == []
    press(client, link)
    assert client.post(f"{link}/undo", data={"token": sent["token"]}).status_code == 410
    assert desk.status() == "left"


def test_a_forwarded_digest_brings_nobody_back(client: httpx.Client, desk: WebDesk, link: str) -> None:
    """The reader left with one click; somebody who was forwarded a digest opens its link."""
    client.post(link, data=ONE_CLICK)
    seen = client.get(link)
    again = client.post(link, data={"from": "page", "choice": "all"})
    for each in (seen, again):
        assert each.status_code == 200
        assert f"{link}/undo" not in each.text
        assert "/subscribe" in each.text
    assert desk.status() == "left"


def test_the_token_of_a_leaving_is_for_its_reader_and_that_leaving(
    client: httpx.Client, desk: WebDesk, link: str, ada: int
) -> None:
    ben = desk.join("ben@example.org", "sport")
    bens = f"/leave/{desk.keyring.tokens(ben, DIGEST).leave}"
    first = form(press(client, link), f"{link}/undo").sent()
    other = form(press(client, bens), f"{bens}/undo").sent()
    seal, mark = desk.keyring.seal, desk.keyring.unseal(str(first["undo"]), "undo").context
    for wrong in (other["undo"], seal("undo", ada, mark + 1), seal("form", ada, mark), str(first["undo"])[:-1]):
        assert client.post(f"{link}/undo", data={**first, "undo": wrong}).status_code == 410
    assert client.post(f"{link}/undo", data=first).status_code == 200
    assert desk.status() == "active"
    client.post(link, data=ONE_CLICK)
    assert client.post(f"{link}/undo", data=first).status_code == 410, "it was for the one before"
    assert desk.status() == "left"


def test_an_ancient_leave_link_leaves_and_returns_and_shows_nothing(
    client: httpx.Client, desk: WebDesk, link: str
) -> None:
    desk.later(days=800)
    goodbye = client.post(link, data=ONE_CLICK, headers=BROWSER)
    back = press(client, goodbye, f"{link}/undo")
    assert (back.status_code, desk.status()) == (200, "active")
    assert "Harbour" not in back.text
    assert steers(back) == []


def test_a_young_leave_link_returns_to_the_choices(client: httpx.Client, desk: WebDesk, link: str, ada: int) -> None:
    back = press(client, press(client, link), f"{link}/undo")
    assert "Harbour" in back.text
    (steer,) = steers(back)
    assert steer == f"/preferences/{desk.keyring.tokens(ada, DIGEST).manage}", "no younger than the mail it came from"
    assert client.get(steer).status_code == 200


def test_the_log_knows_from_where_somebody_left_and_returned(client: httpx.Client, desk: WebDesk, link: str) -> None:
    press(client, press(client, link, choice="topics", topic="sport"), f"{link}/undo")
    press(client, link, choice="weekly")
    press(client, press(client, link), f"{link}/undo")
    client.post(link, data=ONE_CLICK)
    lines = desk.readers.consents("ada@example.org")[2:]
    assert [line.action for line in lines] == ["left", "returned", "changed", "left", "returned", "left"]
    ours = desk.keyring.network_hash("127.0.0.1")
    assert ours is not None
    assert {line.network for line in lines} == {ours.hex()}


def test_a_stranger_in_between_takes_nothing_away(client: httpx.Client, desk: WebDesk, link: str) -> None:
    before = desk.reader("ada@example.org")
    goodbye = press(client, link)
    desk.later(minutes=15)
    desk.ask("ada@example.org", "hafen", locale="de", timezone="Europe/Berlin", name="Eve")
    assert desk.status() == "pending"
    assert press(client, goodbye, f"{link}/undo").status_code == 200
    assert desk.reader("ada@example.org") == before


# --- confirmation links -----------------------------------------------------------------------------------------------


def test_pressing_again_gives_no_link_to_steer(client: httpx.Client, desk: WebDesk) -> None:
    page = client.get(link_of(desk.ask(), "confirm"))
    first = press(client, page)
    assert len(steers(first)) == 1
    desk.later(hours=2)
    again = press(client, page)
    assert again.status_code == 200
    assert "That is settled" in again.text
    assert steers(again) == []


def test_a_confirmation_link_dies_with_the_address_it_went_to(client: httpx.Client, desk: WebDesk) -> None:
    old = link_of(desk.ask(), "confirm")
    page = client.get(old)
    press(client, page)
    desk.mail()
    page_of_ada = press(client, fresh(desk, desk.number()))
    press(client, page_of_ada, "/me/address", email="new@example.net")
    (move,) = [mail for mail in desk.mail() if "new@" in str(mail["To"])]
    desk.later(minutes=1)
    assert press(client, link_of(move, "move")).status_code == 200
    desk.later(minutes=15)
    added = link_of(desk.ask("new@example.net", "hafen"), "confirm")
    for answer in (client.get(old), press(client, page), press(client, page, topic="hafen")):
        assert answer.status_code == 410
        assert "Hafenwirtschaft" not in answer.text
        assert steers(answer) == []
    assert desk.reader("new@example.net").pending == ("hafen",)
    assert press(client, added).status_code == 200
    assert desk.reader("new@example.net").topics == ("harbour", "sport", "hafen")


def test_what_was_asked_for_after_the_page_was_opened_is_not_confirmed(client: httpx.Client, desk: WebDesk) -> None:
    page = client.get(link_of(desk.ask("ada@example.org", "harbour"), "confirm"))
    desk.readers.ask_sign_up(
        SignUp(
            "ada@example.org",
            (
                "sport",
                "hafen",
            ),
        )
    )
    desk.mail()
    done = press(client, page)
    assert desk.reader("ada@example.org").topics == ("harbour",)
    assert desk.reader("ada@example.org").pending == ("sport", "hafen")
    assert "Not confirmed yet" in done.text
    more = press(client, done, "/confirm/")
    assert desk.reader("ada@example.org").topics == ("harbour", "sport", "hafen")
    assert "Not confirmed yet" not in more.text


def test_a_page_whose_topics_are_gone_shows_those_that_wait(client: httpx.Client, desk: WebDesk) -> None:
    page = client.get(link_of(desk.ask("ada@example.org", "sport"), "confirm"))
    desk.readers.ask_sign_up(SignUp("ada@example.org", ("hafen",)))
    desk.mail()
    with writing(desk.engine) as session:
        topics.edit_topic(session, "sport", public=False)
    again = press(client, page)
    assert (again.status_code, desk.status()) == (422, "pending")
    assert "Hafenwirtschaft" in again.text
    assert press(client, again).status_code == 200
    assert desk.reader("ada@example.org").topics == ("hafen",)


def test_nothing_is_left_to_confirm_when_every_topic_turned_private(client: httpx.Client, desk: WebDesk) -> None:
    page = client.get(link_of(desk.ask("ada@example.org", "sport"), "confirm"))
    with writing(desk.engine) as session:
        topics.edit_topic(session, "sport", public=False)
    assert press(client, page).status_code == 410
    assert desk.status() == "pending"


# --- account pages ----------------------------------------------------------------------------------------------------


def test_a_newer_page_ends_every_older_one(client: httpx.Client, desk: WebDesk, ada: int) -> None:
    desk.later(hours=2)
    older = press(client, fresh(desk, ada))
    with writing(desk.engine) as session:
        number = account.make_fresh(session, ada, now=desk.time)
    unopened = f"/account/{desk.keyring.seal('fresh', ada, number)}"
    assert client.get(unopened).status_code == 200
    newer = press(client, fresh(desk, ada))
    assert newer.status_code == 200
    assert client.get(unopened).status_code == 410
    for action in ("/me/export", "/me/name", "/me/address", "/me/erase"):
        answer = press(client, older, action, email="eve@example.org", yes="yes", name="Eve")
        assert answer.status_code == 410, action
        assert "ada@example.org" not in answer.text
    assert press(client, newer, "/me/name", name="Ada").status_code == 200


def test_a_page_is_closed_by_hand(client: httpx.Client, desk: WebDesk, ada: int) -> None:
    desk.later(hours=2)
    older, page = press(client, fresh(desk, ada)), press(client, fresh(desk, ada))
    closed = press(client, page, "/me/close")
    assert closed.status_code == 200
    assert "ada@example.org" not in closed.text
    for ended in (page, older):
        assert press(client, ended, "/me/export", form="json").status_code == 410
    assert press(client, page, "/me/close").status_code == 410
    desk.later(hours=1)
    assert press(client, fresh(desk, ada)).status_code == 200
