"""The public archive of a topic: its days, and what the editions of a day told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class ArchivedStory:
    """A story as a day told it. Every text is plain."""

    story_id: int
    version: int
    from_version: int
    """0 for the full telling, else an update on what an earlier day told."""
    title: str
    language: str
    summary: str
    url: str
    publisher: str
    also: tuple[str, ...]
    """Further publishers by name."""
    others: int
    """How many more there are."""
    machine: bool
    """Whether a language model wrote the summary."""
    at: datetime | None
    """When its article was published, or else when it became news to us."""


@dataclass(frozen=True, slots=True)
class ArchivedTopic:
    """A topic with an archive."""

    id: int
    slug: str
    name: str
    description: str
    language: str
    created_at: datetime
    last: date | None = None
    """Its latest day; only in the list of all archives."""


@dataclass(frozen=True, slots=True)
class DayHead:
    """A day in a list."""

    day: date
    title: str
    language: str
    """The headline that leads, and its language."""
    stories: int


@dataclass(frozen=True, slots=True)
class DayList:
    """Some days of a topic, the newest first."""

    topic: ArchivedTopic
    days: tuple[DayHead, ...]
    more: date | None
    """Where the next list begins: the oldest day that was looked at, if there are older ones."""


@dataclass(frozen=True, slots=True)
class ArchivedDay:
    """What a day told, best first."""

    day: date
    opened_at: datetime
    changed_at: datetime
    """When a story, or a version of one, last came to it."""
    stories: tuple[ArchivedStory, ...]


@dataclass(frozen=True, slots=True)
class DayPage:
    """A day with its neighbours."""

    topic: ArchivedTopic
    told: ArchivedDay
    earlier: date | None
    later: date | None


@dataclass(frozen=True, slots=True)
class TopicFeed:
    """The latest days of a topic, the newest first."""

    topic: ArchivedTopic
    days: tuple[ArchivedDay, ...]
    changed_at: datetime
    """When anything of it last changed, what editors hid included."""
