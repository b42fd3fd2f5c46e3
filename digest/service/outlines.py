"""Sources from a feed reader's list (OPML) and into one, with folders as topics.

Each feed is stored in a transaction of its own, with the topics it is the first of: after a crash at any point the
same import goes on, for a feed that is a source already is only linked to its topics.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from itertools import islice

from babel import localedata
from sqlalchemy import Engine
from sqlmodel import Session

from digest.errors import FeedError, FetchError, InputError
from digest.gather.fetch import Door
from digest.gather.opml import Outline, Outlines, Problem, read_opml, write_opml
from digest.service.finding import read
from digest.service.topicrules import sources_changed
from digest.service.topicshelf import slug_of
from digest.store import sources
from digest.store.db import reading, writing
from digest.types import Feed, SourceKind
from subscribers import topics as shelf
from subscribers.errors import UnknownTopic
from subscribers.types import clean_name

log = logging.getLogger(__name__)

AT_ONCE = 8
"""Feeds of a list that are fetched at the same time: as many as a gather does."""


class Became(StrEnum):
    """What became of a feed of the list."""

    ADDED = "added"
    LINKED = "linked"
    """It was a source already and feeds more topics now."""
    KNOWN = "known"
    """It was a source of these topics already."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One feed of a list, and what became of it."""

    line: int
    url: str
    name: str
    topics: tuple[str, ...]
    became: Became
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A feed of the list with the topics it is to feed: slugs with names, in the list's order."""

    outline: Outline
    topics: tuple[tuple[str, str], ...]

    def row(self, became: Became, reason: str = "") -> ImportRow:
        """What became of it."""
        one = self.outline
        return ImportRow(one.line, one.url, one.title, tuple(slug for slug, _ in self.topics), became, reason)


@dataclass(frozen=True, slots=True)
class Plan:
    """A list as it would be imported."""

    wanted: tuple[Wanted, ...]
    problems: tuple[Problem, ...]
    new_topics: tuple[str, ...]
    sound: bool
    """Whether the list was well-formed; otherwise something of it may be missing."""


def plan(engine: Engine, body: bytes, *, topic: str = "") -> Plan:
    """What a list holds. Every folder is a topic (the innermost counts); with `topic`, a slug, all go into that one.

    Writes nothing. Raises FeedError for what is no list, InputError for an unknown topic or a list without feeds.
    """
    told = read_opml(body)
    with reading(engine) as session:
        known = {row.slug: row.name for row in shelf.list_topics(session)}
    if topic and topic not in known:
        raise InputError(f"there is no topic {topic[:80]!r}; `digest topics list` shows them")
    if not told.feeds and not told.problems:
        raise InputError("the list holds no feeds")
    wanted = _by_feed(told, topic)
    slugs = dict.fromkeys(slug for each in wanted for slug, _ in each.topics)
    return Plan(wanted, told.problems, tuple(slug for slug in slugs if slug not in known), told.sound)


def bring_in(
    engine: Engine,
    door: Door,
    planned: Plan,
    *,
    now: Callable[[], datetime],
    fetch: bool = True,
    on_row: Callable[[ImportRow], None] | None = None,
    stop: threading.Event | None = None,
) -> list[ImportRow]:
    """Store what was planned: each feed in a transaction, durable before `on_row` hears of it.

    With `fetch` each new feed is fetched and read first, several at once, and one that fails is a row with its reason;
    without, its address is taken as it stands. A set `stop` begins no further feed. Returns the rows in the list's
    order, fewer than planned when it was stopped. Raises StoreError when the database cannot be used.
    """
    with reading(engine) as session:
        there = {source.url for source in sources.list_sources(session)}
    rows = []
    stopping = stop or threading.Event()
    for wanted, feed, problem in _read_all(door, planned.wanted, there if fetch else None, stopping):
        row = wanted.row(Became.FAILED, problem) if problem else _store(engine, wanted, feed, now())
        rows.append(row)
        if on_row is not None:
            on_row(row)
    return sorted(rows, key=lambda row: row.line)


