"""Stories in the database: what waits for a story, what is open, joining, and what happened in a reader's window.

Statements are Core and bulk. Everything runs inside the caller's session: nothing is durable until its transaction
commits. All datetimes are aware UTC.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, and_, bindparam, func, insert, or_, select, text, update
from sqlmodel import Session, col

from digest.models import Article, ArticleTopic, Source, Story
from digest.types import Joined, Telling

QUIET = timedelta(days=14)
"""After so many quiet days a story is closed (design, section 5), and backlog older than that needs no story."""
LONGEST = timedelta(days=16)
"""After so many days a story is closed even when it was never quiet: a reader's memory reaches back 30 days
(`digest.store.memory`), and what they were sent of a story must not be forgotten while it can still be told."""
LEAD_CHARS = 1200
"""Clustering looks at the lead only; reading more would be most of the work on a large database."""
TELLINGS_PER_STORY = 20
"""Newest tellings of an open story that clustering compares with."""
SLICE = 500
"""Ids per IN list."""
_LOCK = 0x64696765
"""Names the advisory lock; any constant that nobody else in this database uses ("dige" in ASCII)."""


def clustering_alone(session: Session) -> None:
    """Wait until no other transaction writes verdicts, and keep others out until this one ends.

    SQLite has one writer anyway (`db.writing`). PostgreSQL takes an advisory lock that ends with the transaction, so it
    is safe under PgBouncer's transaction mode too.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.connection().execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def unclustered(session: Session, now: datetime, limit: int) -> list[Telling]:
    """Up to `limit` articles without a story, the earliest gathered first; texts are cut to the lead.

    News always gets a story. Backlog gets one if it was published within the last 14 days, so that later coverage joins
    it; it never counts as news for that.
    """
    recent = col(Article.published_at) > now - QUIET
    query = (
        _columns(LEAD_CHARS)
        .where(col(Article.story_id).is_(None), or_(col(Article.news_at).is_not(None), recent))
        .order_by(col(Article.id))
        .limit(limit)
    )
    return [_telling(row) for row in session.connection().execute(query)]


def open_tellings(session: Session, now: datetime) -> list[Telling]:
    """The newest articles of each story that is still open, texts cut to the lead, by id."""
    place = func.row_number().over(partition_by=col(Article.story_id), order_by=col(Article.id).desc())
    newest = (
        select(col(Article.id).label("id"), place.label("place"))
        .join(Story, col(Story.id) == col(Article.story_id))
        .where(col(Story.last_at) > now - QUIET, col(Story.opened_at) > now - LONGEST)
        .subquery()
    )
    query = (
        _columns(LEAD_CHARS)
        .join(newest, and_(newest.c.id == col(Article.id), newest.c.place <= TELLINGS_PER_STORY))
        .order_by(col(Article.id))
    )
    return [_telling(row) for row in session.connection().execute(query)]


def join(session: Session, joined: Sequence[Joined], now: datetime) -> int:
    """Write the verdicts; returns how many articles were placed.

    A new story has version 1. A story that gains articles grows by one version per call, however many they are, and
    they bear that version. Articles that have a story already are left alone.
    """
    rows = _articles(session, [verdict.article_id for verdict in joined] + [v.opened_by for v in joined if v.opened_by])
    pending = [
        verdict for verdict in joined if verdict.article_id in rows and rows[verdict.article_id].story_id is None
    ]
    story_of: dict[int, int] = {id_: row.story_id for id_, row in rows.items() if row.story_id is not None}
    opening: dict[int, list[Joined]] = defaultdict(list)
    growing: dict[int, list[Joined]] = defaultdict(list)
    for verdict in pending:
        story = verdict.story_id if verdict.opened_by is None else story_of.get(verdict.opened_by)
        if story is not None:
            growing[story].append(verdict)
        elif verdict.opened_by is not None:
            opening[verdict.opened_by].append(verdict)
    placed = [*_open(session, opening, rows, now), *_grow(session, growing, rows, now)]
    if placed:
        session.connection().execute(
            update(Article)
            .where(col(Article.id) == bindparam("article"), col(Article.story_id).is_(None))
            .values(
                story_id=bindparam("story"),
                story_version=bindparam("grown_to"),
                joined_score=bindparam("score"),
                joined_terms=bindparam("terms"),
            ),
            placed,
        )
    return len(placed)


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
        query = _columns().where(inside).order_by(col(Article.id))
        for row in session.connection().execute(query):
            out[row.story_id].append(_telling(row, tuple(topics.get(row.id, ()))))
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
    query = _columns(chars).where(*_in_topics(story_id, topic_ids)).order_by(col(Article.id).desc()).limit(most)
    rows = list(session.connection().execute(query))[::-1]
    topics: dict[int, list[int]] = defaultdict(list)
    pairs = select(col(ArticleTopic.article_id), col(ArticleTopic.topic_id)).where(
        col(ArticleTopic.article_id).in_([row.id for row in rows]), col(ArticleTopic.topic_id).in_(list(topic_ids))
    )
    for article, topic in session.connection().execute(pairs):
        topics[article].append(topic)
    return [_telling(row, tuple(sorted(topics[row.id]))) for row in rows]


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


