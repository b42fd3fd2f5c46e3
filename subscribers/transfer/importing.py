"""Incoming rows made into readers, a batch in one transaction of the caller's; the state after it is as if the rows
had come one by one in the order of the file.

- A new address becomes an active reader with a line in the consent log, as if an operator had added it.
- An active reader keeps every choice and gains the topics. A pending one becomes active, with the file's choices.
- Who left, was suppressed or was erased here stays away, also when somebody has typed their address into a form since.
- Who left or bounced there is kept as a suppression: a hash, no row. A reader of ours of whom a file says so, in a
  later row or a later file, reads no more, unless they confirmed here themselves (`leaving`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, func, select, update
from sqlalchemy.orm import Session

from subscribers import consent
from subscribers.models import Consent, Subscriber, Subscription
from subscribers.profiles import Choices, due_of, intern, settle
from subscribers.sql import insert_new, table
from subscribers.transfer.bulk import bind_time, many, take_ids, wait_for_turn
from subscribers.transfer.leaving import keep_out
from subscribers.transfer.looking import left_everything, portions, readers, suppressed, topics_held
from subscribers.transfer.outcomes import LEFT, SUPPRESSED, Outcome
from subscribers.transfer.rows import KEPT, Choice, Incoming

SUBSCRIBER, SUBSCRIPTION, CONSENT = table(Subscriber), table(Subscription), table(Consent)

_SUBSCRIBER = (
    *("id", "address", "address_key", "name", "confirmed_at", "locale", "timezone", "cadence", "send_minute"),
    *("max_stories", "format", "all_quiet", "own_hours", "status", "next_due_at", "paused_until", "profile_id"),
    "created_at",
)
_CHOSEN = ("locale", "timezone", "cadence", "send_minute", "max_stories", "format", "all_quiet", "paused_until")
_SUBSCRIPTION = ("subscriber_id", "topic_id", "position", "status", "cadence", "send_minute")
_CONSENT = ("subscriber_id", "at", "action", "topics", "form", "source", "note")


class _Terms(NamedTuple):
    """What a Choice comes to in the database, worked out once."""

    tail: tuple[Any, ...]
    """The end of the reader's row, from `locale` on."""
    due: datetime


class _Inserted(NamedTuple):
    """What became of an insert."""

    new: list[tuple[int, Incoming]]
    """With the reader's number."""
    known: dict[Incoming, Row[Any]]
    """Readers who were there already, locked."""
    vanished: list[Incoming]
    """They were there at the insert and are not any more."""


