"""Stories in the database: what waits for a story, what is open, joining, and what happened in a reader's window.

Statements are Core and bulk. Everything runs inside the caller's session: nothing is durable until its transaction
commits. All datetimes are aware UTC.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select
from sqlmodel import Session, col

from digest.models import Article, ArticleTopic, Source, StoryRelated
from digest.types import Telling

QUIET = timedelta(days=14)
"""After so many quiet days a story is closed (design, section 5), and backlog older than that needs no story."""
LONGEST = timedelta(days=16)
"""After so many days a story is closed even when it was never quiet: a reader's memory reaches back 30 days
(`digest.store.memory`), and what they were sent of a story must not be forgotten while it can still be told."""
LEAD_CHARS = 1200
"""Clustering looks at the lead only; reading more would be most of the work on a large database."""
SLICE = 500
"""Ids per IN list."""


def unclustered(session: Session, now: datetime, limit: int) -> list[Telling]:
    """Up to `limit` articles without a story, the earliest gathered first; texts are cut to the lead.

    News always gets a story. Backlog gets one if it was published within the last 14 days, so that later coverage joins
    it; it never counts as news for that.
    """
    recent = col(Article.published_at) > now - QUIET
    query = (
        columns(LEAD_CHARS)
        .where(col(Article.story_id).is_(None), or_(col(Article.news_at).is_not(None), recent))
        .order_by(col(Article.id))
        .limit(limit)
    )
    return [telling(row._mapping) for row in session.connection().execute(query)]


def tellings_of(session: Session, story_ids: Iterable[int]) -> dict[int, list[Telling]]:
    """Story id -> all its articles with full texts and topics, by id. Stories without articles have an empty list."""
    wanted = list(dict.fromkeys(story_ids))
    out: dict[int, list[Telling]] = {story: [] for story in wanted}
    for ids in _slices(wanted):
        inside = col(Article.story_id).in_(ids)
        topics: dict[int, list[int]] = defaultdict(list)
        pairs = (
            select(col(ArticleTopic.article_id), col(ArticleTopic.topic_id))
            .join(Article, col(Article.id) == col(ArticleTopic.article_id))
            .where(inside)
            .order_by(col(ArticleTopic.topic_id))
        )
        for article, topic in session.connection().execute(pairs):
            topics[article].append(topic)
        query = columns().where(inside).order_by(col(Article.id))
        for row in session.connection().execute(query):
            out[row.story_id].append(telling(row._mapping, tuple(topics.get(row.id, ()))))
    return out


def count_in_topics(session: Session, story_id: int, topic_ids: Sequence[int]) -> int:
    """How many articles of a story belong to one of these topics; 0 for a story that there is not."""
    query = select(func.count()).select_from(Article).where(*_in_topics(story_id, topic_ids))
    return int(session.connection().execute(query).scalar_one())


def tellings_in_topics(
    session: Session, story_id: int, topic_ids: Sequence[int], *, most: int, chars: int
) -> list[Telling]:
    """The newest `most` of those articles, by id, with the first `chars` characters of their texts; each has those of
    the topics that it belongs to."""
    query = columns(chars).where(*_in_topics(story_id, topic_ids)).order_by(col(Article.id).desc()).limit(most)
    rows = list(session.connection().execute(query))[::-1]
    topics: dict[int, list[int]] = defaultdict(list)
    pairs = select(col(ArticleTopic.article_id), col(ArticleTopic.topic_id)).where(
        col(ArticleTopic.article_id).in_([row.id for row in rows]), col(ArticleTopic.topic_id).in_(list(topic_ids))
    )
    for article, topic in session.connection().execute(pairs):
        topics[article].append(topic)
    return [telling(row._mapping, tuple(sorted(topics[row.id]))) for row in rows]


def related_to(session: Session, story_id: int, most: int) -> list[int]:
    """The other stories of its thread, the nearest first."""
    query = (
        select(col(StoryRelated.other_id))
        .where(col(StoryRelated.story_id) == story_id)
        .order_by(col(StoryRelated.value).desc(), col(StoryRelated.other_id))
        .limit(most)
    )
    return list(session.connection().execute(query).scalars())


def stories_in_window(
    session: Session, *, topic_ids: Sequence[int] | None, since: datetime, until: datetime
) -> list[int]:
    """Ids of the stories of which an article became news in (since, until], in one of these topics (None: any)."""
    query = (
        select(col(Article.story_id))
        .where(col(Article.story_id).is_not(None), col(Article.news_at) > since, col(Article.news_at) <= until)
        .distinct()
        .order_by(col(Article.story_id))
    )
    if topic_ids is not None:
        query = query.join(ArticleTopic, col(ArticleTopic.article_id) == col(Article.id)).where(
            col(ArticleTopic.topic_id).in_(list(topic_ids))
        )
    return [row.story_id for row in session.connection().execute(query)]


# --- parts ------------------------------------------------------------------------------------------------------------


def _in_topics(story_id: int, topic_ids: Sequence[int]) -> tuple[Any, Any]:
    matched = select(col(ArticleTopic.article_id)).where(
        col(ArticleTopic.article_id) == col(Article.id), col(ArticleTopic.topic_id).in_(list(topic_ids))
    )
    return col(Article.story_id) == story_id, matched.exists()


def columns(chars: int | None = None, *more: Any) -> Any:
    """An article as a telling, its text cut to so many characters, with `more` columns."""
    body: Any = func.substr(col(Article.text), 1, chars) if chars else col(Article.text)
    chosen = (
        col(Article.id),
        col(Article.title),
        body.label("text"),
        col(Article.summary),
        col(Article.publisher),
        col(Article.credit),
        col(Article.language),
        col(Article.url),
        col(Article.author),
        col(Article.image_url),
        col(Article.image_alt),
        col(Article.news_at),
        col(Article.published_at),
        col(Article.story_id),
        col(Article.story_version),
        col(Source.rights),
        col(Source.weight),
    )
    query: Any = select(*chosen, *more)
    return query.select_from(Article).join(Source, col(Source.id) == col(Article.source_id))


def telling(facts: Mapping[Any, Any], topic_ids: tuple[int, ...] = ()) -> Telling:
    """A row of `columns` as what it is."""
    return Telling(**facts, topic_ids=topic_ids)


def _slices(ids: Sequence[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), SLICE):
        yield list(ids[start : start + SLICE])
