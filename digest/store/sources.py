"""Sources, the topics they feed, and which are due. Each function runs in the caller's transaction: durable when that
commits, never before. What a gather leaves behind is `store.gathers`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Integer, delete, func, insert, literal, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from digest.errors import InputError
from digest.models import Article, ArticleTopic, Source, TopicSource
from digest.store.windows import next_round
from digest.types import Rights, SourceKind
from subscribers.models import Topic
from subscribers.sql import table

FARTHEST = timedelta(days=9)
"""The longest that a source may wait: a day, and a week of days off (`gather.rhythm`)."""

_source = table(Source)
_topic = table(Topic)
_link = table(TopicSource)
_article = table(Article)
_belongs = table(ArticleTopic)


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source as stored (`models.Source` explains the fields), with the slugs and ids of the topics it feeds, in the
    slugs' order."""

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
    kind: str = "feed"
    named: bool = False
    rights: str = "excerpt"
    full_text: bool = False
    selector: str = ""
    slices: bytes | None = None
    interval: int = 900
    gap: int = 0
    pace: str = ""
    newest_at: datetime | None = None
    failing_since: datetime | None = None
    moved_to: str = ""
    moved_since: datetime | None = None
    retired_at: datetime | None = None
    fallbacks: int = 0
    weight: float = 1.0
    # Not columns, and last: a row is made from the columns in the order above.
    topics: tuple[str, ...] = ()
    topic_ids: tuple[int, ...] = ()

    @property
    def label(self) -> str:
        """What an operator knows it by."""
        return self.name or self.url


_STORED = tuple(each.name for each in fields(SourceRow) if each.name not in ("topics", "topic_ids"))
_UNREAD: dict[str, Any] = {
    **dict.fromkeys(("etag", "last_modified", "body_hash", "problem", "moved_to", "pace"), ""),
    **dict.fromkeys(("slices", "failing_since", "moved_since", "retired_at"), None),
    "failures": 0,
}
"""A source whose document nobody has read yet."""


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
    """The sources whose time has come, the longest overdue first. What is pushed is never fetched, and what is retired
    not any more. A time that no rhythm gives was noted by a clock that ran ahead."""
    time = _source.c.next_gather_at
    its_time = (time <= now) | (time > now + FARTHEST)
    rows = _rows(session, its_time, _source.c.retired_at.is_(None), _source.c.kind != SourceKind.PUSH)
    return sorted(rows, key=lambda row: (row.next_gather_at, row.id))


def add_source(
    session: Session,
    url: str,
    *,
    name: str,
    language: str,
    now: datetime,
    named: bool = False,
    kind: str = SourceKind.FEED,
    rights: str = Rights.EXCERPT,
    full_text: bool = False,
    selector: str = "",
    weight: float = 1.0,
) -> int:
    """A new source, due at once; `named` when the operator gave its name. Returns its number. Raises InputError when
    the address is there already."""
    if known := find_source(session, url):
        raise InputError(f"there is a source at {url} already: number {known.id}")
    values = {"kind": str(kind), "url": url, "name": name[:200], "language": language, "created_at": now}
    values |= {"named": named, "rights": str(rights), "full_text": full_text, "selector": selector, "weight": weight}
    fresh = {**_UNREAD, "first_gathered_at": None, "next_gather_at": now}
    return int(
        session.connection().execute(insert(_source).values(**values, **fresh).returning(_source.c.id)).scalar_one()
    )


def edit_source(
    session: Session,
    source_id: int,
    *,
    now: datetime,
    name: str | None = None,
    named: bool | None = None,
    url: str | None = None,
    rights: str | None = None,
    full_text: bool | None = None,
    selector: str | None = None,
    weight: float | None = None,
) -> None:
    """Change what is given. A new address is due at once, and so is a retired source whose own address is given again;
    its articles so far stay known, its others are backlog. Other rights, full texts and another selector make the next
    gather read everything once more, which brings the markup that full rights lack. Lesser rights take at once what is
    kept of it.

    Raises InputError when there is no such source or another one has the address.
    """
    known = get_source(session, source_id)
    wanted: dict[str, Any] = {"name": name if name is None else name[:200], "rights": rights and str(rights)}
    wanted |= {"full_text": full_text, "selector": selector, "named": named, "weight": weight}
    values = {key: value for key, value in wanted.items() if value is not None}
    if values.keys() - {"name", "named", "weight"}:
        values |= {"etag": "", "last_modified": "", "body_hash": "", "slices": None}
    if url is not None and (url != known.url or known.retired_at is not None):
        values |= {"url": url, **_UNREAD, "first_gathered_at": None, "next_gather_at": now}
    if not values:
        return
    try:
        session.connection().execute(update(_source).where(_source.c.id == source_id).values(**values))
    except IntegrityError:
        raise InputError(f"another source has the address {url}; `digest sources list` shows it") from None
    if rights is not None and rights != Rights.FULL and known.rights == Rights.FULL:
        session.connection().execute(update(_article).where(_article.c.source_id == source_id).values(html=""))


def remove_source(session: Session, source_id: int) -> None:
    """Take a source away with its articles; what editions froze stays. Raises InputError for an unknown one."""
    get_source(session, source_id)
    session.connection().execute(delete(_source).where(_source.c.id == source_id))
    next_round(session)  # windows that hold its articles are old


def link_topics(session: Session, source_id: int, topic_ids: Iterable[int]) -> None:
    """Let the source feed these topics too; its articles so far join those without a rule (`service.topicrules` looks
    through them for the others). Already linked ones stay as they are."""
    run = session.connection().execute
    known = set(run(select(_link.c.topic_id).where(_link.c.source_id == source_id)).scalars())
    ruled = set(run(select(_topic.c.id).where(_topic.c.rule != "")).scalars())
    for topic_id in dict.fromkeys(topic_ids):
        if topic_id in known:
            continue
        run(insert(_link).values(topic_id=topic_id, source_id=source_id))
        if topic_id in ruled:
            continue
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


def site_urls(session: Session) -> dict[int, str]:
    """The site of each source by its number, as its latest article has it: scheme and host. Sources without one are
    left out."""
    newest = select(func.max(_article.c.id)).where(_article.c.url != "").group_by(_article.c.source_id)
    query = select(_article.c.source_id, _article.c.url).where(_article.c.id.in_(newest))
    parts = ((number, urlsplit(url)) for number, url in session.connection().execute(query))
    return {number: f"{part.scheme}://{part.netloc}/" for number, part in parts}


def _rows(session: Session, *conditions: Any) -> list[SourceRow]:
    run = session.connection().execute
    rows: Sequence[Any] = run(
        select(*(_source.c[name] for name in _STORED)).where(*conditions).order_by(_source.c.id)
    ).all()
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
    return [
        SourceRow(*(*row, tuple(slug for _, slug in known), tuple(number for number, _ in known)))
        for row in rows
        for known in [fed.get(row.id, ())]
    ]
