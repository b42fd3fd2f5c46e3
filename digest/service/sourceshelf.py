"""Sources, from the operator's side: each verb one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from digest.errors import InputError
from digest.gather.feed import parse_feed
from digest.gather.fetch import Door
from digest.service import sourcing
from digest.service.topicshelf import slug_of
from digest.store.db import writing
from digest.store.sources import SourceRow
from digest.types import Feed
from subscribers import topics as shelf
from subscribers.types import TopicRow


class SourceShelf:
    """Sources."""

    def __init__(self, engine: Engine, door: Callable[[], Door], *, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._door = door
        self._now = now

    def add(self, url: str, *, topics: Sequence[str], name: str = "") -> sourcing.Added:
        """A source at a feed's address or a site's. Raises FetchError, FeedError, InputError."""
        return sourcing.add_source(self._engine, self._door(), url, topic_slugs=topics, now=self._now(), name=name)

    def add_with_topic(
        self,
        urls: Sequence[str],
        name: str,
        *,
        slug: str = "",
        description: str = "",
        language: str = "en",
        public: bool = True,
    ) -> tuple[TopicRow, Sequence[sourcing.Added]]:
        """A new topic and its sources: all of them, or nothing when one address leads to no feed. Raises FetchError,
        FeedError, BadTopic, InputError."""
        slug = slug or slug_of(name)
        found = [sourcing.discover(self._door(), url) for url in urls]
        with writing(self._engine) as session:
            told = {"description": description, "language": language}
            topic = shelf.add_topic(session, slug, name, now=self._now(), public=public, **told)
            added = [
                sourcing.store_source(session, url, feed, topic_slugs=[slug], now=self._now()) for url, feed in found
            ]
        return topic, added

    def list(self) -> Sequence[SourceRow]:
        """All sources by number."""
        return sourcing.list_sources(self._engine)

    def edit(
        self, source_id: int, *, name: str | None = None, url: str | None = None, topics: Sequence[str] | None = None
    ) -> None:
        """Change what is given. Raises InputError, FetchError, FeedError."""
        sourcing.edit_source(
            self._engine, self._door(), source_id, now=self._now(), name=name, url=url, topic_slugs=topics
        )

    def remove(self, source_id: int) -> None:
        """Take a source away with its articles. Raises InputError."""
        sourcing.remove_source(self._engine, source_id)

    def check(self, where: str) -> Feed:
        """What would be gathered from an address or a file; nothing is stored. Raises FetchError, FeedError,
        InputError."""
        try:
            file = Path(where)
            if "://" not in where and file.exists():
                return parse_feed(file.read_bytes(), url=file.resolve().as_uri())
        except OSError as error:
            raise InputError(f"{where[:80]} cannot be read: {error.strerror or error}") from None
        return sourcing.check_source(self._door(), where)
