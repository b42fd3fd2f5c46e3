"""Somebody who is not there: so that work for an unknown address can be done like that for a known one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from subscribers.models import Subscriber
from subscribers.roster import MAX_STORIES, Known
from subscribers.sql import table

SUBSCRIBER = table(Subscriber)


def stand_in(session: Session, number: int, address: str, locale: str, *, now: datetime) -> Known:
    """A reader with this address who reads nothing, within a savepoint that the caller takes back.

    The row's key is no address (`number` stands in it), so nobody waits for it who signs that address up meanwhile.
    """
    made = (
        insert(SUBSCRIBER)
        .values(
            address=address,
            address_key=f"nobody {number}",
            name="",
            locale=locale[:16],
            timezone="UTC",
            cadence="daily",
            send_minute=420,
            max_stories=MAX_STORIES,
            format="html",
            all_quiet=False,
            own_hours=False,
            status="active",
            created_at=now,
        )
        .returning(SUBSCRIBER.c.id)
    )
    return Known(int(session.connection().execute(made).scalar_one()), address, "active", locale)
