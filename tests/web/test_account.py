"""The account: only through a fresh link, once, for half an hour; and moving to another address."""

from __future__ import annotations

import csv
import io
import json

import httpx
import pytest
from sqlalchemy import select
from sqlmodel import SQLModel

from subscribers.tokens import Keyring
from tests.web.desk import WebDesk, link_of
from tests.web.reading import form, forms, press
from tests.web.test_preferences import DIGEST


@pytest.fixture
def ada(desk: WebDesk) -> int:
    return desk.join(name="Ada", timezone="Europe/Berlin")


def fresh(desk: WebDesk, ada: int) -> str:
    """The path of a fresh link, from the mail that brings it."""
    desk.later(minutes=75)
    desk.readers.ask_fresh_link_for(ada, locale="en", network=None)
    (mail,) = desk.mail()
    return link_of(mail, "account")


@pytest.fixture
def account(client: httpx.Client, desk: WebDesk, ada: int) -> httpx.Response:
    """The page, opened."""
    return press(client, fresh(desk, ada))


def test_scanners_may_look_and_one_press_opens(client: httpx.Client, desk: WebDesk, ada: int) -> None:
    link = fresh(desk, ada)
    for method in ("GET", "HEAD", "GET"):
        looked = client.request(method, link)
        assert looked.status_code == 200
        assert "ada@example.org" not in looked.text
    bare = client.post(link)
    assert bare.status_code == 422
    assert "ada@example.org" not in bare.text
    opened = press(client, link)
    assert opened.status_code == 200
    assert "ada@example.org" in opened.text
    assert client.get(link).status_code == 410
    assert client.post(link).status_code == 410


def test_who_left_sees_what_we_hold_and_may_erase_it(client: httpx.Client, desk: WebDesk, ada: int) -> None:
    desk.readers.leave(ada, reason="page")
    page = press(client, fresh(desk, ada))
    assert page.status_code == 200
    assert "ada@example.org" in page.text
    assert "/preferences/" not in page.text, "there is nothing to steer any more"
    assert "/me/address" not in page.text
    assert press(client, page, "/me/erase", yes="yes").status_code == 200
    assert desk.everybody() == []


def test_a_used_link_offers_another(client: httpx.Client, desk: WebDesk, ada: int) -> None:
    link = fresh(desk, ada)
    press(client, link)
    desk.later(minutes=75)
    sent = press(client, link, f"{link}/fresh")
    assert sent.status_code == 200
    (mail,) = desk.mail()
    assert link_of(mail, "account") != link


def test_links_and_pages_end_after_half_an_hour(client: httpx.Client, desk: WebDesk, ada: int) -> None:
    link = fresh(desk, ada)
    desk.later(minutes=31)
    assert client.get(link).status_code == 410
    page = press(client, fresh(desk, ada))
    desk.later(minutes=31)
    for action in ("/me/export", "/me/name", "/me/address", "/me/erase"):
        answer = press(client, page, action, email="new@example.org", yes="yes", name="Eve")
        assert answer.status_code == 410, action
        assert "ada@example.org" not in answer.text
    assert desk.reader("ada@example.org").name == "Ada"
    assert desk.waiting() == 0


def test_the_page_shows_history_and_consent(client: httpx.Client, account: httpx.Response) -> None:
    assert '<table class="log"' in account.text
    assert "Confirmed" in account.text
    assert "<bdi>Harbour</bdi>" in account.text, "by its name, not by its slug"
    assert 'href="/preferences/' in account.text
    assert form(account, "/me/name").sent()["name"] == "Ada"


def test_the_name_that_greets(client: httpx.Client, desk: WebDesk, account: httpx.Response) -> None:
    saved = press(client, account, "/me/name", name="Ada\u202e  \u200bL\n" + "x" * 10_000)
    assert saved.status_code == 200
    assert desk.reader("ada@example.org").name.startswith("Ada Lx".replace("Lx", "L x"))
    assert len(desk.reader("ada@example.org").name) <= 200
    press(client, saved, "/me/name", name="")
    assert desk.reader("ada@example.org").name == ""


def test_everything_can_be_taken_away(client: httpx.Client, account: httpx.Response) -> None:
    for kind, typed in (("json", "application/json"), ("csv", "text/csv; charset=utf-8")):
        answer = press(client, account, "/me/export", form=kind)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == typed
        assert answer.headers["content-disposition"].startswith('attachment; filename="')
        assert "ada@example.org" in answer.text
        assert answer.headers["cache-control"] == "no-store"
    assert json.loads(press(client, account, "/me/export", form="json").content)
    assert list(csv.reader(io.StringIO(press(client, account, "/me/export", form="csv").text)))
    assert press(client, account, "/me/export", form="xml").status_code == 422


