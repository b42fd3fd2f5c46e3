"""Rows for ledger tests, planned by hand: what planning promises to leave behind, without planning's own code."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Engine, text
from sqlmodel import select

from digest.models import Chunk, Delivery, Edition
from digest.store.db import reading, writing
from digest.types import DeliveryState, Due, Envelope, LeftOut, Pick, Recipient, Sheet
from subscribers.models import Profile, Subscriber

NOW = datetime(2026, 3, 4, 6, 30, tzinfo=UTC)


def address_hashes(address: str) -> list[bytes]:
    """A keyed hash, as the roster's Keyring gives them."""
    return [hashlib.blake2b(address.lower().encode(), key=b"tests", digest_size=32).digest()]


def add_readers(engine: Engine, count: int) -> list[int]:
    """So many active readers, reader1@example.org and on."""
    with writing(engine) as session:
        profile = Profile(key=f"profile-{count}", data="{}")
        session.add(profile)
        readers = [
            Subscriber(
                address=f"Reader{number}@example.org",
                address_key=f"reader{number}@example.org",
                name=f"Reader {number}",
                status="active",
                created_at=NOW,
            )
            for number in range(1, count + 1)
        ]
        session.add_all(readers)
        session.flush()
        return [reader.id or 0 for reader in readers]


def plan(
    engine: Engine,
    readers: Sequence[int],
    *,
    slot: str = "tick:1",
    kind: str = "tick",
    chunk_size: int = 100,
    state: str = "frozen",
    priority: int = 5,
    planned_at: datetime = NOW,
) -> int:
    """A frozen edition with a delivery for each of the readers; its id."""
    with writing(engine) as session:
        profile_id = session.exec(select(Profile.id)).first() or 0
        edition = Edition(
            kind=kind,
            slot=slot,
            state=state,
            priority=priority,
            planned_at=planned_at,
            frozen_at=planned_at,
            frozen_count=len(readers),
        )
        session.add(edition)
        session.flush()
        edition_id = edition.id or 0
        for start in range(0, len(readers), chunk_size):
            chunk = Chunk(edition_id=edition_id)
            session.add(chunk)
            session.flush()
            for reader in readers[start : start + chunk_size]:
                row = Delivery(
                    edition_id=edition_id,
                    subscriber_id=reader,
                    chunk_id=chunk.id or 0,
                    profile_id=profile_id,
                    since=NOW,
                )
                session.add(row)
        return edition_id


def deliveries(engine: Engine, edition_id: int) -> dict[int, Delivery]:
    """Subscriber id -> delivery."""
    with reading(engine) as session:
        found = session.exec(select(Delivery).where(Delivery.edition_id == edition_id)).all()
        session.expunge_all()
        return {row.subscriber_id: row for row in found}


def states(engine: Engine, edition_id: int) -> dict[int, str]:
    """Subscriber id -> delivery state."""
    return {reader: str(DeliveryState(row.state)) for reader, row in deliveries(engine, edition_id).items()}


def run(engine: Engine, statement: str, **values: object) -> None:
    """One statement, committed."""
    with writing(engine) as session:
        session.connection().execute(text(statement), values)


def value(engine: Engine, statement: str, **values: object) -> object:
    """What one query says in its first column."""
    with reading(engine) as session:
        return session.connection().execute(text(statement), values).scalar_one()


@dataclass
class Kitchen:
    """A composer that is as pure as the real one: the mail depends on the reader, the stories and the picks only."""

    engine: Engine
    stories: tuple[Pick, ...] = (Pick(1, 1),)
    before: Callable[[Sequence[Due]], None] | None = None
    """Called first: for what happens elsewhere while a worker composes."""
    subject: str = "The morning"
    broken: dict[int, str] = field(default_factory=dict)
    """Subscriber id -> subject, for mails that cannot be written."""
    composed: list[list[int]] = field(default_factory=list)

    def __call__(self, edition_id: int, due: Sequence[Due], encoding: str) -> list[Envelope | LeftOut]:
        self.composed.append([each.subscriber_id for each in due])
        if self.before is not None:
            self.before(due)
        with reading(self.engine) as session:
            rows = session.exec(select(Subscriber).where(Subscriber.id.in_([each.subscriber_id for each in due])))  # type: ignore[union-attr]
            people = {row.id: Recipient(row.id or 0, row.address, row.name) for row in rows}
        return [self._one(each, people[each.subscriber_id]) for each in due]

    def _one(self, due: Due, recipient: Recipient) -> Envelope | LeftOut:
        fresh = tuple(pick for pick in self.stories if pick.story_id not in due.memory)
        picks = due.picks if due.picks is not None else fresh
        if not picks and self.stories:
            return LeftOut(due.subscriber_id, "skipped", "empty")
        body = ", ".join(f"story {pick.story_id}" for pick in picks).encode()
        sheet = Sheet(
            sender="The Paper <paper@news.example>",
            reply_to="desk@news.example",
            subject=self.broken.get(due.subscriber_id, self.subject),
            date=NOW,
            leave_at="https://news.example/u/",
            headers=(("Feedback-ID", f"{due.edition_id}:{due.subscriber_id}"),),
            message_id=lambda reader: f"<{due.edition_id}.{reader}@news.example>",
            edition_id=due.edition_id,
        )
        return Envelope(sheet, recipient, str(due.subscriber_id).encode(), (b"<p>", body, b"</p>"), (body,), picks)
