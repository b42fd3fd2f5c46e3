"""Attempts: one call to a provider for a batch, written down before the call (`digest.store.ledger` has the promise).

    open_attempt     durable before the call is made; says which readers are in the batch
    settle           durable after the answer; every reader of the batch gets an outcome
    leave_open       the answer settles nothing but the same call may be repeated: the attempt stays open
    find_attempts    what a worker finds open in a chunk that it has just leased
    attempted        the readers of such an attempt, with the picks that it fixed
    repeat_attempt   the new holder adopts such an attempt, before the same call is made again under the same key
    adopt            the new holder takes such an attempt over, to settle it without a call

Those that write are one transaction of the caller's each (`digest.store.db.writing`). Opening, settling, leaving open
and repeating begin with `ledger.hold`, and so raise StaleFence without a trace when the chunk has changed hands. An
attempt is settled by compare-and-set on its state and fence, so of two who would settle it, one does.
"""

from __future__ import annotations

import base64
import hashlib
import struct
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Integer, Update, bindparam, insert, or_, select, update
from sqlmodel import Session

from digest.errors import StaleFence
from digest.models import Attempt, Delivery
from digest.store.db import database_time
from digest.store.ledger import edition_facts, hold
from digest.store.memory import MEMORY, memory_of, pack, unpack
from digest.store.sendable import AddressHashes, sendable
from digest.store.staff import NOBODY, Staff
from digest.types import Accepted, DeliveryState, Due, Lease, LeftOut, Pick, RejectedItem
from subscribers.sql import table

_attempt = table(Attempt)
_delivery = table(Delivery)


@dataclass(frozen=True, slots=True)
class Composed:
    """One mail that is ready to go, as far as the ledger cares."""

    subscriber_id: int
    address: str
    """The address it was composed for, its domain in ASCII: who changed it meanwhile is left out and composed again."""
    picks: tuple[Pick, ...]
    memory: Mapping[int, tuple[Pick, ...]]
    """The story memory it was composed from."""
    payload_hash: bytes
    """blake2b-256 of the bytes that the provider is to carry."""
    profile_id: int
    """The choices it was composed for: whose changed meanwhile is composed again."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What opening found: the readers of the batch in order, and who was left out for good."""

    attempt_id: int | None
    """None when nobody is left to send to; then there is nothing to call or settle."""
    key: str
    readers: tuple[int, ...]
    skipped: int
    rejected: int


@dataclass(frozen=True, slots=True)
class OpenAttempt:
    """An attempt whose outcome nobody recorded: a crash, or an answer that settled nothing."""

    id: int
    provider: str
    key: str
    request_hash: str
    readers: tuple[int, ...]
    age: float
    """Seconds of database time since it was first opened: the provider's key lifetime is counted from there."""
    tries: int
    """How often the call was made or about to be made."""


@dataclass(frozen=True, slots=True)
class Retry:
    """The mail was certainly not accepted and may be tried again after `delay` seconds."""

    delay: float
    reason: str
    alone: bool = False
    own: bool = False
    """Whether the reason is this mail's own: then the try counts. What befell a whole batch is no reader's fault and
    uses up nobody's patience."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Whether the mail was accepted cannot be known. It counts as sent and is never sent again by itself."""

    reason: str


Outcome = Accepted | RejectedItem | Retry | Unknown


def request_hash(payload_hashes: Iterable[bytes]) -> str:
    """blake2b-256 (hex) over the ordered per-reader hashes: equal exactly when the batch is the very same."""
    return hashlib.blake2b(b"".join(payload_hashes), digest_size=32).hexdigest()


def open_attempt(
    session: Session,
    lease: Lease,
    composed: Sequence[Composed],
    left_out: Sequence[LeftOut],
    *,
    provider: str,
    address_hashes: AddressHashes,
    seconds: float,
    staff: Staff = NOBODY,
) -> Opened:
    """Write down the call that is about to be made. The caller commits before it calls the provider.

    Readers who have left, pause or are suppressed by now become `skipped`; nothing starts after an unsubscribe has
    committed, because their rows are locked in id order first (PostgreSQL; on SQLite there is one writer). Readers
    whose story memory, address or profile changed since composing stay planned, to be composed again: two editions at
    once never send one story twice, and no mail tells of a topic that was given up. `left_out` are composing's own
    verdicts, recorded alike. Raises StaleFence, leaving no trace.
    """
    hold(session, lease, seconds)
    edition = edition_facts(session, lease.edition_id)
    readers = [mail.subscriber_id for mail in composed]
    found = sendable(session, lease.edition_id, readers, address_hashes, staff)
    waiting = _profiles_waiting(session, lease, readers)
    memory = memory_of(session, readers, since=edition.planned_at - MEMORY, except_edition=lease.edition_id)
    gone = [LeftOut(who, "skipped", fate.reason) for who, fate in found.items() if fate.reason]
    batch = [
        mail
        for mail in composed
        if not found[mail.subscriber_id].reason
        and found[mail.subscriber_id].address == mail.address
        and waiting.get(mail.subscriber_id) == mail.profile_id
        and memory.get(mail.subscriber_id, {}) == mail.memory
    ]
    verdicts = [*left_out, *gone]
    _leave_out(session, lease, verdicts)
    skipped = sum(verdict.state == "skipped" for verdict in verdicts)
    if not batch:
        return Opened(None, "", (), skipped, len(verdicts) - skipped)
    attempt_id, key = _insert_attempt(session, lease, batch, provider)
    marking = _waiting(lease).values(
        state=DeliveryState.ATTEMPTING,
        picks=bindparam("packed"),
        attempt_id=attempt_id,
        tries=_delivery.c.tries + 1,
        retry_at=None,
        reason=None,
    )
    rows = [{"reader": mail.subscriber_id, "packed": pack(mail.picks)} for mail in batch]
    session.connection().execute(marking, rows)
    return Opened(attempt_id, key, tuple(mail.subscriber_id for mail in batch), skipped, len(verdicts) - skipped)


