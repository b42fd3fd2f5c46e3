"""What links in mails do: confirm, leave, undo, view; and what broken ones do."""

from __future__ import annotations

import httpx
import pytest

from subscribers.tokens import Keyring
from subscribers.types import SignUp
from subscribers.web import minute_of
from tests.web.desk import RosterDesk

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def reader(desk: RosterDesk, *, confirmed: bool = True) -> int:
    desk.sign_up(SignUp("ada@example.org", ("harbour", "sport"), timezone="Asia/Kolkata"))
    who = desk.mailed[-1][0]
    if confirmed:
        desk.confirm(who, network=None)
    return who


def status(desk: RosterDesk) -> str:
    return desk.reader("ada@example.org").status


def test_one_click_as_mail_programs_send_it(client: httpx.Client, desk: RosterDesk) -> None:
    token = desk.keyring.tokens(reader(desk), 3).leave
    first = client.post(f"/leave/{token}", data=ONE_CLICK)
    assert first.status_code == 200
    assert "set-cookie" not in first.headers
    assert "location" not in first.headers
    assert status(desk) == "left"
    parts = {name: (None, value) for name, value in ONE_CLICK.items()}
    assert client.post(f"/leave/{token}", files=parts).status_code == 200
    desk.later(days=800)
    assert client.post(f"/leave/{token}", data=ONE_CLICK).status_code == 200, "the link outlives the mail"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", ""),
        (b"List-Unsubscribe=One-Click", "text/plain"),
        (b"broken", "multipart/form-data; boundary=x"),
        (b"{}", "a/b"),
    ],
)
def test_leaving_does_not_fail_over_its_wrapping(
    client: httpx.Client, desk: RosterDesk, content: bytes, kind: str
) -> None:
    token = desk.keyring.tokens(reader(desk), 3).leave
    answer = client.post(f"/leave/{token}", content=content, headers={"content-type": kind} if kind else {})
    assert answer.status_code == 200
    assert status(desk) == "left"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_scanners_change_nothing(client: httpx.Client, desk: RosterDesk, method: str) -> None:
    who = reader(desk, confirmed=False)
    tokens = desk.keyring.tokens(who, minute_of(desk.now()))
    for path in (f"/confirm/{tokens.confirm}", f"/leave/{tokens.leave}"):
        answer = client.request(method, path)
        assert answer.status_code == 200
        assert status(desk) == "pending"
    assert client.request(method, f"/leave/{tokens.leave}/undo").status_code == 405
    assert status(desk) == "pending"


def test_the_goodbye_page_takes_it_back_for_a_day(client: httpx.Client, desk: RosterDesk) -> None:
    token = desk.keyring.tokens(reader(desk), 3).leave
    page = client.post(f"/leave/{token}", data={**ONE_CLICK, "from": "page"})
    assert f'action="/leave/{token}/undo"' in page.text
    back = client.post(f"/leave/{token}/undo")
    assert (back.status_code, status(desk)) == (200, "active")
    assert "Your next digest comes tomorrow at 07:00, Kolkata time." in back.text
    client.post(f"/leave/{token}", data=ONE_CLICK)
    desk.later(hours=25)
    late = client.post(f"/leave/{token}/undo")
    assert (late.status_code, status(desk)) == (410, "left")
    assert "/subscribe" in late.text


def test_confirmation_links_expire_after_seven_days(client: httpx.Client, desk: RosterDesk) -> None:
    reader(desk, confirmed=False)
    token = desk.mailed[-1][1]
    desk.later(days=7)
    assert client.get(f"/confirm/{token}").status_code == 200
    desk.later(minutes=1)
    for answer in (client.get(f"/confirm/{token}"), client.post(f"/confirm/{token}")):
        assert answer.status_code == 410
        assert "This link has expired" in answer.text
        assert 'href="/subscribe"' in answer.text
    assert status(desk) == "pending"


def test_who_has_left_is_not_confirmed_by_an_old_link(client: httpx.Client, desk: RosterDesk) -> None:
    who = reader(desk)
    desk.leave(who, reason="page")
    answer = client.post(f"/confirm/{desk.mailed[-1][1]}")
    assert (answer.status_code, status(desk)) == (410, "left")


def test_forged_foreign_and_broken_links_all_look_the_same(client: httpx.Client, desk: RosterDesk) -> None:
    who = reader(desk)
    ours = desk.keyring.tokens(who, minute_of(desk.now()))
    foreign = Keyring(["another-key-of-another-installation-0001"]).tokens(who, 1)
    bodies = set()
    wrong = (
        ours.view,
        foreign.confirm,
        ours.confirm[:-1],
        ours.confirm + "A",
        "x",
        "%00",
        "ä",
        "a" * 5000,
        "..%2f..%2fetc",
    )
    for token in wrong:
        for method, path in (("GET", "confirm"), ("POST", "confirm"), ("GET", "leave"), ("POST", "leave")):
            answer = client.request(method, f"/{path}/{token}")
            assert answer.status_code == 404, (method, path, token)
            bodies.add(answer.text.split("<footer>")[0])
        assert client.post(f"/leave/{token}/undo").status_code == 404
    for token in (*wrong[1:], ours.leave):
        assert client.get(f"/view/{token}").status_code == 404
    assert len(bodies) == 1
    assert status(desk) == "active"


def test_a_link_of_somebody_who_is_gone(client: httpx.Client, desk: RosterDesk) -> None:
    tokens = desk.keyring.tokens(4711, minute_of(desk.now()))
    assert client.post(f"/leave/{tokens.leave}", data=ONE_CLICK).status_code == 200
    assert client.post(f"/confirm/{tokens.confirm}").status_code == 410
    assert client.post(f"/leave/{tokens.leave}/undo").status_code == 410


def test_a_mail_in_the_browser_is_sandboxed(client: httpx.Client, desk: RosterDesk) -> None:
    answer = client.get(f"/view/{desk.keyring.tokens(1, 5).view}")
    assert answer.status_code == 200
    assert "<p style='color:red'>Ferry</p>" in answer.text
    policy = answer.headers["content-security-policy"]
    assert policy == "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src http: https:"
    assert answer.headers["cache-control"] == "no-store"
    assert client.get(f"/view/{desk.keyring.tokens(1, 6).view}").status_code == 404
