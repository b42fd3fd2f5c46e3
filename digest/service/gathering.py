"""Gathering: sources fetched and read in parallel, decided and written one after the other.

After a crash at any point a source is either as before or has everything of its gather: articles, topics and the
record of the gather are one transaction.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from itertools import islice
from time import perf_counter

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from digest.errors import FeedError, FetchError
from digest.gather.decide import decide
from digest.gather.feed import parse_feed
from digest.gather.fetch import Door
from digest.store import articles, sources
from digest.store.db import reading, writing
from digest.store.sources import SourceRow
from digest.stories.match import topics_of
from digest.types import Feed, Fetched, GatherRow, RawArticle

log = logging.getLogger(__name__)

READER_VERSION = b"1"
"""Part of every body hash. Raised when the feed reader learns something, so that unchanged bytes are read once more."""


@dataclass(frozen=True, slots=True)
class _Got:
    """What a worker brought back: a `problem`, or an answer with its `feed`, or one without because nothing changed."""

    source: SourceRow
    ms: int = 0
    fetched: Fetched | None = None
    body_hash: str = ""
    feed: Feed | None = None
    problem: str = ""
    retry_after: float | None = None


def gather(
    engine: Engine,
    door: Door,
    *,
    now: Callable[[], datetime],
    only: Sequence[int] | None = None,
    due_only: bool = False,
    on_row: Callable[[GatherRow], None] | None = None,
    workers: int = 8,
    stop: threading.Event | None = None,
) -> list[GatherRow]:
    """Gather from the sources in `only`, or from all; with `due_only` from those of them whose time has come.

    `workers` threads fetch and read, this one writes: a transaction for each source, durable before `on_row` hears of
    it. A set `stop` begins no further source; those under way are finished. Returns a row for each source, by number;
    one that fails is a row with its reason. Raises InputError for an unknown number, StoreError when the database
    cannot be used (what was gathered before stays).
    """
    with reading(engine) as session:
        asked = sources.list_sources(session, only)
        if due_only:
            due = {source.id: source for source in sources.due_sources(session, now())}
            asked = [due[number] for number in due if number in {source.id for source in asked}]
    rows = []
    for got in _fetch_all(door, asked, workers, stop or threading.Event()):
        row = _store(engine, got, now())
        rows.append(row)
        if on_row is not None:
            on_row(row)
    return sorted(rows, key=lambda row: row.source_id)


def _read(fetched: Fetched) -> Feed:
    return parse_feed(fetched.body, content_type=fetched.content_type, url=fetched.url)


def _fetch_all(door: Door, asked: Sequence[SourceRow], workers: int, stop: threading.Event) -> Iterator[_Got]:
    """What the workers bring, in the order they are done; only twice `workers` are under way at once."""
    waiting = iter(asked)
    with ThreadPoolExecutor(max_workers=max(1, workers), thread_name_prefix="gather") as pool:
        running: set[Future[_Got]] = set()
        try:
            while True:
                fresh = islice(waiting, 0 if stop.is_set() else max(0, 2 * workers - len(running)))
                running |= {pool.submit(_get, door, source) for source in fresh}
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _get(door: Door, source: SourceRow) -> _Got:
    started = perf_counter()
    got = _attempt(door, source)
    return replace(got, ms=int((perf_counter() - started) * 1000))


def _attempt(door: Door, source: SourceRow) -> _Got:
    """Fetch and read one source. A bulkhead: whatever goes wrong here becomes this source's reason."""
    try:
        fetched = door.get(source.url, etag=source.etag, last_modified=source.last_modified)
        if fetched.status == 304:
            return _Got(source, fetched=fetched, body_hash=source.body_hash)
        body_hash = blake2b(fetched.body, digest_size=32, salt=READER_VERSION).hexdigest()
        feed = None if body_hash == source.body_hash else _read(fetched)
        return _Got(source, fetched=fetched, body_hash=body_hash, feed=feed)
    except FetchError as error:
        return _Got(source, problem=str(error), retry_after=error.retry_after)
    except FeedError as error:
        return _Got(source, problem=str(error))
    except Exception as error:
        log.exception("source %s (%s) could not be read", source.id, source.url)
        return _Got(source, problem=f"could not be read: {type(error).__name__}: {_one_line(error)}")


def _store(engine: Engine, got: _Got, now: datetime) -> GatherRow:
    """Write what one source brought. A bulkhead too: what the database refuses of it becomes its reason."""
    source = got.source
    try:
        with writing(engine) as session:
            return _write(session, got, now)
    except SQLAlchemyError as error:  # the database as a whole failing is a StoreError, and not caught
        log.exception("source %s (%s) could not be stored", source.id, source.url)
        reason = f"could not be stored: {type(error).__name__}"
    with writing(engine) as session:
        sources.record_failure(session, source, reason, now=now)
    return GatherRow(source.id, source.label, "failed", ms=got.ms, reason=reason)


def _write(session: Session, got: _Got, now: datetime) -> GatherRow:
    source, fetched, feed = got.source, got.fetched, got.feed
    there = sources.find_source(session, source.url)
    if there is None or there.id != source.id:
        # Moved or removed while it was fetched: nothing of the old address may be kept under the new one.
        return GatherRow(source.id, source.label, "failed", ms=got.ms, reason="was changed while it was gathered")
    if fetched is None:
        sources.record_failure(session, source, got.problem, now=now, retry_after=got.retry_after)
        return GatherRow(source.id, source.label, "failed", ms=got.ms, reason=got.problem)
    title, language = (feed.title, feed.language) if feed else ("", "")
    sources.record_success(
        session,
        source,
        # A 304 may leave its validators out: the old ones stay good (RFC 9110, 15.4.5).
        etag=fetched.etag or (source.etag if fetched.status == 304 else ""),
        last_modified=fetched.last_modified or (source.last_modified if fetched.status == 304 else ""),
        body_hash=got.body_hash,
        now=now,
        name=title,
        language=language,
    )
    if feed is None:
        return GatherRow(source.id, source.label, "unchanged", ms=got.ms)
    items = [_published_by(item, source, feed) for item in feed.items]
    known = articles.known_articles(session, source.id, [item.guid for item in items])
    intents = decide(
        known, items, now=now, first_gather=source.first_gathered_at is None, last_gather=source.gathered_at
    )
    new = articles.save(session, source, intents, now=now, topics_of=lambda raw: topics_of(raw, source.topic_ids))
    label = source.name or title or source.url
    return GatherRow(source.id, label, "ok", new=len(new), changed=len(intents.changed), ms=got.ms)


def _published_by(item: RawArticle, source: SourceRow, feed: Feed) -> RawArticle:
    """The operator's name for a source goes before what its feed says. The name that we took from the feed does not: an
    aggregating feed names the publisher of each item.
    """
    given = source.name if source.name != feed.title[:200] else ""
    return replace(item, publisher=given or item.publisher or source.name)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
