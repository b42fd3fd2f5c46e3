"""How much two articles look like tellings of one event: the cosine of their terms, and every doubt about it."""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from digest.stories.terms import Terms, idf, near_equal, terms_of
from digest.types import Telling

NEIGHBOURS = 40
"""Similar articles remembered for each new one: bounds time and memory when a publisher sends 500 copies."""
FLOOR_DOCUMENTS = 500
"""Imaginary articles added to the corpus (`terms.idf`); with 100 the small texts in tests/stories split."""
COMMON_SHARE = 0.30
COMMON_LEAST = 25
"""Terms in more than three tenths of the articles (and in more than 25) tell no events apart."""
COMMON_MOST = 2000
"""No term in more articles than this is compared, whatever the share: it bounds the work for one article."""
RICH_LEAD = 8
"""Distinct terms from which on an article counts as more than its headline."""
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
FRESH = timedelta(days=3)
HALF_LIFE = timedelta(days=4)
"""Beyond three days between two tellings the evidence halves every four."""
COPY = 1.0
LEAST_LINK = 0.03
"""Similarities below this are forgotten: no mean of them reaches a threshold."""


@dataclass(frozen=True, slots=True)
class Document:
    """A telling made ready for comparison."""

    telling: Telling
    terms: Terms
    at: datetime
    publisher: str
    vector: Mapping[str, float]
    formal: bool
    """Its headline names a format, not an event."""


def documents_of(tellings: Sequence[Telling], language: str, now: datetime) -> list[Document]:
    """The tellings, all of one language, with idf learned from them. Times after `now` count as `now`."""
    terms = [terms_of(telling.title, telling.text, language) for telling in tellings]
    weights = idf((t.weights for t in terms), floor=FLOOR_DOCUMENTS)
    # idf = ln((n + floor) / (df + 1)), so the rule on df is a rule on idf.
    common = min(max(COMMON_LEAST, COMMON_SHARE * len(terms)), COMMON_MOST)
    least = math.log((len(terms) + FLOOR_DOCUMENTS) / (common + 1))
    formats = _formats(tellings, terms)
    return [
        Document(
            telling,
            t,
            min(telling.published_at or telling.news_at or now, now).astimezone(UTC),
            telling.publisher.strip().casefold(),
            _unit({term: weight * weights[term] for term, weight in t.weights.items() if weights[term] >= least}),
            not t.starred or (telling.publisher.strip().casefold(), t.title) in formats,
        )
        for telling, t in zip(tellings, terms, strict=True)
    ]


def _formats(tellings: Sequence[Telling], terms: Sequence[Terms]) -> set[tuple[str, tuple[str, ...]]]:
    """Headlines that one publisher puts above different texts: columns and series, whatever words they use."""
    seen: dict[tuple[str, tuple[str, ...]], Terms] = {}
    found = set()
    for telling, t in zip(tellings, terms, strict=True):
        key = (telling.publisher.strip().casefold(), t.title)
        first = seen.setdefault(key, t)
        if first is not t and not near_equal(tuple(first.weights), tuple(t.weights)):
            found.add(key)
    return found


def _unit(vector: Mapping[str, float]) -> dict[str, float]:
    length = math.sqrt(sum(weight * weight for weight in vector.values()))
    return {term: weight / length for term, weight in vector.items()} if length else {}


def links_of(documents: Sequence[Document], old: int) -> list[dict[int, float]]:
    """For each document its similar ones. Pairs of two known articles are left out: they are settled."""
    postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
    headlines: dict[tuple[str, ...], list[int]] = defaultdict(list)
    links: list[dict[int, float]] = [{} for _ in documents]
    for i, document in enumerate(documents):
        twins = headlines[document.terms.title]
        if i >= old:
            dots: dict[int, float] = defaultdict(float)
            for term, weight in document.vector.items():
                for j, other in postings[term]:
                    dots[j] += weight * other
            # When a publisher sends hundreds of copies, all their terms are common ones and leave no cosine.
            for j in twins[-NEIGHBOURS:]:
                dots[j] += 0.0
            for j, cosine in heapq.nlargest(NEIGHBOURS, dots.items(), key=lambda item: (item[1], -item[0])):
                value = similarity(document, documents[j], cosine)
                if value >= LEAST_LINK:
                    links[i][j] = links[j][i] = value
        twins.append(i)
        for term, weight in document.vector.items():
            postings[term].append((i, weight))
    return links


def similarity(one: Document, two: Document, cosine: float) -> float:
    """The cosine of two documents, lowered by every doubt that they tell one event, raised by names they share."""
    same_publisher = bool(one.publisher) and one.publisher == two.publisher
    gap = abs(one.at - two.at)
    if _copies(one, two) and gap <= FRESH:
        return COPY
    value = cosine
    rich = _rich(one) and _rich(two)
    if rich:
        value *= RICH_FACTOR
        shared = len(one.terms.names & two.terms.names)
        if shared >= ANCHORED:
            value *= min(ANCHOR_MOST, 1.0 + ANCHOR_STEP * (shared - ANCHORED + 1))
        elif not shared and one.terms.names and two.terms.names:
            value *= STRANGERS_FACTOR
        if shared < ANCHORED and not (_about(one, two) and _about(two, one)):
            value *= ONE_SIDED_FACTOR
    if sum(term in two.vector for term in one.vector) < 2:
        value *= THIN_FACTOR
    if same_publisher:
        value *= SAME_PUBLISHER_FACTOR
        if _numbers(one) and _numbers(two) and _numbers(one) != _numbers(two):
            value *= SERIES_FACTOR
    if one.formal or two.formal:
        value *= FORMAT_FACTOR
    if gap > FRESH:
        value *= 0.5 ** ((gap - FRESH) / HALF_LIFE)
    return value


def _rich(document: Document) -> bool:
    return len(document.terms.weights) - 2 * len(document.terms.title) >= RICH_LEAD


def _about(one: Document, two: Document) -> bool:
    """Whether `two` says anything of what the headline of `one` says."""
    return any(term in two.terms.weights for term in one.terms.title)


def _numbers(document: Document) -> set[str]:
    return {term for term in document.terms.title if any(c.isdigit() for c in term)}


def _copies(one: Document, two: Document) -> bool:
    """Syndicated copies: the same headline above the same lead (or above none)."""
    if one.formal or two.formal or len(one.terms.title) < 3 or one.terms.title != two.terms.title:
        return False
    return not (_rich(one) and _rich(two)) or near_equal(tuple(one.terms.weights), tuple(two.terms.weights))
