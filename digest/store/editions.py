"""Planning: editions, their chunks and deliveries, and freezing them.

Deliveries are written by `INSERT ... SELECT`, a chunk per transaction: a million rows never pass through Python, and a
sign-up never waits longer for SQLite's write lock than one chunk takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    delete,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from digest.errors import InputError, StoreError
from digest.models import Blob, Chunk, Delivery, Edition, EditionStory
from digest.store.lineage import lineage
from digest.store.memory import unpack
from digest.types import EditionState, Pick
from subscribers.cadence import period
from subscribers.models import Subscriber
from subscribers.sql import slices, table

CHUNK = 500
"""Deliveries in a chunk: the unit of leasing and of planning."""

OVERLAP = timedelta(hours=1)
"""A window reaches this far behind the last one's end: an article seen just before a freeze may be committed just after
it. Story memory keeps what was sent from coming twice."""

LONGEST_WINDOW = timedelta(days=8)
"""A weekly reader's window with its overlap; an older start is forgotten and the first window counts again."""
FIRST_DAILY, FIRST_WEEKLY = period("daily"), period("weekly:mon")
"""How far back a reader's first digest looks."""

_edition, _chunk, _delivery = table(Edition), table(Chunk), table(Delivery)
_subscriber, _blob, _told = table(Subscriber), table(Blob), table(EditionStory)


def open_edition(
    session: Session,
    kind: str,
    slot: str,
    *,
    planned_at: datetime,
    key_id: int,
    priority: int = 5,
    topic_id: int | None = None,
    to_link: int | None = None,
    to_former: bool = False,
) -> tuple[int, datetime, bool]:
    """The edition of this slot: its id, where its window ends, and whether this call made it.

    `to_link` is the number of a fresh link: then the mail goes to that link's address (with `to_former`, its former
    one) and not to its reader's; `digest.store.sendable` is who looks it up.
    """
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    made = (
        session.connection()
        .execute(
            dialect.insert(_edition)
            .values(
                kind=kind,
                slot=slot,
                state=EditionState.PLANNING,
                priority=priority,
                topic_id=topic_id,
                to_link=to_link,
                to_former=to_former,
                planned_at=planned_at,
                key_id=key_id,
                frozen_count=0,
            )
            .on_conflict_do_nothing(index_elements=["slot"])
            .returning(_edition.c.id)
        )
        .scalar_one_or_none()
    )
    row = (
        session.connection().execute(select(_edition.c.id, _edition.c.planned_at).where(_edition.c.slot == slot)).one()
    )
    return row.id, row.planned_at, made is not None


def find_edition(session: Session, slot: str) -> int | None:
    """The edition of a slot, whatever its state."""
    return session.connection().execute(select(_edition.c.id).where(_edition.c.slot == slot)).scalar_one_or_none()


def count(session: Session, readers: Select[tuple[int]]) -> int:
    """How many readers a query names."""
    return int(session.connection().execute(select(func.count()).select_from(readers.subquery())).scalar_one())


