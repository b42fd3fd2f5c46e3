"""What a worker does for one source: fetch and read it. Nothing is written here.

A registry by kind: a reader of a new kind is one function and one line. Whatever goes wrong with a source becomes its
reason and never stops the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from time import perf_counter

from sqlalchemy import Engine

from digest.errors import DigestError, FetchError
from digest.gather.decide import FRESH
from digest.gather.feed import parse_feed
from digest.gather.fetch import Door
from digest.gather.fulltext import full_text
from digest.gather.identity import url_key
from digest.gather.robots import Robots
from digest.service import watching
from digest.store import articles
from digest.store.db import reading
from digest.store.sources import SourceRow
from digest.types import Feed, Fetched, RawArticle, Rights, SourceKind

log = logging.getLogger(__name__)

READER_VERSION = b"2"
"""Part of every body hash, and the first byte of kept slices. Raised when a reader learns something, so that unchanged
bytes are read once more."""
FULL_TEXTS = 30
"""Pages of articles fetched for one source in one gather; what is beyond keeps the text of its feed."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What a worker may use."""

    engine: Engine
    door: Door
    robots: Robots
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Got:
    """What a worker brought back: a `problem`, or an answer with its `feed`, or one without because nothing changed."""

    source: SourceRow
    ms: int = 0
    fetched: Fetched | None = None
    body_hash: str = ""
    feed: Feed | None = None
    problem: str = ""
    retry_after: float | None = None
    gone: bool = False
    """Its publisher says that it is gone for good."""


def bring(outside: Outside, source: SourceRow) -> Got:
    """Fetch and read one source. Raises nothing: what goes wrong is the answer's `problem`."""
    started = perf_counter()
    got = _attempt(outside, source)
    return replace(got, ms=int((perf_counter() - started) * 1000))


def _attempt(outside: Outside, source: SourceRow) -> Got:
    try:
        fetched = _fetch(outside, source)
        if fetched.status == 304:
            return Got(source, fetched=fetched, body_hash=source.body_hash)
        body_hash = hash_of(fetched.body)
        if body_hash == source.body_hash:
            return Got(source, fetched=fetched, body_hash=body_hash)
        feed = READERS[SourceKind(source.kind)](outside, source, fetched)
        if source.full_text:
            feed = _with_full_texts(outside, source, feed)
        return Got(source, fetched=fetched, body_hash=body_hash, feed=feed)
    except FetchError as error:
        return Got(source, problem=str(error), retry_after=error.retry_after, gone=error.gone)
    except DigestError as error:
        return Got(source, problem=str(error))
    except Exception as error:
        log.exception("source %s (%s) could not be read", source.id, source.url)
        told = " ".join(str(error).split())[:200]
        return Got(source, problem=f"could not be read: {type(error).__name__}: {told}")


def hash_of(body: bytes) -> str:
    """What unchanged bytes are recognised by (hex)."""
    return blake2b(body, digest_size=32, salt=READER_VERSION).hexdigest()


def _fetch(outside: Outside, source: SourceRow) -> Fetched:
    if source.url.startswith(watching.FILE):
        return Fetched(source.url, 200, body=watching.read_bytes(watching.path_of(source.url)))
    if source.kind == SourceKind.PAGE:
        watching.check_permitted(outside.robots, source.url)
    return outside.door.get(source.url, etag=source.etag, last_modified=source.last_modified)


# --- kinds ------------------------------------------------------------------------------------------------------------


def _feed(outside: Outside, source: SourceRow, fetched: Fetched) -> Feed:
    return parse_feed(
        fetched.body,
        content_type=fetched.content_type,
        url=fetched.url,
        known=slices_known(source),
        html=source.rights == Rights.FULL,
    )


def _page(outside: Outside, source: SourceRow, fetched: Fetched) -> Feed:
    now, selector = outside.now(), source.selector
    if source.url.startswith(watching.FILE):
        return watching.read_file(watching.path_of(source.url), selector=selector, now=now)
    return watching.read_page(outside.door, outside.robots, fetched, selector=selector, now=now)


READERS: Mapping[SourceKind, Callable[[Outside, SourceRow, Fetched], Feed]] = {
    SourceKind.FEED: _feed,
    SourceKind.PAGE: _page,
}


def slices_known(source: SourceRow) -> bytes:
    """The hashes of the items that this version of the reader read last."""
    kept = source.slices or b""
    return kept[1:] if kept[:1] == READER_VERSION else b""


def slices_kept(feed: Feed) -> bytes:
    """What `slices_known` gives back the next time."""
    return READER_VERSION + feed.slices if feed.slices else b""


# --- full texts -------------------------------------------------------------------------------------------------------


def _with_full_texts(outside: Outside, source: SourceRow, feed: Feed) -> Feed:
    """The feed with the texts of the pages behind its new articles, one after the other, as far as robots.txt permits.

    What cannot be fetched or read keeps the text that the feed has. Backlog is never shown, so it is not fetched.
    """
    since = outside.now() - FRESH
    named = [(item.guid, url_key(item.url)) for item in feed.items]
    with reading(outside.engine) as session:
        known = articles.known_articles(session, source.id, named)
    old = known.by_guid.keys() | {guid for guid, key in named if key in known.by_key}
    first = source.first_gathered_at is None
    wanted = [
        item.guid
        for item in feed.items
        if item.url and item.guid not in old and (item.published_at >= since if item.published_at else not first)
    ][:FULL_TEXTS]
    items = (_full(outside, item) if item.guid in wanted else item for item in feed.items)
    return replace(feed, items=tuple(items))


def _full(outside: Outside, item: RawArticle) -> RawArticle:
    try:
        if not outside.robots.allowed(item.url):
            return item
        page = outside.door.get(item.url)
        found = full_text(page)
    except DigestError as error:
        log.info("no full text: %s", error)
        return item
    if len(found.text) <= len(item.text):
        return item
    return replace(
        item,
        text=found.text,
        summary=item.summary or item.text,
        url=found.canonical or item.url,
        author=item.author or found.author,
        image_url=item.image_url or found.image_url,
        image_alt=item.image_alt if item.image_url else found.image_alt,
    )
