"""Topics and sources, from the operator's side: each verb one transaction."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from digest.errors import InputError
from digest.gather.feed import parse_feed
from digest.gather.fetch import Door
from digest.service import gathering
from digest.store.db import reading, writing
from digest.store.sources import SourceRow
from digest.types import Feed
from subscribers import topics as shelf
from subscribers.types import TopicRow


class TopicShelf:
    """Topics."""

    def __init__(self, engine: Engine, *, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._now = now

    def add(
        self, name: str, *, slug: str = "", description: str = "", language: str = "en", public: bool = True
    ) -> TopicRow:
        """A new topic; its slug comes from the name when none is given. Raises BadTopic, InputError."""
        told = {"description": description, "language": language}
        with writing(self._engine) as session:
            return shelf.add_topic(session, slug or slug_of(name), name, now=self._now(), public=public, **told)

    def get(self, slugs: Sequence[str]) -> Sequence[TopicRow]:
        """The topics of these slugs, in this order. Raises UnknownTopic."""
        with reading(self._engine) as session:
            return shelf.find_topics(session, slugs)

    def list(self) -> Sequence[TopicRow]:
        """All topics with their numbers of active readers."""
        with reading(self._engine) as session:
            return shelf.list_topics(session, count=True)

    def edit(
        self,
        slug: str,
        *,
        name: str | None = None,
        description: str | None = None,
        language: str | None = None,
        public: bool | None = None,
    ) -> TopicRow:
        """Change what is given. Raises UnknownTopic, BadTopic."""
        with writing(self._engine) as session:
            return shelf.edit_topic(session, slug, name=name, description=description, language=language, public=public)

    def remove(self, slug: str) -> None:
        """Take a topic away with its subscriptions. Raises UnknownTopic."""
        with writing(self._engine) as session:
            shelf.remove_topic(session, slug)


def slug_of(name: str) -> str:
    """A slug made from a name: "Énergie & climat" is energie-climat. Raises InputError when nothing is left of it."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:64]
    if not slug:
        raise InputError(f"no short name can be made from {name!r}; give one with --slug")
    return slug


class SourceShelf:
    """Sources."""

    def __init__(self, engine: Engine, door: Callable[[], Door], *, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._door = door
        self._now = now

    def add(self, url: str, *, topics: Sequence[str], name: str = "") -> gathering.Added:
        """A source at a feed's address or a site's. Raises FetchError, FeedError, InputError."""
        return gathering.add_source(self._engine, self._door(), url, topic_slugs=topics, now=self._now(), name=name)

    def add_with_topic(
        self,
        urls: Sequence[str],
        name: str,
        *,
        slug: str = "",
        description: str = "",
        language: str = "en",
        public: bool = True,
    ) -> tuple[TopicRow, Sequence[gathering.Added]]:
        """A new topic and its sources: all of them, or nothing when one address leads to no feed. Raises FetchError,
        FeedError, BadTopic, InputError."""
        slug = slug or slug_of(name)
        found = [gathering.discover(self._door(), url) for url in urls]
        with writing(self._engine) as session:
            told = {"description": description, "language": language}
            topic = shelf.add_topic(session, slug, name, now=self._now(), public=public, **told)
            added = [
                gathering.store_source(session, url, feed, topic_slugs=[slug], now=self._now()) for url, feed in found
            ]
        return topic, added

    def list(self) -> Sequence[SourceRow]:
        """All sources by number."""
        return gathering.list_sources(self._engine)

    def edit(
        self, source_id: int, *, name: str | None = None, url: str | None = None, topics: Sequence[str] | None = None
    ) -> None:
        """Change what is given. Raises InputError, FetchError, FeedError."""
        gathering.edit_source(
            self._engine, self._door(), source_id, now=self._now(), name=name, url=url, topic_slugs=topics
        )

    def remove(self, source_id: int) -> None:
        """Take a source away with its articles. Raises InputError."""
        gathering.remove_source(self._engine, source_id)

    def check(self, where: str) -> Feed:
        """What would be gathered from an address or a file; nothing is stored. Raises FetchError, FeedError,
        InputError."""
        try:
            file = Path(where)
            if "://" not in where and file.exists():
                return parse_feed(file.read_bytes(), url=file.resolve().as_uri())
        except OSError as error:
            raise InputError(f"{where[:80]} cannot be read: {error.strerror or error}") from None
        return gathering.check_source(self._door(), where)
