"""Nobody can learn who is subscribed: the same answer, the same work, whoever the address belongs to."""

from __future__ import annotations

import httpx
import pytest

from digest.store.db import writing
from subscribers import suppressions
from tests.web.conftest import SignUpForm
from tests.web.desk import WebDesk, statements, token_of
from tests.web.reading import press

KNOWN = ("active", "pending", "left", "erased", "bounced", "stranger")


@pytest.fixture
def people(desk: WebDesk) -> WebDesk:
    """One address of each kind, by its name."""
    for kind in ("active", "left", "erased", "bounced"):
        desk.join(f"{kind}@example.org", "harbour")
    desk.ask("pending@example.org", "harbour")
    desk.readers.leave(desk.number("left@example.org"), reason="page")
    desk.readers.erase(desk.number("erased@example.org"))
    with writing(desk.engine) as session:
        suppressions.suppress(
            session, desk.keyring.address_hashes("bounced@example.org")[0], reason="bounced", now=desk.now()
        )
    desk.later(days=2)
    return desk


def test_the_form_answers_everybody_alike(client: httpx.Client, people: WebDesk, filled: SignUpForm) -> None:
    told = set()
    # Once beforehand, so that the hour's tally has its rows for everybody.
    client.post("/subscribe", data=filled(email="first@example.org"))
    for kind in KNOWN:
        fields = filled(email=f"{kind}@example.org")
        with statements(people.engine) as work:
            answer = client.post("/subscribe", data=fields)
        headers = {name: value for name, value in answer.headers.items() if name != "date"}
        # The page repeats what was typed, and nothing else tells them apart.
        assert answer.text.count(f"{kind}@example.org") == 1
        headers["content-length"] = str(int(headers["content-length"]) - len(kind))
        text = answer.text.replace(f"{kind}@", "typed@")
        told.add((answer.status_code, text, tuple(headers.items()), tuple(work)))
        assert work, "the listener hears the database"
    assert len(told) == 1
    assert not any("subscriber" in statement.lower() for *_, work in told for statement in work)


def test_a_second_mail_is_asked_for_alike(client: httpx.Client, people: WebDesk) -> None:
    """An expired confirmation link, of readers in every state and of nobody."""
    told = set()
    numbers = [people.number(f"{kind}@example.org") for kind in ("active", "pending", "left", "bounced")]
    for number in (*numbers, 4711):
        expired = people.keyring.tokens(number, people.minute() - 8 * 24 * 60).confirm
        with statements(people.engine) as looked:
            page = client.get(f"/confirm/{expired}")
        assert looked == [], "the page of an expired link looks nobody up"
        with statements(people.engine) as work:
            answer = press(client, page)
        headers = {name: value for name, value in answer.headers.items() if name != "date"}
        told.add((answer.status_code, answer.text, tuple(headers.items()), len(work)))
    assert len(told) == 1
    (mail,) = people.mail()
    claim = people.keyring.read(token_of(mail, "confirm"), "confirm")
    assert claim.subscriber_id == people.number("pending@example.org")
