"""Sources and the topics they feed: which are due, and what a gather left behind. Each function runs in the caller's
transaction: durable when that commits, never before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Integer, Row, delete, insert, literal, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from digest.errors import InputError
from digest.models import Article, ArticleTopic, Source, TopicSource
from subscribers.models import Topic
from subscribers.sql import table

INTERVAL = timedelta(minutes=15)
"""Between two gathers of one source: the quarter hour in which readers' send times are counted (design, section 4)."""
LONGEST = timedelta(hours=24)
"""However often a source failed, it is tried again this soon."""

_source = table(Source)
_topic = table(Topic)
_link = table(TopicSource)
_article = table(Article)
_belongs = table(ArticleTopic)


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source as stored, with the slugs and ids of the topics it feeds, in the slugs' order."""

    id: int
    url: str
    name: str
    language: str
    etag: str
    last_modified: str
    body_hash: str
    first_gathered_at: datetime | None
    gathered_at: datetime | None
    next_gather_at: datetime
    failures: int
    problem: str
    topics: tuple[str, ...] = ()
    topic_ids: tuple[int, ...] = ()

    @property
    def label(self) -> str:
        """What an operator knows it by."""
        return self.name or self.url


def find_source(session: Session, url: str) -> SourceRow | None:
    """The source at exactly this address."""
    return next(iter(_rows(session, _source.c.url == url)), None)


def get_source(session: Session, source_id: int) -> SourceRow:
    """Raises InputError when there is none of that number."""
    found = next(iter(_rows(session, _source.c.id == source_id)), None)
    if found is None:
        raise InputError(f"there is no source {source_id}; `digest sources list` shows them")
    return found


def list_sources(session: Session, only: Sequence[int] | None = None) -> list[SourceRow]:
    """All sources by number, or those in `only`. Raises InputError for a number that does not exist."""
    rows = _rows(session)
    if only is None:
        return rows
    wanted = set(only)
    if missing := wanted - {row.id for row in rows}:
        raise InputError(f"there is no source {min(missing)}; `digest sources list` shows them")
    return [row for row in rows if row.id in wanted]


def due_sources(session: Session, now: datetime) -> list[SourceRow]:
    """The sources whose time has come, the longest overdue first."""
    return sorted(_rows(session, _source.c.next_gather_at <= now), key=lambda row: (row.next_gather_at, row.id))


def add_source(session: Session, url: str, *, name: str, language: str, now: datetime) -> int:
    """A new source, due at once. Returns its number. Raises InputError when the address is there already."""
    if known := find_source(session, url):
        raise InputError(f"there is a source at {url} already: number {known.id}")
    values = {"kind": "feed", "url": url, "name": name[:200], "language": language, "created_at": now}
    fresh = {"etag": "", "last_modified": "", "body_hash": "", "failures": 0, "problem": "", "next_gather_at": now}
    return int(
        session.connection().execute(insert(_source).values(**values, **fresh).returning(_source.c.id)).scalar_one()
    )


def edit_source(
    session: Session, source_id: int, *, now: datetime, name: str | None = None, url: str | None = None
) -> None:
    """Change what is given. A new address is due at once; its articles so far stay known, its others are backlog.

    Raises InputError when there is no such source or another one has the address.
    """
    known = get_source(session, source_id)
    values: dict[str, Any] = {} if name is None else {"name": name[:200]}
    if url is not None and url != known.url:
        values |= {"url": url, "etag": "", "last_modified": "", "body_hash": "", "failures": 0, "problem": ""}
        values |= {"first_gathered_at": None, "next_gather_at": now}
    if not values:
        return
    try:
        session.connection().execute(update(_source).where(_source.c.id == source_id).values(**values))
    except IntegrityError:
        raise InputError(f"another source has the address {url}; `digest sources list` shows it") from None


def remove_source(session: Session, source_id: int) -> None:
    """Take a source away with its articles; what editions froze stays. Raises InputError for an unknown one."""
    get_source(session, source_id)
    session.connection().execute(delete(_source).where(_source.c.id == source_id))


