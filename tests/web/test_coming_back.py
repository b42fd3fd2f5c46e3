"""Coming back by the mail that confirmed a leaving: a page with one button, for a day, and nothing more."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from digest.service.steering import GOODBYE_AFTER
from tests.web.conftest import browsing
from tests.web.desk import WebDesk, link_of
from tests.web.reading import press
from tests.web.test_preferences import DIGEST


@pytest.fixture
def desk(make_desk: Callable[..., WebDesk]) -> WebDesk:
    """A service that confirms a leaving."""
    desk = make_desk(goodbye_mail="true")
    desk.furnish()
    return desk


def left(client: httpx.Client, desk: WebDesk, locale: str = "en") -> str:
    """The path of the link in the mail to who has just left by one click."""
    ada = desk.join("ada@example.org", "harbour", "sport", timezone="Asia/Kolkata", locale=locale)
    link = f"/leave/{desk.keyring.tokens(ada, DIGEST).leave}"
    page = client.post(link, data={"List-Unsubscribe": "One-Click"}, headers={"accept": "text/html"})
    assert page.status_code == 200
    assert "One last mail confirms it." in page.text or locale != "en"
    assert desk.mail() == []
    desk.later(seconds=GOODBYE_AFTER.total_seconds())
    (mail,) = desk.mail()
    assert "List-Unsubscribe" not in mail
    return link_of(mail, "back")


def test_scanners_may_look_and_one_press_brings_back(client: httpx.Client, desk: WebDesk) -> None:
    link = left(client, desk)
    before = desk.reader("ada@example.org")
    for method in ("GET", "HEAD", "GET"):
        looked = client.request(method, link)
        assert looked.status_code == 200
        assert "ada@" not in looked.text
    bare = client.post(link)
    assert bare.status_code == 422
    assert desk.reader("ada@example.org") == before
    desk.later(hours=23)
    back = press(client, bare)
    assert (back.status_code, desk.status()) == (200, "active")
    assert desk.reader("ada@example.org").topics == ("harbour", "sport")
    assert "Kolkata time" in back.text
    assert "Harbour" not in back.text, "a forwarded mail tells nobody what is read"
    assert "/preferences/" not in back.text
    assert client.get(link).status_code == 410
    assert client.post(link).status_code == 410
    assert desk.mail() == []


def test_a_day_later_it_is_too_late(client: httpx.Client, desk: WebDesk) -> None:
    link = left(client, desk)
    page = client.get(link)
    desk.later(hours=24)
    for answer in (press(client, page), client.get(link)):
        assert answer.status_code == 410
        assert "/subscribe" in answer.text
    assert desk.status() == "left"


def test_another_leaving_is_not_taken_back(client: httpx.Client, desk: WebDesk) -> None:
    link = left(client, desk)
    press(client, link)
    desk.readers.leave(desk.number(), reason="page")
    assert client.get(link).status_code == 410
    assert desk.status() == "left"


def test_no_other_token_opens_the_page(client: httpx.Client, desk: WebDesk) -> None:
    token = left(client, desk).rpartition("/")[2]
    claim = desk.keyring.unseal(token, "back")
    undo = desk.keyring.seal("undo", claim.subscriber_id, claim.context)
    others = (undo, token[:-1] + ("A" if token[-1] != "A" else "B"), *desk.keyring.tokens(claim.subscriber_id, 1))
    for other in others:
        assert client.get(f"/back/{other}").status_code == 404
        assert client.post(f"/back/{other}").status_code == 404
    assert client.get(f"/account/{token}").status_code == 404
    assert desk.status() == "left"


def test_it_is_off_by_default(make_desk: Callable[..., WebDesk]) -> None:
    desk = make_desk()
    desk.furnish()
    with browsing(desk) as client:
        ada = desk.join("ada@example.org", "harbour")
        page = client.post(
            f"/leave/{desk.keyring.tokens(ada, DIGEST).leave}",
            data={"List-Unsubscribe": "One-Click"},
            headers={"accept": "text/html"},
        )
        assert "One last mail" not in page.text
        desk.later(hours=1)
        assert desk.mail() == []
