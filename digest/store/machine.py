"""What a language model answered, and what it has cost. All in the caller's transaction.

Crash semantics. Tokens are reserved, durably, before a call and corrected after it: a process that dies in between
leaves the reservation, so a day's limit holds over restarts and for several processes at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlmodel import Session

from digest.models import MachineDay, MachineSummary
from subscribers.sql import insert_new, slices, table

_summary = table(MachineSummary)
_day = table(MachineDay)


def known(session: Session, keys: Iterable[str]) -> dict[str, str]:
    """Key -> what may be shown of the answer ("" for nothing), of the questions that were asked before."""
    run = session.connection().execute
    found: dict[str, str] = {}
    for portion in slices(keys):
        query = select(_summary.c.key, _summary.c.text).where(_summary.c.key.in_(portion))
        found.update({row.key: row.text for row in run(query)})
    return found


def keep(session: Session, key: str, text: str, reason: str, *, now: datetime) -> None:
    """Remember an answer; the first one stays."""
    insert_new(session.connection(), _summary, {"key": key, "text": text, "reason": reason, "at": now})


def reserve(session: Session, day: str, tokens: int, *, limit: int) -> bool:
    """Take so many of the day's tokens; False, and nothing taken, when that would be more than `limit`. `day` is in
    UTC, 2026-08-24."""
    run = session.connection().execute
    insert_new(session.connection(), _day, {"day": day, "tokens": 0})
    room = (_day.c.day == day) & (_day.c.tokens + tokens <= limit)
    return run(update(_day).where(room).values(tokens=_day.c.tokens + tokens)).rowcount == 1


def correct(session: Session, day: str, tokens: int) -> None:
    """Add what a call cost beyond its reservation; less than nothing gives back."""
    session.connection().execute(update(_day).where(_day.c.day == day).values(tokens=_day.c.tokens + tokens))


def spent(session: Session, day: str) -> int:
    """The tokens of a day."""
    found = session.connection().execute(select(_day.c.tokens).where(_day.c.day == day)).scalar_one_or_none()
    return int(found or 0)


def prune(session: Session, *, before: datetime) -> None:
    """Forget answers and days from before."""
    run = session.connection().execute
    run(delete(_summary).where(_summary.c.at < before))
    run(delete(_day).where(_day.c.day < f"{before:%Y-%m-%d}"))
