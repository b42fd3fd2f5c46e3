"""Sources as an operator adds, changes and looks at them: finding the feed, storing it, checking it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from digest.errors import InputError
from digest.gather.discover import Candidate
from digest.gather.fetch import Door
from digest.service import finding
from digest.service.finding import OnFetch
from digest.service.topicrules import sources_changed
from digest.service.watching import is_file, look
from digest.store import sources
from digest.store.db import reading, writing
from digest.store.sources import SourceRow
from digest.types import Feed, Rights, SourceKind
from subscribers import topics
from subscribers.errors import UnknownTopic

OUT_OF_ORDER = timedelta(days=3)
"""A source that failed for so long is pointed out: a weekend's outage mends itself."""

LIGHTEST, HEAVIEST = 0.1, 10.0
"""Weights of a source: a tenth and ten times the usual, as far from it on the scale of `stories.scorers.source`."""

Choose = Callable[[Sequence[Candidate]], Candidate]
"""Which of several feeds is meant, the most wanted first. May raise InputError; nothing is stored then."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a source is to be read, as far as the operator said so; None leaves it as it is, or as is usual."""

    rights: str | None = None
    full_text: bool | None = None
    selector: str | None = None
    weight: float | None = None

    def check(self, kind: str) -> None:
        """Raises InputError for what no source, or none of this kind, can be told."""
        if self.rights is not None and self.rights not in tuple(Rights):
            raise InputError(f"{self.rights[:40]!r} is no kind of rights; there is {', '.join(Rights)}")
        if self.weight is not None and not LIGHTEST <= self.weight <= HEAVIEST:
            raise InputError(f"a source's weight is from {LIGHTEST} to {HEAVIEST:g}, usually 1; {self.weight:g} is not")
        if self.selector and kind != SourceKind.PAGE:
            raise InputError("only a page has a selector; add it with --kind page")


AS_USUAL = Wishes()


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
    engine: Engine,
    door: Door,
    url: str,
    *,
    topic_slugs: Sequence[str],
    now: datetime,
    name: str = "",
    kind: str = SourceKind.FEED,
    wishes: Wishes = AS_USUAL,
    choose: Choose | None = None,
    on_fetch: OnFetch | None = None,
) -> Added:
    """Find the feed at `url` (a feed's address or a site's) and store it as a source of these topics, due at once. Of
    the kind page, `url` is the page itself, or a file on this machine.

    `choose` is asked when there are several feeds; without it the most wanted is taken. A feed that is a source already
    keeps what is not said anew and feeds these topics too. Raises InputError for an unknown topic or a wish that cannot
    be (before anything is fetched), FetchError or FeedError when there is nothing to be had; nothing is stored then.
    """
    check_kind(kind)
    wishes.check(kind)
    with reading(engine) as session:
        fed = _topic_ids(session, topic_slugs)
    if kind == SourceKind.PAGE:
        found, feed = look(door, url, selector=wishes.selector or "", now=now)
    elif is_file(url):
        raise InputError(f"{url[:80]} is a file, which is watched as a page: --kind page")
    else:
        candidates = finding.find(door, url, on_fetch=on_fetch)
        chosen = choose(candidates) if choose else candidates[0]
        found, feed = chosen.url, chosen.feed
    with writing(engine) as session:
        added = store_source(
            session, found, feed, topic_slugs=topic_slugs, now=now, name=name, kind=kind, wishes=wishes
        )
    sources_changed(engine, fed, now=now)
    return added


def store_source(
    session: Session,
    found: str,
    feed: Feed,
    *,
    topic_slugs: Sequence[str],
    now: datetime,
    name: str = "",
    kind: str = SourceKind.FEED,
    wishes: Wishes = AS_USUAL,
) -> Added:
    """Store what was found as a source of these topics, in the caller's transaction; `topicrules.sources_changed` is to
    follow it. A retired source comes back. Raises InputError."""
    topic_ids = _topic_ids(session, topic_slugs)
    known = sources.find_source(session, found)
    label = name or (known.name if known else "") or feed.title[:200]
    if known is None:
        number = sources.add_source(
            session,
            found,
            name=label,
            named=bool(name),
            language=feed.language,
            now=now,
            kind=kind,
            rights=wishes.rights or Rights.EXCERPT,
            full_text=bool(wishes.full_text),
            selector=wishes.selector or "",
            weight=1.0 if wishes.weight is None else wishes.weight,
        )
    elif known.kind != kind:
        raise InputError(f"source {known.id} is this address as a {known.kind}; remove it to add it as a {kind}")
    else:
        number = known.id
        sources.edit_source(session, number, now=now, name=label, named=bool(name) or None, url=found, **_given(wishes))
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
    wishes: Wishes = AS_USUAL,
) -> SourceRow:
    """Change what is given; topics are replaced. A new address is fetched first and must lead to a feed; a page is read
    first with its new address or selector.

    Raises InputError, FetchError or FeedError; nothing is changed then.
    """
    with reading(engine) as session:
        known = sources.get_source(session, source_id)
        fed = None if topic_slugs is None else _topic_ids(session, topic_slugs)
    wishes.check(known.kind)
    found = None
    if known.kind == SourceKind.PUSH and url is not None:
        raise InputError(f"source {source_id} is pushed to us; it has no address to be changed")
    if known.kind == SourceKind.PAGE and (url is not None or wishes.selector is not None):
        selector = known.selector if wishes.selector is None else wishes.selector
        found, _ = look(door, url or known.url, selector=selector, now=now)
    elif url is not None:
        found = finding.find(door, url)[0].url
    with writing(engine) as session:
        named = None if name is None else bool(name)
        sources.edit_source(session, source_id, now=now, name=name, named=named, url=found, **_given(wishes))
        if fed is not None:
            sources.set_topics(session, source_id, fed)
        changed = sources.get_source(session, source_id)
    if fed is not None:
        sources_changed(engine, {*fed, *known.topic_ids}, now=now)
    return changed


def list_sources(engine: Engine) -> list[SourceRow]:
    """All sources by number, with their topics and their last problem."""
    with reading(engine) as session:
        return sources.list_sources(session)


def out_of_order(source: SourceRow, now: datetime) -> bool:
    """Whether the source has failed for so long that somebody should look."""
    return source.retired_at is None and source.failing_since is not None and now - source.failing_since >= OUT_OF_ORDER


def remove_source(engine: Engine, source_id: int, *, now: datetime) -> None:
    """Take a source away with its articles. Raises InputError for an unknown one."""
    with writing(engine) as session:
        fed = sources.get_source(session, source_id).topic_ids
        sources.remove_source(session, source_id)
    sources_changed(engine, fed, now=now)


def discover(door: Door, url: str) -> tuple[str, Feed]:
    """The address of the feed that `url` is or leads to (of several the most wanted), and the feed. Raises FetchError
    when `url` cannot be fetched, FeedError when no feed was found."""
    best = finding.find(door, url)[0]
    return best.url, best.feed


def check_kind(kind: str) -> None:
    """Raises InputError for a kind that is not added by address."""
    if kind not in (SourceKind.FEED, SourceKind.PAGE):
        raise InputError(f"{kind[:40]!r} is no kind of source that can be added; there is feed and page")


def _given(wishes: Wishes) -> dict[str, Any]:
    return {name: value for name, value in asdict(wishes).items() if value is not None}


def _topic_ids(session: Session, slugs: Sequence[str]) -> list[int]:
    try:
        return [topic.id for topic in topics.find_topics(session, slugs)]
    except UnknownTopic as error:
        raise InputError(str(error)) from None
