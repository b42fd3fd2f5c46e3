"""How editions stand: what became of their mails so far, and whether they are finished. Reads only.

Finished means what `ledger.finish_edition` demands: every chunk done, every delivery terminal, and as many of them as
were frozen. An edition of which all chunks are done and whose counts do not match is not finished; it is shown with
both numbers, since nothing will ever end it by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session

from digest.models import Chunk, Delivery, Edition
from digest.store.ledger import TERMINAL
from digest.types import ChunkState, DeliveryState, EditionState
from subscribers.sql import table

_edition, _delivery, _chunk = table(Edition), table(Delivery), table(Chunk)


@dataclass(frozen=True, slots=True)
class Standing:
    """How one edition stands."""

    edition_id: int
    kind: str
    slot: str
    state: EditionState
    planned_at: datetime
    frozen_at: datetime | None
    frozen_count: int
    """How many mails it was frozen with."""
    mails: Mapping[DeliveryState, int]
    chunks_open: int
    """Chunks that are not done."""
    stopped: str
    """Why it was stopped; empty while it goes on."""

    @property
    def waiting(self) -> int:
        """Mails of which nothing final is known yet."""
        return sum(count for state, count in self.mails.items() if state not in TERMINAL)

    @property
    def missing(self) -> int:
        """By how many the ledger's mails differ from those it was frozen with; 0 for one that is not frozen yet."""
        return 0 if self.state is EditionState.PLANNING else self.frozen_count - sum(self.mails.values())


def newest(
    session: Session, *, limit: int, unfinished: bool = False, system: bool = False, edition_id: int | None = None
) -> list[Standing]:
    """Editions, the newest first: all, or those that are not done; system mails, one edition each, when asked for; or
    one edition alone."""
    wanted = [_edition.c.state != EditionState.DONE] if unfinished else []
    if not system and edition_id is None:
        wanted.append(_edition.c.kind != "system")
    if edition_id is not None:
        wanted.append(_edition.c.id == edition_id)
    rows = session.connection().execute(select(_edition).where(*wanted).order_by(_edition.c.id.desc()).limit(limit))
    found = rows.all()
    mails, chunks = _mails(session, [row.id for row in found]), _chunks(session, [row.id for row in found])
    return [
        Standing(
            row.id,
            row.kind,
            row.slot,
            EditionState(row.state),
            row.planned_at,
            row.frozen_at,
            row.frozen_count,
            mails.get(row.id, {}),
            chunks.get(row.id, 0),
            (row.stopped_why or "") if row.stopped_at is not None else "",
        )
        for row in found
    ]


def stopped(session: Session) -> list[Standing]:
    """Editions that rest until an operator goes on with them."""
    query = select(_edition.c.id).where(_edition.c.state == EditionState.FROZEN, _edition.c.stopped_at.is_not(None))
    ids = list(session.connection().execute(query).scalars())
    return [each for number in ids for each in newest(session, limit=1, edition_id=number)]


def ajar(session: Session) -> list[Standing]:
    """Editions of which every chunk is done and which are not: their counts do not match."""
    still = select(_chunk.c.id).where(_chunk.c.edition_id == _edition.c.id, _chunk.c.state != ChunkState.DONE).exists()
    query = select(_edition.c.id).where(_edition.c.state == EditionState.FROZEN, ~still)
    ids = list(session.connection().execute(query).scalars())
    return [each for number in ids for each in newest(session, limit=1, edition_id=number)]


def _mails(session: Session, editions: Sequence[int]) -> dict[int, dict[DeliveryState, int]]:
    rows = session.connection().execute(
        select(_delivery.c.edition_id, _delivery.c.state, func.count())
        .where(_delivery.c.edition_id.in_(editions))
        .group_by(_delivery.c.edition_id, _delivery.c.state)
    )
    found: dict[int, dict[DeliveryState, int]] = {}
    for edition_id, state, count in rows:
        found.setdefault(edition_id, {})[DeliveryState(state)] = count
    return found


def _chunks(session: Session, editions: Sequence[int]) -> dict[int, int]:
    rows = session.connection().execute(
        select(_chunk.c.edition_id, func.count())
        .where(_chunk.c.edition_id.in_(editions), _chunk.c.state != ChunkState.DONE)
        .group_by(_chunk.c.edition_id)
    )
    return {row[0]: row[1] for row in rows}
