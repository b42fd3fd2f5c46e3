"""Leaving: one click without a page, or a page with lesser choices; always possible, and taken back for a day."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import select

from digest.store.db import reading
from subscribers.models import Consent
from subscribers.tokens import Keyring
from tests.web.desk import WebDesk, statements
from tests.web.reading import form, forms, press
from tests.web.test_preferences import DIGEST

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def ada(desk: WebDesk) -> int:
    return desk.join("ada@example.org", "harbour", "sport", "madina", timezone="Asia/Kolkata")


@pytest.fixture
def link(desk: WebDesk, ada: int) -> str:
    return f"/leave/{desk.keyring.tokens(ada, DIGEST).leave}"


def notes(desk: WebDesk) -> list[str]:
    with reading(desk.engine) as session:
        rows = session.connection().execute(select(Consent.metadata.tables["consent"].c.note)).scalars()
        return [note for note in rows if note]


# --- one click --------------------------------------------------------------------------------------------------------


def test_one_click_as_mail_programs_send_it(client: httpx.Client, desk: WebDesk, link: str) -> None:
    """RFC 8058: no cookie, no redirect, no token beside the link's own; both encodings."""
    first = client.post(link, data=ONE_CLICK)
    assert first.status_code == 200
    assert "set-cookie" not in first.headers
    assert "location" not in first.headers
    assert desk.status() == "left"
    parts = {name: (None, value) for name, value in ONE_CLICK.items()}
    assert client.post(link, files=parts, headers={"origin": "https://mail.example"}).status_code == 200
    desk.later(days=800)
    assert client.post(link, data=ONE_CLICK).status_code == 200, "the link outlives the mail"
    assert "<h1>" in client.post(link, data=ONE_CLICK, headers={"accept": "text/html"}).text


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", ""),
        (b"List-Unsubscribe=One-Click", "text/plain"),
        (b"broken", "multipart/form-data; boundary=x"),
        (b"broken", "multipart/form-data"),
        (b"{}", "a/b"),
        (b"\xff\xfe=%zz&&&", "application/x-www-form-urlencoded"),
    ],
)
def test_leaving_does_not_fail_over_its_wrapping(
    client: httpx.Client, desk: WebDesk, link: str, content: bytes, kind: str
) -> None:
    answer = client.post(link, content=content, headers={"content-type": kind} if kind else {})
    assert answer.status_code == 200
    assert desk.status() == "left"


def test_one_click_is_two_statements(client: httpx.Client, desk: WebDesk, link: str) -> None:
    with statements(desk.engine) as told:
        client.post(link, data=ONE_CLICK)
    assert [each.split()[0] for each in told if not each.startswith(("BEGIN", "PRAGMA"))] == ["UPDATE", "INSERT"]


def test_who_never_confirmed_can_leave_too(client: httpx.Client, desk: WebDesk) -> None:
    desk.ask()
    link = f"/leave/{desk.keyring.tokens(desk.number(), DIGEST).leave}"
    assert client.get(link).status_code == 200
    press(client, link)
    assert desk.status() == "left"


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_offers_less_and_changes_nothing(client: httpx.Client, desk: WebDesk, link: str) -> None:
    before = desk.reader("ada@example.org")
    page = client.get(link)
    assert page.status_code == 200
    for value in ("all", "topics", "week", "month", "weekly"):
        assert f'name="choice" value="{value}"' in page.text
    for unwanted in ("ada@", "example.org"):
        assert unwanted not in page.text
    assert client.head(link).status_code == 200
    assert client.get(f"{link}/undo").status_code == 405
    assert desk.reader("ada@example.org") == before


def test_everything_with_a_reason_and_back(client: httpx.Client, desk: WebDesk, link: str) -> None:
    goodbye = press(client, link, choice="all", reason="often", note="Too\u202e many\r\nferries" + "!" * 600)
    assert goodbye.status_code == 200
    assert desk.status() == "left"
    (note,) = notes(desk)
    assert note.startswith("often: Too many\nferries!!!")
    assert len(note) <= 510
    desk.later(hours=23)
    back = press(client, goodbye, f"{link}/undo")
    assert (back.status_code, desk.status()) == (200, "active")
    assert "Asia" not in back.text
    assert "Kolkata time" in back.text
    again = press(client, link, choice="all")
    desk.later(hours=23, minutes=30)
    stale = form(again, f"{link}/undo").sent()
    bare = client.post(f"{link}/undo", data={"undo": stale["undo"]})
    assert bare.status_code == 422, "a form of ours takes it back, not a bare POST"
    assert desk.status() == "left"
    desk.later(hours=1)
    late = press(client, bare, f"{link}/undo")
    assert (late.status_code, desk.status()) == (410, "left")
    assert "/subscribe" in late.text


