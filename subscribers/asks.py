"""What was asked through a page and waits to be worked off, and how often such things were asked.

A web request writes one intake row and counts against the caps, the same for every address, and answers. A worker
then takes the rows one by one: `take_next`, the work and `done` are one transaction, so a crash in between leaves the
row and no trace of the work. The tally counts by spans of the UTC day and is shared through the database.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select
from sqlalchemy.orm import Session

from subscribers.errors import RosterError, TooMany
from subscribers.models import Intake, Tally
from subscribers.sql import table, upsert
from subscribers.types import SignUp, address_key

INTAKE, TALLY = table(Intake), table(Tally)

HOUR = timedelta(hours=1)
"""The span by which requests are counted: what is refused is told when the hour is over."""
TEN_MINUTES = timedelta(minutes=10)
"""The span by which mails to a mailbox are counted, so that "four in an hour" is an hour and ten minutes at most."""
TALLY_KEPT = timedelta(days=2)
"""The longest time that a cap looks back is a day."""
SITE_TIMES = 4
"""A site (the /48 of an IPv6 address) may ask as often as four networks. A site has up to 65,536 networks (RFC 6177,
section 2), so a cap on networks alone would be none for whoever holds one."""


class UnreadableAsk(RosterError):
    """An intake row that this version cannot read."""

    def __init__(self, ask_id: int, kind: str) -> None:
        super().__init__(f"intake row {ask_id} ({kind[:16]!r}) cannot be read by this version")
        self.ask_id = ask_id


@dataclass(frozen=True, slots=True)
class SignUpAsk:
    """Somebody filled in the form."""

    kind: ClassVar[str] = "sign_up"
    asked: SignUp


@dataclass(frozen=True, slots=True)
class FreshAsk:
    """A fresh link, for the address that somebody typed or for the reader whose link somebody holds: one of them."""

    kind: ClassVar[str] = "fresh"
    locale: str
    address: str = ""
    subscriber_id: int | None = None


@dataclass(frozen=True, slots=True)
class ConfirmAsk:
    """The confirmation mail again."""

    kind: ClassVar[str] = "confirm"
    subscriber_id: int


@dataclass(frozen=True, slots=True)
class WelcomeAsk:
    """A reader has just confirmed for the first time."""

    kind: ClassVar[str] = "welcome"
    subscriber_id: int


@dataclass(frozen=True, slots=True)
class MoveAsk:
    """A reader wants the digest at another address."""

    kind: ClassVar[str] = "move"
    subscriber_id: int
    address: str


@dataclass(frozen=True, slots=True)
class ForgetAsk:
    """A reader was erased while a mail to them was on its way: what it left is forgotten when it has settled."""

    kind: ClassVar[str] = "forget"
    subscriber_id: int


@dataclass(frozen=True, slots=True)
class GoodbyeAsk:
    """A reader has left everything; `mark` names this very leaving (`consent.mark`)."""

    kind: ClassVar[str] = "goodbye"
    subscriber_id: int
    mark: int


Ask = SignUpAsk | FreshAsk | ConfirmAsk | WelcomeAsk | MoveAsk | ForgetAsk | GoodbyeAsk
_KINDS: dict[str, type[Ask]] = {
    each.kind: each for each in (SignUpAsk, FreshAsk, ConfirmAsk, WelcomeAsk, MoveAsk, ForgetAsk, GoodbyeAsk)
}


@dataclass(frozen=True, slots=True)
class Taken:
    """An intake row in hand."""

    id: int
    at: datetime
    ask: Ask


def drop_in(session: Session, ask: Ask, *, now: datetime, ready_at: datetime | None = None) -> int:
    """Note an ask; its number. Nobody works it off before `ready_at`. Durable when the caller's transaction commits."""
    return drop_by(session.connection(), ask, now=now, ready_at=ready_at)


def drop_by(connection: Connection, ask: Ask, *, now: datetime, ready_at: datetime | None = None) -> int:
    """`drop_in` for who has a connection and no session."""
    made = insert(INTAKE).values(at=now, kind=ask.kind, data=_dump(ask), ready_at=ready_at).returning(INTAKE.c.id)
    return int(connection.execute(made).scalar_one())


def waiting(session: Session, *, now: datetime | None = None) -> bool:
    """Whether there is anything that can be worked off at `now`; without it, anything at all. Reads only."""
    return session.connection().execute(select(INTAKE.c.id).where(_ready(now)).limit(1)).first() is not None


def next_ready(session: Session, *, after: datetime) -> datetime | None:
    """When the first row becomes ready that was not at `after`; None when there is none. Reads only."""
    query = select(func.min(INTAKE.c.ready_at)).where(INTAKE.c.ready_at > after)
    found: datetime | None = session.connection().execute(query).scalar_one()
    return found


def _ready(now: datetime | None) -> ColumnElement[bool]:
    return INTAKE.c.id > 0 if now is None else or_(INTAKE.c.ready_at.is_(None), INTAKE.c.ready_at <= now)


