"""Articles: what is known of a source, and saving what a gather decided. All in the caller's transaction.

Core statements with many rows each: the ORM's `add_all` is twenty times slower (docs/design.md, section 6).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from types import MappingProxyType
from typing import Any

from sqlalchemy import Integer, Row, bindparam, func, insert, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from digest.models import Article, ArticleTopic, ArticleVersion
from digest.store.sources import SourceRow
from digest.types import ChangedArticle, Intents, Known, KnownArticle, NewArticle, RawArticle, Rights
from subscribers.models import UtcDateTime
from subscribers.sql import table

_TEXT = ("text", "summary", "words")
MOST_VERSIONS = 50
"""Headlines kept of one article: some publishers let two of them alternate, to see which is read more."""
_SLICE = 500
"""Guids a question."""

_article = table(Article)
_belongs = table(ArticleTopic)
_version = table(ArticleVersion)

_KNOWN: tuple[Any, ...] = (
    *(_article.c.id, _article.c.guid, _article.c.content_hash, _article.c.title, _article.c.url_key),
    _article.c.published_at,
)

TopicsOf = Callable[[RawArticle], Sequence[int]]


def guid_hash(guid: str) -> str:
    """blake2b-128 (hex) of the guid, by which articles are found: guids may be longer than an index entry."""
    return blake2b(guid.encode(), digest_size=16).hexdigest()


def known_articles(session: Session, source_id: int, named: Sequence[tuple[str, str]]) -> Known:
    """What is stored under this source of items with these (guid, key of the address), by guid; of the others, and of
    those whose guid leads to another address, by address as well."""
    rows = _look_up(session, source_id, _article.c.guid_hash, [guid_hash(guid) for guid, _ in named])
    by_guid = {row.guid: _known(row) for row in rows}
    unknown = {key for guid, key in named if guid not in by_guid or by_guid[guid].url_key != key}
    found = _look_up(session, source_id, _article.c.url_key, sorted(unknown - {""}))
    by_key: dict[str, KnownArticle | None] = {}
    for row in found:
        by_key[row.url_key] = None if row.url_key in by_key else _known(row)
    return Known(by_guid, {key: article for key, article in by_key.items() if article is not None})


def newest_articles(session: Session, source_id: int, limit: int) -> list[KnownArticle]:
    """The articles of a source that were stored last."""
    query = select(*_KNOWN).where(_article.c.source_id == source_id).order_by(_article.c.id.desc()).limit(limit)
    return [_known(row) for row in session.connection().execute(query)]


def newest_times(session: Session, source_id: int, limit: int) -> list[datetime]:
    """When the articles of a source that were stored last were published, or seen where they do not say."""
    told = func.coalesce(_article.c.published_at, _article.c.seen_at, type_=UtcDateTime)
    query = select(told).where(_article.c.source_id == source_id).order_by(_article.c.id.desc()).limit(limit)
    return list(session.connection().execute(query).scalars())


def _look_up(session: Session, source_id: int, column: Any, values: Sequence[str]) -> Iterator[Row[Any]]:
    for start in range(0, len(values), _SLICE):
        query = select(*_KNOWN).where(_article.c.source_id == source_id, column.in_(values[start : start + _SLICE]))
        yield from session.connection().execute(query)


def _known(row: Row[Any]) -> KnownArticle:
    return KnownArticle(row.id, row.guid, row.content_hash, row.title, row.url_key, row.published_at)


def save(session: Session, source: SourceRow, intents: Intents, *, now: datetime, topics_of: TopicsOf) -> list[int]:
    """Write what was decided; `now` becomes the new articles' `seen_at`. Returns their ids, ascending.

    `topics_of` says to which topics a new article belongs. An article that another process stored meanwhile is left as
    it is and is not among the ids. A changed article keeps its `news_at`, its story and its topics; its old headline is
    kept when it has another one.
    """
    raws = {guid_hash(new.raw.guid): new.raw for new in intents.new}
    rows = [
        {
            **_values(source, new),
            **_named(new.raw.guid),
            "source_id": source.id,
            "seen_at": now,
            "news_at": new.news_at,
            "story_version": 0,
            "joined_score": 0.0,
            "joined_terms": "",
        }
        for new in intents.new
    ]
    ids = _insert_new(session, rows) if rows else {}
    belongs = [
        {"article_id": number, "topic_id": topic} for number, key in ids.items() for topic in topics_of(raws[key])
    ]
    if belongs:
        session.connection().execute(insert(_belongs), belongs)
    for keeps_text in (False, True):
        alike = [each for each in intents.changed if each.keeps_text == keeps_text and not each.renamed]
        _change(session, source, alike, now)
    for change in intents.changed:
        if change.renamed:
            _change(session, source, [change], now, _named(change.raw.guid))
    marked = [{"this": number, "told": html} for number, html in intents.markup if source.rights == Rights.FULL]
    if marked:
        html = update(_article).where(_article.c.id == bindparam("this")).values(html=bindparam("told"))
        session.connection().execute(html, marked)
    return sorted(ids)


def _change(
    session: Session,
    source: SourceRow,
    changes: Sequence[ChangedArticle],
    now: datetime,
    name: Mapping[str, str] = MappingProxyType({}),
) -> None:
    if not changes:
        return
    run = session.connection().execute
    retitled = [change.id for change in changes if change.retitled]
    if retitled:
        columns = (_article.c.id, _article.c.version, _article.c.title, literal(now, UtcDateTime))
        was = select(*columns).where(_article.c.id.in_(retitled), _article.c.version < MOST_VERSIONS)
        run(insert(_version).from_select(["article_id", "version", "title", "until"], was))
    rows = [{**_values(source, each), **name, "grown": int(each.retitled), "this": each.id} for each in changes]
    for row in rows if changes[0].keeps_text else ():
        for kept in _TEXT:
            del row[kept]
    names = [name for name in rows[0] if name not in ("this", "grown")]
    values: dict[str, Any] = {name: bindparam(name) for name in names}
    values |= {"version": _article.c.version + bindparam("grown", type_=Integer)}
    run(update(_article).where(_article.c.id == bindparam("this")).values(values), rows)


def _named(guid: str) -> dict[str, str]:
    return {"guid": guid, "guid_hash": guid_hash(guid)}


def _values(source: SourceRow, told: NewArticle | ChangedArticle) -> dict[str, Any]:
    raw = told.raw
    plain = ("url", "title", "text", "summary", "author", "publisher", "credit", "image_url", "image_alt")
    return {
        **{name: getattr(raw, name) for name in plain},
        "html": raw.html if source.rights == Rights.FULL else "",
        "language": raw.language or source.language,
        "published_at": raw.published_at,
        "updated_at": raw.updated_at,
        "url_key": told.url_key,
        "words": told.words,
        "content_hash": told.content_hash,
    }


def _insert_new(session: Session, rows: list[dict[str, Any]]) -> dict[int, str]:
    """Insert the rows that are not there yet -> id: guid_hash."""
    connection = session.connection()
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = make(_article).on_conflict_do_nothing(index_elements=["source_id", "guid_hash"])
    found = connection.execute(statement.returning(_article.c.id, _article.c.guid_hash), rows)
    return {int(row[0]): str(row[1]) for row in found}
