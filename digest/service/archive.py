"""The public archive, read: only topics that are public and archived at that moment, without what editors hid since.

Hidden here is what is hidden everywhere, in the topic, or on that day (for all topics or this one). A story that became
part of another one meanwhile is shown once a day, as the better placed one told it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Engine
from sqlmodel import Session

from digest.compose.seen import HIDE
from digest.store import archive
from digest.store.archive import OpenDay
from digest.store.db import reading
from digest.store.lineage import lineage
from digest.store.rulings import rulings
from digest.types import ArchivedDay, ArchivedStory, ArchivedTopic, DayHead, DayList, DayPage, Ruling, TopicFeed
from subscribers import topics as shelf
from subscribers.errors import UnknownTopic
from subscribers.types import TopicRow

DAYS_LISTED = 30
"""Days on one page of a topic's list."""
DAYS_FED = 14
"""Days in a feed: who looks once in two weeks misses none."""
NEAR = 3
"""Days on either side of which a page finds its neighbour: of some, everything may have been hidden."""


class ArchivePages:
    """What the archive's pages and feeds hold. Each verb is one reading; all raise StoreError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def topics(self) -> tuple[ArchivedTopic, ...]:
        """The topics with an archive, by name, each with its latest day."""
        with reading(self._engine) as session:
            rows = [each for each in shelf.list_topics(session, public_only=True) if each.archived]
            return tuple(_topic(session, row, archive.last_day(session, row.id)) for row in rows)

    def days(self, slug: str, before: date | None = None) -> DayList:
        """DAYS_LISTED days of a topic, those before that date only. Raises UnknownTopic for one without an archive."""
        with reading(self._engine) as session:
            topic = _find(session, slug)
            there = archive.days(session, topic.id, before=before, most=DAYS_LISTED + 1)
            told = _told(session, topic.id, there[:DAYS_LISTED])
            more = there[DAYS_LISTED - 1].day if len(there) > DAYS_LISTED else None
        heads = [DayHead(each.day, each.stories[0].title, each.stories[0].language, len(each.stories)) for each in told]
        return DayList(topic, tuple(heads), more)

    def day(self, slug: str, day: date) -> DayPage | None:
        """A day of a topic; None when it told nothing that is still shown. Raises UnknownTopic as `days`."""
        with reading(self._engine) as session:
            topic = _find(session, slug)
            found = archive.find_day(session, topic.id, day)
            told = _told(session, topic.id, [found]) if found else []
            if not told:
                return None
            before = _told(session, topic.id, archive.days(session, topic.id, before=day, most=NEAR))
            after = _told(session, topic.id, archive.days_after(session, topic.id, day, most=NEAR))
        return DayPage(topic, told[0], before[0].day if before else None, after[0].day if after else None)

    def feed(self, slug: str) -> TopicFeed:
        """The last DAYS_FED days of a topic. Raises UnknownTopic as `days`."""
        with reading(self._engine) as session:
            topic = _find(session, slug)
            there = archive.days(session, topic.id, most=DAYS_FED)
            told = _told(session, topic.id, there)
            kept = archive.stories(session, topic.id, [each.day for each in there])
            ruled = archive.ruled_at(session, (each.story_id for day in kept.values() for each in day))
        changes: list[datetime] = [topic.created_at, *(each.changed_at for each in there), *filter(None, [ruled])]
        return TopicFeed(topic, tuple(told), max(changes))


def _find(session: Session, slug: str) -> ArchivedTopic:
    """A topic without an archive is missing like one that does not exist."""
    (row,) = shelf.find_topics(session, [slug], public_only=True)
    if not row.archived:
        raise UnknownTopic(f"topic {row.slug} has no archive; `digest topics edit {row.slug} --archive` gives it one")
    return _topic(session, row)


def _topic(session: Session, row: TopicRow, last: date | None = None) -> ArchivedTopic:
    made = archive.created_at(session, row.id)
    return ArchivedTopic(row.id, row.slug, row.name, row.description, row.language, made, last)


def _told(session: Session, topic_id: int, days: Sequence[OpenDay]) -> list[ArchivedDay]:
    """These days with what may be shown of them; without a day of which nothing may."""
    kept = archive.stories(session, topic_id, [each.day for each in days])
    became = lineage(session)
    numbers = {
        number for told in kept.values() for each in told for number in (each.story_id, became.now(each.story_id))
    }
    hidden = [each for each in rulings(session, numbers) if each.kind == HIDE and each.topic_id in (0, topic_id)]
    found = []
    for each in days:
        shown: dict[int, ArchivedStory] = {}
        for story in kept[each.day]:
            now = became.now(story.story_id)
            if not _hidden(hidden, {story.story_id, now}, each.day):
                shown.setdefault(now, story)
        if shown:
            found.append(ArchivedDay(each.day, each.opened_at, each.changed_at, tuple(shown.values())))
    return found


def _hidden(rulings: Sequence[Ruling], numbers: set[int], day: date) -> bool:
    return any(each.story_id in numbers and each.day in ("", day.isoformat()) for each in rulings)