def take_next(session: Session, *, after_id: int = 0, now: datetime | None = None) -> Taken | None:
    """The oldest row beyond `after_id` that nobody else has in hand, and that is ready at `now` where that is given; it
    is the caller's until the transaction ends.

    Raises UnreadableAsk, with the row in hand, for what an older or newer version wrote otherwise.
    """
    query = (
        select(INTAKE)
        .where(INTAKE.c.id > after_id, _ready(now))
        .order_by(INTAKE.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = session.connection().execute(query).one_or_none()
    if row is None:
        return None
    try:
        return Taken(row.id, row.at, _load(row.kind, row.data))
    except (KeyError, TypeError, ValueError):
        raise UnreadableAsk(row.id, row.kind) from None


def done(session: Session, ask_id: int) -> None:
    """The row was worked off."""
    session.connection().execute(delete(INTAKE).where(INTAKE.c.id == ask_id))


def drop_old(session: Session, *, before: datetime) -> list[str]:
    """Delete what was asked before then and could not be worked off; the kinds. What an erasure left to do stays."""
    old = delete(INTAKE).where(INTAKE.c.at < before, INTAKE.c.kind != ForgetAsk.kind).returning(INTAKE.c.kind)
    return list(session.connection().execute(old).scalars())


def forget(session: Session, subscriber_id: int, address: str) -> int:
    """Delete what waits and carries this reader's number or address; how many rows. Call it before the reader's own row
    is locked: the worker locks an intake row first and a reader second."""
    found = about(session, subscriber_id, address)
    for each in found:
        done(session, each.id)
    return len(found)


def about(session: Session, subscriber_id: int, address: str) -> list[Taken]:
    """What waits and carries this reader's number or address, oldest first. Reads only."""
    key = address_key(address)
    found = []
    for row in session.connection().execute(select(INTAKE).order_by(INTAKE.c.id)):
        try:
            ask = _load(row.kind, row.data)
        except (KeyError, TypeError, ValueError):
            continue
        typed = ask.asked.address if isinstance(ask, SignUpAsk) else getattr(ask, "address", "")
        if getattr(ask, "subscriber_id", None) == subscriber_id or (typed and address_key(typed) == key):
            found.append(Taken(row.id, row.at, ask))
    return found


def _dump(ask: Ask) -> str:
    values: dict[str, Any] = asdict(ask)
    if isinstance(ask, SignUpAsk):
        network = ask.asked.network
        values = {**values["asked"], "network": network.hex() if network is not None else None}
    return json.dumps(values, separators=(",", ":"))


def _load(kind: str, data: str) -> Ask:
    values = json.loads(data)
    if kind != SignUpAsk.kind:
        return _KINDS[kind](**values)
    network = values.pop("network")
    topics = tuple(values.pop("topics"))
    return SignUpAsk(SignUp(**values, topics=topics, network=bytes.fromhex(network) if network is not None else None))


# --- the tally --------------------------------------------------------------------------------------------------------


def network_key(network: bytes | None) -> str:
    """The tally's key of a network; all that could not be told share one."""
    return f"network:{network.hex() if network else ''}"


def network_limits(network: bytes | None, limit: int) -> dict[str, int | None]:
    """The caps of a network, for `count`: `limit` for itself, SITE_TIMES as many for the site that it is part of, whose
    hash is the first half of its own (`Keyring.network_hash`)."""
    limits: dict[str, int | None] = {network_key(network): limit}
    if network:
        limits[f"site:{network[: len(network) // 2].hex()}"] = limit * SITE_TIMES
    return limits


def count(session: Session, limits: Mapping[str, int | None], *, now: datetime, span: timedelta = HOUR) -> None:
    """Count one more under each key in this span of the UTC day. A key's limit is how many a span may have; None counts
    only. A key is counted by one span always.

    Raises TooMany; the caller's transaction must then leave no trace, so that what is refused does not count.
    """
    connection = session.connection()
    since = _begin(now, span)
    keys = sorted(limits)  # in one order always: two who count the same keys must not wait for each other
    upsert(
        connection,
        TALLY,
        [{"key": key, "since": since, "count": 1} for key in keys],
        key=["key", "since"],
        changes=lambda new: {"count": TALLY.c.count + new["count"]},
    )
    found = connection.execute(select(TALLY.c.key, TALLY.c.count).where(TALLY.c.key.in_(keys), TALLY.c.since == since))
    counts: dict[str, int] = {row[0]: row[1] for row in found}
    for key, limit in limits.items():
        if limit is not None and counts[key] > limit:
            left = max(1, round((since + span - now).total_seconds()))
            raise TooMany(f"more than {limit} in this hour; it is taken again in {left} seconds", left)


def recent(session: Session, key: str, *, since: datetime, span: timedelta = HOUR) -> int:
    """How many were counted under a key from the span (UTC) of `since` on."""
    first = _begin(since, span)
    query = select(func.coalesce(func.sum(TALLY.c.count), 0)).where(TALLY.c.key == key, TALLY.c.since >= first)
    return int(session.connection().execute(query).scalar_one())


def _begin(moment: datetime, span: timedelta) -> datetime:
    """The beginning of the span of the day in which a moment lies; `span` divides a day."""
    midnight = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (moment - midnight) // span * span


def prune(session: Session, *, now: datetime) -> int:
    """Delete what no cap looks back to; how many rows."""
    gone = delete(TALLY).where(TALLY.c.since < now - TALLY_KEPT).execution_options(preserve_rowcount=True)
    return session.connection().execute(gone).rowcount