def plan_chunk(
    session: Session,
    edition_id: int,
    readers: Select[tuple[int]],
    *,
    after_id: int,
    planned_at: datetime,
    since: datetime | None = None,
    tick: bool = False,
) -> tuple[int, int] | None:
    """Write the next chunk of an edition: (last subscriber id, deliveries), or None when nobody is left.

    Readers that the edition already has are passed over, so that a plan interrupted anywhere goes on where it was.
    `since` replaces every reader's own window start. `tick` says that readers are planned because they are due, so that
    topics of their own hours count only from then (`Delivery.due_at`). The edition's row is locked first, so that two
    who plan the same edition take turns. Raises StoreError when it was frozen or withdrawn meanwhile.
    """
    still = update(_edition).where(_edition.c.id == edition_id, _edition.c.state == EditionState.PLANNING)
    if session.connection().execute(still.values(state=EditionState.PLANNING)).rowcount != 1:
        raise StoreError(f"edition {edition_id} is no longer being planned; nothing was written")
    have = select(_delivery.c.subscriber_id).where(_delivery.c.edition_id == edition_id)
    wanted = (
        readers.where(_subscriber.c.id > after_id, _subscriber.c.id.not_in(have))
        .order_by(_subscriber.c.id)
        .limit(CHUNK)
    )
    if session.get_bind().dialect.name == "postgresql":
        wanted = wanted.with_for_update()
    ids = [row.id for row in session.connection().execute(wanted)]
    if not ids:
        return None
    chunk_id = (
        session.connection()
        .execute(
            insert(_chunk)
            .values(edition_id=edition_id, state="planned", fence=0, holder="", until=0.0, ready_at=0.0)
            .returning(_chunk.c.id)
        )
        .scalar_one()
    )
    start = literal(since, _delivery.c.since.type) if since is not None else window_start(planned_at)
    # Only a tick's deliveries hold back topics of other hours; a send by hand is for all of them.
    due_at = case((_subscriber.c.own_hours, _subscriber.c.next_due_at), else_=null()) if tick else null()
    rows = select(
        literal(edition_id),
        _subscriber.c.id,
        literal(chunk_id),
        _subscriber.c.profile_id,
        start,
        due_at,
        literal("planned"),
        literal(False),
        literal(0),
    ).where(_subscriber.c.id.in_(ids))  # the very rows that are locked: asking again might find others
    names = ["edition_id", "subscriber_id", "chunk_id", "profile_id", "since", "due_at", "state", "alone", "tries"]
    session.connection().execute(insert(_delivery).from_select(names, rows))
    return ids[-1], len(ids)


def window_start(planned_at: datetime) -> ColumnElement[datetime]:
    """Where a reader's window begins, as SQL: where the last one ended, but for who gets the first digest.

    Who was away for long (left and came back, or nobody planned) does not get the whole time at once.
    """
    once_a_week = or_(
        _subscriber.c.cadence.like("weekly:%"),
        and_(_subscriber.c.cadence.like("days:%"), _subscriber.c.cadence.not_like("%,%")),
    )
    weekly, daily, oldest = (
        literal(planned_at - back, _delivery.c.since.type) for back in (FIRST_WEEKLY, FIRST_DAILY, LONGEST_WINDOW)
    )
    first = case((once_a_week, weekly), else_=daily)
    return case((_subscriber.c.window_from >= oldest, _subscriber.c.window_from), else_=first)


def unfrozen(session: Session) -> list[int]:
    """Editions that were planned but not frozen: a crash came between."""
    return list(
        session.connection()
        .execute(select(_edition.c.id).where(_edition.c.state == EditionState.PLANNING).order_by(_edition.c.id))
        .scalars()
    )


def get_edition(session: Session, edition_id: int) -> Edition:
    """One edition. Raises InputError when there is none."""
    found = session.get(Edition, edition_id)
    if found is None:
        raise InputError(f"there is no edition {edition_id}")
    return found


def exists(session: Session, edition_id: int) -> bool:
    """Whether there is such an edition and it was frozen."""
    query = select(_edition.c.id).where(_edition.c.id == edition_id, _edition.c.blob.is_not(None))
    return session.connection().execute(query).first() is not None


def profile_ids(session: Session, edition_id: int) -> list[int]:
    """The distinct profiles among an edition's deliveries."""
    query = select(_delivery.c.profile_id).where(_delivery.c.edition_id == edition_id).distinct()
    return sorted(session.connection().execute(query).scalars())


def windows(session: Session, edition_id: int) -> list[datetime]:
    """The distinct window starts among an edition's deliveries."""
    query = select(_delivery.c.since).where(_delivery.c.edition_id == edition_id).distinct()
    return sorted(session.connection().execute(query).scalars())


def own_slots(session: Session, edition_id: int) -> list[tuple[int, datetime]]:
    """The distinct (profile, due time) among deliveries to readers with topics of their own hours."""
    query = select(_delivery.c.profile_id, _delivery.c.due_at).where(
        _delivery.c.edition_id == edition_id, _delivery.c.due_at.is_not(None)
    )
    return [(profile_id, due_at) for profile_id, due_at in session.connection().execute(query.distinct())]