def _columns(chars: int | None = None) -> Any:
    """An article as a telling, its text cut to so many characters."""
    body: Any = func.substr(col(Article.text), 1, chars) if chars else col(Article.text)
    columns = (
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
    query: Any = select(*columns)
    return query.select_from(Article).join(Source, col(Source.id) == col(Article.source_id))


def _telling(row: Row[Any], topic_ids: tuple[int, ...] = ()) -> Telling:
    return Telling(**row._mapping, topic_ids=topic_ids)


def _articles(session: Session, ids: Iterable[int]) -> dict[int, Row[Any]]:
    found: dict[int, Row[Any]] = {}
    for part in _slices(list(dict.fromkeys(ids))):
        query: Any = select(
            col(Article.id),
            col(Article.story_id),
            col(Article.language),
            col(Article.news_at),
            col(Article.published_at),
        ).where(col(Article.id).in_(part))
        for row in session.connection().execute(query):
            found[row.id] = row
    return found


def _open(
    session: Session, opening: dict[int, list[Joined]], rows: dict[int, Row[Any]], now: datetime
) -> Iterator[dict[str, Any]]:
    if not opening:
        return
    stories = []
    for opener, verdicts in opening.items():
        times = [_time(rows[verdict.article_id], now) for verdict in verdicts]
        stories.append(
            {"language": rows[opener].language, "version": 1, "opened_at": min(times), "last_at": max(times)}
        )
    made: Any = session.connection().execute(
        insert(Story).returning(col(Story.id), sort_by_parameter_order=True), stories
    )
    for story, verdicts in zip(made.scalars(), opening.values(), strict=True):
        for verdict in verdicts:
            yield _placement(verdict, story, 1)


def _grow(
    session: Session, growing: dict[int, list[Joined]], rows: dict[int, Row[Any]], now: datetime
) -> Iterator[dict[str, Any]]:
    changes = []
    for ids in _slices(list(growing)):
        query: Any = select(col(Story.id), col(Story.version), col(Story.last_at)).where(col(Story.id).in_(ids))
        for story, version, last_at in session.connection().execute(query):
            times = [_time(rows[verdict.article_id], now) for verdict in growing[story]]
            changes.append({"story": story, "grown": version + 1, "latest": max(last_at, *times)})
            for verdict in growing[story]:
                yield _placement(verdict, story, version + 1)
    if changes:
        session.connection().execute(
            update(Story)
            .where(col(Story.id) == bindparam("story"))
            .values(version=bindparam("grown"), last_at=bindparam("latest")),
            changes,
        )


def _placement(verdict: Joined, story: int, version: int) -> dict[str, Any]:
    return {
        "article": verdict.article_id,
        "story": story,
        "grown_to": version,
        "score": verdict.score,
        "terms": " ".join(verdict.terms),
    }


def _time(row: Row[Any], now: datetime) -> datetime:
    """When it became news; for backlog when it was published. Publishers' clocks may run ahead: never after now."""
    told: datetime = row.news_at or row.published_at or now
    return min(told, now)


def _slices(ids: Sequence[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), SLICE):
        yield list(ids[start : start + SLICE])
