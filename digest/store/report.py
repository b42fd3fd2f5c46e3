"""What a day was, for the operator's report. Reads only, and counts without reading a single reader's row into Python.

Deliveries bear no time: a day's are those of the editions planned in it, which the primary key finds. Recipients of the
house (`digest.store.staff`) are no readers and count nowhere.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, distinct, func, select, text
from sqlmodel import Session

from digest.models import Article, ArticleTopic, Attempt, Chunk, Delivery, Edition, Source
from digest.store.ledger import TERMINAL
from digest.store.staff import to_readers
from digest.types import ChunkState, Day, DeliveryState, Doubt, FailingSource, QuietTopic
from subscribers.models import Consent, Subscriber, Suppression, Topic
from subscribers.sql import table

LISTED = 20
"""Calls in doubt that are listed: an outage makes thousands, and the first few say when it was."""
REASONS = 1000
"""Different words of rejection that are looked at: some providers quote the address in each."""
LOOKED_BACK = timedelta(days=40)
"""How far back a topic's last news is looked for: longer than a story lives, and the index finds it."""

IN_DOUBT = timedelta(days=1)
"""For how long a call stays in doubt at most: as long as an API's idempotency keys live (`dispatch.providers.resend`).
The outbox, where they live longer, is asked again by the next drain."""

_edition, _delivery, _attempt, _chunk = table(Edition), table(Delivery), table(Attempt), table(Chunk)
_source, _article, _of_topic, _topic = table(Source), table(Article), table(ArticleTopic), table(Topic)
_subscriber, _consent, _suppression = table(Subscriber), table(Consent), table(Suppression)

_TERMINAL = [str(state) for state in TERMINAL]
_NOT = r"\s<>\"'(),;:"
_ADDRESS = re.compile(rf"\"[^\"]*\"@[^{_NOT}]+|[^{_NOT}]*(?:@|%40)[^{_NOT}]+")
MASKED = "…@…"
"""What stands in a provider's words for an address."""


def day(session: Session, since: datetime, until: datetime) -> Day:
    """The facts of that time but for the disk, which the database does not know."""
    digests, letters = _editions(session, since, until)
    mails = _mails_by(session, since, until, _delivery.c.state)
    unknown = _mails_by(session, since - IN_DOUBT, until, _delivery.c.state, DeliveryState.UNKNOWN)
    rejected = _rejected(session, since, until)
    waiting_since, waiting = _waiting(session)
    people = _people(session, since, until)
    sources, failing, retired = _sources(session, since, until)
    topics, quiet = _topics(session, since, until)
    return Day(
        since=since,
        until=until,
        digests=digests,
        letters=letters,
        mails=mails,
        skipped=_mails_by(session, since, until, _delivery.c.reason, DeliveryState.SKIPPED),
        rejected=rejected,
        unknown=sum(unknown.values()),
        doubts=_doubts(session, since - IN_DOUBT, until),
        waiting_since=waiting_since,
        waiting=waiting,
        suppressed=_suppressed(session, since, until),
        sources=sources,
        failing=failing,
        retired=retired,
        topics=topics,
        quiet=quiet,
        database_bytes=_size(session),
        **people,
    )


# --- mails ------------------------------------------------------------------------------------------------------------


def _planned(since: datetime, until: datetime) -> ColumnElement[bool]:
    return and_(_edition.c.planned_at > since, _edition.c.planned_at <= until)


def _theirs(since: datetime, until: datetime) -> ColumnElement[bool]:
    """Deliveries of the day, to readers."""
    return and_(_delivery.c.edition_id.in_(select(_edition.c.id).where(_planned(since, until))), to_readers())


def _editions(session: Session, since: datetime, until: datetime) -> tuple[int, int]:
    """Editions of stories, and of system mails."""
    some = select(_delivery.c.edition_id).where(_delivery.c.edition_id == _edition.c.id, to_readers()).exists()
    query = select(_edition.c.kind, func.count()).where(_planned(since, until), some).group_by(_edition.c.kind)
    found = {str(row[0]): int(row[1]) for row in session.connection().execute(query)}
    letters = found.pop("system", 0)
    return sum(found.values()), letters


def _mails_by(
    session: Session, since: datetime, until: datetime, what: ColumnElement[Any], state: DeliveryState | None = None
) -> dict[str, int]:
    of_state = _delivery.c.state == state if state is not None else _delivery.c.state.is_not(None)
    query = select(what, func.count()).where(_theirs(since, until), of_state).group_by(what)
    found: Counter[str] = Counter()
    for name, count in session.connection().execute(query):
        found[name or ""] += count
    return dict(found)


def _rejected(session: Session, since: datetime, until: datetime) -> dict[str, int]:
    said = _delivery.c.reason
    query = (
        select(said, func.count())
        .where(_theirs(since, until), _delivery.c.state == DeliveryState.REJECTED)
        .group_by(said)
        .order_by(func.count().desc(), said)
        .limit(REASONS)
    )
    found: Counter[str] = Counter()
    for reason, count in session.connection().execute(query):
        found[masked(reason or "")] += count
    return dict(found.most_common(LISTED))


def masked(words: str) -> str:
    """A provider's words in one line, without any address."""
    return " ".join(_ADDRESS.sub(MASKED, words).split())