def _profiles_waiting(session: Session, lease: Lease, readers: Sequence[int]) -> dict[int, int]:
    """The profiles by now of those readers' deliveries that still wait (`digest.store.narrow` changes both)."""
    query = select(_delivery.c.subscriber_id, _delivery.c.profile_id).where(
        _delivery.c.edition_id == lease.edition_id,
        _delivery.c.subscriber_id.in_(readers),
        _delivery.c.state.in_([str(DeliveryState.PLANNED), str(DeliveryState.RETRY)]),
    )
    return {row.subscriber_id: row.profile_id for row in session.connection().execute(query)}


def _insert_attempt(session: Session, lease: Lease, batch: Sequence[Composed], provider: str) -> tuple[int, str]:
    token = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    key = f"{lease.edition_id}-{lease.chunk_id}-{token}"
    statement = (
        insert(_attempt)
        .values(
            edition_id=lease.edition_id,
            chunk_id=lease.chunk_id,
            fence=lease.fence,
            provider=provider,
            idempotency_key=key,
            request_hash=request_hash(mail.payload_hash for mail in batch),
            recipients=_pack_readers([mail.subscriber_id for mail in batch]),
            opened_at=database_time(session),
            state="open",
            tries=1,
        )
        .returning(_attempt.c.id)
    )
    return int(session.connection().execute(statement).scalar_one()), key


def settle(
    session: Session, lease: Lease, attempt_id: int, outcomes: Mapping[int, Outcome], seconds: float, problem: str = ""
) -> None:
    """Record what became of every reader of an open attempt. Durable when the caller's transaction commits.

    A mail to be tried again forgets its picks: it was not sent, so the next composing chooses afresh from what the
    reader's memory holds by then. Raises StaleFence, leaving no trace, when the chunk changed hands or the attempt is
    settled already.
    """
    hold(session, lease, seconds)
    unknown = any(isinstance(outcome, Unknown) for outcome in outcomes.values())
    _change_open(session, lease, attempt_id, state="unknown" if unknown else "settled", problem=problem or None)
    now = database_time(session)
    statement = (
        update(_delivery)
        .where(
            _delivery.c.edition_id == lease.edition_id,
            _delivery.c.subscriber_id == bindparam("reader"),
            _delivery.c.attempt_id == attempt_id,
            _delivery.c.state == DeliveryState.ATTEMPTING,
        )
        .values(
            state=bindparam("to"),
            provider_message_id=bindparam("message"),
            reason=bindparam("why"),
            retry_at=bindparam("at"),
        )
    )
    tries = _delivery.c.tries - bindparam("uncounted", type_=Integer)
    again = statement.values(alone=bindparam("by_itself"), picks=None, tries=tries)
    settled = [_settled(reader, outcome) for reader, outcome in outcomes.items() if not isinstance(outcome, Retry)]
    retried = [
        {
            **_row(reader, DeliveryState.RETRY, outcome.reason),
            "at": now + outcome.delay,
            "by_itself": outcome.alone,
            "uncounted": int(not outcome.own),
        }
        for reader, outcome in outcomes.items()
        if isinstance(outcome, Retry)
    ]
    if settled:
        session.connection().execute(statement, settled)
    if retried:
        session.connection().execute(again, retried)


def _settled(reader: int, outcome: Accepted | RejectedItem | Unknown) -> dict[str, object]:
    if isinstance(outcome, Accepted):
        return {**_row(reader, DeliveryState.ACCEPTED, None), "message": outcome.provider_message_id}
    state = DeliveryState.REJECTED if isinstance(outcome, RejectedItem) else DeliveryState.UNKNOWN
    return _row(reader, state, outcome.reason)


