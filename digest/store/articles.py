"""Articles: what is known of a source, and saving what a gather decided. All in the caller's transaction.

Core statements with many rows each: the ORM's `add_all` is twenty times slower (docs/design.md, section 6).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from digest.models import Article, ArticleTopic
from digest.store.sources import SourceRow
from digest.types import Intents, KnownArticle, RawArticle
from subscribers.sql import table

_SLICE = 500
"""Guids a question."""

_article = table(Article)
_belongs = table(ArticleTopic)

TopicsOf = Callable[[RawArticle], Sequence[int]]


def guid_hash(guid: str) -> str:
    """blake2b-128 (hex) of the guid, by which articles are found: guids may be longer than an index entry."""
    return blake2b(guid.encode(), digest_size=16).hexdigest()


def known_articles(session: Session, source_id: int, guids: Sequence[str]) -> dict[str, KnownArticle]:
    """What is stored of these guids under this source, by guid."""
    known: dict[str, KnownArticle] = {}
    columns = (_article.c.id, _article.c.guid, _article.c.content_hash)
    for start in range(0, len(guids), _SLICE):
        hashes = [guid_hash(guid) for guid in guids[start : start + _SLICE]]
        query = select(*columns).where(_article.c.source_id == source_id, _article.c.guid_hash.in_(hashes))
        for row in session.connection().execute(query):
            known[row.guid] = KnownArticle(row.id, row.guid, row.content_hash)
    return known


def save(session: Session, source: SourceRow, intents: Intents, *, now: datetime, topics_of: TopicsOf) -> list[int]:
    """Write what was decided; `now` becomes the new articles' `seen_at`. Returns their ids, ascending.

    `topics_of` says to which topics a new article belongs. An article that another process stored meanwhile is left as
    it is and is not among the ids. A changed article keeps its `news_at`, its story and its topics.
    """
    raws = {guid_hash(new.raw.guid): new.raw for new in intents.new}
    rows = [
        {
            **_values(source, new.raw),
            "source_id": source.id,
            "guid": new.raw.guid,
            "guid_hash": guid_hash(new.raw.guid),
            "content_hash": new.content_hash,
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
    changes = [
        {**_values(source, change.raw), "content_hash": change.content_hash, "this": change.id}
        for change in intents.changed
    ]
    if changes:
        names = [name for name in changes[0] if name != "this"]
        statement = update(_article).where(_article.c.id == bindparam("this"))
        session.connection().execute(statement.values({name: bindparam(name) for name in names}), changes)
    return sorted(ids)


def _values(source: SourceRow, raw: RawArticle) -> dict[str, Any]:
    return {
        "url": raw.url,
        "title": raw.title,
        "text": raw.text,
        "author": raw.author,
        "publisher": raw.publisher,
        "language": raw.language or source.language,
        "image_url": raw.image_url,
        "image_alt": raw.image_alt,
        "published_at": raw.published_at,
    }


def _insert_new(session: Session, rows: list[dict[str, Any]]) -> dict[int, str]:
    """Insert the rows that are not there yet -> id: guid_hash."""
    connection = session.connection()
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = make(_article).on_conflict_do_nothing(index_elements=["source_id", "guid_hash"])
    found = connection.execute(statement.returning(_article.c.id, _article.c.guid_hash), rows)
    return {int(row[0]): str(row[1]) for row in found}