def export(engine: Engine, *, title: str, now: datetime) -> tuple[bytes, int, int]:
    """All feeds as a list, their topics as folders; with how many feeds it holds, and how many sources it cannot hold:
    pages and what is pushed have no feed."""
    with reading(engine) as session:
        rows = sources.list_sources(session)
        names = {row.slug: row.name for row in shelf.list_topics(session)}
        sites = sources.site_urls(session)
    feeds = [row for row in rows if row.kind == SourceKind.FEED]
    outlines = [
        Outline(row.url, row.name, sites.get(row.id, ""), names[slug] if slug else "")
        for row in feeds
        for slug in row.topics or ("",)
    ]
    return write_opml(title, outlines, now=now), len(feeds), len(rows) - len(feeds)


def _by_feed(told: Outlines, topic: str) -> tuple[Wanted, ...]:
    """Each feed once, with all its topics."""
    first: dict[str, Outline] = {}
    folders: dict[str, dict[str, str]] = {}
    for one in told.feeds:
        first.setdefault(one.url, one)
        into = folders.setdefault(one.url, {})
        if topic:
            into[topic] = ""
        elif one.folder:
            into.setdefault(_slug(one.folder), one.folder)
    return tuple(Wanted(one, tuple(folders[url].items())) for url, one in first.items())


def _slug(folder: str) -> str:
    try:
        return slug_of(folder)
    except InputError:
        # A name without a Latin letter; the same one gives the same slug, so that an import can be repeated.
        return "topic-" + blake2b(folder.encode("utf-8", "replace"), digest_size=4).hexdigest()


def _read_all(
    door: Door, wanted: Sequence[Wanted], there: set[str] | None, stop: threading.Event
) -> Iterator[tuple[Wanted, Feed | None, str]]:
    """Each feed with what was read of it, or the problem; with None for those that are not to be fetched: all when
    `there` is None, otherwise those whose address is in it. Only twice `AT_ONCE` are under way at once."""
    waiting = iter(wanted)
    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="import") as pool:
        running: set[Future[tuple[Wanted, Feed | None, str]]] = set()
        try:
            while True:
                fresh = islice(waiting, 0 if stop.is_set() else 2 * AT_ONCE - len(running))
                running |= {pool.submit(_get, door, each, there) for each in fresh}
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _get(door: Door, wanted: Wanted, there: set[str] | None) -> tuple[Wanted, Feed | None, str]:
    """A bulkhead: whatever goes wrong with one feed becomes its reason."""
    if there is None or wanted.outline.url in there:
        return wanted, None, ""
    try:
        return wanted, read(door.get(wanted.outline.url)), ""
    except (FetchError, FeedError) as error:
        return wanted, None, str(error)
    except Exception as error:
        log.exception("%s could not be read", wanted.outline.url)
        return wanted, None, f"could not be read: {type(error).__name__}"


def _store(engine: Engine, wanted: Wanted, feed: Feed | None, now: datetime) -> ImportRow:
    with writing(engine) as session:
        ids = [_topic(session, slug, name, feed, now) for slug, name in wanted.topics]
        one = wanted.outline
        known = sources.find_source(session, one.url)
        if known is None:
            title, language = (feed.title, feed.language) if feed else ("", "")
            # A list mostly has the names that the feeds give themselves; of one that was not fetched nobody knows.
            named = feed is not None and one.title not in ("", title)
            name = one.title or title
            number = sources.add_source(session, one.url, name=name, named=named, language=language, now=now)
            became = Became.ADDED
        else:
            number = known.id
            became = Became.KNOWN if set(ids) <= set(known.topic_ids) else Became.LINKED
        sources.link_topics(session, number, ids)
    sources_changed(engine, set(ids) - set(known.topic_ids if known else ()), now=now)
    return wanted.row(became)


def _topic(session: Session, slug: str, name: str, feed: Feed | None, now: datetime) -> int:
    """The topic's number; it is made, in the language of its first feed, when it is not there."""
    try:
        return shelf.get_topic(session, slug).id
    except UnknownTopic:
        language = feed.language if feed and feed.language and localedata.exists(feed.language) else "en"
        return shelf.add_topic(session, slug, clean_name(name) or slug, now=now, language=language).id