def link_topics(session: Session, source_id: int, topic_ids: Iterable[int]) -> None:
    """Let the source feed these topics too; its articles so far join them. Already linked ones stay as they are."""
    run = session.connection().execute
    known = set(run(select(_link.c.topic_id).where(_link.c.source_id == source_id)).scalars())
    for topic_id in dict.fromkeys(topic_ids):
        if topic_id in known:
            continue
        run(insert(_link).values(topic_id=topic_id, source_id=source_id))
        there = select(_belongs.c.article_id).where(_belongs.c.topic_id == topic_id)
        articles = select(_article.c.id, literal(topic_id, Integer)).where(
            _article.c.source_id == source_id, _article.c.id.not_in(there)
        )
        run(insert(_belongs).from_select(["article_id", "topic_id"], articles))


def set_topics(session: Session, source_id: int, topic_ids: Iterable[int]) -> None:
    """Let the source feed exactly these topics from now on; its articles leave the others."""
    run = session.connection().execute
    wanted = set(topic_ids)
    known = set(run(select(_link.c.topic_id).where(_link.c.source_id == source_id)).scalars())
    if gone := known - wanted:
        run(delete(_link).where(_link.c.source_id == source_id, _link.c.topic_id.in_(gone)))
        articles = select(_article.c.id).where(_article.c.source_id == source_id)
        run(delete(_belongs).where(_belongs.c.topic_id.in_(gone), _belongs.c.article_id.in_(articles)))
    link_topics(session, source_id, wanted)


def record_success(
    session: Session,
    source: SourceRow,
    *,
    etag: str,
    last_modified: str,
    body_hash: str,
    now: datetime,
    name: str = "",
    language: str = "",
) -> None:
    """Note an answer that was read, or that had not changed. `name` and `language` only fill what is still empty."""
    values: dict[str, Any] = {"etag": etag, "last_modified": last_modified, "body_hash": body_hash, "gathered_at": now}
    values |= {"failures": 0, "problem": "", "next_gather_at": now + INTERVAL}
    values |= {"name": name[:200]} if name and not source.name else {}
    values |= {"language": language[:16]} if language and not source.language else {}
    values |= {"first_gathered_at": now} if source.first_gathered_at is None else {}
    session.connection().execute(update(_source).where(_source.c.id == source.id).values(**values))


def record_failure(
    session: Session, source: SourceRow, problem: str, *, now: datetime, retry_after: float | None = None
) -> None:
    """Note why a gather failed and when to try again: a quarter hour, doubled with every failure, at most a day.

    `retry_after` (seconds, as the publisher asked) may lengthen the pause within the same bound.
    """
    failures = source.failures + 1
    pause = min(LONGEST, INTERVAL * 2 ** min(failures - 1, 10))
    if retry_after is not None:
        pause = min(LONGEST, max(pause, timedelta(seconds=min(retry_after, LONGEST.total_seconds()))))
    values = {"failures": failures, "problem": problem, "next_gather_at": now + pause}
    session.connection().execute(update(_source).where(_source.c.id == source.id).values(**values))


def _rows(session: Session, *conditions: Any) -> list[SourceRow]:
    run = session.connection().execute
    rows = run(select(_source).where(_source.c.kind == "feed", *conditions).order_by(_source.c.id)).all()
    links = (
        select(_link.c.source_id, _topic.c.id, _topic.c.slug)
        .join(_topic, _topic.c.id == _link.c.topic_id)
        .join(_source, _source.c.id == _link.c.source_id)
        .where(*conditions)
        .order_by(_topic.c.slug)
    )
    fed: dict[int, list[tuple[int, str]]] = {}
    for source_id, topic_id, slug in run(links):
        fed.setdefault(source_id, []).append((topic_id, slug))
    return [_row(row, fed.get(row.id, [])) for row in rows]


def _row(row: Row[Any], fed: list[tuple[int, str]]) -> SourceRow:
    return SourceRow(
        id=row.id,
        url=row.url,
        name=row.name,
        language=row.language,
        etag=row.etag,
        last_modified=row.last_modified,
        body_hash=row.body_hash,
        first_gathered_at=row.first_gathered_at,
        gathered_at=row.gathered_at,
        next_gather_at=row.next_gather_at,
        failures=row.failures,
        problem=row.problem,
        topics=tuple(slug for _, slug in fed),
        topic_ids=tuple(topic_id for topic_id, _ in fed),
    )
