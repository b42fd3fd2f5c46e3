"""The sender with a real ledger on both databases and an HTTP provider on loopback that can be told to misbehave."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from digest.dispatch.providers.outbox import Outbox
from digest.dispatch.sender import Sender
from digest.errors import TemplateError
from digest.types import DispatchReport, Due, Envelope, LeftOut, Pick
from tests.dispatch.ledger_rows import (
    Kitchen,
    add_readers,
    address_hashes,
    deliveries,
    plan,
    run,
    states,
    value,
)
from tests.dispatch.resend_sink import Keyless, Sink, answering, dropped, error, lost
from tests.dispatch.sending import rest_is_over, sent_to


def test_a_run_without_faults_sends_everybody_one_mail(
    database: Engine, sink: Sink, make: Callable[..., Sender]
) -> None:
    edition = plan(database, add_readers(database, 10), chunk_size=5)
    seen: list[DispatchReport] = []
    points: list[str] = []
    report = make(trace=points.append).drain(on_progress=seen.append)
    assert report == DispatchReport(accepted=10)
    assert sent_to(sink) == list(range(1, 11))
    assert set(states(database, edition).values()) == {"accepted"}
    assert value(database, "SELECT state FROM edition") == "done"
    assert [each.accepted for each in seen] == [3, 5, 8, 10]
    batch = ["composed", "opened", "sent", "settled"]
    assert points == ["leased", *batch, *batch, "closed"] * 2
    assert len({headers["idempotency-key"] for headers, _ in sink.calls}) == 4
    assert make().drain() == DispatchReport()


def test_one_edition_only_when_asked(database: Engine, sink: Sink, make: Callable[..., Sender]) -> None:
    readers = add_readers(database, 2)
    first, second = plan(database, readers, slot="tick:1"), plan(database, readers[:1], slot="tick:2")
    kitchen = Kitchen(database, stories=())
    assert make(compose=kitchen).drain(edition_id=second).accepted == 1
    assert set(states(database, first).values()) == {"planned"}


def test_verdicts_of_composing_and_of_the_provider_stay_with_their_reader(
    database: Engine, sink: Sink, make: Callable[..., Sender]
) -> None:
    edition = plan(database, add_readers(database, 6))
    run(database, "UPDATE subscriber SET address = 'invalid@example.org' WHERE id = 2")
    run(database, "UPDATE subscriber SET status = 'left' WHERE id = 3")
    told = Kitchen(database, broken={4: "two\nlines"})

    def compose(edition_id: int, due: Sequence[Due], encoding: str) -> list[Envelope | LeftOut]:
        made = told(edition_id, due, encoding)
        return [
            LeftOut(5, "skipped", "empty") if each.subscriber_id == 5 else each
            for each in made
            if each.subscriber_id != 6
        ]

    report = make(compose=compose).drain()
    rows = deliveries(database, edition)
    assert {reader: (row.state, row.reason) for reader, row in rows.items()} == {
        1: ("accepted", None),
        2: ("rejected", "Invalid `to` field: Reader 2 <(address)>"),
        3: ("skipped", "left"),
        4: ("rejected", "the mail's Subject holds a control character"),
        5: ("skipped", "empty"),
        6: ("rejected", "composing gave no mail for this reader"),
    }
    assert report == DispatchReport(accepted=1, rejected=3, skipped=2)
    assert value(database, "SELECT state FROM edition") == "done"


def test_a_stop_request_finishes_the_batch_and_gives_the_chunk_back(
    database: Engine, sink: Sink, make: Callable[..., Sender]
) -> None:
    plan(database, add_readers(database, 9))
    stop = threading.Event()
    report = make().drain(stop, on_progress=lambda _: stop.set())
    assert report == DispatchReport(accepted=3)
    assert value(database, "SELECT state FROM chunk") == "planned"
    assert make().drain() == DispatchReport(accepted=6)
    assert sent_to(sink) == list(range(1, 10))


def test_not_sent_is_tried_again_under_a_new_key(database: Engine, sink: Sink, make: Callable[..., Sender]) -> None:
    edition = plan(database, add_readers(database, 2))
    sink.script.append(answering(429, error("rate_limit_exceeded"), retry_after="90"))
    report = make().drain()
    assert (report.accepted, report.retry) == (0, 2)
    assert "slow down" in report.problem
    assert set(states(database, edition).values()) == {"retry"}
    assert make().drain() == DispatchReport()
    rest_is_over(database)
    assert make().drain() == DispatchReport(accepted=2)
    keys = [headers["idempotency-key"] for headers, _ in sink.calls]
    assert len(set(keys)) == 2
    assert sent_to(sink) == [1, 2]


def test_a_short_wait_that_the_provider_asks_for_is_waited(
    database: Engine, sink: Sink, make: Callable[..., Sender]
) -> None:
    plan(database, add_readers(database, 2))
    sink.script.append(answering(429, error("rate_limit_exceeded"), retry_after="2"))
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        rest_is_over(database)

    assert make(sleep=sleep).drain() == DispatchReport(accepted=2, retry=2)
    assert naps == [2.0]


@pytest.mark.parametrize("step", [lost, dropped, answering(500), answering(200, b'{"data": [{"id"')])
def test_doubt_is_repeated_byte_for_byte_under_the_same_key(
    database: Engine, sink: Sink, make: Callable[..., Sender], step: object
) -> None:
    edition = plan(database, add_readers(database, 2))
    sink.script.append(step)  # type: ignore[arg-type]
    assert make().drain() == DispatchReport(retry=2)
    assert set(states(database, edition).values()) == {"attempting"}
    assert make().drain() == DispatchReport()
    rest_is_over(database)
    assert make().drain() == DispatchReport(accepted=2)
    (first, one), (second, two) = sink.calls
    assert first["idempotency-key"] == second["idempotency-key"]
    assert one == two
    assert sent_to(sink) == [1, 2]


@pytest.mark.parametrize(
    "answer", [answering(429, error("rate_limit_exceeded")), answering(422), answering(403), dropped]
)
def test_an_answer_to_the_repeat_that_is_no_result_never_leads_to_a_new_key(
    database: Engine, sink: Sink, make: Callable[..., Sender], answer: object
) -> None:
    edition = plan(database, add_readers(database, 2))
    sink.script.extend([lost, answer])  # type: ignore[list-item]
    make().drain()
    rest_is_over(database)
    assert make().drain().retry == 2
    assert set(states(database, edition).values()) == {"attempting"}
    rest_is_over(database)
    assert make().drain().accepted == 2
    assert len({headers["idempotency-key"] for headers, _ in sink.calls}) == 1
    assert sent_to(sink) == [1, 2]


def test_a_doubtful_batch_is_unknown_once_a_reader_of_it_has_left(
    database: Engine, sink: Sink, make: Callable[..., Sender]
) -> None:
    edition = plan(database, add_readers(database, 3))
    sink.script.append(dropped)
    make().drain()
    run(database, "UPDATE subscriber SET status = 'left' WHERE id = 2")
    rest_is_over(database)
    assert make().drain() == DispatchReport(unknown=3)
    assert len(sink.calls) == 1
    row = deliveries(database, edition)[1]
    assert (row.state, row.picks is not None) == ("unknown", True)
    assert "has left" in (row.reason or "")
    assert value(database, "SELECT state FROM edition") == "done"


@pytest.mark.parametrize("changed", ["key age", "bytes", "provider"])
def test_a_doubtful_batch_is_unknown_when_it_cannot_be_the_very_same(
    database: Engine, sink: Sink, make: Callable[..., Sender], changed: str, tmp_path: Path
) -> None:
    plan(database, add_readers(database, 2))
    sink.script.append(lost)
    make().drain()
    rest_is_over(database)
    sender = make()
    if changed == "key age":
        run(database, "UPDATE attempt SET opened_at = opened_at - 86000")
    elif changed == "bytes":
        sender = make(compose=Kitchen(database, subject="Another subject"))
    else:
        sender = Sender(database, Outbox(tmp_path), Kitchen(database), holder="w", address_hashes=address_hashes)
    assert sender.drain() == DispatchReport(unknown=2)
    assert len(sink.calls) == 1


@pytest.mark.parametrize("step", [lost, dropped, answering(500)])
def test_without_keys_doubt_is_unknown_at_once_and_never_sent_again(
    database: Engine, sink: Sink, make: Callable[..., Sender], step: object
) -> None:
    edition = plan(database, add_readers(database, 5))
    sink.script.append(step)  # type: ignore[arg-type]
    assert make(Keyless).drain() == DispatchReport(accepted=2, unknown=3)
    rest_is_over(database)
    assert make(Keyless).drain() == DispatchReport()
    assert list(states(database, edition).values()).count("unknown") == 3
    assert len(sink.calls) == 2
    assert value(database, "SELECT state FROM edition") == "done"


def test_a_refused_batch_goes_on_one_by_one_and_only_the_bad_mail_is_rejected(
    database: Engine, sink: Sink, make: Callable[..., Sender]
) -> None:
    edition = plan(database, add_readers(database, 3))
    bad = answering(422, error("validation_error", "The html is too long."))
    sink.script.extend([bad, lambda _: False, bad])
    assert make().drain() == DispatchReport(accepted=2, rejected=1)
    assert states(database, edition) == {1: "accepted", 2: "rejected", 3: "accepted"}
    assert "too long" in (deliveries(database, edition)[2].reason or "")


def test_a_refusal_stops_everything_and_tells_the_operator_what_to_do(
    database: Engine, sink: Sink, make: Callable[..., Sender]
) -> None:
    readers = add_readers(database, 6)
    edition = plan(database, readers, chunk_size=3)
    sink.script.append(answering(403, error("invalid_api_key")))
    report = make().drain()
    assert report.retry == 3
    assert "RESEND_API_KEY" in report.problem
    assert len(sink.calls) == 1
    assert sorted(states(database, edition).values()) == ["planned"] * 3 + ["retry"] * 3
    rest_is_over(database)
    assert make().drain() == DispatchReport(accepted=6)


def test_a_provider_that_is_down_is_not_asked_for_every_chunk(
    database: Engine, sink: Sink, make: Callable[..., Sender]
) -> None:
    plan(database, add_readers(database, 12), chunk_size=1)
    sink.script.extend([dropped] * 12)
    report = make().drain()
    assert len(sink.calls) == 5
    assert "will be tried again" in report.problem


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (TemplateError("email/digest/body.html: no such variable"), "email/digest/body.html: no such variable"),
        (RuntimeError("a defect of ours"), "RuntimeError in edition 1; the log has the details"),
    ],
)
def test_an_edition_that_cannot_be_composed_holds_up_no_other(
    database: Engine, sink: Sink, make: Callable[..., Sender], failure: Exception, told: str
) -> None:
    readers = add_readers(database, 2)
    broken, fine = plan(database, readers, slot="tick:1"), plan(database, readers, slot="tick:2")
    kitchen = Kitchen(database)

    def compose(edition_id: int, due: Sequence[Due], encoding: str) -> list[Envelope | LeftOut]:
        if edition_id == broken:
            raise failure
        return kitchen(edition_id, due, encoding)

    report = make(compose=compose).drain()
    assert (report.accepted, report.problem) == (2, told)
    assert set(states(database, broken).values()) == {"planned"}
    assert set(states(database, fine).values()) == {"accepted"}


def test_two_editions_that_meet_send_one_story_once(database: Engine, sink: Sink, make: Callable[..., Sender]) -> None:
    readers = add_readers(database, 3)
    morning = plan(database, readers, slot="tick:1")
    breaking = plan(database, readers[:2], slot="breaking:1:1")
    other = make(compose=Kitchen(database, stories=(Pick(1, 1),)))
    met: list[DispatchReport] = []

    def meanwhile(_: Sequence[Due]) -> None:
        if not met:
            met.append(DispatchReport())
            met[0] = other.drain(edition_id=breaking)

    kitchen = Kitchen(database, stories=(Pick(1, 1), Pick(2, 1)), before=meanwhile)
    assert make(compose=kitchen).drain(edition_id=morning) == DispatchReport(accepted=3)
    assert met == [DispatchReport(accepted=2)]
    assert kitchen.composed == [[1, 2, 3], [1, 2]]
    told = [(mail["headers"]["Feedback-ID"], mail["text"]) for mail in sink.mails()]
    assert sorted(told) == [
        (f"{morning}:1", "story 2"),
        (f"{morning}:2", "story 2"),
        (f"{morning}:3", "story 1, story 2"),
        (f"{breaking}:1", "story 1"),
        (f"{breaking}:2", "story 1"),
    ]


def test_readers_who_keep_changing_do_not_keep_the_sender_for_ever(
    database: Engine, sink: Sink, make: Callable[..., Sender]
) -> None:
    plan(database, add_readers(database, 1))
    kitchen = Kitchen(database)

    def compose(edition_id: int, due: Sequence[Due], encoding: str) -> list[Envelope | LeftOut]:
        (mail,) = kitchen(edition_id, due, encoding)
        assert isinstance(mail, Envelope)
        return [mail._replace(recipient=replace(mail.recipient, address="elsewhere@example.org"))]

    assert make(compose=compose).drain() == DispatchReport()
    assert sink.calls == []
    assert make().drain() == DispatchReport()
    rest_is_over(database)
    assert make().drain() == DispatchReport(accepted=1)


def test_a_worker_that_was_frozen_past_its_lease_neither_sends_nor_writes(
    database: Engine, sink: Sink, make: Callable[..., Sender]
) -> None:
    plan(database, add_readers(database, 2))
    second = make()
    met: list[DispatchReport] = []

    def freeze(point: str) -> None:
        if point == "composed" and not met:
            run(database, "UPDATE chunk SET until = 0")
            met.append(second.drain())

    assert make(trace=freeze).drain() == DispatchReport()
    assert met == [DispatchReport(accepted=2)]
    assert sent_to(sink) == [1, 2]


def test_a_lease_that_ran_out_between_writing_and_calling_leaves_the_call_to_the_next(
    database: Engine, sink: Sink, make: Callable[..., Sender]
) -> None:
    plan(database, add_readers(database, 2))
    stalled: list[str] = []

    def stall(point: str) -> None:
        if point == "opened" and not stalled:
            stalled.append(point)
            threading.Event().wait(1.6)

    report = make(trace=stall, lease_seconds=1.5).drain()
    assert report == DispatchReport(accepted=2)
    assert len(sink.calls) == 1
    assert value(database, "SELECT tries FROM attempt") == 2


def test_three_workers_at_once_send_everybody_one_mail(
    database: Engine, sink: Sink, make: Callable[..., Sender]
) -> None:
    plan(database, add_readers(database, 40), chunk_size=4)
    senders = [make() for _ in range(3)]
    threads = [threading.Thread(target=sender.drain) for sender in senders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sent_to(sink) == list(range(1, 41))
    assert value(database, "SELECT state FROM edition") == "done"