@dataclass
class Importer:
    """Writes batches of one file. Keep it for the whole file: it remembers what rows have in common."""

    hashes: Callable[[str], Sequence[bytes]]
    """An address -> its keyed hashes, newest key first (`Keyring.address_hashes`)."""
    source: str
    """For the consent log."""
    _terms: dict[Choice, _Terms] = field(default_factory=dict)

    def write(self, session: Session, rows: Sequence[Incoming], *, now: datetime) -> Outcome:
        """Write a batch; durable when the caller's transaction commits."""
        outcome = Outcome()
        connection = session.connection()
        wait_for_turn(connection)
        if connection.dialect.name != "sqlite":
            readers(connection, [row.key for row in rows], lock=True)  # all at once, so that their order holds
        for wave in waves(rows):
            gone = [row for row in wave if row.fate in ("left", "bounced")]
            if gone:
                keep_out(connection, gone, self.hashes, self.source, now, outcome)
            self._take_in(session, [row for row in wave if row.fate == "active"], now, outcome)
            outcome.unconfirmed(wave)
        return outcome

    def _take_in(self, session: Session, rows: list[Incoming], now: datetime, outcome: Outcome) -> None:
        """New readers, and those whom we know.

        SQLite lets nobody else write meanwhile. On PostgreSQL an erasure or a bounce may be committed between our look
        at the suppressions and our insert, which waits for it: they are looked at again behind the insert.
        """
        connection = session.connection()
        rows = self._admitted(connection, rows, outcome)
        if not rows:
            return
        new, known, vanished = self._insert(connection, rows, now)
        if connection.dialect.name != "sqlite":
            inserted = {row.key: number for number, row in new}
            staying = {row.key for row in self._admitted(connection, [*(row for _, row in new), *known], outcome)}
            for ids in portions(number for key, number in inserted.items() if key not in staying):
                connection.execute(delete(SUBSCRIBER).where(SUBSCRIBER.c.id.in_(ids)))
            new = [(number, row) for number, row in new if row.key in staying]
            known = {row: reader for row, reader in known.items() if row.key in staying}
        self._complete(connection, new, now, outcome)
        self._meet(session, known, now, outcome)
        self._take_in(session, vanished, now, outcome)

    def _admitted(self, connection: Connection, rows: list[Incoming], outcome: Outcome) -> list[Incoming]:
        """Those that are not suppressed. Without any suppression nothing is hashed."""
        out = suppressed(connection, rows, self.hashes) if rows else {}
        for row in rows:
            if row.key in out:
                outcome.tell(row, "refused", SUPPRESSED)
        return [row for row in rows if row.key not in out] if out else rows

    # --- who reads here from now on -----------------------------------------------------------------------------------

    def _insert(self, connection: Connection, rows: list[Incoming], now: datetime) -> _Inserted:
        told = bind_time(connection)
        ids = take_ids(connection, len(rows))
        terms = {choice: self._worked_out(connection, choice, now) for choice in {row.choice for row in rows}}
        created = told(now)
        lines = [
            (number, address, key, name, told(confirmed) if confirmed else created, *terms[choice].tail, created)
            for number, (_, _, address, key, name, choice, _, confirmed) in zip(ids, rows, strict=True)
        ]
        taken = list(zip(ids, rows, strict=True))
        if many(connection, SUBSCRIBER, _SUBSCRIBER, lines) == len(lines):
            return _Inserted(taken, {}, [])
        between = select(SUBSCRIBER.c.id).where(SUBSCRIBER.c.id.between(min(ids), max(ids)))
        new = set(connection.execute(between).scalars())
        others = [row for number, row in taken if number not in new]
        there = readers(connection, [row.key for row in others], lock=True)
        return _Inserted(
            [(number, row) for number, row in taken if number in new],
            {row: there[row.key] for row in others if row.key in there},
            [row for row in others if row.key not in there],
        )

    def _complete(
        self, connection: Connection, new: list[tuple[int, Incoming]], now: datetime, outcome: Outcome
    ) -> None:  # fmt: skip
        if not new:
            return
        lines = [
            (number, topic, place, "active", cadence, minute)
            for number, row in new
            for place, (topic, cadence, minute) in enumerate(row.choice.topics)
        ]
        many(connection, SUBSCRIPTION, _SUBSCRIPTION, lines)
        at, source = bind_time(connection)(now), self.source
        consents = [(number, at, "imported", row.choice.slugs, "import", source, row.note) for number, row in new]
        many(connection, CONSENT, _CONSENT, consents)
        for _, row in new:
            outcome.adds(row)

    def _worked_out(self, connection: Connection, choice: Choice, now: datetime) -> _Terms:
        known = self._terms.get(choice)
        if known is not None and known.due > now:
            return known
        told = bind_time(connection)
        choices = _as_profile(choice)
        due = due_of(choices, after=now, paused_until=choice.paused_until)
        assert due is not None, "a row without topics was let through"  # noqa: S101
        paused = choice.paused_until if choice.paused_until and choice.paused_until > now else None
        profile_id = intern(connection, choices)
        tail = (
            *(choice.locale, choice.timezone, choice.cadence, choice.send_minute, choice.max_stories, choice.format),
            *(choice.all_quiet, bool(choices["own"]), "active", told(due), told(paused), profile_id),
        )
        if len(self._terms) >= KEPT:
            self._terms.clear()
        self._terms[choice] = _Terms(tail, due)
        return self._terms[choice]

    # --- who is on the roster already ---------------------------------------------------------------------------------

    def _meet(self, session: Session, known: dict[Incoming, Row[Any]], now: datetime, outcome: Outcome) -> None:
        connection = session.connection()
        held = topics_held(connection, [reader.id for reader in known.values()])
        # Whoever is pending and left before has not confirmed since: anybody may have typed their address.
        left = left_everything(connection, [reader.id for reader in known.values() if reader.status == "pending"])
        for row, reader in known.items():
            has_all = held.get(reader.id, set()).issuperset(topic for topic, _, _ in row.choice.topics)
            if reader.status not in ("active", "pending") or reader.id in left:
                outcome.tell(row, "refused", LEFT)
            elif reader.status == "active" and has_all:
                outcome.counts["unchanged"] += 1
            else:
                self._widen(session, reader, row, now)
                if reader.status == "active":
                    outcome.counts["widened"] += 1
                else:
                    outcome.adds(row)

    def _widen(self, session: Session, reader: Row[Any], row: Incoming, now: datetime) -> None:
        """Add the topics behind those that the reader has. A pending reader takes the file's choices and is active."""
        connection = session.connection()
        choice, mine = row.choice, SUBSCRIPTION.c.subscriber_id == reader.id
        was_pending = reader.status == "pending"
        last = connection.execute(select(func.max(SUBSCRIPTION.c.position)).where(mine)).scalar()
        for place, (topic, cadence, minute) in enumerate(choice.topics, 0 if last is None else last + 1):
            own = {"cadence": cadence, "send_minute": minute} if was_pending else {}
            values = {"subscriber_id": reader.id, "topic_id": topic, "position": place, "status": "active", **own}
            if not insert_new(connection, SUBSCRIPTION, values):
                which = mine & (SUBSCRIPTION.c.topic_id == topic)
                connection.execute(update(SUBSCRIPTION).where(which).values(status="active", **own))
        if was_pending:
            values = {name: getattr(choice, name) for name in _CHOSEN}
            values |= {"status": "active", "name": row.name, "confirmed_at": row.confirmed_at or now}
            connection.execute(update(SUBSCRIBER).where(SUBSCRIBER.c.id == reader.id).values(values))
        slugs = choice.slugs.split()
        consent.log(connection, reader.id, now, "imported", slugs, form="import", source=self.source, note=row.note)
        settle(session, reader.id, now=now)


def waves(rows: Iterable[Incoming]) -> Iterator[list[Incoming]]:
    """The rows in order, cut wherever an address comes again: within a wave every address is another one."""
    wave: list[Incoming] = []
    keys: set[str] = set()
    for row in rows:
        if row.key in keys:
            yield wave
            wave, keys = [], set()
        wave.append(row)
        keys.add(row.key)
    if wave:
        yield wave


def _as_profile(choice: Choice) -> Choices:
    chosen = Choices(
        topics=[topic for topic, _, _ in choice.topics],
        language=choice.locale,
        timezone=choice.timezone,
        cadence=choice.cadence,
        send_minute=choice.send_minute,
        max_stories=choice.max_stories,
        format=choice.format,
        own={str(topic): (cadence, minute or 0) for topic, cadence, minute in choice.topics if cadence},
    )
    if choice.all_quiet:
        chosen["all_quiet"] = True
    return chosen
