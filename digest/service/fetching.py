"""What a worker does for one source: fetch and read it. Nothing is written here.

A registry by kind: a reader of a new kind is one function and one line. Whatever goes wrong with a source becomes its
reason and never stops the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from time import perf_counter

from sqlalchemy import Engine

from digest.errors import DigestError, FetchError
from digest.gather.decide import FRESH, content_hash
from digest.gather.feed import parse_feed
from digest.gather.fetch import Door
from digest.gather.fulltext import full_text
from digest.gather.identity import url_key
from digest.gather.robots import Robots
from digest.gather.slices import fingerprint
from digest.service import watching
from digest.store import articles
from digest.store.db import reading
from digest.store.sources import SourceRow
from digest.types import Feed, Fetched, RawArticle, Rights, SourceKind

log = logging.getLogger(__name__)

READER_VERSION = "2"
"""The beginning of every body hash. Raised when a reader learns something: then a source is asked without validators,
and all of its bytes are read once more."""
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
    texts: Mapping[str, RawArticle | None] = field(default_factory=dict)
    """Full texts by guid (`_full_texts`)."""
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
        texts = _full_texts(outside, source, feed) if source.full_text else {}
        return Got(source, fetched=fetched, body_hash=body_hash, feed=feed, texts=texts)
    except FetchError as error:
        return Got(source, problem=str(error), retry_after=error.retry_after, gone=error.gone)
    except DigestError as error:
        return Got(source, problem=str(error))
    except Exception as error:
        log.exception("source %s (%s) could not be read", source.id, source.url)
        told = " ".join(str(error).split())[:200]
        return Got(source, problem=f"could not be read: {type(error).__name__}: {told}")


def hash_of(body: bytes) -> str:
    """What unchanged bytes are recognised by: the version of the readers, and 60 hex digits of SHA-256."""
    return f"{READER_VERSION}:{fingerprint(body)[:60]}"


def is_read(source: SourceRow) -> bool:
    """Whether the source was read by these very readers."""
    return source.body_hash.startswith(f"{READER_VERSION}:")


def _fetch(outside: Outside, source: SourceRow) -> Fetched:
    if source.url.startswith(watching.FILE):
        return Fetched(source.url, 200, body=watching.read_bytes(watching.path_of(source.url)))
    known = is_read(source)
    ask = partial(
        outside.door.get,
        etag=source.etag if known else "",
        last_modified=source.last_modified if known else "",
    )
    if source.kind == SourceKind.PAGE:
        return watching.permitted(ask, outside.robots)(source.url)
    return ask(source.url)


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
    """The names of the items that these readers read last."""
    return (source.slices or b"") if is_read(source) else b""


def slices_kept(feed: Feed) -> bytes:
    """What `slices_known` gives back the next time. Nothing when a guid names several items: these are told apart by
    each other, so they are read together each time."""
    guids = [item.guid for item in feed.items]
    return feed.slices if len(set(guids)) == len(guids) else b""


# --- full texts -------------------------------------------------------------------------------------------------------


def _full_texts(outside: Outside, source: SourceRow, feed: Feed) -> dict[str, RawArticle | None]:
    """Guid -> the article with the text of its own page, for those that are new or changed; None for one whose page
    could not be had. One after the other, as far as robots.txt permits.

    Backlog is never shown, so it is not fetched.
    """
    since = outside.now() - FRESH
    with reading(outside.engine) as session:
        known = articles.known_articles(session, source.id, [(item.guid, url_key(item.url)) for item in feed.items])
    first = source.first_gathered_at is None
    wanted = []
    for item in feed.items:
        old = known.by_guid.get(item.guid) or known.by_key.get(url_key(item.url))
        is_news = item.published_at >= since if item.published_at else not first
        if item.url and (old.content_hash != content_hash(item) if old else is_news):
            wanted.append(item)
    return {item.guid: _full(outside, item) for item in wanted[:FULL_TEXTS]}


def _full(outside: Outside, item: RawArticle) -> RawArticle | None:
    try:
        found = full_text(watching.permitted(outside.door.get, outside.robots)(item.url))
    except DigestError as error:
        log.info("no full text: %s", error)
        return None
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
