"""Asks that wait, and what became of them: shorthands for the intake's tests."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

from sqlalchemy import select

from digest.service.intake import work_intake
from digest.store.db import reading, writing
from subscribers import asks
from subscribers.models import Intake
from subscribers.sql import table
from subscribers.types import SignUp
from tests.service.town import Town

INTAKE = table(Intake)


def drop(town: Town, *wanted: asks.Ask) -> None:
    """Asks that wait; nobody is told of them."""
    with writing(town.engine) as session:
        for ask in wanted:
            asks.drop_in(session, ask, now=town.clock.at)


def sign_up(address: str = "ada@example.org", *topics: str, locale: str = "en") -> asks.SignUpAsk:
    return asks.SignUpAsk(SignUp(address, topics or ("harbour",), locale=locale, timezone="Europe/Berlin"))


def work(town: Town) -> int:
    return work_intake(town.service.readers)


def waiting(town: Town) -> list[str]:
    with reading(town.engine) as session:
        return list(session.connection().execute(select(INTAKE.c.kind).order_by(INTAKE.c.id)).scalars())


def slots(town: Town) -> list[str]:
    """The purposes of all system mails, in order."""
    return [edition.slot.split(":")[1] for edition in town.editions() if edition.kind == "system"]


def sent(town: Town) -> list[EmailMessage]:
    """Send what is ready; every mail in the outbox, oldest first."""
    town.service.dispatch()
    files = sorted(town.mails(), key=lambda file: file.stat().st_mtime_ns)
    return [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]


def text_of(mail: EmailMessage) -> str:
    plain = mail.get_body(("plain",))
    assert plain is not None
    return str(plain.get_content())
