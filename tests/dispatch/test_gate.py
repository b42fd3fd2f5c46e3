"""Several workers at the gate before one provider, on both databases."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import Engine

from digest.dispatch.flow import FAILURES, Limits
from digest.dispatch.gate import Gate
from digest.dispatch.providers.resend import Resend
from digest.dispatch.sender import Sender
from digest.dispatch.watch import Watch
from digest.errors import NotSent, ProviderError, Unclear, Unknowable
from digest.store import flow as store
from digest.store.db import reading, writing
from digest.types import Alert, DispatchReport, Flow
from tests.dispatch.ledger_rows import Kitchen, add_readers, plan, run, states, value
from tests.dispatch.resend_sink import Keyless, Sink, answering, lost
from tests.dispatch.sending import chunks_rested, sent_to

Make = Callable[..., Sender]
LATER = 4e9


def at_once(count: int, deed: Callable[[], object]) -> None:
    start, errors = threading.Barrier(count), []

    def work() -> None:
        start.wait()
        try:
            deed()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []


def row(engine: Engine) -> tuple[Flow, float]:
    with reading(engine) as session:
        return store.look(session, "resend")


def put(engine: Engine, **values: float) -> None:
    with writing(engine) as session:
        store.change(session, "resend", lambda row, _: (replace(row, **values), None))  # type: ignore[arg-type]


def ended(gate: Gate, engine: Engine, error: ProviderError | None) -> bool:
    with writing(engine) as session:
        return gate.ended(session, error)


@pytest.fixture
def gate(database: Engine, sink: Sink) -> Callable[..., Gate]:
    return lambda rate=0.0: Gate(database, Resend(sink.url, "re_key", httpx.Timeout(2.0)), rate)


@pytest.mark.parametrize("error", [Unclear("no answer"), Unknowable("no answer"), NotSent("down")])
def test_answers_that_do_not_help_open_the_breaker_whatever_they_are_called(
    database: Engine, gate: Callable[..., Gate], error: ProviderError
) -> None:
    assert [ended(gate(), database, error) for _ in range(FAILURES)] == [False] * (FAILURES - 1) + [True]
    assert not gate().ask(1).granted


def test_a_call_of_which_some_mails_were_taken_is_no_failure(database: Engine, gate: Callable[..., Gate]) -> None:
    for _ in range(2 * FAILURES):
        with writing(database) as session:
            assert not gate().ended(session, NotSent("the connection died"), took_some=True)
    assert gate().ask(1).granted


# --- pace -------------------------------------------------------------------------------------------------------------


def test_workers_at_once_take_turns_in_the_time_that_the_rate_gives(
    database: Engine, gate: Callable[..., Gate]
) -> None:
    _, start = row(database)
    granted: list[float] = []

    def work() -> None:
        mine = gate(10.0)
        for _ in range(4):
            permit = mine.ask(2)
            assert permit.granted
            granted.append(permit.wait)

    at_once(3, work)
    assert row(database)[0].mails_at >= start + 12 * 2 / 10.0 - 1e-3, "no two took the same time"
    assert len(granted) == 12


def test_where_there_is_nothing_to_mind_nothing_is_written(database: Engine, gate: Callable[..., Gate]) -> None:
    assert gate().ask(100).granted
    assert not ended(gate(), database, None)
    assert value(database, "SELECT count(*) FROM provider_flow") == 0


def test_three_workers_send_everybody_one_mail_at_the_rate(database: Engine, sink: Sink, make: Make) -> None:
    edition = plan(database, add_readers(database, 12), chunk_size=3)
    _, start = row(database)
    senders = [make(limits=Limits(rate=20.0)) for _ in range(3)]
    at_once(3, lambda: senders.pop().drain())
    assert sent_to(sink) == list(range(1, 13))
    assert set(states(database, edition).values()) == {"accepted"}
    assert row(database)[0].mails_at >= start + 12 / 20.0 - 1e-3


def test_a_slow_rate_makes_small_batches_and_ends_a_drain_that_would_wait_for_long(
    database: Engine, sink: Sink, make: Make
) -> None:
    plan(database, add_readers(database, 30))
    slept: list[float] = []
    report = make(limits=Limits(rate=2.0), sleep=slept.append).drain()
    assert {len(body.split(b'"to"')) - 1 for _, body in sink.calls} == {2}
    assert sent_to(sink) == list(range(1, report.accepted + 1))
    assert report.accepted < 30, "nobody waited in truth, so the time was used up soon"
    assert slept == sorted(slept)
    assert max(slept) <= 10.0
    assert "resend is not to be called for" in report.problem
    put(database, mails_at=0.0)
    chunks_rested(database)
    assert make().drain().accepted == 30 - report.accepted


def test_what_one_worker_is_told_keeps_all_of_them_away(database: Engine, sink: Sink, make: Make) -> None:
    plan(database, add_readers(database, 3))
    sink.script.append(answering(429, b'{"name": "rate_limit_exceeded"}', retry_after="600"))
    assert make(sleep=lambda _: None).drain().retry == 3
    chunks_rested(database)
    report = make(sleep=lambda _: None).drain()
    assert report.accepted == 0
    assert len(sink.calls) == 1
    found, now = row(database)
    assert 500 < found.until - now <= 600
    put(database, until=0.0)
    chunks_rested(database)
    assert make(sleep=lambda _: None).drain().accepted == 3


def test_headers_set_the_pace(database: Engine, sink: Sink, make: Make) -> None:
    plan(database, add_readers(database, 3))

    def told(handler: object) -> bool:
        body = sink.take(json.loads(sink.calls[-1][1]))
        return handler.reply(200, body, ratelimit_limit="2", ratelimit_remaining="0", ratelimit_reset="90")  # type: ignore[attr-defined,no-any-return]

    sink.script.append(told)
    assert make().drain().accepted == 3
    found, now = row(database)
    assert found.rate == 2.0
    assert 60 < found.until - now <= 90


# --- breaker ----------------------------------------------------------------------------------------------------------


def test_failures_of_all_workers_in_a_row_open_the_breaker_once(database: Engine, gate: Callable[..., Gate]) -> None:
    opened: list[bool] = []
    for _ in range(FAILURES - 1):
        assert not ended(gate(), database, Unclear("no answer"))
    assert not ended(gate(), database, NotSent("slow down", 0.0)), "it is there"
    for _ in range(FAILURES - 1):
        assert not ended(gate(), database, NotSent("cannot be reached"))
    at_once(3, lambda: opened.append(ended(gate(), database, Unclear("no answer"))))
    assert sorted(opened) == [False, False, True]
    assert not gate().ask(1).granted


def test_of_workers_at_once_one_tries_a_breaker_that_has_rested(database: Engine, gate: Callable[..., Gate]) -> None:
    put(database, failures=FAILURES, opened=1, open_until=1.0)
    granted: list[bool] = []
    at_once(3, lambda: granted.append(gate().ask(1).granted))
    assert sorted(granted) == [False, False, True]
    assert not ended(gate(), database, None)
    assert row(database)[0].open_until == 0.0


def test_a_provider_that_is_down_is_left_alone_told_of_and_tried_with_one_batch(
    database: Engine, sink: Sink, make: Make
) -> None:
    edition = plan(database, add_readers(database, 15), chunk_size=3)
    alerts: list[Alert] = []
    sink.script.extend([answering(503)] * FAILURES)
    make(alert=alerts.append, sleep=lambda _: None).drain()
    assert len(sink.calls) == FAILURES
    (alert,) = alerts
    assert (alert.kind, alert.about) == ("breaker", "resend")
    assert "5 failed calls in a row" in alert.text
    chunks_rested(database)
    assert "resend is not to be called" in make(sleep=lambda _: None).drain().problem
    assert len(sink.calls) == FAILURES, "nobody calls"
    put(database, open_until=1.0)
    chunks_rested(database)
    sink.script.append(answering(503))
    make(alert=alerts.append, sleep=lambda _: None).drain()
    assert len(sink.calls) == FAILURES + 1, "one batch, and it rests again"
    assert len(alerts) == 1
    put(database, open_until=1.0)
    chunks_rested(database)
    assert make(sleep=lambda _: None).drain().accepted == 15
    assert sent_to(sink) == list(range(1, 16))
    assert set(states(database, edition).values()) == {"accepted"}


# --- unknown and stopped ----------------------------------------------------------------------------------------------


def test_mails_that_become_unknown_are_told_of(database: Engine, sink: Sink, make: Make) -> None:
    edition = plan(database, add_readers(database, 3))
    alerts: list[Alert] = []
    sink.script.append(lost)
    assert make(Keyless, alert=alerts.append).drain() == DispatchReport(unknown=3)
    text = f"edition {edition}: 3 mails are unknown; see `digest deliveries stuck`"
    assert alerts == [Alert("unknown", f"edition {edition}", text)]


def refuse(engine: Engine, *readers: int) -> None:
    for reader in readers:
        run(engine, "UPDATE subscriber SET address = :a WHERE id = :r", a=f"invalid{reader}@example.org", r=reader)


def test_an_edition_of_which_too_many_are_rejected_stops_until_somebody_goes_on(
    database: Engine, sink: Sink, make: Make
) -> None:
    edition = plan(database, add_readers(database, 12), chunk_size=6)
    other = plan(database, [1, 2], slot="tick:other", priority=9)
    refuse(database, 1, 2)
    alerts: list[Alert] = []
    limits, kitchen = Limits(percent=30.0, least=6), Kitchen(database, stories=())
    report = make(limits=limits, alert=alerts.append, compose=kitchen).drain()
    assert report.problem == f"edition {edition} is stopped: 2 of 6 mails were rejected or bounced"
    assert [alert.kind for alert in alerts] == ["stopped"]
    assert f"`digest editions resume {edition}`" in alerts[0].text
    assert list(states(database, edition).values()).count("planned") == 6
    assert set(states(database, other).values()) == {"rejected"}, "others go on"
    chunks_rested(database)
    assert make(limits=limits, compose=kitchen).drain(edition_id=edition) == DispatchReport()
    with writing(database) as session:
        assert store.go_on(session, edition)
        assert not store.go_on(session, edition)
    assert make(limits=limits, compose=kitchen).drain().accepted == 6, "what counted before counts no more"
    assert value(database, "SELECT state FROM edition WHERE id = :e", e=edition) == "done"


def test_bounces_count_each_reader_once_and_of_three_workers_one_tells(database: Engine) -> None:
    edition = plan(database, add_readers(database, 20))
    run(database, "UPDATE delivery SET state = 'accepted'")
    run(database, "UPDATE delivery SET state = 'rejected' WHERE subscriber_id = 1")
    for number, (reader, kind) in enumerate(
        [(1, "rejected"), (2, "bounced_hard"), (2, "complained"), (3, "delivered")]
    ):
        run(
            database,
            "INSERT INTO event (provider, event_id, kind, via, message_id, edition_id, subscriber_id, at, received_at, "
            "detail) VALUES ('resend', :id, :kind, '', '', :e, :r, '2026-01-01', '2026-01-01', '')",
            id=str(number),
            kind=kind,
            e=edition,
            r=reader,
        )
    with reading(database) as session:
        assert store.answered(session, edition) == (20, 2)
    assert Watch(database, Limits(percent=10.1, least=20)).judge(edition) == ""
    assert Watch(database, Limits(percent=10.0, least=21)).judge(edition) == ""
    told: list[str] = []
    at_once(3, lambda: told.append(Watch(database, Limits(percent=10.0, least=20)).judge(edition)))
    assert sorted(told) == ["", "", "2 of 20 mails were rejected or bounced"]
