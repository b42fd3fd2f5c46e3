"""The ledger's transactions one by one, each committed, as a sender makes them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine

from digest.store import attempts, ledger
from digest.store.db import reading, writing
from digest.store.staff import NOBODY, Staff
from digest.types import ChunkState, Due, Lease, LeftOut, Pick
from tests.dispatch.ledger_rows import address_hashes


def lease(engine: Engine, holder: str = "a", seconds: float = 60.0, edition_id: int | None = None) -> Lease | None:
    with writing(engine) as session:
        return ledger.lease_chunk(session, holder, seconds, edition_id)


def taken(engine: Engine, holder: str = "a", seconds: float = 60.0) -> Lease:
    found = lease(engine, holder, seconds)
    assert found is not None
    return found


def due(engine: Engine, held: Lease, limit: int = 100) -> list[Due]:
    with reading(engine) as session:
        return ledger.due(session, held, limit)


def composed(readers: Sequence[Due], picks: tuple[Pick, ...] = (Pick(1, 1),)) -> list[attempts.Composed]:
    return [
        attempts.Composed(
            each.subscriber_id,
            f"Reader{each.subscriber_id}@example.org",
            picks,
            each.memory,
            b"h" * 32,
            each.profile_id,
        )
        for each in readers
    ]


def opened(
    engine: Engine,
    held: Lease,
    mails: Sequence[attempts.Composed],
    left_out: Sequence[LeftOut] = (),
    staff: Staff = NOBODY,
) -> attempts.Opened:
    with writing(engine) as session:
        return attempts.open_attempt(
            session, held, mails, left_out, provider="outbox", address_hashes=address_hashes, seconds=60.0, staff=staff
        )


def settled(engine: Engine, held: Lease, attempt_id: int | None, outcomes: dict[int, attempts.Outcome]) -> None:
    assert attempt_id is not None
    with writing(engine) as session:
        attempts.settle(session, held, attempt_id, outcomes, 60.0)


def closed(engine: Engine, held: Lease, pause: float = 0.0) -> ChunkState:
    with writing(engine) as session:
        return ledger.close_chunk(session, held, pause)


def repeated(engine: Engine, held: Lease, addresses: dict[int, str], staff: Staff = NOBODY) -> bool:
    with reading(engine) as session:
        (found,) = attempts.find_attempts(session, held)
    with writing(engine) as session:
        return attempts.repeat_attempt(
            session, held, found, addresses, address_hashes=address_hashes, seconds=60.0, staff=staff
        )
