"""Articles -> stories, incrementally: each new article joins an open story, an earlier new article, or opens its own.

The new articles and the open stories are clusters that merge greedily, the most similar pair first. How alike two
clusters are is the mean, over the articles of the smaller, of each one's mean similarity to its nearest few in the
larger: one bridge article cannot chain two events together, and no single look-alike opens a large story's door. Two
open stories never merge here. Within one call the order of arrival does not matter; between calls an early split lasts.

A wrong merge hides news, a missed merge only repeats it: every doubt in `similar` counts against merging. The constants
were set on 2,558 labelled headlines (titles only, 43 broad stories; B-cubed figures in tests/stories/test_cluster.py)
and on the small texts there. Rejected: comparing with the nearest one (chains), thresholds by the smaller cluster only
(0.15 of recall for 0.016 of precision), boosting the weight of names in the vectors (merges by place, not by event).
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from digest.stories.similar import Document, documents_of, links_of
from digest.stories.terms import language_of
from digest.types import Joined, Telling

NEAREST = 5
"""With how many nearest tellings an article is compared. On the headlines three chained and ten split stories."""
PAIR_THRESHOLD = 0.22
"""The similarity that makes two single articles one story."""
LEAST_THRESHOLD = 0.12
"""What large clusters need at least; the mean over many articles is a surer figure than one pair's."""
THRESHOLD_STEP = 0.03
"""How much less is needed each time the number of articles in both doubles."""
TERMS_TOLD = 5


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
    documents = documents_of([*known, *new], language, now)
    documents.sort(key=lambda d: (d.telling.story_id is None, d.at, d.telling.id))
    old = sum(d.telling.story_id is not None for d in documents)
    links = links_of(documents, old)
    return _verdicts(documents, old, links, _Merging(documents, links).run())


# --- merging ----------------------------------------------------------------------------------------------------------


def threshold(a: int, b: int) -> float:
    """The similarity that two clusters of `a` and `b` articles need."""
    return max(LEAST_THRESHOLD, PAIR_THRESHOLD - THRESHOLD_STEP * math.log2((a + b) / 2))


class _Merging:
    """Greedy merging with a heap; entries of clusters that have changed since are recognised by their version."""

    def __init__(self, documents: Sequence[Document], links: Sequence[Mapping[int, float]]) -> None:
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
        near: dict[int, float] = defaultdict(float)
        for i in self._members[label]:
            for j, value in self._links[i].items():
                near[self._label[j]] += value
        for other, total in near.items():
            if other == label or (upwards and other < label):
                continue
            if self._known[label] is not None and self._known[other] is not None:
                continue
            # The lower label is the earlier one, and known articles come before all new ones.
            keep, gone = min(label, other), max(label, other)
            sizes = sorted((len(self._members[keep]), len(self._members[gone])))
            least = threshold(*sizes)
            # All links together are at least those to the nearest: most candidates fall here, cheaply.
            if total < least * sizes[0] * min(NEAREST, sizes[1]):
                continue
            value = self._cohesion(label, other)
            if value >= least:
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
    documents: Sequence[Document], old: int, links: Sequence[Mapping[int, float]], clusters: Iterable[Sequence[int]]
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


def _shared(one: Document, others: Iterable[Document]) -> tuple[str, ...]:
    """The terms that gave the most similarity."""
    gains: dict[str, float] = defaultdict(float)
    for other in others:
        for term, weight in one.vector.items():
            if term in other.vector:
                gains[term] += weight * other.vector[term]
    ranked = sorted(gains, key=lambda term: (-gains[term], term))
    return tuple(term for term in ranked if " " not in term)[:TERMS_TOLD]
