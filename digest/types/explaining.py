"""The answer to "why this, and why not that?": one story as one reader's mail or one topic's next digest sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Membership:
    """An article of a story, and why it is there."""

    article_id: int
    title: str
    publisher: str
    """As it is credited."""
    url: str
    published_at: datetime | None
    news_at: datetime | None
    """None for backlog, which was there when its source was added."""
    version: int
    """The version of the story that it made."""
    opened: bool
    """Whether the story began with it."""
    score: float
    """How alike it was to the story when it joined; 0 for the article that opened it."""
    terms: tuple[str, ...]
    """The shared terms that weighed most."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A mail by which a reader had a story already."""

    edition_id: int
    planned_at: datetime
    version: int
    update: bool


@dataclass(frozen=True, slots=True)
class ExplainedStory:
    """One candidate: what became of it and why."""

    story_id: int
    headline: str
    verdict: str
    why: str
    """One plain sentence."""
    told: bool
    """Whether it is in the mail."""
    update: bool = False
    """Whether it came, or would have come, as an update."""
    topic: str = ""
    """The topic under which it stands, or would."""
    window: datetime | None = None
    """Where the window begins by which it was a candidate."""
    version: int = 0
    publishers: int = 0
    """Independent ones."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """What each scorer gave to its rank."""
    sent_before: tuple[Earlier, ...] = ()
    articles: tuple[Membership, ...] = ()

    @property
    def score(self) -> float:
        """Its rank, 0 to 1."""
        return sum(self.parts.values())


@dataclass(frozen=True, slots=True)
class ExplainedMail:
    """One reader's digest in one edition."""

    edition_id: int
    slot: str
    planned_at: datetime
    """Where its windows end."""
    state: str
    """Of the delivery."""
    reason: str
    composed: bool
    """Whether the ledger says what it held; else the verdicts are what they would be by what is stored."""
    topics: tuple[str, ...]
    max_stories: int
    windows: tuple[datetime, ...]
    """Where its windows begin, the earliest first."""
    stories: tuple[ExplainedStory, ...]
    """What it told in its order, then what it left out, best first."""


@dataclass(frozen=True, slots=True)
class ExplainedTopic:
    """What a topic's digest would hold for a reader who has seen nothing of it yet."""

    topic: str
    since: datetime
    until: datetime
    max_stories: int
    stories: tuple[ExplainedStory, ...]
