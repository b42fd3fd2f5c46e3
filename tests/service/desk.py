"""Shorthands for tests of the readers' desk."""

from __future__ import annotations

from sqlalchemy import select

from digest.service.readers import ReaderDesk
from digest.store.db import reading
from subscribers.models import FreshLink, Intake
from subscribers.sql import table
from subscribers.types import SignUp
from tests.service.town import Town

ADA = "ada@example.org"


def asked(*topics: str, address: str = ADA, **more: object) -> SignUp:
    return SignUp(address, topics or ("harbour",), timezone="Europe/Berlin", **more)  # type: ignore[arg-type]


def desk_of(town: Town) -> ReaderDesk:
    return town.service.readers


def kinds(town: Town) -> list[str]:
    """The kinds of asks that wait."""
    intake = table(Intake)
    with reading(town.engine) as session:
        return list(session.connection().execute(select(intake.c.kind).order_by(intake.c.id)).scalars())


def last_link(town: Town, who: int) -> int:
    links = table(FreshLink)
    query = select(links.c.id).where(links.c.subscriber_id == who).order_by(links.c.id.desc()).limit(1)
    with reading(town.engine) as session:
        return int(session.connection().execute(query).scalar_one())
