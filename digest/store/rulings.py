"""What operators ruled about stories: which stand first, and which nobody is told of.

A ruling belongs to a topic and a date, or to all topics, or to all dates (design, section 2, *Day*). Everything runs
inside the caller's session: durable when its transaction commits.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, select
from sqlmodel import Session

from digest.models import StoryRuling
from digest.types import Ruling
from subscribers.sql import insert_new, slices, table

_ruling = table(StoryRuling)


def rule(session: Session, ruling: Ruling, now: datetime) -> bool:
    """Write a ruling down; False when it was there already. The story must exist."""
    values = {
        "story_id": ruling.story_id, "kind": ruling.kind, "topic_id": ruling.topic_id, "day": ruling.day, "at": now,
    }  # fmt: skip
    return bool(insert_new(session.connection(), _ruling, values))


def unrule(session: Session, story_id: int, kind: str) -> int:
    """Take back all rulings of one kind about a story; returns how many there were."""
    there = delete(_ruling).where(_ruling.c.story_id == story_id, _ruling.c.kind == kind)
    return int(session.connection().execute(there).rowcount)


def rulings(session: Session, story_ids: Iterable[int]) -> tuple[Ruling, ...]:
    """The rulings about these stories, in the order in which they were made."""
    found = []
    for portion in slices(sorted(set(story_ids))):
        query = select(_ruling).where(_ruling.c.story_id.in_(portion))
        found += list(session.connection().execute(query))
    return tuple(
        Ruling(row.story_id, row.kind, row.topic_id, row.day)
        for row in sorted(found, key=lambda row: (row.at, row.story_id, row.kind, row.topic_id, row.day))
    )
