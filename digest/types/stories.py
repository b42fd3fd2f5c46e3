"""Articles as clustering sees them, and its verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Telling:
    """An article as clustering, ranking and summarising see it."""

    id: int
    title: str
    text: str
    publisher: str
    language: str
    url: str
    author: str = ""
    image_url: str = ""
    image_alt: str = ""
    news_at: datetime | None = None
    published_at: datetime | None = None
    story_id: int | None = None
    story_version: int = 0
    """The version of its story that this article made."""
    topic_ids: tuple[int, ...] = ()
    credit: str = ""
    """The agency whose wire copy this is."""
    rights: str = "excerpt"
    """How much of it its source lets us show (`types.Rights`)."""
    summary: str = ""
    """The publisher's own short text."""
    weight: float = 1.0
    """Of its source, 0.1..10, as the operator set it."""


@dataclass(frozen=True, slots=True)
class Joined:
    """A verdict of clustering: this article belongs there."""

    article_id: int
    story_id: int | None
    """An open story, or None when `opened_by` names the article that opens it."""
    opened_by: int | None
    score: float
    terms: tuple[str, ...] = ()
    """The shared terms that weighed most: the explanation."""


@dataclass(frozen=True, slots=True)
class Nearest:
    """What a window knows of an article and its text does not tell."""

    original: int
    near: tuple[int, ...]
    close: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """What a gathering changed. A story that is opened has no number yet: it is known by the
    article that opens it, whose id is its number in `merged` and `related`, negative."""

    joined: tuple[Joined, ...]
    """Each new article, in the order given."""
    moved: tuple[Joined, ...]
    """Earlier articles that belong elsewhere now, other than by a merge; by id. An earlier article may open a story."""
    merged: Mapping[int, int]
    """Stories that are no more -> the stories that they became."""
    copies: Mapping[int, int]
    """New article -> the earlier article that it is a copy of."""
    related: Mapping[int, tuple[tuple[int, float], ...]]
    """Story that was looked at -> its nearest other stories among those, and how near."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What an operator ruled about a story."""

    story_id: int
    kind: str
    """pin: it stands first; hide: nobody is told of it."""
    topic_id: int = 0
    """0 for every topic."""
    day: str = ""
    """The reader's local date, 2026-11-25; empty for every day."""
