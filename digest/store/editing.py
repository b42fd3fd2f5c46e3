"""Stories as an operator looks at them: the newest first, page by page, and everything about one of them. Reads only.

Everything runs inside the caller's session. All datetimes are aware UTC.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, func, or_, select
from sqlmodel import Session

from digest.models import Article, ArticleTopic, Story, StoryMerge, StoryRelated, StoryRuling
from digest.store.stories import LEAD_CHARS, LONGEST, QUIET, columns, telling
from digest.types import Telling
from subscribers.sql import slices, table

_article, _story, _matched = table(Article), table(Story), table(ArticleTopic)
_merge, _related, _ruling = table(StoryMerge), table(StoryRelated), table(StoryRuling)

LOOKED_AT = 60
"""Articles of a story that a list reads, the newest: who leads and how many publishers tell it is said by these."""


@dataclass(frozen=True, slots=True)
class StoryRow:
    """A story by itself."""

    id: int
    language: str
    version: int
    opened_at: datetime
    last_at: datetime

    def open(self, now: datetime) -> bool:
        """Whether it may still get articles: not quiet for 14 days, and not open for 16."""
        return self.last_at > now - QUIET and self.opened_at > now - LONGEST


@dataclass(frozen=True, slots=True)
class Filed:
    """An article in its story."""

    telling: Telling
    """Its text cut to the lead, with the topics that it belongs to."""
    original: int
    """The article of the same story that it is a copy of; its own id when it is none."""
    score: float
    terms: tuple[str, ...]

    @property
    def id(self) -> int:
        return self.telling.id


def list_stories(
    session: Session,
    *,
    limit: int,
    after: StoryRow | None = None,
    since: datetime | None = None,
    open_at: datetime | None = None,
    topic_id: int | None = None,
    hidden_too: bool = False,
) -> list[StoryRow]:
    """Up to `limit` stories with articles, the one told last first; those that come after `after`.

    `since`: told later than that; `open_at`: open then; `topic_id`: with an article of that topic. What is hidden from
    all topics for good is left out unless `hidden_too`. Goes along the index of `last_at`, as far as it needs.
    """
    tells = select(_article.c.id).where(_article.c.story_id == _story.c.id)
    if topic_id is not None:
        tells = tells.join(_matched, _matched.c.article_id == _article.c.id).where(_matched.c.topic_id == topic_id)
    query = select(*_story.c).where(tells.exists())
    if after is not None:
        same = and_(_story.c.last_at == after.last_at, _story.c.id < after.id)
        query = query.where(or_(_story.c.last_at < after.last_at, same))
    if since is not None:
        query = query.where(_story.c.last_at > since)
    if open_at is not None:
        query = query.where(_story.c.last_at > open_at - QUIET, _story.c.opened_at > open_at - LONGEST)
    if not hidden_too:
        ruled = select(_ruling.c.story_id).where(
            _ruling.c.story_id == _story.c.id,
            _ruling.c.kind == "hide",
            _ruling.c.topic_id == 0,
            _ruling.c.day == "",
        )
        query = query.where(~ruled.exists())
    query = query.order_by(_story.c.last_at.desc(), _story.c.id.desc()).limit(limit)
    return [_row(row) for row in session.connection().execute(query)]


def find_story(session: Session, story_id: int) -> StoryRow | None:
    """The story of that number, also when nothing is left of it."""
    row = session.connection().execute(select(*_story.c).where(_story.c.id == story_id)).one_or_none()
    return None if row is None else _row(row)


def became(session: Session, story_id: int) -> int:
    """The story that has a story's articles now: itself, unless it was merged into another one."""
    seen = {story_id}
    while True:
        query = select(_merge.c.kept).where(_merge.c.gone == story_id).order_by(_merge.c.id.desc()).limit(1)
        kept = session.connection().execute(query).scalar_one_or_none()
        if kept is None or kept in seen:
            return story_id
        seen.add(kept)
        story_id = kept


