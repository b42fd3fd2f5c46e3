"""What to do with the items of one document. Pure: known articles and items in, intents out.

An article is known by its guid, or else by its address: publishers who change their system give every item a new guid,
and some never give the same one twice. A guid or an address that names several different items names none of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import blake2b

from digest.gather.identity import url_key
from digest.gather.refine import words
from digest.types import ChangedArticle, Intents, Known, KnownArticle, NewArticle, RawArticle

FRESH = timedelta(hours=48)
"""How old an item may call itself and still be news when we first see it: feeds run late, and weekends are two days."""
LONGEST = timedelta(days=14)
"""What a source published while it was out of reach counts as news for so long, and no longer."""
AHEAD = timedelta(days=1)
"""A date further ahead than this is nonsense; less is a wrong zone or an embargo of hours."""
ANOTHER = timedelta(days=1)
"""An item with a known guid but another address, another headline and a date this far off is another article: such
publishers give guids anew. An edit changes headline and address, but leaves the date about where it was."""
FLOOD = 20
"""So many items of a known source at once, nearly none of them known, are looked at twice: a site that moved to another
system puts its archive up again. Feeds mostly show 10 to 50 items, of which a gather finds most known."""
FLOOD_SHARE = 0.8
FEWEST, SHOWN_AGAIN = 3, 0.05
"""It is such a site if some of what is unknown has the headlines of articles we know: so many, and this share at least.
A front page that turns over daily and a publisher of preprints who puts out 200 at midnight show none again."""
STAMPED = timedelta(hours=1)
"""An import gives its articles the time at which it ran."""

Refine = Callable[[RawArticle], RawArticle]


def as_it_is(raw: RawArticle) -> RawArticle:
    """The refinement that changes nothing."""
    return raw


@dataclass(frozen=True, slots=True)
class _Item:
    raw: RawArticle
    digest: str
    old: KnownArticle | None


def decide(
    known: Known,
    items: Sequence[RawArticle],
    *,
    now: datetime,
    first_gather: bool,
    last_gather: datetime | None = None,
    passed_over: int = 0,
    refine: Refine = as_it_is,
) -> Intents:
    """Judge `items` (in the feed's order) against what is `known` of the source.

    Of items with the same name the first counts. A changed article keeps its `news_at`: a corrected comma is no news.
    The rule for `news_at` is the design's, section 8: the backlog of a new source is never news. `last_gather` is when
    the source was last read: what appeared since is news however long the source was out of reach. `passed_over` is how
    many more items the document holds that are known (`Feed.passed_over`). `refine` is applied to what is new or
    changed, and to nothing else.
    """
    found = _identified(known, _distinct([_dated(told, now) for told in items]))
    if not first_gather and may_be_flood([each.raw for each in found], known, passed_over):
        again = _namesakes(known, found, refine)
        if len(again) >= max(FEWEST, SHOWN_AGAIN * sum(each.old is None for each in found)):
            return _of_flood(again, found, now=now, last_gather=last_gather, refine=refine)
    judged = partial(news_at, now=now, first_gather=first_gather, last_gather=last_gather)
    new = [_new(each, judged(each.raw.published_at), refine) for each in found if each.old is None]
    met = [(each, each.old) for each in found if each.old is not None]
    changed = [_changed(old, each, refine) for each, old in met if old.content_hash != each.digest]
    return Intents(tuple(new), tuple(changed), len(met) - len(changed), _markup(met))


def may_be_flood(items: Sequence[RawArticle], known: Known, passed_over: int = 0) -> bool:
    """Whether nearly all items of a document are unknown, and many: then `Known.by_title` is worth looking up."""
    unknown = sum(_by_guid(known, raw) is None and _at_address(known, raw) is None for raw in items)
    return unknown >= FLOOD and unknown >= FLOOD_SHARE * (len(items) + passed_over)


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


def by_title(articles: Iterable[KnownArticle]) -> dict[str, KnownArticle]:
    """`Known.by_title` of these."""
    found: dict[str, KnownArticle | None] = {}
    for article in articles:
        key = title_key(article.title)
        found[key] = None if key in found else article
    return {key: article for key, article in found.items() if article is not None}


def title_key(title: str) -> str:
    """A headline as headlines are compared."""
    return " ".join(title.casefold().split())


# --- who is who -------------------------------------------------------------------------------------------------------


def _distinct(items: Sequence[RawArticle]) -> list[RawArticle]:
    """Each item once. Items that share a guid but no address are told apart by address, or else by headline."""
    places: dict[str, set[str]] = {}
    for raw in items:
        places.setdefault(raw.guid, set()).add(url_key(raw.url) or title_key(raw.title))
    named = [raw if len(places[raw.guid]) == 1 else _by_address(raw) for raw in items]
    return list({raw.guid: raw for raw in reversed(named)}.values())[::-1]


def _by_address(raw: RawArticle) -> RawArticle:
    """The item under a name made of its address, or of its headline when it has none."""
    return replace(raw, guid=f"url:{raw.url}" if raw.url else f"title:{raw.title}")


def _identified(known: Known, items: Sequence[RawArticle]) -> list[_Item]:
    """Each item with the article that it is; an article is one item only, that of its guid before others."""
    by_guid = {raw.guid: _by_guid(known, raw) for raw in items}
    taken = {old.id for old in by_guid.values() if old is not None}
    found = []
    for raw in items:
        old = by_guid[raw.guid]
        if old is None:
            old = _at_address(known, raw)
            if old is not None and old.id in taken:
                old = None
            if old is None and raw.guid in known.by_guid:
                raw = _by_address(raw)
            taken.update([old.id] if old is not None else [])
        found.append(_Item(raw, content_hash(raw), old))
    return found


def _by_guid(known: Known, raw: RawArticle) -> KnownArticle | None:
    old = known.by_guid.get(raw.guid)
    if old is None or old.published_at is None or raw.published_at is None or not old.url_key:
        return old
    apart = abs(old.published_at - raw.published_at) > ANOTHER
    another = apart and old.url_key != url_key(raw.url) and title_key(old.title) != title_key(raw.title)
    return None if another else old


def _at_address(known: Known, raw: RawArticle) -> KnownArticle | None:
    """The article at this address, if its headline or its date is the same too: all episodes of a show and all entries
    of a list of changes may link to one page."""
    old = known.by_key.get(url_key(raw.url)) if raw.url else None
    if old is None:
        return None
    same_date = raw.published_at is not None and raw.published_at == old.published_at
    return old if same_date or title_key(old.title) == title_key(raw.title) else None


def _new(item: _Item, told: datetime | None, refine: Refine) -> NewArticle:
    raw = refine(item.raw)
    return NewArticle(raw, item.digest, told, url_key(raw.url), words(raw.text, raw.language))


def _changed(old: KnownArticle, item: _Item, refine: Refine, *, renamed: bool = False) -> ChangedArticle:
    raw = refine(item.raw)
    retitled = bool(old.title) and raw.title != old.title
    return ChangedArticle(
        old.id, raw, item.digest, url_key(raw.url), words(raw.text, raw.language), retitled=retitled, renamed=renamed
    )


def _markup(met: Sequence[tuple[_Item, KnownArticle]]) -> tuple[tuple[int, str], ...]:
    return tuple((old.id, each.raw.html) for each, old in met if each.raw.html and old.content_hash == each.digest)


def _dated(raw: RawArticle, now: datetime) -> RawArticle:
    if raw.published_at is not None and raw.published_at > now + AHEAD:
        return replace(raw, published_at=None)
    return raw


# --- floods -----------------------------------------------------------------------------------------------------------


def _of_flood(
    again: Mapping[str, KnownArticle],
    found: Sequence[_Item],
    *,
    now: datetime,
    last_gather: datetime | None,
    refine: Refine,
) -> Intents:
    """What has the headline of an article we know is that article under a new name. The rest is as old as it says, and
    backlog where it says nothing or an import gave it its own hour."""
    rest = [each for each in found if each.old is None and each.raw.guid not in again]
    stamped = _is_stamped(rest)
    judged = partial(_old_or_missed, now=now, last_gather=last_gather)
    new = [_new(each, None if stamped else judged(each.raw.published_at), refine) for each in rest]
    renamed = [_changed(again[each.raw.guid], each, refine, renamed=True) for each in found if each.raw.guid in again]
    met = [(each, each.old) for each in found if each.old is not None]
    changed = [_changed(old, each, refine) for each, old in met if old.content_hash != each.digest]
    old_news = sum(each.news_at is None or each.news_at < now for each in new)
    known = len(met) - len(changed)
    return Intents(tuple(new), (*changed, *renamed), known, _markup(met), len(renamed) + old_news)


def _namesakes(known: Known, found: Sequence[_Item], refine: Refine) -> dict[str, KnownArticle]:
    """Guid of an unknown item -> the article of the same headline; each article once."""
    free = {old.id for old in known.by_title.values()} - {each.old.id for each in found if each.old is not None}
    again: dict[str, KnownArticle] = {}
    for each in found:
        if each.old is None:
            old = known.by_title.get(title_key(refine(each.raw).title))
            if old is not None and old.id in free:
                free.remove(old.id)
                again[each.raw.guid] = old
    return again


def _old_or_missed(published_at: datetime | None, *, now: datetime, last_gather: datetime | None) -> datetime | None:
    """As on a first gather, but what was published while the source was out of reach is news now."""
    told = news_at(published_at, now=now, first_gather=True)
    missed = max(last_gather, now - LONGEST) if last_gather is not None else now
    return now if told is not None and told >= missed else told


def _is_stamped(items: Sequence[_Item]) -> bool:
    hours = Counter(
        int(each.raw.published_at.timestamp() // STAMPED.total_seconds())
        for each in items
        if each.raw.published_at is not None
    )
    if not hours:
        return False
    (hour, _) = hours.most_common(1)[0]
    return hours[hour] + max(hours[hour - 1], hours[hour + 1]) >= FLOOD_SHARE * sum(hours.values())
