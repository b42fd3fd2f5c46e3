"""The shortcuts at the foot of a digest: a page with one button each, and nothing happens before it is pressed."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from tests.web.desk import WebDesk, statements
from tests.web.reading import form, forms, press

DIGEST = 1


@pytest.fixture
def ada(desk: WebDesk) -> int:
    return desk.join(timezone="Europe/Berlin")


@pytest.fixture
def page(desk: WebDesk, ada: int) -> str:
    """What the links of her digests begin with."""
    return f"/preferences/{desk.keyring.tokens(ada, DIGEST).manage}"


@pytest.mark.parametrize("shortcut", ["week", "weekly"])
def test_looking_changes_nothing(client: httpx.Client, desk: WebDesk, page: str, shortcut: str) -> None:
    before = desk.reader("ada@example.org")
    with statements(desk.engine) as asked:
        answer = client.get(f"{page}/{shortcut}")
        assert client.head(f"{page}/{shortcut}").status_code == 200
    assert answer.status_code == 200
    assert not [each for each in asked if each.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE"))]
    assert len([each for each in forms(answer) if each.method == "post"]) == 1
    assert "ada@" not in answer.text
    assert desk.reader("ada@example.org") == before


def test_pause_a_week(client: httpx.Client, desk: WebDesk, page: str) -> None:
    asked = client.get(f"{page}/week")
    assert "Pause a week?" in asked.text
    done = press(client, asked, f"{page}/pause", **{"for": "week"})
    assert "Paused until" in done.text
    until = desk.reader("ada@example.org").paused_until
    assert until is not None
    assert timedelta(days=6) < until - desk.time <= timedelta(days=7)
    day = done.text.partition("<h1>Paused until ")[2].partition("</h1>")[0]
    assert f"No digest before {day}." in asked.text, "what it did is what it had said"


def test_weekly_instead(client: httpx.Client, desk: WebDesk, page: str) -> None:
    asked = client.get(f"{page}/weekly")
    assert "One digest a week with all your topics, at the usual time:" in asked.text
    done = press(client, asked, f"{page}/weekly")
    assert "Once a week from now on" in done.text
    assert "Your next digest comes" in done.text
    cadence = desk.reader("ada@example.org").cadence
    assert cadence.startswith("weekly:")
    weekday = desk.time.strftime("%A")
    assert f": {weekday}s." in asked.text
    assert cadence == f"weekly:{weekday[:3].lower()}"
    again = client.get(f"{page}/weekly")
    assert "All your topics come once a week already." in again.text
    assert f"{page}/weekly" not in [each.action for each in forms(again)]


def test_a_form_of_another_site_changes_nothing(client: httpx.Client, desk: WebDesk, page: str) -> None:
    answer = client.post(f"{page}/weekly", data={"token": "x"})
    assert answer.status_code == 422
    assert "Please press the button once more." in answer.text
    assert desk.reader("ada@example.org").cadence == "daily"
    assert "Once a week from now on" in press(client, answer, f"{page}/weekly").text


def test_links_that_cannot_steer(client: httpx.Client, desk: WebDesk, ada: int, page: str) -> None:
    click = desk.keyring.tokens(ada, DIGEST).view
    for shortcut in ("week", "weekly"):
        assert client.get(f"/preferences/{click}/{shortcut}").status_code == 404
    asked = client.get(f"{page}/weekly")
    desk.later(days=91)
    assert client.get(f"{page}/week").status_code == 410
    assert client.post(form(asked, f"{page}/weekly").action, data=form(asked).sent()).status_code == 410
    assert desk.reader("ada@example.org").cadence == "daily"


def test_in_the_readers_own_language(client: httpx.Client, desk: WebDesk) -> None:
    who = desk.join("dina@example.org", locale="de", timezone="Europe/Berlin")
    page = f"/preferences/{desk.keyring.tokens(who, DIGEST).manage}"
    assert "Eine Woche pausieren?" in client.get(f"{page}/week").text
    assert "Lieber wöchentlich?" in client.get(f"{page}/weekly").text