def test_some_topics_only(client: httpx.Client, desk: WebDesk, link: str) -> None:
    none = press(client, link, choice="topics", note="hm", reason="long")
    assert none.status_code == 422
    assert ">hm</textarea>" in none.text
    assert desk.reader("ada@example.org").topics == ("harbour", "sport", "madina")
    done = press(client, none, link, choice="topics", topic=["sport", "madina", "nonsense"])
    assert done.status_code == 200
    assert desk.reader("ada@example.org").topics == ("harbour",)
    assert "Your next digest comes tomorrow at 07:00, Kolkata time." in done.text
    assert 'value="topics"' not in client.get(link).text, "nothing to choose from with one topic"
    press(client, done, f"{link}/undo")
    assert desk.reader("ada@example.org").topics == ("harbour", "sport", "madina")


def test_all_topics_are_everything(client: httpx.Client, desk: WebDesk, link: str) -> None:
    done = press(client, link, choice="topics", topic=["harbour", "sport", "madina"])
    assert desk.status() == "left"
    assert form(done, f"{link}/undo")


@pytest.mark.parametrize(("choice", "until"), [("week", datetime(2026, 3, 8, 18, 30, tzinfo=UTC)), ("month", None)])
def test_a_pause_instead(client: httpx.Client, desk: WebDesk, link: str, choice: str, until: datetime | None) -> None:
    done = press(client, link, choice=choice)
    paused = desk.reader("ada@example.org").paused_until
    assert paused == (until or datetime(2026, 4, 1, 18, 30, tzinfo=UTC))
    assert "Paused until" in done.text
    press(client, done, f"{link}/undo")
    assert desk.reader("ada@example.org").paused_until is None
    assert desk.status() == "active"


def test_weekly_instead(client: httpx.Client, desk: WebDesk, link: str) -> None:
    done = press(client, link, choice="weekly", reason="often")
    assert desk.reader("ada@example.org").cadence == "weekly:mon"
    assert "Your next digest comes on Monday, March 9 at 07:00, Kolkata time." in done.text
    assert notes(desk) == ["often"]
    assert 'value="weekly"' not in client.get(link).text, "not offered to weekly readers"


def test_a_lesser_choice_needs_a_form_of_ours(client: httpx.Client, desk: WebDesk, link: str) -> None:
    before = desk.reader("ada@example.org")
    for choice in ("topics", "week", "weekly"):
        answer = client.post(link, data={"from": "page", "choice": choice, "topic": "sport"})
        assert answer.status_code == 422
        asked = form(client.get(link), link)
        told = {"sec-fetch-site": "cross-site"}
        assert client.post(link, data=asked.sent(choice=choice, topic="sport"), headers=told).status_code == 422
    assert desk.reader("ada@example.org") == before


@pytest.mark.parametrize("choice", ["all", "", "x", "%00"])
def test_whatever_is_not_less_is_everything(client: httpx.Client, desk: WebDesk, link: str, choice: str) -> None:
    client.post(link, data={"from": "page", "choice": choice})
    assert desk.status() == "left"


# --- old, gone, forged ------------------------------------------------------------------------------------------------


def test_an_old_link_leaves_and_does_nothing_less(client: httpx.Client, desk: WebDesk, link: str) -> None:
    desk.later(days=400)
    page = client.get(link)
    assert page.status_code == 200
    assert "Harbour" not in page.text
    assert 'value="weekly"' not in page.text
    for choice in ("week", "weekly", "topics"):
        assert press(client, page, choice=choice, topic="sport").status_code == 200
    assert desk.reader("ada@example.org").paused_until is None
    assert desk.reader("ada@example.org").topics == ("harbour", "sport", "madina")
    press(client, page)
    assert desk.status() == "left"


def test_leaving_twice_and_after_being_erased(client: httpx.Client, desk: WebDesk, link: str, ada: int) -> None:
    page = client.get(link)
    for _ in range(2):
        assert press(client, page).status_code == 200
    assert press(client, page, choice="week").status_code == 200
    assert desk.status() == "left"
    told = client.get(link)
    assert (told.status_code, forms(told)) == (200, []), "nothing is left to press"
    assert "nothing left to stop" in told.text
    assert "nothing has happened yet" not in told.text
    desk.readers.erase(ada)
    assert press(client, page).status_code == 200
    assert client.post(link, data=ONE_CLICK).status_code == 200
    assert client.get(link).text == told.text, "left or erased, nobody can tell"


def test_forged_links_are_the_same_404(client: httpx.Client, desk: WebDesk, ada: int) -> None:
    ours = desk.keyring.tokens(ada, DIGEST)
    foreign = Keyring(["another-key-of-another-installation-0001"]).tokens(ada, DIGEST)
    heads = set()
    for token in (ours.manage, foreign.leave, ours.leave[:-1], "x", "%00", "ä", desk.keyring.seal("stop", ada, 1)):
        for method, path in (("GET", ""), ("POST", ""), ("POST", "/undo")):
            answer = client.request(method, f"/leave/{token}{path}")
            assert answer.status_code == 404
            heads.add(answer.text.split("</main>")[0])
    assert len(heads) == 1
    assert desk.status() == "active"
