"""The story so far: how one story was told, chapter by chapter, as its page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Coverage:
    """One telling: a headline that leads to its publisher."""

    title: str
    url: str
    publisher: str
    """As it is credited."""
    language: str
    at: datetime | None
    """When it was published, or else when it became news to us."""


@dataclass(frozen=True, slots=True)
class Quote:
    """Sentences of one article, as many as its source lets us show."""

    text: str
    publisher: str
    language: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """What one version of a story brought."""

    version: int
    at: datetime | None
    """The time of its latest telling."""
    news: tuple[Quote, ...]
    """What it begins with, or what it adds; empty for a version that only repeats."""
    coverage: tuple[Coverage, ...]
    """Its tellings, in order of time."""


@dataclass(frozen=True, slots=True)
class RelatedStory:
    """Another story of the same thread."""

    story_id: int
    title: str
    language: str
    at: datetime | None
    """When its newest telling was published."""


@dataclass(frozen=True, slots=True)
class StorySoFar:
    """A story for everybody."""

    story_id: int
    """The number that it has now: another than was asked for when the story has become part of this one."""
    title: str
    language: str
    topics: tuple[str, ...]
    """Slugs of the public topics that it belongs to, by the topics' names."""
    publishers: int
    chapters: tuple[Chapter, ...]
    """The newest first."""
    hidden: int
    """Tellings beyond the most that a page shows: the oldest ones."""
    related: tuple[RelatedStory, ...] = ()
    """The nearest first."""
