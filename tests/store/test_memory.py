"""Story memory: packed into deliveries, read back for the readers of a batch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from digest.store.db import database_time, reading
from digest.store.memory import memory_of, pack, unpack
from digest.types import Pick
from tests.dispatch.ledger_rows import NOW, add_readers, plan, run


def test_picks_survive_packing() -> None:
    picks = (Pick(2**63, 65535, 12), Pick(1, 2), Pick(0, 0, 0))
    assert unpack(pack(picks)) == picks
    assert len(pack(picks)) == 36
    assert unpack(pack([Pick(1, 70000, 66000)])) == (Pick(1, 65535, 65535),)
    assert unpack(None) == ()


def test_memory_counts_what_was_or_may_have_been_sent_and_forgets_after_thirty_days(database: Engine) -> None:
    with reading(database) as session:
        today = datetime.fromtimestamp(database_time(session), UTC)
    readers = add_readers(database, 5)
    told = {"attempting": 1, "accepted": 2, "unknown": 3, "rejected": 4, "retry": 5}
    first = plan(database, readers, slot="tick:1", planned_at=today - timedelta(days=2))
    for state, reader in told.items():
        sql = "UPDATE delivery SET state = :state, picks = :picks WHERE subscriber_id = :reader"
        run(database, sql, state=state, picks=pack([Pick(10, 1), Pick(11, 1)]), reader=reader)
    second = plan(database, readers[:2], slot="tick:2", planned_at=today - timedelta(days=1))
    sql = "UPDATE delivery SET state = 'accepted', picks = :picks WHERE edition_id = :edition"
    run(database, sql, picks=pack([Pick(10, 4, 1)]), edition=second)
    old = plan(database, readers[:1], slot="tick:0", planned_at=today - timedelta(days=31))
    run(database, sql, picks=pack([Pick(99, 1)]), edition=old)
    both = {10: (Pick(10, 1), Pick(10, 4, 1)), 11: (Pick(11, 1),)}
    with reading(database) as session:
        assert memory_of(session, readers) == {1: both, 2: both, 3: {10: (Pick(10, 1),), 11: (Pick(11, 1),)}}
        assert memory_of(session, [1], except_edition=first) == {1: {10: (Pick(10, 4, 1),)}}
        assert 99 in memory_of(session, [1], since=NOW - timedelta(days=3650))[1]
        assert memory_of(session, []) == {}
