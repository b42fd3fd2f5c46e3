"""The ledger's transactions, one by one, on both databases: leases, attempts, outcomes, memory."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import Engine

from digest.errors import StaleFence
from digest.models import Attempt
from digest.store import attempts, ledger
from digest.store.db import open_database, reading, writing
from digest.types import Accepted, ChunkState, DeliveryState, Lease, LeftOut, Pick, RejectedItem
from tests.dispatch.ledger_rows import add_readers, deliveries, plan, run, states, value
from tests.store.ledger_steps import closed, composed, due, lease, opened, repeated, settled, taken

# --- chunks -----------------------------------------------------------------------------------------------------------


def test_only_frozen_editions_are_leased_and_the_most_urgent_first(database: Engine) -> None:
    readers = add_readers(database, 3)
    plan(database, readers, slot="tick:1", state="planning")
    assert lease(database) is None
    digest = plan(database, readers, slot="tick:2")
    system = plan(database, readers[:1], slot="system:1", priority=1)
    assert taken(database).edition_id == system
    assert lease(database, edition_id=system) is None
    assert taken(database).edition_id == digest
    assert lease(database) is None


def test_a_lease_that_ran_out_is_taken_over_under_the_next_fence(database: Engine) -> None:
    plan(database, add_readers(database, 2))
    old = taken(database, "a", seconds=0.05)
    time.sleep(0.1)
    new = taken(database, "b")
    assert (new.chunk_id, new.fence) == (old.chunk_id, old.fence + 1)
    assert lease(database, "c") is None


def test_a_stale_fence_writes_nothing(database: Engine) -> None:
    edition = plan(database, add_readers(database, 2))
    old = taken(database, "a", seconds=0.05)
    readers = due(database, old)
    first = opened(database, old, composed(readers))
    run(database, "UPDATE chunk SET until = 0")
    new = taken(database, "b")
    before = deliveries(database, edition)
    with pytest.raises(StaleFence):
        opened(database, old, composed(readers), [LeftOut(1, "skipped", "empty")])
    with pytest.raises(StaleFence):
        settled(database, old, first.attempt_id, {1: Accepted("x"), 2: Accepted("y")})
    with pytest.raises(StaleFence):
        closed(database, old)
    after = deliveries(database, edition)
    assert {reader: row.model_dump() for reader, row in after.items()} == {
        reader: row.model_dump() for reader, row in before.items()
    }
    assert value(database, "SELECT state FROM attempt") == "open"
    assert value(database, "SELECT fence FROM chunk") == new.fence


def test_a_chunk_rests_until_its_earliest_retry_and_is_done_when_all_are_terminal(database: Engine) -> None:
    edition = plan(database, add_readers(database, 2))
    held = taken(database)
    attempt = opened(database, held, composed(due(database, held)))
    settled(database, held, attempt.attempt_id, {1: Accepted("m1"), 2: attempts.Retry(30.0, "busy")})
    assert due(database, held) == []
    assert closed(database, held) == ChunkState.PLANNED
    assert lease(database) is None
    with reading(database) as session:
        waits = ledger.next_ready(session, edition)
        assert waits == pytest.approx(30, abs=3)
    row = deliveries(database, edition)[2]
    assert (row.state, row.picks, row.reason) == ("retry", None, "busy")

    run(database, "UPDATE delivery SET retry_at = 0 WHERE state = 'retry'")
    run(database, "UPDATE chunk SET ready_at = 0")
    held = taken(database)
    again = due(database, held)
    assert [(each.subscriber_id, each.picks) for each in again] == [(2, None)]
    attempt = opened(database, held, composed(again))
    settled(database, held, attempt.attempt_id, {2: RejectedItem("no such mailbox")})
    assert closed(database, held) == ChunkState.DONE
    assert value(database, "SELECT state FROM edition") == "done"
    with reading(database) as session:
        assert ledger.next_ready(session, edition) is None
        assert ledger.count_deliveries(session, edition) == {DeliveryState.ACCEPTED: 1, DeliveryState.REJECTED: 1}


def test_a_pause_holds_the_chunk_back_while_deliveries_wait(database: Engine) -> None:
    plan(database, add_readers(database, 1))
    assert closed(database, taken(database), pause=30.0) == ChunkState.PLANNED
    assert lease(database) is None
    run(database, "UPDATE chunk SET ready_at = 0")
    assert closed(database, taken(database)) == ChunkState.PLANNED
    assert lease(database) is not None


def test_counts_that_do_not_match_leave_the_edition_open(database: Engine) -> None:
    edition = plan(database, add_readers(database, 1))
    run(database, "UPDATE edition SET frozen_count = 2")
    held = taken(database)
    attempt = opened(database, held, composed(due(database, held)))
    settled(database, held, attempt.attempt_id, {1: Accepted("m1")})
    assert closed(database, held) == ChunkState.DONE
    assert value(database, "SELECT state FROM edition") == "frozen"
    with writing(database) as session:
        assert not ledger.finish_edition(session, edition)


def test_workers_at_once_never_hold_the_same_chunk(database: Engine) -> None:
    plan(database, add_readers(database, 24), chunk_size=1)
    found: list[Lease] = []

    def work(name: str) -> None:
        while (held := lease(database, name)) is not None:
            found.append(held)

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(held.chunk_id for held in found) == sorted({held.chunk_id for held in found})
    assert len(found) == 24


# --- opening ----------------------------------------------------------------------------------------------------------


def test_an_open_attempt_tells_everything_that_a_successor_needs(database: Engine) -> None:
    edition = plan(database, add_readers(database, 3))
    held = taken(database)
    picks = (Pick(7, 2), Pick(9, 3, 1))
    attempt = opened(database, held, composed(due(database, held), picks))
    assert attempt.readers == (1, 2, 3)
    assert len(attempt.key) <= 64
    assert states(database, edition) == dict.fromkeys((1, 2, 3), "attempting")
    with reading(database) as session:
        (found,) = attempts.find_attempts(session, held)
        again = attempts.attempted(session, held, found)
    assert (found.id, found.key, found.readers, found.tries) == (attempt.attempt_id, attempt.key, (1, 2, 3), 1)
    assert found.request_hash == attempts.request_hash([b"h" * 32] * 3)
    assert 0 <= found.age < 30
    assert [(each.subscriber_id, each.picks, each.memory) for each in again] == [(n, picks, {}) for n in (1, 2, 3)]


def test_what_composing_left_out_is_recorded_and_nobody_left_means_no_attempt(database: Engine) -> None:
    edition = plan(database, add_readers(database, 2))
    held = taken(database)
    verdicts = [LeftOut(1, "skipped", "empty"), LeftOut(2, "rejected", "the name holds a control character")]
    attempt = opened(database, held, [], verdicts)
    assert (attempt.attempt_id, attempt.skipped, attempt.rejected) == (None, 1, 1)
    assert states(database, edition) == {1: "skipped", 2: "rejected"}
    assert value(database, "SELECT count(*) FROM attempt") == 0
    assert closed(database, held) == ChunkState.DONE


def test_two_editions_at_once_never_send_one_story_twice(database: Engine) -> None:
    readers = add_readers(database, 2)
    morning = plan(database, readers, slot="tick:1")
    breaking = plan(database, readers[:1], slot="breaking:1:1")
    first, second = taken(database, "a"), taken(database, "b")
    mine, theirs = composed(due(database, first)), composed(due(database, second))
    assert opened(database, second, theirs).readers == (1,)
    attempt = opened(database, first, mine)
    assert attempt.readers == (2,)
    assert states(database, morning) == {1: "planned", 2: "attempting"}
    assert states(database, breaking) == {1: "attempting"}
    (again,) = due(database, first)
    assert (again.subscriber_id, again.memory) == (1, {1: (Pick(1, 1),)})


@pytest.mark.postgres
def test_opening_waits_for_an_unsubscribe_under_way_and_then_obeys_it(postgres_url: str) -> None:
    postgres_database = open_database(postgres_url)
    edition = plan(postgres_database, add_readers(postgres_database, 2))
    held = taken(postgres_database)
    mails = composed(due(postgres_database, held))
    results: list[attempts.Opened] = []
    worker = threading.Thread(target=lambda: results.append(opened(postgres_database, held, mails)))
    with writing(postgres_database) as session:
        session.connection().exec_driver_sql("UPDATE subscriber SET status = 'left' WHERE id = 1")
        worker.start()
        worker.join(0.4)
        assert worker.is_alive()
    worker.join(10)
    assert results[0].readers == (2,)
    assert states(postgres_database, edition) == {1: "skipped", 2: "attempting"}
    postgres_database.dispose()


# --- settling and repeating -------------------------------------------------------------------------------------------


def test_every_kind_of_outcome_is_recorded(database: Engine) -> None:
    edition = plan(database, add_readers(database, 5))
    held = taken(database)
    attempt = opened(database, held, composed(due(database, held)))
    outcomes: dict[int, attempts.Outcome] = {
        1: Accepted("m1"),
        2: RejectedItem("no such mailbox"),
        3: attempts.Retry(0.0, "the batch was refused", alone=True),
        4: attempts.Unknown("no answer"),
        5: attempts.Retry(0.0, "the mailbox is full", own=True),
    }
    settled(database, held, attempt.attempt_id, outcomes)
    rows = deliveries(database, edition)
    assert states(database, edition) == {1: "accepted", 2: "rejected", 3: "retry", 4: "unknown", 5: "retry"}
    assert [rows[n].provider_message_id for n in (1, 2, 3, 4)] == ["m1", None, None, None]
    assert [rows[n].reason for n in (2, 3, 4)] == ["no such mailbox", "the batch was refused", "no answer"]
    assert [rows[n].picks is None for n in (1, 2, 3, 4)] == [False, False, True, False]
    assert [rows[n].tries for n in (1, 2, 3, 4, 5)] == [1, 1, 0, 1, 1], "a batch's failure is no try of its mails"
    assert [each.tries for each in due(database, held)] == [1]
    assert rows[3].alone
    with pytest.raises(StaleFence):
        settled(database, held, attempt.attempt_id, {1: RejectedItem("too late")})
    assert states(database, edition)[1] == "accepted"


def test_a_mail_marked_alone_comes_by_itself_after_the_others(database: Engine) -> None:
    plan(database, add_readers(database, 4))
    run(database, "UPDATE delivery SET alone = true WHERE subscriber_id IN (1, 2)")
    held = taken(database)
    assert [each.subscriber_id for each in due(database, held)] == [3, 4]
    opened(database, held, composed(due(database, held)))
    assert [each.subscriber_id for each in due(database, held)] == [1]


def test_a_successor_repeats_an_open_attempt_and_the_old_holder_cannot_settle_it(database: Engine) -> None:
    edition = plan(database, add_readers(database, 2))
    old = taken(database, "a")
    attempt = opened(database, old, composed(due(database, old)))
    run(database, "UPDATE chunk SET until = 0")
    new = taken(database, "b")
    assert repeated(database, new, {1: "Reader1@example.org", 2: "Reader2@example.org"})
    with pytest.raises(StaleFence):
        settled(database, old, attempt.attempt_id, {1: RejectedItem("x"), 2: RejectedItem("x")})
    with reading(database) as session:
        (found,) = attempts.find_attempts(session, new)
    assert (found.key, found.tries) == (attempt.key, 2)
    settled(database, new, attempt.attempt_id, {1: Accepted("m1"), 2: Accepted("m2")})
    assert set(states(database, edition).values()) == {"accepted"}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE subscriber SET status = 'left' WHERE id = 2",
        "UPDATE subscriber SET address = 'else@example.org' WHERE id = 2",
        "DELETE FROM subscriber WHERE id = 2",
    ],
)
def test_a_batch_is_not_repeated_when_one_of_its_readers_is_gone(database: Engine, change: str) -> None:
    plan(database, add_readers(database, 2))
    held = taken(database)
    opened(database, held, composed(due(database, held)))
    run(database, change)
    assert not repeated(database, held, {1: "Reader1@example.org", 2: "Reader2@example.org"})
    assert value(database, "SELECT tries FROM attempt") == 1


def test_an_attempt_left_open_keeps_its_deliveries_and_says_why(database: Engine) -> None:
    edition = plan(database, add_readers(database, 1))
    held = taken(database)
    attempt = opened(database, held, composed(due(database, held)))
    assert attempt.attempt_id is not None
    with writing(database) as session:
        attempts.leave_open(session, held, attempt.attempt_id, "no answer", 60.0)
    assert states(database, edition) == {1: "attempting"}
    with reading(database) as session:
        row = session.get(Attempt, attempt.attempt_id)
        assert row is not None
        assert (row.state, row.problem) == ("open", "no answer")
    assert closed(database, held, pause=30.0) == ChunkState.PLANNED
    assert lease(database) is None


# --- memory -----------------------------------------------------------------------------------------------------------


def test_what_waits_in_an_edition_can_be_hurried(database: Engine) -> None:
    edition = plan(database, add_readers(database, 2), slot="manual:a", kind="manual")
    held = taken(database)
    attempt = opened(database, held, composed(due(database, held)))
    settled(database, held, attempt.attempt_id, {1: Accepted("m1"), 2: attempts.Retry(900.0, "down")})
    closed(database, held, pause=900.0)
    assert lease(database) is None
    with writing(database) as session:
        assert ledger.unfinished(session, "manual") == {edition: 1}
        assert ledger.unfinished(session, "tick") == {}
        ledger.hurry(session, edition)
    again = due(database, taken(database))
    assert [each.subscriber_id for each in again] == [2]
