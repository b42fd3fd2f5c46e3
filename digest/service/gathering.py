"""Gathering: sources fetched and read in parallel, decided and written one after the other.

After a crash at any point a source is either as before or has everything of its gather: articles, topics and the
record of the gather are one transaction.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from queue import Empty, SimpleQueue
from time import monotonic

from sqlalchemy import Engine

from digest.gather.fetch import Door
from digest.gather.lanes import PER_HOST, Lanes, host_of
from digest.gather.robots import Robots
from digest.service.fetching import Got, Outside, bring
from digest.service.keeping import keep
from digest.store import sources
from digest.store.db import reading
from digest.store.sources import SourceRow
from digest.types import GatherRow, SourceKind

PORTION = 64
"""Answers written together: making a transaction durable costs as much as asking several sources."""
PATIENCE = 0.2
"""Seconds that an answer waits for others at most."""


def gather(
    engine: Engine,
    door: Door,
    robots: Robots,
    *,
    now: Callable[[], datetime],
    only: Sequence[int] | None = None,
    due_only: bool = False,
    on_row: Callable[[GatherRow], None] | None = None,
    workers: int = 8,
    stop: threading.Event | None = None,
) -> list[GatherRow]:
    """Gather from the sources in `only`, or from all; with `due_only` from those of them whose time has come.

    `workers` threads fetch and read, this one writes: a transaction for each source that brought something, one for all
    that had nothing new meanwhile; durable before `on_row` hears of it. A set `stop` begins no further source; those
    under way are finished. What is pushed to us or retired is passed over. Returns a row for each source, by number;
    one that fails is a row with its reason. Raises InputError for an unknown number, StoreError when the database
    cannot be used (what was gathered before stays).
    """
    with reading(engine) as session:
        asked = sources.due_sources(session, now()) if due_only else sources.list_sources(session, only)
        if due_only and only is not None:
            wanted = {source.id for source in sources.list_sources(session, only)}
            asked = [source for source in asked if source.id in wanted]
    asked = [source for source in asked if source.retired_at is None and source.kind != SourceKind.PUSH]
    rows = []
    outside = Outside(engine, door, robots, now)
    for done in _bring_all(outside, asked, workers, stop or threading.Event()):
        for row in keep(engine, done, now=now()):
            rows.append(row)
            if on_row is not None:
                on_row(row)
    return sorted(rows, key=lambda row: row.source_id)


def _bring_all(
    outside: Outside, asked: Sequence[SourceRow], workers: int, stop: threading.Event
) -> Iterator[list[Got]]:
    """What the workers bring, in portions of at most PORTION and no later than PATIENCE after the first of one; only
    twice `workers` are under way at once, and PER_HOST of one host.

    A queue that finished work puts itself into: `concurrent.futures.wait` looks at all that is under way each time.
    """
    lanes = Lanes(asked, lambda source: host_of(source.url), PER_HOST)
    finished: SimpleQueue[Future[Got]] = SimpleQueue()
    running: dict[Future[Got], SourceRow] = {}
    portion: list[Got] = []
    since = 0.0
    with ThreadPoolExecutor(max_workers=max(1, workers), thread_name_prefix="gather") as pool:
        try:
            while True:
                while not stop.is_set() and len(running) < 2 * workers and (source := lanes.take()) is not None:
                    future = pool.submit(bring, outside, source)
                    running[future] = source
                    future.add_done_callback(finished.put)
                if portion and (not running or len(portion) >= PORTION or monotonic() - since >= PATIENCE):
                    yield portion
                    portion = []
                if not running:
                    return
                try:
                    future = finished.get(timeout=PATIENCE if portion else None)
                except Empty:
                    continue
                lanes.done(running.pop(future))
                since = since if portion else monotonic()
                portion.append(future.result())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