def test_erasing_needs_a_tick(client: httpx.Client, desk: WebDesk, account: httpx.Response, ada: int) -> None:
    unsure = press(client, account, "/me/erase")
    assert unsure.status_code == 422
    assert desk.status() == "active"
    done = press(client, unsure, "/me/erase", yes="yes")
    assert done.status_code == 200
    assert [row.address for row in desk.everybody()] == []
    assert press(client, account, "/me/erase", yes="yes").status_code == 410
    assert press(client, account, "/me/export").status_code == 410
    digest = f"/preferences/{desk.keyring.tokens(ada, DIGEST).manage}"
    assert client.get(digest).status_code == 410


def test_the_page_of_nobody(client: httpx.Client, desk: WebDesk, account: httpx.Response, ada: int) -> None:
    """Every wrong token is the same 404, and no page opens for a token of another kind."""
    ben = desk.join("ben@example.org", "sport")
    token = str(form(account, "/me/name").sent()["desk"])
    key, number = desk.keyring, desk.keyring.unseal(token, "desk").context
    other = Keyring(["another-key-of-another-installation-0001"])
    heads = set()
    wrong = ("", "x", "ä", token[:-1], other.seal("desk", ada, number), key.seal("fresh", ada, number))
    for each in (*wrong, key.tokens(ada, number).manage):
        for action in ("export", "name", "address", "erase"):
            answer = client.post(f"/me/{action}", data={"desk": each, "yes": "yes", "form": "json"})
            assert answer.status_code == 404
            heads.add(answer.text.split("</main>")[0])
    told = {"sec-fetch-site": "cross-site"}
    answer = client.post("/me/erase", data={"desk": token, "yes": "yes"}, headers=told)
    heads.add(answer.text.split("</main>")[0])
    for path in ("account", "move", "stop-move"):
        for each in (token, other.seal("fresh", ada, number), "x" * 38, "%00"):
            for method in ("GET", "POST"):
                answer = client.request(method, f"/{path}/{each}")
                assert answer.status_code == 404
                heads.add(answer.text.split("</main>")[0])
    assert len(heads) == 1
    assert client.post("/me/name", data={"desk": key.seal("desk", ben, number), "name": "Eve"}).status_code == 410
    assert client.get(f"/account/{key.seal('fresh', ben, number)}").status_code == 410
    assert desk.reader("ben@example.org").name == ""
    assert desk.status() == "active"


# --- another address --------------------------------------------------------------------------------------------------


def ask_to_move(client: httpx.Client, desk: WebDesk, account: httpx.Response, address: str) -> dict[str, str]:
    """Ask for it; the links of the mails that this brought, by the address they went to."""
    assert press(client, account, "/me/address", email=address).status_code == 200
    links = {}
    for mail in desk.mail():
        to = str(mail["To"])
        links[to] = link_of(mail, "stop-move" if to == "ada@example.org" else "move")
    return links


