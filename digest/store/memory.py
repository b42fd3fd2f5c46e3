"""Story memory: what each reader was already sent, read from the ledger itself (docs/design.md, section 5).

There is no reader x story table: it would cost 167 MB per million readers and day and be slower than the sender. What
a delivery carried is packed into it, twelve bytes a story, and read back for the readers of one batch at a time.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session

from digest.models import Delivery, Edition
from digest.store.db import database_time
from digest.store.lineage import lineage
from digest.types import SENT_STATES, Pick
from subscribers.sql import table

MEMORY = timedelta(days=30)
"""How far back memory looks: beyond the 16 days that a story takes articles for (`stories.LONGEST`) and a week of
window."""

_PICK = struct.Struct("<QHH")
_LARGEST = 0xFFFF

_delivery = table(Delivery)
_edition = table(Edition)


def pack(picks: Iterable[Pick]) -> bytes:
    """Picks as stored in a delivery: story id (64 bit), version and from_version (16 bit each), little-endian.

    A version past 65,535 is stored as 65,535: that story has had a gather every minute for 45 days.
    """
    return b"".join(
        _PICK.pack(pick.story_id, min(pick.version, _LARGEST), min(pick.from_version, _LARGEST)) for pick in picks
    )


def unpack(data: bytes | None) -> tuple[Pick, ...]:
    """The picks of a delivery in the mail's order; empty for a delivery that carried none."""
    return tuple(Pick(*values) for values in _PICK.iter_unpack(data or b""))


def memory_of(
    session: Session,
    subscriber_ids: Sequence[int],
    *,
    since: datetime | None = None,
    except_edition: int | None = None,
) -> dict[int, dict[int, tuple[Pick, ...]]]:
    """Subscriber id -> story id -> what was sent of it, oldest edition first. Readers without memory are absent.

    Attempting, accepted and unknown count as sent. What was sent of a story that has become another one since is told
    of that one (`lineage.Lineage.remembered`). Editions planned before `since` are forgotten; by default, 30 days
    before the database's time. `except_edition` leaves one edition's own deliveries out. Reads only.
    """
    if not subscriber_ids:
        return {}
    if since is None:
        since = datetime.fromtimestamp(database_time(session), UTC) - MEMORY
    query = (
        select(_delivery.c.subscriber_id, _delivery.c.picks)
        .join(_edition, _edition.c.id == _delivery.c.edition_id)
        .where(
            _delivery.c.subscriber_id.in_(subscriber_ids),
            _delivery.c.state.in_([str(state) for state in SENT_STATES]),
            _delivery.c.picks.is_not(None),
            _edition.c.planned_at >= since,
        )
        .order_by(_delivery.c.subscriber_id, _edition.c.planned_at, _edition.c.id)
    )
    if except_edition is not None:
        query = query.where(_delivery.c.edition_id != except_edition)
    memory: dict[int, dict[int, tuple[Pick, ...]]] = {}
    for subscriber_id, packed in session.connection().execute(query):
        stories = memory.setdefault(subscriber_id, {})
        for pick in unpack(packed):
            stories[pick.story_id] = (*stories.get(pick.story_id, ()), pick)
    became = lineage(session)
    return {reader: became.remembered(stories) for reader, stories in memory.items() if stories}
