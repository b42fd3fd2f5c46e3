"""Articles -> stories, incrementally: each new article joins an open story, an earlier new article, or opens its own.

The new articles and the open stories are clusters that merge greedily, the most similar pair first. How alike two
clusters are is the mean, over the articles of the smaller, of each one's mean similarity to its nearest few in the
larger: one bridge article cannot chain two events together, and a story of sixty articles needs what a story of three
needs. Two open stories never merge here. Within one call the order of arrival does not matter.

A wrong merge hides news, a missed merge only repeats it: every doubt below counts against merging. Measured on 2,558
labelled headlines (titles only, 43 broad stories) in one call: see tests/stories/test_headlines.py.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from digest.stories.terms import Terms, idf, language_of, near_equal, terms_of
from digest.types import Joined, Telling

NEAREST = 5
"""With how many nearest tellings an article is compared. On the headlines three chained and ten split stories."""
NEIGHBOURS = 40
"""Similar articles remembered for each new one: bounds time and memory when a publisher sends 500 copies."""
PAIR_THRESHOLD = 0.22
"""The similarity that makes two single articles one story."""
LEAST_THRESHOLD = 0.12
"""What large clusters need at least; the mean over many articles is a surer figure than one pair's."""
THRESHOLD_STEP = 0.03
"""How much less is needed each time the number of articles doubles."""
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
SAME_PUBLISHER_FACTOR = 0.75
"""Different articles by one publisher are usually about different events."""
FORMAT_FACTOR = 0.35
"""A headline that only names a format ("Morning briefing") needs a near-copy."""
FRESH = timedelta(days=3)
HALF_LIFE = timedelta(days=4)
"""Beyond three days between two tellings the evidence halves every four."""
COPY = 1.0
TERMS_TOLD = 5


@dataclass(frozen=True, slots=True)
class _Document:
    telling: Telling
    terms: Terms
    at: datetime
    publisher: str
    vector: Mapping[str, float]
    formal: bool
    """Its headline names a format, not an event."""


def cluster(new: Sequence[Telling], known: Sequence[Telling], *, now: datetime) -> list[Joined]:
    """Where each of `new` belongs, in the order of `new`.

    `known` are tellings of open stories (`story_id` set); those without one are ignored. Ids are unique across both.
    An article that opens a story has `opened_by` equal to its own id, `story_id` None and score 0; the articles that
    join it name the same id. Languages never mix (`terms.language_of`). Deterministic: ties go to the earlier, then to
    the smaller id. Never raises for any text.
    """
    groups: dict[str, tuple[list[Telling], list[Telling]]] = defaultdict(lambda: ([], []))
    for telling in known:
        if telling.story_id is not None:
            groups[language_of(telling.language, telling.title, telling.text)][1].append(telling)
    for telling in new:
        groups[language_of(telling.language, telling.title, telling.text)][0].append(telling)
    verdicts: dict[int, Joined] = {}
    for language, (fresh, old) in groups.items():
        if fresh:
            for joined in _cluster_language(fresh, old, language, now):
                verdicts[joined.article_id] = joined
    return [verdicts[telling.id] for telling in new]


def _cluster_language(new: Sequence[Telling], known: Sequence[Telling], language: str, now: datetime) -> list[Joined]:
    documents = _documents([*known, *new], language, now)
    documents.sort(key=lambda d: (d.telling.story_id is None, d.at, d.telling.id))
    old = sum(d.telling.story_id is not None for d in documents)
    links = _links(documents, old)
    return _verdicts(documents, old, links, _Merging(documents, links).run())


# --- documents --------------------------------------------------------------------------------------------------------