def _doubts(session: Session, since: datetime, until: datetime) -> tuple[Doubt, ...]:
    query = (
        select(_attempt.c.edition_id, _attempt.c.provider, _attempt.c.opened_at, func.count())
        .join(_attempt, _attempt.c.id == _delivery.c.attempt_id)
        .where(_theirs(since, until), _delivery.c.state == DeliveryState.UNKNOWN)
        .group_by(_attempt.c.id, _attempt.c.edition_id, _attempt.c.provider, _attempt.c.opened_at)
        .order_by(_attempt.c.id.desc())
        .limit(LISTED)
    )
    rows = session.connection().execute(query.select_from(_delivery))
    return tuple(Doubt(row[0], row[1], datetime.fromtimestamp(row[2], UTC), row[3]) for row in rows)


def _waiting(session: Session) -> tuple[datetime | None, int]:
    """Since when the oldest mails wait, whether their edition is still to be frozen or their chunk to be sent; and how
    many wait."""
    connection = session.connection()
    chunks = select(_chunk.c.id).where(_chunk.c.state.in_([str(ChunkState.PLANNED), str(ChunkState.LEASED)]))
    theirs = and_(_delivery.c.chunk_id.in_(chunks), _delivery.c.state.not_in(_TERMINAL), to_readers())
    oldest = (
        select(func.min(_edition.c.planned_at), func.count())
        .join(_delivery, _delivery.c.edition_id == _edition.c.id)
        .where(theirs)
    )
    row = connection.execute(oldest).one()
    return row[0], int(row[1])


# --- people -----------------------------------------------------------------------------------------------------------


def _people(session: Session, since: datetime, until: datetime) -> dict[str, int]:
    connection = session.connection()
    within = and_(_consent.c.at > since, _consent.c.at <= until)
    imported = (
        select(_consent.c.id)
        .where(_consent.c.subscriber_id == _subscriber.c.id, within, _consent.c.action == "imported")
        .exists()
    )
    first = and_(_subscriber.c.confirmed_at > since, _subscriber.c.confirmed_at <= until, ~imported)
    row = connection.execute(
        select(
            func.coalesce(func.sum(case((_subscriber.c.status == "active", 1), else_=0)), 0),
            func.coalesce(func.sum(case((first, 1), else_=0)), 0),
        )
    ).one()
    whole = case((and_(_consent.c.action == "left", _consent.c.topics != ""), "less"), else_=_consent.c.action)
    rows = connection.execute(
        select(whole.label("deed"), func.count(distinct(_consent.c.subscriber_id))).where(within).group_by("deed")
    )
    did = {str(deed): int(count) for deed, count in rows}
    return {
        "readers": int(row[0]),
        "new": int(row[1]),
        **{name: did.get(name, 0) for name in ("asked", "imported", "returned", "left")},
    }


def _suppressed(session: Session, since: datetime, until: datetime) -> dict[str, int]:
    query = (
        select(_suppression.c.reason, func.count())
        .where(_suppression.c.at > since, _suppression.c.at <= until)
        .group_by(_suppression.c.reason)
    )
    return {str(row[0]): int(row[1]) for row in session.connection().execute(query)}


# --- what comes in ----------------------------------------------------------------------------------------------------


def _sources(
    session: Session, since: datetime, until: datetime
) -> tuple[int, tuple[FailingSource, ...], tuple[FailingSource, ...]]:
    connection = session.connection()
    total = connection.execute(select(func.count()).select_from(_source)).scalar_one()
    columns = (_source.c.id, _source.c.name, _source.c.url, _source.c.problem)
    failing = (
        select(*columns, _source.c.failing_since.label("at"))
        .where(_source.c.failing_since.is_not(None), _source.c.retired_at.is_(None))
        .order_by(_source.c.failing_since, _source.c.id)
    )
    retired = (
        select(*columns, _source.c.retired_at.label("at"))
        .where(_source.c.retired_at > since, _source.c.retired_at <= until)
        .order_by(_source.c.retired_at, _source.c.id)
    )
    return (
        int(total),
        tuple(_source_of(row) for row in connection.execute(failing)),
        tuple(_source_of(row, retired=True) for row in connection.execute(retired)),
    )


def _source_of(row: Any, *, retired: bool = False) -> FailingSource:
    return FailingSource(row.id, masked(row.name or row.url), masked(row.problem), row.at, retired)


def _topics(session: Session, since: datetime, until: datetime) -> tuple[int, tuple[QuietTopic, ...]]:
    """How many topics there are, and those without news, the longest first."""
    connection = session.connection()
    every = connection.execute(
        select(_topic.c.id, _topic.c.slug, _topic.c.name, _topic.c.created_at).order_by(_topic.c.name)
    ).all()
    latest = connection.execute(_latest(until - LOOKED_BACK, until))
    there: dict[int, datetime] = {row.topic_id: row.at for row in latest}
    quiet = [
        QuietTopic(row.slug, row.name, there.get(row.id), row.created_at)
        for row in every
        if (there.get(row.id) or since) <= since
    ]
    return len(every), tuple(sorted(quiet, key=lambda each: each.since or each.created_at))


def _latest(after: datetime, until: datetime) -> Select[Any]:
    return (
        select(_of_topic.c.topic_id, func.max(_article.c.news_at).label("at"))
        .join(_article, _article.c.id == _of_topic.c.article_id)
        .where(_article.c.news_at > after, _article.c.news_at <= until)
        .group_by(_of_topic.c.topic_id)
    )


# --- the database -----------------------------------------------------------------------------------------------------


def _size(session: Session) -> int:
    """Bytes of the database (https://sqlite.org/pragma.html#pragma_page_count; PostgreSQL, 9.28.7)."""
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
    pages, size = (connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in ("page_count", "page_size"))
    return int(pages) * int(size)
