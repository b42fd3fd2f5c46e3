"""Readers written out: page by page, so that any number needs the memory of one page."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from subscribers.models import Subscriber, Subscription, Topic
from subscribers.sql import table
from subscribers.transfer.formats import OUR_COLUMNS
from subscribers.transfer.looking import portions
from subscribers.transfer.rows import shield

SUBSCRIBER, SUBSCRIPTION, TOPIC = table(Subscriber), table(Subscription), table(Topic)

STATUSES = ("active", "pending", "left", "suppressed")
PAGE = 1000


def page(
    session: Session, *, after_id: int = 0, topic_id: int | None = None, status: str | None = None
) -> tuple[list[dict[str, str]], int | None]:
    """The next readers as texts by column of OUR_COLUMNS, and the id to go on after; None when there are no more.

    Whoever is added or leaves while pages are read may be in the export or not; nobody is in it twice.
    """
    query = select(SUBSCRIBER).where(SUBSCRIBER.c.id > after_id).order_by(SUBSCRIBER.c.id).limit(PAGE)
    if status is not None:
        query = query.where(SUBSCRIBER.c.status == status)
    if topic_id is not None:
        held = SUBSCRIPTION.c.subscriber_id == SUBSCRIBER.c.id
        query = query.join(SUBSCRIPTION, held).where(SUBSCRIPTION.c.topic_id == topic_id)
    rows = session.connection().execute(query).all()
    if not rows:
        return [], None
    topics = _topics(session, [row.id for row in rows])
    return [_texts(row, topics.get(row.id, [])) for row in rows], rows[-1].id if len(rows) == PAGE else None


def _topics(session: Session, ids: Sequence[int]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    wanted = (
        select(SUBSCRIPTION, TOPIC.c.slug)
        .join(TOPIC, TOPIC.c.id == SUBSCRIPTION.c.topic_id)
        .order_by(SUBSCRIPTION.c.subscriber_id, SUBSCRIPTION.c.position, SUBSCRIPTION.c.topic_id)
    )
    for portion in portions(ids):
        for row in session.connection().execute(wanted.where(SUBSCRIPTION.c.subscriber_id.in_(portion))):
            found.setdefault(row.subscriber_id, []).append(row)
    return found


def _texts(row: Any, topics: Sequence[Any]) -> dict[str, str]:
    return {
        "address": row.address,
        "name": row.name,
        "status": row.status,
        "topics": " ".join(_topic(each) for each in topics if each.status == "active"),
        "pending": " ".join(each.slug for each in topics if each.status == "pending"),
        "cadence": row.cadence,
        "send_at": _clock(row.send_minute),
        "timezone": row.timezone,
        "language": row.locale,
        "format": row.format,
        "max_stories": str(row.max_stories),
        "all_quiet": "yes" if row.all_quiet else "no",
        "paused_until": _instant(row.paused_until),
        "created_at": _instant(row.created_at),
        "confirmed_at": _instant(row.confirmed_at),
    }


def _topic(held: Any) -> str:
    """A slug; with hours of its own as slug=cadence@07:00, for cadences hold neither @ nor spaces."""
    own = f"={held.cadence}@{_clock(held.send_minute or 0)}" if held.cadence else ""
    return f"{held.slug}{own}"


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _instant(at: datetime | None) -> str:
    return at.isoformat() if at else ""


def csv_text(rows: Sequence[dict[str, str]]) -> str:
    """Rows as CSV after RFC 4180, in UTF-8, lines ending in CR LF; no cell is a formula (`rows.shield`)."""
    told = io.StringIO()
    csv.writer(told).writerows([shield(row[column]) for column in OUR_COLUMNS] for row in rows)
    return told.getvalue()


def csv_header() -> str:
    """The line of column names."""
    return ",".join(OUR_COLUMNS) + "\r\n"


def json_items(rows: Sequence[dict[str, str]]) -> Iterator[str]:
    """Each row as a JSON object on a line of its own; topics are lists."""
    for row in rows:
        lists = {name: row[name].split() for name in ("topics", "pending")}
        yield json.dumps({**row, **lists}, ensure_ascii=False)