def _row(reader: int, state: DeliveryState, reason: str | None) -> dict[str, object]:
    return {"reader": reader, "to": str(state), "why": reason, "message": None, "at": None}


def leave_open(session: Session, lease: Lease, attempt_id: int, problem: str, seconds: float) -> None:
    """Note why an attempt is not settled; it stays open, to be repeated under its key. Raises StaleFence."""
    hold(session, lease, seconds)
    _change_open(session, lease, attempt_id, state="open", problem=problem)


def find_attempts(session: Session, lease: Lease) -> list[OpenAttempt]:
    """The attempts of the chunk that nobody settled, oldest first. Reads only."""
    now = database_time(session)
    rows = session.connection().execute(
        select(_attempt)
        .where(_attempt.c.chunk_id == lease.chunk_id, _attempt.c.state == "open")
        .order_by(_attempt.c.id)
    )
    return [
        OpenAttempt(
            row.id,
            row.provider,
            row.idempotency_key,
            row.request_hash,
            _unpack_readers(row.recipients),
            now - row.opened_at,
            row.tries,
        )
        for row in rows
    ]


def attempted(session: Session, lease: Lease, attempt: OpenAttempt) -> list[Due]:
    """The readers of an open attempt, in its order, with the picks that it fixed; fewer when some were erased.

    Their memory is empty: composing must obey the picks and nothing else, so that the same bytes come out.
    """
    rows = session.connection().execute(
        select(
            _delivery.c.subscriber_id,
            _delivery.c.profile_id,
            _delivery.c.since,
            _delivery.c.due_at,
            _delivery.c.picks,
        ).where(
            _delivery.c.edition_id == lease.edition_id,
            _delivery.c.subscriber_id.in_(attempt.readers),
            _delivery.c.attempt_id == attempt.id,
            _delivery.c.state == DeliveryState.ATTEMPTING,
        )
    )
    by_reader = {
        reader: Due(lease.edition_id, reader, profile_id, since, unpack(picks), due_at=due_at)
        for reader, profile_id, since, due_at, picks in rows
    }
    return [by_reader[reader] for reader in attempt.readers if reader in by_reader]


def repeat_attempt(
    session: Session,
    lease: Lease,
    attempt: OpenAttempt,
    addresses: Mapping[int, str],
    *,
    address_hashes: AddressHashes,
    seconds: float,
    staff: Staff = NOBODY,
) -> bool:
    """Adopt an open attempt, so that its call may be made again under its key. The caller commits before the call.

    False, and nothing adopted, when a reader of the batch has left, pauses, is suppressed or has another address than
    the one in `addresses` (what the batch was composed for): the same batch may not be sent any more. Raises StaleFence
    when the chunk changed hands or somebody settled the attempt meanwhile.
    """
    hold(session, lease, seconds)
    found = sendable(session, lease.edition_id, attempt.readers, address_hashes, staff)
    if any(fate.reason or fate.address != addresses.get(reader) for reader, fate in found.items()):
        return False
    adopt(session, lease, attempt.id)
    _change_open(session, lease, attempt.id, tries=_attempt.c.tries + 1)
    return True


def adopt(session: Session, lease: Lease, attempt_id: int) -> None:
    """Put an open attempt of a chunk that we hold under our fence, so that we may settle it. Raises StaleFence."""
    adopted = session.connection().execute(
        update(_attempt)
        .where(_attempt.c.id == attempt_id, _attempt.c.chunk_id == lease.chunk_id, _attempt.c.state == "open")
        .values(fence=lease.fence)
    )
    if adopted.rowcount != 1:
        raise StaleFence(f"attempt {attempt_id} was settled by another worker; nothing was written")


def _change_open(session: Session, lease: Lease, attempt_id: int, **values: object) -> None:
    changed = session.connection().execute(
        update(_attempt)
        .where(_attempt.c.id == attempt_id, _attempt.c.state == "open", _attempt.c.fence == lease.fence)
        .values(**values)
    )
    if changed.rowcount != 1:
        raise StaleFence(f"attempt {attempt_id} is not ours to settle; nothing was written")


def _waiting(lease: Lease) -> Update:
    return update(_delivery).where(
        _delivery.c.edition_id == lease.edition_id,
        _delivery.c.chunk_id == lease.chunk_id,
        _delivery.c.subscriber_id == bindparam("reader"),
        or_(_delivery.c.state == DeliveryState.PLANNED, _delivery.c.state == DeliveryState.RETRY),
    )


def _leave_out(session: Session, lease: Lease, verdicts: Sequence[LeftOut]) -> None:
    if verdicts:
        statement = _waiting(lease).values(state=bindparam("to"), reason=bindparam("why"), retry_at=None)
        rows = [{"reader": each.subscriber_id, "to": each.state, "why": each.reason} for each in verdicts]
        session.connection().execute(statement, rows)


def _pack_readers(readers: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(readers)}q", *readers)


def _unpack_readers(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(data) // 8}q", data)
