"""The public archive: what the editions of a day told of a topic. Every statement reads or writes along an index.

Everything runs inside the caller's session: durable when its transaction commits.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Row, func, select, update
from sqlmodel import Session

from digest.models import StoryRuling, TopicDay, TopicDayStory
from digest.types import ArchivedStory, Pick
from subscribers.models import Topic
from subscribers.sql import insert_new, slices, table, upsert

_day, _story, _topic, _ruling = table(TopicDay), table(TopicDayStory), table(Topic), table(StoryRuling)

KEY = ("topic_id", "day", "story_id")
TOLD, RANK = ("version", "from_version", "title", "language", "data"), ("edition_id", "place", "ranked")
IN_DATA = ("summary", "url", "publisher", "also", "others", "machine", "at")


@dataclass(frozen=True, slots=True)
class OpenDay:
    """A day without its stories."""

    day: date
    opened_at: datetime
    changed_at: datetime


def keep(
    session: Session,
    topic_id: int,
    day: str,
    stories: Sequence[ArchivedStory],
    *,
    edition_id: int,
    at: datetime,
    ranks: bool = True,
) -> None:
    """Add what an edition told, best first, to a day of a topic. What the day has already is told anew. With `ranks`
    the edition's order is the day's from now on; without, what is there keeps its place and the rest comes behind. No
    story, no day."""
    if not stories:
        return
    connection = session.connection()
    insert_new(connection, _day, {"topic_id": topic_id, "day": day, "opened_at": at, "changed_at": at})
    mine = (_day.c.topic_id == topic_id, _day.c.day == day)
    connection.execute(select(_day.c.day).where(*mine).with_for_update())  # two editions at once take turns
    there = select(_story.c.story_id, _story.c.version).where(_story.c.topic_id == topic_id, _story.c.day == day)
    known = {row.story_id: row.version for row in connection.execute(there)}
    rows = [
        {
            "topic_id": topic_id,
            "day": day,
            "story_id": each.story_id,
            "version": each.version,
            "from_version": each.from_version,
            "edition_id": edition_id,
            "place": place,
            "ranked": ranks,
            "title": each.title,
            "language": each.language,
            "data": _packed(each),
        }
        for place, each in enumerate(stories)
    ]
    changing = (*TOLD, *RANK) if ranks else TOLD
    upsert(connection, _story, rows, key=KEY, changes=lambda new: {name: new[name] for name in changing})
    if any(known.get(each.story_id) != each.version for each in stories):
        connection.execute(update(_day).where(*mine).values(changed_at=at))


def told_before(session: Session, topic_id: int, story_ids: Iterable[int], *, day: str) -> dict[int, tuple[Pick, ...]]:
    """Story id -> what days of this topic before `day` told of it, oldest first: the archive's memory, by the numbers
    that the stories had then."""
    found: dict[int, tuple[Pick, ...]] = {}
    for portion in slices(sorted(set(story_ids))):
        query = (
            select(_story.c.story_id, _story.c.version, _story.c.from_version)
            .where(_story.c.topic_id == topic_id, _story.c.story_id.in_(portion), _story.c.day < day)
            .order_by(_story.c.day)
        )
        for row in session.connection().execute(query):
            found[row.story_id] = (*found.get(row.story_id, ()), Pick(*row))
    return found


def created_at(session: Session, topic_id: int) -> datetime:
    """When a topic was made."""
    found: datetime = (
        session.connection().execute(select(_topic.c.created_at).where(_topic.c.id == topic_id)).scalar_one()
    )
    return found


def last_day(session: Session, topic_id: int) -> date | None:
    """The latest day of a topic."""
    newest = session.connection().execute(select(func.max(_day.c.day)).where(_day.c.topic_id == topic_id)).scalar_one()
    return date.fromisoformat(newest) if newest else None


def days(session: Session, topic_id: int, *, before: date | None = None, most: int) -> list[OpenDay]:
    """The days of a topic, the newest first, those before that date only."""
    query = select(_day.c.day, _day.c.opened_at, _day.c.changed_at).where(_day.c.topic_id == topic_id)
    if before is not None:
        query = query.where(_day.c.day < before.isoformat())
    rows = session.connection().execute(query.order_by(_day.c.day.desc()).limit(most))
    return [OpenDay(date.fromisoformat(row.day), row.opened_at, row.changed_at) for row in rows]


def find_day(session: Session, topic_id: int, day: date) -> OpenDay | None:
    """One day of a topic."""
    mine = (_day.c.topic_id == topic_id, _day.c.day == day.isoformat())
    row = session.connection().execute(select(_day.c.opened_at, _day.c.changed_at).where(*mine)).one_or_none()
    return None if row is None else OpenDay(day, row.opened_at, row.changed_at)


def days_after(session: Session, topic_id: int, day: date, *, most: int) -> list[OpenDay]:
    """The days of a topic after that one, the oldest first."""
    mine = (_day.c.topic_id == topic_id, _day.c.day > day.isoformat())
    query = select(_day.c.day, _day.c.opened_at, _day.c.changed_at).where(*mine).order_by(_day.c.day).limit(most)
    rows = session.connection().execute(query)
    return [OpenDay(date.fromisoformat(row.day), row.opened_at, row.changed_at) for row in rows]


def stories(session: Session, topic_id: int, days: Sequence[date]) -> dict[date, list[ArchivedStory]]:
    """The stories of these days: those that the day's last edition ranked, best first, then those that ranked ones
    before it did, then what came in between, the latest first."""
    query = (
        select(_story)
        .where(_story.c.topic_id == topic_id, _story.c.day.in_([each.isoformat() for each in days]))
        .order_by(_story.c.ranked.desc(), _story.c.edition_id.desc(), _story.c.place, _story.c.story_id)
    )
    found: dict[date, list[ArchivedStory]] = {each: [] for each in days}
    for row in session.connection().execute(query):
        found[date.fromisoformat(row.day)].append(_unpacked(row))
    return found


def ruled_at(session: Session, story_ids: Iterable[int]) -> datetime | None:
    """When an editor last ruled about one of these stories, of the rulings that stand."""
    found = []
    for portion in slices(sorted(set(story_ids))):
        query = select(func.max(_ruling.c.at)).where(_ruling.c.story_id.in_(portion))
        found.append(session.connection().execute(query).scalar_one())
    return max((each for each in found if each is not None), default=None)


def _packed(story: ArchivedStory) -> str:
    values: Mapping[str, object] = {name: getattr(story, name) for name in IN_DATA}
    at = story.at.isoformat() if story.at else None
    return json.dumps({**values, "at": at}, ensure_ascii=False, separators=(",", ":"))


def _unpacked(row: Row[tuple[object, ...]]) -> ArchivedStory:
    told = json.loads(row.data)
    at = datetime.fromisoformat(told["at"]) if told["at"] else None
    return ArchivedStory(
        story_id=row.story_id,
        version=row.version,
        from_version=row.from_version,
        title=row.title,
        language=row.language,
        **{**told, "also": tuple(told["also"]), "at": at},
    )
