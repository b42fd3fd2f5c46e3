"""MAIL_REDIRECT_TO: everything travels to one address, and the ledger knows whose it is."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine

from digest.dispatch.flow import Limits
from digest.dispatch.sender import Sender
from digest.types import DispatchReport
from tests.dispatch.ledger_rows import add_readers, deliveries, plan, run, states
from tests.dispatch.resend_sink import Sink, lost
from tests.dispatch.sending import rest_is_over, sent_to

Make = Callable[..., Sender]
TO_ME = Limits(redirect_to="me@example.org")


def test_every_mail_goes_to_that_address_and_says_whose_it_is(database: Engine, sink: Sink, make: Make) -> None:
    edition = plan(database, add_readers(database, 3))
    assert make(limits=TO_ME).drain() == DispatchReport(accepted=3)
    assert sent_to(sink) == [1, 2, 3]
    assert {mail["to"][0] for mail in sink.mails()} == {
        f'"for Reader{number} at example.org" <me@example.org>' for number in (1, 2, 3)
    }
    assert set(states(database, edition).values()) == {"accepted"}
    assert b"Reader1@" not in b"".join(body for _, body in sink.calls), "their own address is nobody's to mail"


def test_who_has_left_gets_none_there_either(database: Engine, sink: Sink, make: Make) -> None:
    edition = plan(database, add_readers(database, 2))
    run(database, "UPDATE subscriber SET status = 'left' WHERE id = 1")
    assert make(limits=TO_ME).drain() == DispatchReport(accepted=1, skipped=1)
    assert deliveries(database, edition)[1].reason == "left"
    assert sent_to(sink) == [2]


def test_a_call_in_doubt_is_repeated_to_the_same_address(database: Engine, sink: Sink, make: Make) -> None:
    edition = plan(database, add_readers(database, 2))
    sink.script.append(lost)
    make(limits=TO_ME).drain()
    rest_is_over(database)
    assert make(limits=TO_ME).drain().accepted == 2
    assert len({body for _, body in sink.calls}) == 1, "byte for byte"
    assert set(states(database, edition).values()) == {"accepted"}


def test_a_call_in_doubt_is_not_repeated_elsewhere(database: Engine, sink: Sink, make: Make) -> None:
    edition = plan(database, add_readers(database, 2))
    sink.script.append(lost)
    make().drain()
    rest_is_over(database)
    assert make(limits=TO_ME).drain().unknown == 2
    assert len(sink.calls) == 1
    assert set(states(database, edition).values()) == {"unknown"}
