"""What a gather brought, decided and written: one transaction for each source that brought something, one for all that
did not change."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from random import random

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from digest.gather import rhythm
from digest.gather.build import MAX_ITEMS
from digest.gather.decide import by_title, decide, may_be_flood
from digest.gather.identity import url_key
from digest.gather.plain import MAX_URL
from digest.gather.refine import refine
from digest.service.fetching import Got, is_read, slices_kept
from digest.service.topicrules import topic_rules
from digest.store import articles, gathers
from digest.store.db import reading, writing
from digest.store.gathers import Answered
from digest.store.sources import SourceRow
from digest.stories.match import topics_of
from digest.types import Feed, Fetched, GatherRow, Intents, RawArticle

log = logging.getLogger(__name__)


def keep(engine: Engine, brought: Sequence[Got], *, now: datetime) -> Iterator[GatherRow]:
    """Write what was brought, and tell a row for each source once it is durable.

    What a database refuses of one source becomes its reason; a database that fails as a whole raises StoreError, and
    what was written before stays.
    """
    unchanged = [got for got in brought if got.fetched is not None and got.feed is None]
    if unchanged:
        answers = [_answered(got.source, got.fetched, now) for got in unchanged if got.fetched is not None]
        with writing(engine) as session:
            gathers.record_unchanged(session, answers)
        for got, answer in zip(unchanged, answers, strict=True):
            _follow(engine, answer, now)
            yield GatherRow(got.source.id, got.source.label, "unchanged", ms=got.ms)
    for got in brought:
        if got.fetched is None or got.feed is not None:
            yield _keep_one(engine, got, now)


def _keep_one(engine: Engine, got: Got, now: datetime) -> GatherRow:
    source = got.source
    try:
        if got.fetched is not None and got.feed is not None:
            row, answer = _store(engine, got, got.fetched, got.feed, now)
            _follow(engine, answer, now)
            return row
        return _failed(engine, got, got.problem, now)
    except SQLAlchemyError as error:  # the database as a whole failing is a StoreError, and not caught
        log.exception("source %s (%s) could not be stored", source.id, source.url)
        return _failed(engine, got, f"could not be stored: {type(error).__name__}", now)


def _failed(engine: Engine, got: Got, problem: str, now: datetime) -> GatherRow:
    source = got.source
    with writing(engine) as session:
        if got.gone:
            gathers.retire(session, source, problem, now=now)
        else:
            again = rhythm.after_failure(source.failures + 1, now=now, retry_after=got.retry_after, jitter=_jitter())
            gathers.record_failure(session, source, problem, now=now, next_gather_at=again)
    return GatherRow(source.id, source.label, "retired" if got.gone else "failed", ms=got.ms, reason=problem)


def _store(engine: Engine, got: Got, fetched: Fetched, feed: Feed, now: datetime) -> tuple[GatherRow, Answered]:
    source = got.source
    feed = replace(feed, items=tuple(_published_by(item, source, feed) for item in feed.items))
    intents = _decided(engine, got, feed, now)
    with writing(engine) as session:
        answer = _answered(source, fetched, now)
        there = gathers.as_it_was(session, source)
        if there is None:
            # Nothing of the old address, and nothing read for other rights, may be kept under the new ones.
            reason = "was changed while it was gathered"
            return GatherRow(source.id, source.label, "failed", ms=got.ms, reason=reason), answer
        rules = topic_rules(session)
        new = articles.save(
            session,
            source,
            intents,
            now=now,
            topics_of=lambda raw: topics_of(
                replace(raw, language=raw.language or source.language), there.topic_ids, rules
            ),
        )
        gap, newest_at = _rhythm(session, source, now)
        answer = _answered(replace(source, gap=gap, newest_at=newest_at), fetched, now, feed)
        read = gathers.Read(
            body_hash=got.body_hash,
            slices=slices_kept(feed),
            gap=gap,
            pace=rhythm.pack_pace(feed.pace),
            newest_at=newest_at,
            name=feed.title,
            language=feed.language,
            fallback=feed.fallback,
        )
        gathers.record_read(session, answer, read)
    label = source.name or feed.title or source.url
    row = GatherRow(source.id, label, "ok", len(new), len(intents.changed), got.ms, fallback=feed.fallback)
    return row, answer


def _decided(engine: Engine, got: Got, feed: Feed, now: datetime) -> Intents:
    """Reading and deciding hold no lock. Another process that stores the same article meanwhile is harmless: `save`
    leaves what is there as it is."""
    source = got.source
    with reading(engine) as session:
        known = articles.known_articles(session, source.id, [(item.guid, url_key(item.url)) for item in feed.items])
        first = source.first_gathered_at is None
        if not first and may_be_flood(feed.items, known, feed.passed_over):
            stored = articles.newest_articles(session, source.id, MAX_ITEMS)
            known = replace(known, by_title=by_title(stored))
    intents = decide(
        known,
        feed.items,
        now=now,
        first_gather=first,
        last_gather=source.gathered_at,
        passed_over=feed.passed_over,
        refine=lambda raw: refine(got.texts.get(raw.guid) or raw, site_url=feed.site_url or source.url),
    )
    # A page that could not be had this time takes nothing from an article that has its full text.
    missing = {guid for guid, full in got.texts.items() if full is None}
    changed = (replace(each, keeps_text=each.raw.guid in missing) for each in intents.changed)
    # Only a source that is read anew lacks markup: of other rights before, or by readers that knew less.
    return replace(intents, changed=tuple(changed), markup=() if is_read(source) else intents.markup)


def _rhythm(session: Session, source: SourceRow, now: datetime) -> tuple[int, datetime | None]:
    times = [min(time, now) for time in articles.newest_times(session, source.id, rhythm.LOOK_BACK + 1)]
    return rhythm.observed_gap(times) or source.gap, rhythm.newest(times, source.newest_at, now)


def _answered(source: SourceRow, fetched: Fetched, now: datetime, feed: Feed | None = None) -> Answered:
    wait = rhythm.interval(gap=source.gap, newest_at=source.newest_at, now=now)
    pace = feed.pace if feed is not None else rhythm.unpack_pace(source.pace)
    again = rhythm.next_time(wait, now=now, pace=pace, max_age=fetched.max_age, jitter=_jitter())
    known = fetched.status == 304
    moved_to = fetched.moved_to if len(fetched.moved_to) <= MAX_URL else ""
    return Answered(
        source,
        # A 304 may leave its validators out: the old ones stay good (RFC 9110, 15.4.5).
        etag=fetched.etag or (source.etag if known else ""),
        last_modified=fetched.last_modified or (source.last_modified if known else ""),
        gathered_at=now,
        next_gather_at=again,
        interval=int((again - now).total_seconds()),
        moved_to=moved_to,
        moved_since=source.moved_since if moved_to and moved_to == source.moved_to else now,
    )


def _follow(engine: Engine, answer: Answered, now: datetime) -> None:
    """Give a source the address to which it has been moved for long enough."""
    source = answer.source
    if rhythm.has_persisted(answer.moved_to, source.moved_to, source.moved_since, now):
        with writing(engine) as session:
            followed = gathers.follow(session, source, answer.moved_to)
        if followed:
            log.info("source %s moved for good: it is gathered from %s now", source.id, answer.moved_to)
        else:
            log.warning("source %s moved to %s, where another source is already", source.id, answer.moved_to)


def _published_by(item: RawArticle, source: SourceRow, feed: Feed) -> RawArticle:
    """The operator's name for a source goes before what its feed says; the name that we took from the feed goes behind
    the publisher that an item names itself, as those of an aggregating feed do, and before the feed's title of today:
    one source whose title changes is not several publishers.
    """
    given = source.name if source.named else ""
    own = item.publisher if item.publisher != feed.title else ""
    return replace(item, publisher=given or own or source.name or item.publisher)


def _jitter() -> float:
    return random()  # noqa: S311 - nothing is to be kept secret; the system's own dice took a tenth of a poll
