"""What a story's place in a digest is made of: each scorer is one function and one line in a registry. Pure.

A scorer gives 0..1. `SCORERS` look at one story, `IN_ORDER` also at what stands above it. How much each counts is the
setting RANK_WEIGHTS (`digest.checks.RANK_WEIGHTS` has the defaults).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

FULL_TEXT = 600
"""Characters of text from which on a telling counts as complete: enough for a summary and more to read."""
FURTHER = 0.6
"""What is left of the way to a coverage of 1 after a further publisher: 2 make 0.4, 3 make 0.64."""
SWIFT = timedelta(hours=6)
"""A further publisher counts half of its speed after so long: newsrooms follow what matters within the morning."""
SLOW = 0.5
"""What a further publisher counts that came late: it is independent all the same."""
SAME_WORDS, SAME_PUBLISHER = 0.6, 0.4
"""How much each repetition takes from diversity; together all of it."""
PATIENCE = 0.8
"""How little the next headline of one publisher tires: the second 0.2, the third 0.36, and so on towards 1."""


@dataclass(frozen=True, slots=True)
class StoryFacts:
    """What ranking knows of a story. It is the same in every window."""

    id: int
    told_at: tuple[datetime, ...]
    """When each independent publisher first told it, in order; copies of one text count once."""
    first_at: datetime | None
    newest_at: datetime | None
    """When its first and newest article became news to us; None when all of it is backlog."""
    has_image: bool
    text_length: int
    """Characters of its longest text."""
    weight: float = 1.0
    """Of the weightiest source that tells it in its own words: 0.1..10."""
    fit: float = 1.0
    """How well it belongs to the topic it belongs to best, 0..1 (`rank.fit_of`)."""
    topics: frozenset[int] = frozenset()
    terms: frozenset[str] = frozenset()
    """Of the headline that leads it."""
    publisher: str = ""
    """Who tells that headline."""

    @property
    def publishers(self) -> int:
        """How many independent ones there are."""
        return len(self.told_at)


@dataclass(frozen=True, slots=True)
class Window:
    """A reader's window (since, until]."""

    since: datetime
    until: datetime


Scorer = Callable[[StoryFacts, Window], float]
OrderScorer = Callable[[StoryFacts, Sequence[StoryFacts]], float]
"""A story and what stands above it, best first. More above it must never raise what it gives: `rank.rank` relies on
that."""


def coverage(facts: StoryFacts, window: Window) -> float:
    """How many independent publishers tell it, and how fast: 1 makes 0, a second at once 0.4, a third 0.64; each that
    comes days later half a publisher."""
    told = facts.told_at
    counted = sum(SLOW + (1 - SLOW) * 0.5 ** ((at - told[0]) / SWIFT) for at in told[1:])
    return 1.0 - math.pow(FURTHER, counted)


def freshness(facts: StoryFacts, window: Window) -> float:
    """How late in the reader's own window it moved: relative, so that a weekly reader does not lose Monday."""
    if facts.newest_at is None or window.until <= window.since:
        return 0.0
    return min(1.0, max(0.0, (facts.newest_at - window.since) / (window.until - window.since)))


def source(facts: StoryFacts, window: Window) -> float:
    """The weight that the operator gave its source: 0.1 makes 0, the usual 1 makes 0.5, 10 makes 1."""
    return min(1.0, max(0.0, 0.5 + 0.5 * math.log10(facts.weight)))


def fit(facts: StoryFacts, window: Window) -> float:
    """How well it belongs to its topic: by the share of its articles that do, and where their rule's terms stand."""
    return facts.fit


def completeness(facts: StoryFacts, window: Window) -> float:
    """Half for an image, half for a text that is long enough."""
    return 0.5 * facts.has_image + 0.5 * min(1.0, facts.text_length / FULL_TEXT)


def diversity(facts: StoryFacts, above: Sequence[StoryFacts]) -> float:
    """1 for what is new to somebody who has read what stands above; less for the words of a headline there, and for
    one publisher's next headline."""
    repeated = max((len(facts.terms & other.terms) for other in above), default=0)
    words = repeated / len(facts.terms) if facts.terms else 0.0
    told = sum(other.publisher == facts.publisher for other in above) if facts.publisher else 0
    return 1.0 - SAME_WORDS * words - SAME_PUBLISHER * (1.0 - PATIENCE**told)


SCORERS: Mapping[str, Scorer] = MappingProxyType(
    {"coverage": coverage, "freshness": freshness, "source": source, "fit": fit, "completeness": completeness}
)
IN_ORDER: Mapping[str, OrderScorer] = MappingProxyType({"diversity": diversity})
