"""The page with one button: what comes from another site, without our token, or faster than anybody types."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.web.conftest import SignUpForm, browsing
from tests.web.desk import WebDesk
from tests.web.reading import form, press

ELSEWHERE = {"email": "ada@example.org", "topic": ["sport", "harbour"], "timezone": "Asia/Kolkata", "lang": "de"}
"""What a form on another site sends."""


def test_a_form_of_another_site_needs_one_press(client: httpx.Client, desk: WebDesk) -> None:
    page = client.post("/subscribe", data={**ELSEWHERE, "source": "embed"}, headers={"sec-fetch-site": "cross-site"})
    assert page.status_code == 200
    assert page.headers["content-language"] == "de", "the language that the form named"
    for told in ("ada@example.org", "Harbour", "Sport", "07:00", "Kalkutta"):
        assert told in page.text
    assert desk.waiting() == 0, "nothing is written before the button is pressed"
    desk.later(seconds=3)
    sent = press(client, page, "/subscribe")
    assert (sent.status_code, sent.headers["content-language"]) == (202, "de")
    assert len(desk.mail()) == 1
    row = desk.reader("ada@example.org")
    assert (row.pending, row.timezone, row.locale) == (("harbour", "sport"), "Asia/Kolkata", "de")


def test_a_form_of_another_site_with_mistakes_becomes_ours(client: httpx.Client, desk: WebDesk) -> None:
    page = client.post("/subscribe", data={**ELSEWHERE, "email": "ada@"}, headers={"sec-fetch-site": "cross-site"})
    assert page.status_code == 422
    assert page.headers["content-language"] == "de"
    desk.later(seconds=3)
    assert press(client, page, "/subscribe", email="ada@example.org").status_code == 202
    assert desk.waiting() == 1


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 202),
        ({"sec-fetch-site": "none"}, 202),
        ({"sec-fetch-site": "cross-site"}, 200),
        ({"sec-fetch-site": "same-site"}, 200),
        ({"origin": "null"}, 202),
        ({"origin": "http://127.0.0.1:8080"}, 202),
        ({"origin": "https://elsewhere.example"}, 200),
        ({}, 202),
    ],
)
def test_another_site_cannot_send_the_form_itself(
    client: httpx.Client, desk: WebDesk, filled: SignUpForm, headers: dict[str, str], status: int
) -> None:
    """Not even with a token of ours, which anybody can fetch."""
    answer = client.post("/subscribe", data=filled(), headers=headers)
    assert answer.status_code == status
    assert desk.waiting() == (status == 202)


@pytest.mark.parametrize("kind", ["none", "forged", "reader", "other purpose", "old", "ahead"])
def test_a_token_that_is_not_the_forms(client: httpx.Client, desk: WebDesk, filled: SignUpForm, kind: str) -> None:
    fields = filled()
    now = int(desk.now().timestamp())
    seal = desk.keyring.seal
    fields["token"] = {
        "none": "",
        "forged": "x" * 38,
        "reader": seal("form", 1, now - 60),
        "other purpose": seal("steer", 0, now - 60),
        "old": seal("form", 0, now - 24 * 3600 - 1),
        "ahead": seal("form", 0, now + 301),
    }[kind]
    page = client.post("/subscribe", data=fields)
    assert page.status_code == 200
    assert desk.waiting() == 0
    desk.later(seconds=2)
    assert press(client, page, "/subscribe").status_code == 202
    assert desk.waiting() == 1


def test_nobody_types_in_two_seconds(client: httpx.Client, desk: WebDesk) -> None:
    page = client.get("/subscribe?topic=sport&email=ada@example.org")
    desk.later(seconds=1)
    first = press(client, page, "/subscribe")
    assert first.status_code == 200
    assert press(client, first, "/subscribe").status_code == 200, "neither does a machine press the second button"
    assert desk.waiting() == 0
    # The token of the first page travelled on: a person who presses a second later is through.
    desk.later(seconds=1)
    assert press(client, first, "/subscribe").status_code == 202
    assert desk.waiting() == 1


def test_a_press_in_vain_says_why(client: httpx.Client, desk: WebDesk) -> None:
    page = client.post("/subscribe", data=ELSEWHERE, headers={"sec-fetch-site": "cross-site"})
    assert "noch einmal" not in page.text
    again = press(client, page, "/subscribe")
    assert "schneller, als Menschen" in again.text
    desk.later(days=2)
    late = press(client, again, "/subscribe")
    assert "damit wir wissen, dass Sie es sind" in late.text
    desk.later(seconds=3)
    assert press(client, late, "/subscribe").status_code == 202
    assert desk.waiting() == 1


def test_the_press_page_carries_everything_safely(client: httpx.Client, desk: WebDesk) -> None:
    name = 'Ada"><script>alert(1)</script>'
    page = client.post("/subscribe", data={**ELSEWHERE, "name": name, "website": 'x"', "cadence": "weekly:fri"})
    assert "<script>" not in page.text
    carried = form(page, "/subscribe").sent()
    assert (carried["name"], carried["website"], carried["cadence"]) == (name, 'x"', "weekly:fri")
    assert carried["topic"] == ["harbour", "sport"]
    desk.later(seconds=3)
    assert press(client, page, "/subscribe").status_code == 202
    assert desk.waiting() == 0, "the honeypot was carried on too"


def test_too_many_requests_get_a_calm_page(make_desk: Callable[..., WebDesk]) -> None:
    """From one network within an hour; the page says when to come back, and nothing is noted."""
    desk = make_desk(sign_ups_per_network=3)
    desk.furnish()
    with browsing(desk) as client:
        page = client.get("/subscribe?topic=harbour")
        desk.later(minutes=1)
        answers = [press(client, page, "/subscribe", email=f"r{number}@example.org") for number in range(5)]
        assert [answer.status_code for answer in answers] == [202, 202, 202, 429, 429]
        assert answers[3].text == answers[4].text
        assert "Too many requests" in answers[3].text
        assert 0 < int(answers[3].headers["retry-after"]) <= 3600
        assert desk.waiting() == 3
        desk.later(seconds=int(answers[3].headers["retry-after"]))
        assert press(client, page, "/subscribe", email="late@example.org").status_code == 202


def test_domains_that_may_not_sign_up(make_desk: Callable[..., WebDesk]) -> None:
    desk = make_desk(sign_up_domains="example.org,example.net", blocked_domains="spam.example.org")
    desk.furnish()
    with browsing(desk) as client:
        page = client.get("/subscribe?topic=harbour")
        desk.later(minutes=1)
        for email, status in (
            ("ada@example.org", 202),
            ("ada@mail.EXAMPLE.net", 202),
            ("ada@example.com", 422),
            ("ada@spam.example.org", 422),
        ):
            answer = press(client, page, "/subscribe", email=email)
            assert answer.status_code == status, email
            assert ("We do not take sign-ups from this domain." in answer.text) == (status == 422)
