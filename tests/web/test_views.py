"""Mails in the browser: one that was sent, and a sample of a topic; each in an origin of its own."""

from __future__ import annotations

import httpx
import pytest

from subscribers.tokens import Keyring
from tests.web.desk import WebDesk, link_of
from tests.web.reading import press

MAIL_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src http: https:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


def test_a_mail_in_the_browser_is_sandboxed(client: httpx.Client, desk: WebDesk) -> None:
    press(client, link_of(desk.ask("ada@example.org", "harbour"), "confirm"))
    (welcome,) = desk.mail()
    link = link_of(welcome, "view")
    answer = client.get(link)
    assert answer.status_code == 200
    assert "<table" in answer.text
    assert answer.headers["content-security-policy"] == MAIL_POLICY
    assert answer.headers["cache-control"] == "no-store"
    assert "/leave/" not in answer.text, "a page that gets passed on lets nobody stop another's mail"
    edition = desk.keyring.read(link.rpartition("/")[2], "view").context
    assert client.get(f"/view/{desk.keyring.tokens(desk.number(), edition + 4711).view}").status_code == 404


@pytest.mark.parametrize("token", ["leave", "manage", "foreign", "cut", "x", "%00", "ä", "..%2f..%2fetc"])
def test_links_that_are_no_views(client: httpx.Client, desk: WebDesk, token: str) -> None:
    ours = desk.keyring.tokens(1, 1)
    foreign = Keyring(["another-key-of-another-installation-0001"]).tokens(1, 1)
    known = {"leave": ours.leave, "manage": ours.manage, "foreign": foreign.view, "cut": ours.view[:-1]}
    answer = client.get(f"/view/{known.get(token, token)}")
    assert answer.status_code == 404
    assert "Nothing here" in answer.text


def test_a_sample_of_a_topic(client: httpx.Client, desk: WebDesk) -> None:
    quiet = client.get("/sample/harbour")
    assert (quiet.status_code, "A quiet week" in quiet.text) == (200, True)
    for slug in ("nowhere", "HARBOUR", "%00", "x" * 5000):
        assert client.get(f"/sample/{slug}").status_code == 404