def versions_told(session: Session, story_ids: Sequence[int]) -> dict[int, set[int]]:
    """Story id -> the versions that earlier editions froze. Of a story that others became part of after they were told,
    also those that have them in it: that is how their readers are remembered (`lineage.Lineage.pick`)."""
    told: dict[int, set[int]] = {}
    became = lineage(session)
    older = {old: story for story in story_ids for old in became.was(story)}
    for portion in slices(older):
        query = select(_told.c.story_id).where(_told.c.story_id.in_(portion)).distinct()
        for old in session.connection().execute(query).scalars():
            told.setdefault(older[old], set()).add(became.pick(Pick(old, 0)).version)
    for portion in slices(story_ids):
        query = select(_told.c.story_id, _told.c.version).where(_told.c.story_id.in_(portion))
        for story_id, version in session.connection().execute(query):
            told.setdefault(story_id, set()).add(version)
    return told


def freeze(
    session: Session, edition_id: int, *, at: datetime, blob: str, blobs: Mapping[str, bytes], told: Mapping[int, int]
) -> int:
    """Store the content and open the edition for leasing, in one transaction. Returns the number of deliveries.

    Content-addressed bytes that are already there are left as they are. An edition without deliveries is done at once.
    """
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    # In one order always: two freezes that share fragments would otherwise wait for each other on PostgreSQL.
    rows = [{"key": key, "data": blobs[key]} for key in sorted(blobs)]
    for start in range(0, len(rows), 200):
        session.connection().execute(dialect.insert(_blob).on_conflict_do_nothing(), rows[start : start + 200])
    session.connection().execute(delete(_told).where(_told.c.edition_id == edition_id))
    if told:
        session.connection().execute(
            insert(_told),
            [{"edition_id": edition_id, "story_id": story, "version": version} for story, version in told.items()],
        )
    planned = count(session, select(_delivery.c.subscriber_id).where(_delivery.c.edition_id == edition_id))
    changed = session.connection().execute(
        update(_edition)
        .where(_edition.c.id == edition_id, _edition.c.state == EditionState.PLANNING)
        .values(
            state=EditionState.FROZEN if planned else EditionState.DONE, frozen_at=at, blob=blob, frozen_count=planned
        )
    )
    if changed.rowcount != 1:
        raise StoreError(f"edition {edition_id} was frozen by somebody else meanwhile")
    return planned


def blobs(session: Session, keys: Iterable[str]) -> dict[str, bytes]:
    """Stored bytes by content address. Raises StoreError when one is missing."""
    wanted = sorted(set(keys))
    found: dict[str, bytes] = {}
    for start in range(0, len(wanted), 500):
        query = select(_blob.c.key, _blob.c.data).where(_blob.c.key.in_(wanted[start : start + 500]))
        found.update({key: bytes(data) for key, data in session.connection().execute(query)})
    if len(found) != len(wanted):
        raise StoreError(f"{len(wanted) - len(found)} frozen fragments are missing from the database; restore a backup")
    return found


@dataclass(frozen=True, slots=True)
class Planned:
    """One reader's delivery, as it was composed or is to be."""

    profile_id: int
    since: datetime
    due_at: datetime | None
    picks: tuple[Pick, ...] | None
    """None while nothing was sent; empty for a mail without stories."""


def delivery(session: Session, edition_id: int, subscriber_id: int) -> Planned | None:
    """What one reader was planned to get and was sent; None without such a delivery."""
    columns = (_delivery.c.profile_id, _delivery.c.since, _delivery.c.due_at, _delivery.c.picks)
    mine = (_delivery.c.edition_id == edition_id, _delivery.c.subscriber_id == subscriber_id)
    row = session.connection().execute(select(*columns).where(*mine)).one_or_none()
    if row is None:
        return None
    return Planned(row.profile_id, row.since, row.due_at, None if row.picks is None else unpack(row.picks))


def ids(session: Session) -> list[int]:
    """Every edition's number, oldest first."""
    return list(session.connection().execute(select(_edition.c.id).order_by(_edition.c.id)).scalars())


def recent_system_mails(session: Session, subscriber_id: int, purpose: str, since: datetime) -> list[datetime]:
    """When system mails of this purpose were planned for one reader, newest first."""
    query = (
        select(_edition.c.planned_at)
        .join(_delivery, _delivery.c.edition_id == _edition.c.id)
        .where(
            _delivery.c.subscriber_id == subscriber_id,
            _edition.c.kind == "system",
            _edition.c.slot.like(f"system:{purpose}:%"),
            _edition.c.planned_at > since,
        )
        .order_by(_edition.c.planned_at.desc())
    )
    return list(session.connection().execute(query).scalars())
