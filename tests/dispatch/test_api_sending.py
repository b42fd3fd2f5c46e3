"""The ledger with providers that Resend is no measure for: one mail a call without keys, and keys that do not tell."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

from digest.dispatch.sender import Sender
from digest.types import DispatchReport
from tests.dispatch import test_brevo, test_sendgrid
from tests.dispatch.api_contract import ApiContract
from tests.dispatch.api_sink import ApiSink, answering_as
from tests.dispatch.ledger_rows import Kitchen, add_readers, address_hashes, deliveries, plan, run, states
from tests.dispatch.resend_sink import Handler, answering, lost
from tests.dispatch.sending import rest_is_over

Opened = tuple[Sender, ApiSink]


@pytest.fixture
def opened(database: Engine, tmp_path: Path) -> Iterator[Callable[[ApiContract], Opened]]:
    """A sender with the provider that a test class is about, and the server that it talks to."""
    with ExitStack() as stack:

        def start(desk: ApiContract) -> Opened:
            sink = stack.enter_context(answering_as(tmp_path / "sink.log", desk.clerk))
            provider = desk.open(sink.url, httpx.Timeout(2.0))
            stack.callback(provider.close)
            kitchen = Kitchen(database)
            return Sender(database, provider, kitchen, holder="w", address_hashes=address_hashes), sink

        yield start


def as_documented(handler: Handler) -> bool:
    """A step: nothing special."""
    return False


def test_one_mail_a_call_without_keys(database: Engine, opened: Callable[[ApiContract], Opened]) -> None:
    sender, sink = opened(test_sendgrid.TestSendGrid())
    edition = plan(database, add_readers(database, 5))
    no = answering(400, test_sendgrid.error("no such thing for reader2@example.org", "personalizations.0.to.0.email"))
    sink.script.extend([as_documented, no, lost])
    assert sender.drain() == DispatchReport(accepted=3, rejected=1, unknown=1)
    assert states(database, edition) == {1: "accepted", 2: "rejected", 3: "unknown", 4: "accepted", 5: "accepted"}
    rows = deliveries(database, edition)
    assert rows[2].reason == "SendGrid does not accept the recipient (400 to): no such thing for (address)"
    assert rows[1].provider_message_id == "m1"
    rest_is_over(database)
    assert sender.drain() == DispatchReport(), "what is unknown is never sent again by itself"
    marks = [mail["personalizations"][0]["custom_args"]["delivery"] for mail in sink.mails()]
    assert marks == [f"{edition}-{reader}" for reader in (1, 3, 4, 5)]


def test_what_is_no_readers_fault_rejects_nobody(database: Engine, opened: Callable[[ApiContract], Opened]) -> None:
    sender, sink = opened(test_sendgrid.TestSendGrid())
    edition = plan(database, add_readers(database, 3))
    sink.script.append(answering(400, test_sendgrid.error("The from address is not verified", "from.email")))
    report = sender.drain()
    assert "check FROM" in report.problem
    assert set(states(database, edition).values()) <= {"retry", "planned"}
    assert sink.mails() == []
    rest_is_over(database)
    assert sender.drain() == DispatchReport(accepted=3)


def test_one_bad_address_holds_up_nobody(database: Engine, opened: Callable[[ApiContract], Opened]) -> None:
    sender, sink = opened(test_brevo.TestBrevo())
    edition = plan(database, add_readers(database, 4))
    run(database, "UPDATE subscriber SET address = 'invalid@example.org' WHERE id = 2")
    assert sender.drain() == DispatchReport(accepted=3, rejected=1)
    assert states(database, edition) == {1: "accepted", 2: "rejected", 3: "accepted", 4: "accepted"}
    assert len(sink.mails()) == 3


def test_a_key_that_does_not_tell_sends_nobody_twice(database: Engine, opened: Callable[[ApiContract], Opened]) -> None:
    sender, sink = opened(test_brevo.TestBrevo())
    edition = plan(database, add_readers(database, 3))
    sink.script.append(lost)
    assert sender.drain().retry == 3
    rest_is_over(database)
    assert sender.drain() == DispatchReport(unknown=3)
    assert set(states(database, edition).values()) == {"unknown"}
    sent = [mail["headers"]["X-Mailin-custom"] for mail in sink.mails()]
    assert sent == [f"{edition}-{reader}" for reader in (1, 2, 3)]
    first, second = sink.made
    assert json.loads(first.body) == json.loads(second.body), "the very same call"
