"""Sources, from the operator's side: each verb one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Engine

from digest.gather.discover import Candidate
from digest.gather.fetch import Door
from digest.gather.refine import refine
from digest.service import finding, sourcing, watching
from digest.service.finding import OnFetch
from digest.service.sourcing import AS_USUAL, Choose, Wishes
from digest.service.topicrules import sources_changed
from digest.service.topicshelf import checked_rule, slug_of
from digest.store.db import writing
from digest.store.sources import SourceRow
from digest.types import Feed, SourceKind
from subscribers import topics as shelf
from subscribers.types import NEVER, Breaking, TopicRow


@dataclass(frozen=True, slots=True)
class Checked:
    """What would be gathered."""

    url: str
    """Where it was read: the feed's address, the page's, or "file:" and a path."""
    format: str
    """RSS, RSS 1.0, Atom, JSON Feed, or page."""
    feed: Feed


class SourceShelf:
    """Sources."""

    def __init__(self, engine: Engine, door: Callable[[], Door], *, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._door = door
        self._now = now

    def add(
        self,
        url: str,
        *,
        topics: Sequence[str],
        name: str = "",
        kind: str = SourceKind.FEED,
        wishes: Wishes = AS_USUAL,
        choose: Choose | None = None,
        on_fetch: OnFetch | None = None,
    ) -> sourcing.Added:
        """A source at a feed's address or a site's, or a page. Raises FetchError, FeedError, InputError."""
        return sourcing.add_source(
            self._engine,
            self._door(),
            url,
            topic_slugs=topics,
            now=self._now(),
            name=name,
            kind=kind,
            wishes=wishes,
            choose=choose,
            on_fetch=on_fetch,
        )

    def add_with_topic(
        self,
        urls: Sequence[str],
        name: str,
        *,
        slug: str = "",
        description: str = "",
        language: str = "en",
        public: bool = True,
        rule: str = "",
        breaking: Breaking = NEVER,
        archived: bool = False,
    ) -> tuple[TopicRow, Sequence[sourcing.Added]]:
        """A new topic, its rule and its sources: all of them, or nothing when one address leads to no feed. Raises
        FetchError, FeedError, BadTopic, InputError; RuleError before anything is fetched."""
        slug, rule = slug or slug_of(name), checked_rule(rule)
        found = [sourcing.discover(self._door(), url) for url in urls]
        with writing(self._engine) as session:
            topic = shelf.add_topic(
                session,
                slug,
                name,
                now=self._now(),
                description=description,
                language=language,
                public=public,
                rule=rule,
                breaking=breaking,
                archived=archived,
            )
            added = [
                sourcing.store_source(session, url, feed, topic_slugs=[slug], now=self._now()) for url, feed in found
            ]
        sources_changed(self._engine, [topic.id], now=self._now())
        return topic, added

    def find(self, url: str, *, on_fetch: OnFetch | None = None) -> Sequence[Candidate]:
        """The feeds that an address is or leads to, the most wanted first; nothing is stored. Raises FetchError,
        FeedError."""
        return finding.find(self._door(), url, on_fetch=on_fetch)

    def list(self) -> Sequence[SourceRow]:
        """All sources by number."""
        return sourcing.list_sources(self._engine)

    def edit(
        self,
        source_id: int,
        *,
        name: str | None = None,
        url: str | None = None,
        topics: Sequence[str] | None = None,
        wishes: Wishes = AS_USUAL,
    ) -> None:
        """Change what is given. Raises InputError, FetchError, FeedError."""
        sourcing.edit_source(
            self._engine,
            self._door(),
            source_id,
            now=self._now(),
            name=name,
            url=url,
            topic_slugs=topics,
            wishes=wishes,
        )

    def remove(self, source_id: int) -> None:
        """Take a source away with its articles. Raises InputError."""
        sourcing.remove_source(self._engine, source_id, now=self._now())

    def check(
        self, where: str, *, kind: str = SourceKind.FEED, selector: str = "", on_fetch: OnFetch | None = None
    ) -> Checked:
        """What would be gathered from an address or a file; nothing is stored. Raises FetchError, FeedError,
        InputError."""
        sourcing.check_kind(kind)
        Wishes(selector=selector).check(kind)
        if kind == SourceKind.PAGE:
            url, feed = watching.look(self._door(), where, selector=selector, now=self._now())
            return Checked(url, "page", _refined(feed))
        if watching.is_file(where):
            best = watching.read_feed_file(watching.path_of(where))
        else:
            best = finding.find(self._door(), where, on_fetch=on_fetch)[0]
        return Checked(best.url, best.format, _refined(best.feed))


def _refined(feed: Feed) -> Feed:
    """What a gather would keep of it."""
    return replace(feed, items=tuple(refine(item, site_url=feed.site_url) for item in feed.items))
