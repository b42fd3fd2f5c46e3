"""How much two articles look like tellings of one event: the cosine of their words, and every doubt about it."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

RICH_LEAD = 8
"""Distinct words from which on an article counts as more than its headline."""
RICH_FACTOR = 0.85
"""Two leads share words by chance more often than two headlines do."""
STRANGERS_FACTOR = 0.6
"""Two leads that name no common person, place or number: alike in kind (two cup ties), hardly in event."""
ANCHOR_STEP = 0.12
ANCHOR_MOST = 1.6
"""Each further name or number that two leads share anchors them to one event, whatever words they chose for it."""
ANCHORED = 4
"""So many shared names outweigh headlines that tell different sides of an event."""
ONE_SIDED_FACTOR = 0.6
"""One of them says nothing of what the other's headline is about: a mention, not a telling."""
THIN_FACTOR = 0.7
"""A single word in common is no event, however rare it is: short headlines make it weigh too much."""
SAME_PUBLISHER_FACTOR = 0.65
"""Different articles by one publisher are usually about different events."""
SERIES_FACTOR = 0.6
"""And more so when their headlines bear different numbers: episodes, versions, daily figures."""
FORMAT_FACTOR = 0.35
"""A headline that only names a format ("Morning briefing") needs a near-copy."""
FRESH = 3 * 86_400.0
HALF_LIFE = 4 * 86_400.0
"""Seconds: beyond three days between two tellings the evidence halves every four. (On the shared headlines time is no
evidence: a story's articles lie within 35 seconds there, as the aggregator's page was read. Nothing here looks at
distances below three days, so nothing could learn that.)"""
COPY_OVERLAP = 0.75
COPY_SIZES = 0.4


@dataclass(slots=True)
class Document:
    """A telling made ready for comparison, packed; words are numbers of its window's vocabulary."""

    id: int
    at: float
    """Unix seconds."""
    publisher: str
    """In small letters."""
    words: array[int]
    """Of title and lead, each once."""
    counts: array[int]
    """How much each of `words` weighs before idf, in any unit."""
    title: array[int]
    """In order."""
    names: array[int]
    """Those of `words` that look like names or numbers."""
    formal: bool
    """Its headline names a format or a column, not an event."""
    numbers: frozenset[int]
    """Those of `title` that hold digits."""

    @property
    def rich(self) -> bool:
        """Whether there is more to it than a headline."""
        return len(self.words) - len(self.title) >= RICH_LEAD


def similarity(one: Document, two: Document, cosine: float) -> float:
    """The cosine of two documents, lowered by every doubt that they tell one event, raised by names they share."""
    words, others = set(one.words), set(two.words)
    value = cosine
    if one.rich and two.rich:
        value *= RICH_FACTOR
        shared = len(set(one.names).intersection(two.names))
        if shared >= ANCHORED:
            value *= min(ANCHOR_MOST, 1.0 + ANCHOR_STEP * (shared - ANCHORED + 1))
        elif not shared and one.names and two.names:
            value *= STRANGERS_FACTOR
        if shared < ANCHORED and (others.isdisjoint(one.title) or words.isdisjoint(two.title)):
            value *= ONE_SIDED_FACTOR
    if len(words & others) < 2:
        value *= THIN_FACTOR
    if one.publisher and one.publisher == two.publisher:
        value *= SAME_PUBLISHER_FACTOR
        if one.numbers and two.numbers and one.numbers != two.numbers:
            value *= SERIES_FACTOR
    if one.formal or two.formal:
        value *= FORMAT_FACTOR
    gap = abs(one.at - two.at)
    if gap > FRESH:
        value *= 0.5 ** ((gap - FRESH) / HALF_LIFE)
    return value


def copies(one: Document, two: Document) -> bool:
    """Syndicated copies: the same headline above the same lead (or above none), within three days."""
    if one.formal or two.formal or len(one.title) < 3 or one.title != two.title or abs(one.at - two.at) > FRESH:
        return False
    if not (one.rich and two.rich):
        return True
    small, large = sorted((len(one.words), len(two.words)))
    return len(set(one.words).intersection(two.words)) >= COPY_OVERLAP * small and small >= COPY_SIZES * large