def merged_from(session: Session, story_id: int) -> tuple[int, ...]:
    """The stories that became this one, directly or by others, by number."""
    found: set[int] = set()
    asked = {story_id}
    while asked:
        gone: set[int] = set()
        for portion in slices(sorted(asked)):
            query = select(_merge.c.gone).where(_merge.c.kept.in_(portion))
            gone.update(session.connection().execute(query).scalars())
        asked = gone - found - {story_id}
        found |= asked
    return tuple(sorted(found))


def counts(session: Session, story_ids: Iterable[int]) -> dict[int, int]:
    """Story -> how many articles it has; those that have some."""
    found: dict[int, int] = {}
    for portion in slices(sorted(set(story_ids))):
        query = select(_article.c.story_id, func.count()).where(_article.c.story_id.in_(portion))
        for story, count in session.connection().execute(query.group_by(_article.c.story_id)):
            found[story] = count
    return found


def filed(session: Session, story_ids: Iterable[int], *, most: int | None = None) -> dict[int, list[Filed]]:
    """Story -> its articles (the newest `most` of them) by id; those that have some."""
    found: dict[int, list[Filed]] = defaultdict(list)
    for portion in slices(sorted(set(story_ids))):
        query = _articles().where(_article.c.story_id.in_(portion))
        if most is not None:
            place = func.row_number().over(partition_by=_article.c.story_id, order_by=_article.c.id.desc())
            placed = select(_article.c.id.label("id"), place.label("place")).where(_article.c.story_id.in_(portion))
            newest = placed.subquery()
            query = query.join(newest, and_(newest.c.id == _article.c.id, newest.c.place <= most))
        rows = list(session.connection().execute(query.order_by(_article.c.id)))
        topics = _topics(session, [row.id for row in rows])
        homes = {row.id: row.story_id for row in rows}
        for row in rows:
            found[row.story_id].append(_filed(row, topics.get(row.id, ()), homes))
    return dict(found)


def homes_of(session: Session, article_ids: Sequence[int]) -> dict[int, int | None]:
    """Article -> its story, if it has one; those that there are."""
    found: dict[int, int | None] = {}
    for portion in slices(article_ids):
        query = select(_article.c.id, _article.c.story_id).where(_article.c.id.in_(portion))
        for article, story in session.connection().execute(query):
            found[article] = story
    return found


def related_to(session: Session, story_id: int) -> list[tuple[int, float]]:
    """The stories of the same thread and how near they are, the nearest first."""
    query = select(_related.c.other_id, _related.c.value).where(_related.c.story_id == story_id)
    rows = [(row.other_id, row.value) for row in session.connection().execute(query)]
    return sorted(rows, key=lambda row: (-row[1], row[0]))


# --- parts ------------------------------------------------------------------------------------------------------------


def _row(row: Row[Any]) -> StoryRow:
    return StoryRow(row.id, row.language, row.version, row.opened_at, row.last_at)


def _articles() -> Any:
    there = _article.c
    return columns(LEAD_CHARS, there.original_id, there.joined_score, there.joined_terms)


def _filed(row: Row[Any], topics: tuple[int, ...], homes: dict[int, int]) -> Filed:
    facts = dict(row._mapping)
    original, score, terms = (facts.pop(name) for name in ("original_id", "joined_score", "joined_terms"))
    if original is None or homes.get(original) != row.story_id:
        original = row.id  # of a copy whose original is gone, or elsewhere by now
    return Filed(telling(facts, topics), original, score, tuple(terms.split()))


def _topics(session: Session, article_ids: Sequence[int]) -> dict[int, tuple[int, ...]]:
    found: dict[int, list[int]] = defaultdict(list)
    for portion in slices(article_ids):
        query = select(_matched.c.article_id, _matched.c.topic_id).where(_matched.c.article_id.in_(portion))
        for article, topic in session.connection().execute(query.order_by(_matched.c.topic_id)):
            found[article].append(topic)
    return {article: tuple(topics) for article, topics in found.items()}
