"""Sources as an operator adds, changes and looks at them: finding the feed, storing it, checking it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter

from sqlalchemy import Engine
from sqlmodel import Session

from digest.errors import FeedError, FetchError, InputError
from digest.gather.discover import find_feeds, guesses
from digest.gather.feed import is_page, parse_feed
from digest.gather.fetch import Door
from digest.store import sources
from digest.store.db import reading, writing
from digest.store.sources import SourceRow
from digest.types import Feed, Fetched
from subscribers import topics
from subscribers.errors import UnknownTopic

log = logging.getLogger(__name__)

MAX_DECLARED = 5
"""Feeds of one page that are tried before giving up."""
GUESSING_SECONDS = 15.0
"""After this no further place is tried: a person is waiting, and a slow site answers every guess slowly."""


@dataclass(frozen=True, slots=True)
class Added:
    """A source that is now stored. `articles` is how many its feed holds; they are stored by the first gather."""

    id: int
    url: str
    name: str
    articles: int
    created: bool
    """False when the source was there and only its topics grew."""


def add_source(
    engine: Engine, door: Door, url: str, *, topic_slugs: Sequence[str], now: datetime, name: str = ""
) -> Added:
    """Find the feed at `url` (a feed's address or a site's) and store it as a source of these topics, due at once.

    A feed that is a source already keeps its name and feeds these topics too. Raises InputError for an unknown topic
    (before anything is fetched), FetchError or FeedError when there is no feed to be had; nothing is stored then.
    """
    with reading(engine) as session:
        _topic_ids(session, topic_slugs)
    found, feed = discover(door, url)
    with writing(engine) as session:
        return store_source(session, found, feed, topic_slugs=topic_slugs, now=now, name=name)


def store_source(
    session: Session, found: str, feed: Feed, *, topic_slugs: Sequence[str], now: datetime, name: str = ""
) -> Added:
    """Store what `discover` found as a source of these topics, in the caller's transaction. Raises InputError."""
    topic_ids = _topic_ids(session, topic_slugs)
    known = sources.find_source(session, found)
    label = name or (known.name if known else "") or feed.title[:200]
    if known is None:
        number = sources.add_source(session, found, name=label, language=feed.language, now=now)
    else:
        number = known.id
        sources.edit_source(session, number, now=now, name=label)
    sources.link_topics(session, number, topic_ids)
    return Added(number, found, label or found, len(feed.items), known is None)


def edit_source(
    engine: Engine,
    door: Door,
    source_id: int,
    *,
    now: datetime,
    name: str | None = None,
    url: str | None = None,
    topic_slugs: Sequence[str] | None = None,
) -> SourceRow:
    """Change what is given; topics are replaced. A new address is fetched first and must lead to a feed.

    Raises InputError, FetchError or FeedError; nothing is changed then.
    """
    with reading(engine) as session:
        sources.get_source(session, source_id)
        _topic_ids(session, topic_slugs or ())
    found = discover(door, url)[0] if url is not None else None
    with writing(engine) as session:
        sources.edit_source(session, source_id, now=now, name=name, url=found)
        if topic_slugs is not None:
            sources.set_topics(session, source_id, _topic_ids(session, topic_slugs))
        return sources.get_source(session, source_id)


def list_sources(engine: Engine) -> list[SourceRow]:
    """All sources by number, with their topics and their last problem."""
    with reading(engine) as session:
        return sources.list_sources(session)


def remove_source(engine: Engine, source_id: int) -> None:
    """Take a source away with its articles. Raises InputError for an unknown one."""
    with writing(engine) as session:
        sources.remove_source(session, source_id)


def check_source(door: Door, url: str) -> Feed:
    """What would be gathered from `url`, a feed's address or a site's. Stores nothing. Raises FetchError, FeedError."""
    return discover(door, url)[1]


def discover(door: Door, url: str) -> tuple[str, Feed]:
    """The address of the feed that `url` is or leads to, and the feed.

    A page's declared feeds are tried in its order, then the places where common systems keep theirs. Without a scheme,
    https is meant. Raises FetchError when `url` cannot be fetched, FeedError when no feed was found.
    """
    address = _with_scheme(url)
    fetched = door.get(address)
    try:
        return address, _read(fetched)
    except FeedError:
        links = find_feeds(fetched.body, fetched.url, content_type=fetched.content_type)
        if not links and not is_page(fetched.body, fetched.content_type):
            raise
    declared = [link.url for link in links]
    problem = ""
    for candidate in declared[:MAX_DECLARED]:
        try:
            return candidate, _read(door.get(candidate))
        except (FetchError, FeedError) as error:
            problem = problem or f"; the feed it names cannot be used: {error}"
    give_up = perf_counter() + GUESSING_SECONDS
    for candidate in guesses(fetched.url):
        if perf_counter() > give_up:
            break
        try:
            return candidate, _read(door.get(candidate))
        except (FetchError, FeedError):
            log.debug("no feed at %s", candidate)
    raise FeedError(f"no feed found at {url}{problem}; give the feed's own address")


def _with_scheme(url: str) -> str:
    told = url.strip()
    if told.startswith("feed:"):  # feed:https://... and feed://..., as old browsers wrote it
        told = told.removeprefix("feed:").removeprefix("//")
    return told if "://" in told else f"https://{told}"


def _read(fetched: Fetched) -> Feed:
    return parse_feed(fetched.body, content_type=fetched.content_type, url=fetched.url)


def _topic_ids(session: Session, slugs: Sequence[str]) -> list[int]:
    try:
        return [topic.id for topic in topics.find_topics(session, slugs)]
    except UnknownTopic as error:
        raise InputError(str(error)) from None