def test_a_move_is_proved_at_the_new_address(
    client: httpx.Client, desk: WebDesk, account: httpx.Response, ada: int
) -> None:
    digest = f"/preferences/{desk.keyring.tokens(ada, DIGEST).manage}"
    links = ask_to_move(client, desk, account, "Ada+new@example.net")
    assert sorted(links) == ["Ada+new@example.net", "ada@example.org"]
    link = links["Ada+new@example.net"]
    assert client.get(link).status_code == 200
    assert client.get(digest).status_code == 200
    desk.later(hours=23)
    assert client.post(link).status_code == 422
    done = press(client, link)
    assert done.status_code == 200
    assert "Your next digest comes" in done.text
    assert [row.address for row in desk.everybody()] == ["Ada+new@example.net"]
    assert client.get(digest).status_code == 410, "links of older mails steer no more"
    assert client.get(link).status_code == 410
    assert client.post(link).status_code == 410
    steer = next(part for part in done.text.split('"') if part.startswith("/preferences/"))
    assert client.get(steer).status_code == 200
    leave = f"/leave/{desk.keyring.tokens(ada, DIGEST).leave}"
    assert client.post(leave, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert desk.status("ada+new@example.net") == "left"


def test_the_old_address_can_stop_a_move(client: httpx.Client, desk: WebDesk, account: httpx.Response) -> None:
    links = ask_to_move(client, desk, account, "eve@example.net")
    stop = links["ada@example.org"]
    assert client.get(stop).status_code == 200
    assert client.post(stop).status_code == 422
    assert client.get(links["eve@example.net"]).status_code == 200, "looking and a bare POST stop nothing"
    page = client.get(stop)
    assert press(client, page).status_code == 200
    assert client.get(links["eve@example.net"]).status_code == 410
    again = press(client, page)
    assert (again.status_code, "stays where it was" in again.text) == (200, True), "again without harm"
    after = client.get(stop)
    assert (after.status_code, "stays where it was" in after.text, forms(after)) == (200, True, [])
    assert desk.status("ada@example.org") == "active"


def test_a_move_that_has_happened_cannot_be_stopped(
    client: httpx.Client, desk: WebDesk, account: httpx.Response
) -> None:
    links = ask_to_move(client, desk, account, "eve@example.net")
    page = client.get(links["ada@example.org"])
    assert press(client, links["eve@example.net"]).status_code == 200
    for told in (client.get(links["ada@example.org"]), press(client, page)):
        assert (told.status_code, forms(told)) == (410, [])
        assert "has moved already" in told.text
        assert "eve@example.net" not in told.text
    assert desk.status("eve@example.net") == "active"
    desk.later(days=31)
    desk.ask("ben@example.org")
    assert client.get(f"/stop-move/{desk.keyring.seal('stop', desk.number('ben@example.org'), 1)}").status_code == 410


def test_a_newer_move_is_stopped_by_an_older_link(client: httpx.Client, desk: WebDesk, account: httpx.Response) -> None:
    older = ask_to_move(client, desk, account, "eve@example.net")["ada@example.org"]
    desk.later(minutes=11)
    newer = ask_to_move(client, desk, account, "eva@example.net")
    assert press(client, older).status_code == 200
    assert client.get(newer["eva@example.net"]).status_code == 410


def test_an_address_that_is_taken_meanwhile(client: httpx.Client, desk: WebDesk, account: httpx.Response) -> None:
    link = ask_to_move(client, desk, account, "ben@example.org")["ben@example.org"]
    page = client.get(link)
    desk.join("ben@example.org", "sport")
    taken = press(client, page)
    assert taken.status_code == 409
    assert sorted(row.address for row in desk.everybody()) == ["ada@example.org", "ben@example.org"]


def test_whose_address_it_is_cannot_be_learned(client: httpx.Client, desk: WebDesk, ada: int) -> None:
    desk.join("ben@example.org", "sport")
    texts = set()
    for address in ("ben@example.org", "new@example.org"):
        page = press(client, fresh(desk, ada))
        answer = press(client, page, "/me/address", email=address)
        told = answer.text.replace(address, "X")
        start = told.index('<div class="told"')
        texts.add((answer.status_code, told[start : told.index("</div>", start)]))
        desk.mail()
    assert len(texts) == 1


@pytest.mark.parametrize("address", ["", "ada", "a b@example.org", "x" * 9000 + "@example.org", "a@b\u202e.org"])
def test_an_address_that_is_none(client: httpx.Client, desk: WebDesk, account: httpx.Response, address: str) -> None:
    answer = press(client, account, "/me/address", email=address)
    assert answer.status_code == 422
    assert 'id="email-error"' in answer.text
    assert desk.waiting() == 0


def test_moves_end_after_a_day(client: httpx.Client, desk: WebDesk, account: httpx.Response) -> None:
    link = ask_to_move(client, desk, account, "new@example.net")["new@example.net"]
    desk.later(hours=25)
    assert client.get(link).status_code == 410
    assert client.post(link).status_code == 410
    assert desk.status("ada@example.org") == "active"


# --- looking changes nothing ------------------------------------------------------------------------------------------


def dump(desk: WebDesk) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    with desk.engine.connect() as connection:
        return {
            name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for name, table in SQLModel.metadata.tables.items()
        }


def test_looking_at_every_address_changes_no_row(
    client: httpx.Client, desk: WebDesk, account: httpx.Response, ada: int
) -> None:
    """Link scanners open every link of every mail, some with HEAD."""
    links = ask_to_move(client, desk, account, "new@example.net")
    unused = fresh(desk, ada)
    pending = desk.ask("ben@example.org", "sport")
    tokens, minute = desk.keyring.tokens(ada, DIGEST), desk.minute()
    paths = [
        *links.values(),
        unused,
        f"{unused}/fresh",
        link_of(pending, "confirm"),
        f"{link_of(pending, 'confirm')}/again",
        f"/preferences/{tokens.manage}",
        f"/preferences/{desk.keyring.seal('steer', ada, minute)}",
        f"/preferences/{tokens.manage}/pause",
        f"/preferences/{tokens.manage}/fresh",
        f"/leave/{tokens.leave}",
        f"/leave/{tokens.leave}/undo",
        f"/view/{tokens.view}",
        *(f"/me/{each}" for each in ("export", "name", "address", "erase")),
        *("/", "/subscribe", "/subscribe?topic=harbour&email=eve@example.org", "/subscribe/sent", "/fresh"),
    ]
    before = dump(desk)
    assert before["subscriber"]
    for path in paths:
        for method in ("GET", "HEAD"):
            assert client.request(method, path).status_code in (200, 404, 405), path
    assert dump(desk) == before
