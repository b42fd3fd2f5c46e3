"""Shorthands for tests of the roster: readers come, are looked at and counted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, func, select
from sqlmodel import SQLModel

from digest.store.db import reading, writing
from subscribers import consent, listing, roster, steer, topics
from subscribers.tokens import Keyring
from subscribers.types import Asked, Choices, ReaderRow, SignUp

NOW = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
"""A Monday, six o'clock in Berlin: the seven o'clock mail is an hour away."""
RING = Keyring(["a-key-that-only-the-tests-know-about-0001"])
ADA = "ada@example.org"


def furnish(engine: Engine) -> Engine:
    """Three public topics and a private one."""
    with writing(engine) as session:
        for slug, name in (("harbour", "Harbour"), ("sport", "Sport"), ("town", "Town hall")):
            topics.add_topic(session, slug, name, now=NOW, description=f"All about {name}", language="en")
        topics.add_topic(session, "staff", "Staff", now=NOW, public=False)
    return engine


def ask(engine: Engine, address: str = ADA, *slugs: str, now: datetime = NOW, **more: Any) -> Asked:
    asked = SignUp(address, slugs or ("harbour",), **{"timezone": "Europe/Berlin", **more})
    with writing(engine) as session:
        return roster.sign_up(session, asked, now=now, hashes=RING.address_hashes(address))


def confirmed(engine: Engine, address: str = ADA, *slugs: str, **more: Any) -> int:
    """The number of a reader who signed up and confirmed."""
    who = ask(engine, address, *slugs, **more).subscriber_id
    assert who is not None
    with writing(engine) as session:
        roster.confirm(session, who, now=NOW, address_hashes=RING.address_hashes)
    return who


def reader(engine: Engine, address: str = ADA) -> ReaderRow:
    with reading(engine) as session:
        return listing.show(session, address)


def choices(engine: Engine, who: int, now: datetime = NOW) -> Choices:
    with reading(engine) as session:
        return steer.choices(session.connection(), who, now=now)


def due_at(engine: Engine, address: str = ADA) -> datetime | None:
    return reader(engine, address).next_due_at


def count(engine: Engine, table: str) -> int:
    with reading(engine) as session:
        found = session.connection().execute(select(func.count()).select_from(SQLModel.metadata.tables[table]))
        return int(found.scalar_one())


def log(engine: Engine, subscriber_id: int) -> list[tuple[str, tuple[str, ...]]]:
    with reading(engine) as session:
        return [(row.action, row.topics) for row in consent.consents(session, subscriber_id)]
