"""What to do with the items of one document. Pure: known articles and items in, intents out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import blake2b

from digest.types import ChangedArticle, Intents, KnownArticle, NewArticle, RawArticle

FRESH = timedelta(hours=48)
"""How old an item may call itself and still be news when we first see it: feeds run late, and weekends are two days."""
LONGEST = timedelta(days=14)
"""What a source published while it was out of reach counts as news for so long, and no longer."""
AHEAD = timedelta(days=1)
"""A date further ahead than this is nonsense; less is a wrong zone or an embargo of hours."""


def decide(
    known: Mapping[str, KnownArticle],
    items: Sequence[RawArticle],
    *,
    now: datetime,
    first_gather: bool,
    last_gather: datetime | None = None,
) -> Intents:
    """Judge `items` (newest or oldest first, as the feed has them) against `known` (by guid).

    A guid that occurs twice counts once, the first. A changed article keeps its `news_at`: a corrected comma is no
    news. The rule for `news_at` is the design's, section 8: the backlog of a new source is never news. `last_gather` is
    when the source was last read: what appeared since is news however long the source was out of reach.
    """
    new: list[NewArticle] = []
    changed: list[ChangedArticle] = []
    unchanged = 0
    seen: set[str] = set()
    for told in items:
        if told.guid in seen:
            continue
        seen.add(told.guid)
        raw = _dated(told, now)
        digest = content_hash(raw)
        old = known.get(raw.guid)
        if old is None:
            new.append(
                NewArticle(
                    raw, digest, news_at(raw.published_at, now=now, first_gather=first_gather, last_gather=last_gather)
                )
            )
        elif old.content_hash != digest:
            changed.append(ChangedArticle(old.id, raw, digest))
        else:
            unchanged += 1
    return Intents(tuple(new), tuple(changed), unchanged)


def news_at(
    published_at: datetime | None, *, now: datetime, first_gather: bool, last_gather: datetime | None = None
) -> datetime | None:
    """When an item never seen before becomes news to us; None = backlog, never news.

    On a source's first gather an item is as old as it says, and undated ones are backlog. Later, what turns up undated
    or fresh is news now, and so is what was published since `last_gather`, for two weeks at most; an old item put up
    again stays as old as it says.
    """
    if first_gather:
        return None if published_at is None else min(published_at, now)
    missed = max(last_gather, now - LONGEST) if last_gather is not None else now
    if published_at is None or published_at >= min(now - FRESH, missed):
        return now
    return published_at


def content_hash(raw: RawArticle) -> str:
    """blake2b-128 (hex) of what a reader would see differently: title, text, url and image."""
    return blake2b("\0".join((raw.title, raw.text, raw.url, raw.image_url)).encode(), digest_size=16).hexdigest()


def _dated(raw: RawArticle, now: datetime) -> RawArticle:
    if raw.published_at is not None and raw.published_at > now + AHEAD:
        return replace(raw, published_at=None)
    return raw
