"""Topics, from the operator's side: each verb one transaction."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Engine

from digest.errors import InputError
from digest.store.db import reading, writing
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
