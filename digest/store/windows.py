"""What the store keeps of clustering's windows, so that a process that starts compares nothing again.

A window (`stories.window`) lives in memory. Of each article its nearest are kept as they were when it got its story;
what came near it later knows it as well, so nothing is lost, and an article is written once.

`ClusterRound` counts how often stories changed hands, whoever changed them: a process that finds another number than
its last one makes its windows anew.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from digest.models import Article, ClusterRound, Story
from digest.store.stories import LEAD_CHARS, LONGEST, QUIET, columns, telling
from digest.types import Nearest, Telling
from subscribers.sql import slices, table

_article, _story, _round = table(Article), table(Story), table(ClusterRound)
AT_ONCE = 1000
"""Articles read at once: leads of 1,200 characters, a megabyte or two."""
_ROUNDS = "stories"
_LOCK = 0x64696765
"""Names the advisory lock; any constant that nobody else in this database uses ("dige" in ASCII)."""
_HEAD, _NEAR = struct.Struct("<q"), struct.Struct("<qf")


def clustering_alone(session: Session) -> None:
    """Wait until no other transaction changes stories, and keep others out until this one ends.

    SQLite has one writer anyway (`db.writing`). PostgreSQL takes an advisory lock that ends with the transaction, so it
    is safe under PgBouncer's transaction mode too.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.connection().execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def round_of(session: Session) -> int:
    """How often stories changed hands so far."""
    query = select(_round.c.number).where(_round.c.name == _ROUNDS)
    return int(session.connection().execute(query).scalar_one_or_none() or 0)


def next_round(session: Session) -> int:
    """Count one change more, which makes every other process's windows old; returns the new number."""
    sqlite_here = session.get_bind().dialect.name == "sqlite"
    first = (sqlite if sqlite_here else postgresql).insert(_round).values(name=_ROUNDS, number=1)
    counted = first.on_conflict_do_update(index_elements=["name"], set_={"number": _round.c.number + 1})
    return int(session.connection().execute(counted.returning(_round.c.number)).scalar_one())


def open_stories(session: Session, now: datetime) -> set[int]:
    """The stories that may still get articles: not quiet for 14 days, and not open for 16."""
    return set(session.connection().execute(select(_story.c.id).where(*_open(now))).scalars())


def open_tellings(session: Session, now: datetime) -> Iterator[tuple[Telling, int, Nearest | None]]:
    """Every article of an open story with its story and what was near when it joined; by id, texts cut to the lead.

    None for an article that got its story before that was kept. Read a thousand at a time.
    """
    last = 0
    while True:
        query = (
            columns(LEAD_CHARS, _article.c.original_id, _article.c.nearest)
            .join(Story, _story.c.id == _article.c.story_id)
            .where(*_open(now), _article.c.id > last)
            .order_by(_article.c.id)
            .limit(AT_ONCE)
        )
        rows = list(session.connection().execute(query))
        yield from (_known(row) for row in rows)
        if len(rows) < AT_ONCE:
            return
        last = rows[-1].id


def keep_nearest(session: Session, nearest: Mapping[int, Nearest]) -> None:
    """Write down what was near to these articles."""
    rows = [
        {"article": article, "packed": pack(near), "first": near.original if near.original != article else None}
        for article, near in nearest.items()
    ]
    if rows:
        there = update(_article).where(_article.c.id == bindparam("article"))
        session.connection().execute(there.values(nearest=bindparam("packed"), original_id=bindparam("first")), rows)


def nearest_of(session: Session, article_ids: Iterable[int]) -> dict[int, Nearest]:
    """What was near to these articles when they got their stories; those of which that is kept."""
    found = {}
    for portion in slices(sorted(set(article_ids))):
        query = select(_article.c.id, _article.c.nearest).where(_article.c.id.in_(portion))
        found.update({id_: unpack(packed) for id_, packed in session.connection().execute(query) if packed})
    return found


def pack(nearest: Nearest) -> bytes:
    """The original, then each near article with its similarity: little-endian, eight and four bytes."""
    pairs = zip(nearest.near, nearest.close, strict=True)
    return _HEAD.pack(nearest.original) + b"".join(_NEAR.pack(*pair) for pair in pairs)


def unpack(data: bytes) -> Nearest:
    """What `pack` packed."""
    pairs = list(_NEAR.iter_unpack(data[_HEAD.size :]))
    return Nearest(_HEAD.unpack_from(data)[0], tuple(near for near, _ in pairs), tuple(close for _, close in pairs))


def _open(now: datetime) -> tuple[Any, Any]:
    return _story.c.last_at > now - QUIET, _story.c.opened_at > now - LONGEST


def _known(row: Row[Any]) -> tuple[Telling, int, Nearest | None]:
    facts = dict(row._mapping)
    packed = facts.pop("nearest")
    facts.pop("original_id")
    return telling(facts), facts["story_id"], unpack(packed) if packed else None