def _documents(tellings: Sequence[Telling], language: str, now: datetime) -> list[_Document]:
    terms = [terms_of(telling.title, telling.text, language) for telling in tellings]
    weights = idf((t.weights for t in terms), floor=FLOOR_DOCUMENTS)
    # idf = ln((n + floor) / (df + 1)), so the rule on df is a rule on idf.
    common = min(max(COMMON_LEAST, COMMON_SHARE * len(terms)), COMMON_MOST)
    least = math.log((len(terms) + FLOOR_DOCUMENTS) / (common + 1))
    formats = _formats(tellings, terms)
    return [
        _Document(
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


# --- similarity -------------------------------------------------------------------------------------------------------


def _links(documents: Sequence[_Document], old: int) -> list[dict[int, float]]:
    """For each document its similar ones. Pairs of two known articles are left out: they are settled."""
    postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
    links: list[dict[int, float]] = [{} for _ in documents]
    for i, document in enumerate(documents):
        if i >= old:
            dots: dict[int, float] = defaultdict(float)
            for term, weight in document.vector.items():
                for j, other in postings[term]:
                    dots[j] += weight * other
            for j, cosine in heapq.nlargest(NEIGHBOURS, dots.items(), key=lambda item: (item[1], -item[0])):
                value = _similarity(document, documents[j], cosine)
                if value >= LEAST_THRESHOLD / 4:
                    links[i][j] = links[j][i] = value
        for term, weight in document.vector.items():
            postings[term].append((i, weight))
    return links


def _similarity(one: _Document, two: _Document, cosine: float) -> float:
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
    if same_publisher:
        value *= SAME_PUBLISHER_FACTOR
    if one.formal or two.formal:
        value *= FORMAT_FACTOR
    if gap > FRESH:
        value *= 0.5 ** ((gap - FRESH) / HALF_LIFE)
    return value


def _rich(document: _Document) -> bool:
    return len(document.terms.weights) - 2 * len(document.terms.title) >= RICH_LEAD


def _about(one: _Document, two: _Document) -> bool:
    """Whether `two` says anything of what the headline of `one` says."""
    return any(term in two.terms.weights for term in one.terms.title)


def _copies(one: _Document, two: _Document) -> bool:
    """Syndicated copies: the same headline above the same lead (or above none)."""
    if one.formal or two.formal or len(one.terms.title) < 3 or one.terms.title != two.terms.title:
        return False
    return not (_rich(one) and _rich(two)) or near_equal(tuple(one.terms.weights), tuple(two.terms.weights))


# --- merging ----------------------------------------------------------------------------------------------------------


def threshold(a: int, b: int) -> float:
    """The similarity that two clusters of `a` and `b` articles need."""
    return max(LEAST_THRESHOLD, PAIR_THRESHOLD - THRESHOLD_STEP * math.log2((a + b) / 2))


class _Merging:
    """Greedy merging with a heap; entries of clusters that have changed since are recognised by their version."""

    def __init__(self, documents: Sequence[_Document], links: Sequence[Mapping[int, float]]) -> None:
        self._links = links
        self._label: list[int] = []
        self._members: dict[int, list[int]] = {}
        self._known: dict[int, int | None] = {}
        first_of: dict[int, int] = {}
        for i, document in enumerate(documents):
            story = document.telling.story_id
            label = i if story is None else first_of.setdefault(story, i)
            self._label.append(label)
            self._members.setdefault(label, []).append(i)
            self._known[label] = story
        self._version = dict.fromkeys(self._members, 0)
        self._heap: list[tuple[float, int, int, int, int]] = []

    def run(self) -> list[list[int]]:
        """The clusters that hold at least one article, as indexes in order."""
        for label in self._members:
            self._push(label, upwards=True)
        while self._heap:
            _, keep, gone, keep_version, gone_version = heapq.heappop(self._heap)
            if self._version[keep] == keep_version and self._version[gone] == gone_version:
                self._merge(keep, gone)
        return [sorted(members) for members in self._members.values()]

    def _merge(self, keep: int, gone: int) -> None:
        for i in self._members[gone]:
            self._label[i] = keep
        self._members[keep].extend(self._members.pop(gone))
        self._version[keep] += 1
        self._version[gone] = -1
        self._push(keep)

    def _push(self, label: int, *, upwards: bool = False) -> None:
        near = {self._label[j] for i in self._members[label] for j in self._links[i]} - {label}
        for other in near:
            if (upwards and other < label) or (self._known[label] is not None and self._known[other] is not None):
                continue
            value = self._cohesion(label, other)
            # The lower label is the earlier one, and known articles come before all new ones.
            keep, gone = min(label, other), max(label, other)
            if value >= threshold(len(self._members[keep]), len(self._members[gone])):
                heapq.heappush(self._heap, (-value, keep, gone, self._version[keep], self._version[gone]))

    def _cohesion(self, a: int, b: int) -> float:
        small, large = (a, b) if len(self._members[a]) <= len(self._members[b]) else (b, a)
        size = min(NEAREST, len(self._members[large]))
        total = 0.0
        for i in self._members[small]:
            values = [value for j, value in self._links[i].items() if self._label[j] == large]
            total += sum(heapq.nlargest(size, values)) / size
        return total / len(self._members[small])


# --- verdicts ---------------------------------------------------------------------------------------------------------


def _verdicts(
    documents: Sequence[_Document], old: int, links: Sequence[Mapping[int, float]], clusters: Iterable[Sequence[int]]
) -> list[Joined]:
    out = []
    for members in clusters:
        if members[-1] < old:
            continue
        story = documents[members[0]].telling.story_id
        opener = None if story is not None else documents[members[0]].telling.id
        inside = set(members)
        for i in members:
            if i < old:
                continue
            nearest = heapq.nlargest(NEAREST, ((v, -j) for j, v in links[i].items() if j in inside))
            opens = documents[i].telling.id == opener
            score = 0.0 if opens or not nearest else sum(value for value, _ in nearest) / len(nearest)
            told = () if opens else _shared(documents[i], [documents[-j] for _, j in nearest])
            out.append(Joined(documents[i].telling.id, story, opener, round(score, 4), told))
    return out


def _shared(one: _Document, others: Iterable[_Document]) -> tuple[str, ...]:
    """The terms that gave the most similarity."""
    gains: dict[str, float] = defaultdict(float)
    for other in others:
        for term, weight in one.vector.items():
            if term in other.vector:
                gains[term] += weight * other.vector[term]
    ranked = sorted(gains, key=lambda term: (-gains[term], term))
    return tuple(term for term in ranked if " " not in term)[:TERMS_TOLD]
