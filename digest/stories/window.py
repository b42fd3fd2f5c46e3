"""The recent articles of one language, each with its nearest: an index in memory that grows article by article.

Nothing here is durable. It is built from the store's articles when a process starts and kept between gatherings, so
that no article is taken apart twice.

**Bounded.** However many articles there are, one that is added is compared with at most `CANDIDATES` of them, those
that share most of its `SOUGHT` heaviest words; of a word the `POSTED` newest articles are known. Adding one to
200,000 takes about ten times as long as to 2,000 (`python -m benchmarks stories`).
"""

from __future__ import annotations

import heapq
import sys
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from digest.stories.similar import Document, copies, similarity
from digest.stories.terms import terms_of
from digest.stories.vocabulary import Vocabulary
from digest.types import Nearest, Telling

NEIGHBOURS = 20
"""Nearest articles that each one remembers. On the shared headlines 15 and 30 lose 0.005 of F1, 10 and 60 0.01."""
LEAST_LINK = 0.06
"""Similarities below this are forgotten. A high bound loses broad stories, whose headlines share a single word: 0.12
loses 0.04 of F1 by recall. What makes weak links safe is `neighbourhood.supported`."""
CANDIDATES = 120
"""On the shared headlines 80 lose 0.008 of F1 (batch, halves); 150 and 300 with postings of 5,000 are alike."""
SOUGHT = 24
POSTED = 500
"""The newest: what is common enough to have more in a week says little, and old articles are compared less."""
TF_UNIT = 32
"""Counts are kept as bytes, in steps of a 32nd: they end at 2 + ln 60, and a cosine does not mind the unit."""
_NONE: frozenset[int] = frozenset()
_UNKNOWN = -1.0
LEAST_WORN = 1_000
"""Articles whose words are no burden."""
HEADLINES = 40
"""Articles known by one exact headline, the newest."""


@dataclass(slots=True)
class Entry:
    """An article of the window."""

    document: Document
    story: int
    """Any number that names its story."""
    original: int
    """The article that this one is a copy of; its own id when it is none."""
    near: array[int] = field(default_factory=lambda: array("q"))
    close: array[float] = field(default_factory=lambda: array("f"))
    """Similarities to `near`."""
    epoch: int = -1
    length: float = 0.0
    """`Vocabulary.length` as of `epoch`."""
    piece_length: float = _UNKNOWN
    """`Vocabulary.piece_length` as of `epoch`, once it was needed."""


class Window:
    """The recent articles of one language (`terms.language_of`)."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._vocabulary = Vocabulary()
        self._postings: list[array[int]] = []
        self._headlines: dict[int, array[int]] = {}
        self._gone = 0
        self.entries: dict[int, Entry] = {}
        """By article."""
        self.members: dict[int, set[int]] = {}
        """Story -> its articles."""

    def add(self, tellings: Sequence[Telling], stories: Sequence[int], now: datetime) -> None:
        """Add articles with the numbers of their stories, and find the nearest of each.

        Their words all count before the first one is compared, and they are taken in the order of their times and ids:
        how `tellings` are ordered does not matter. An article that is here already is left as it is.
        """
        fresh = [
            (self._read(telling, now), story)
            for telling, story in zip(tellings, stories, strict=True)
            if telling.id not in self.entries
        ]
        fresh.sort(key=lambda pair: (pair[0].at, pair[0].id))
        filed = [self._file(*pair) for pair in fresh]
        for entry in filed:
            if entry.original == entry.document.id:
                self._link(entry)
                self._post(entry)

    def restore(self, telling: Telling, story: int, nearest: Nearest, now: datetime) -> None:
        """Add an article that was here before, with what `nearest` told of it when it came: nothing is compared.

        In the order in which they came, copies after their originals: what is here already learns that this one is near
        to it. What is near may be gone; a copy whose original is not here counts as one itself.
        """
        document = self._read(telling, now)
        original = nearest.original if nearest.original in self.entries else document.id
        entry = self.entries[document.id] = Entry(document, story, original)
        entry.near, entry.close = array("q", nearest.near), array("f", nearest.close)
        self.members.setdefault(story, set()).add(document.id)
        if entry.original == document.id:
            self._known(document)
            self._post(entry)
            for other, value in self.links(document.id):
                _remember(self.entries[other], document.id, value)

    def nearest(self, article: int) -> Nearest:
        """What to keep of an article for `restore`, once it is here: what comes near later will say so itself."""
        entry = self.entries[article]
        return Nearest(entry.original, tuple(entry.near), tuple(round(value, 4) for value in entry.close))

    def move(self, article: int, story: int) -> None:
        """Give an article to another story."""
        entry = self.entries[article]
        self._leave(entry)
        entry.story = story
        self.members.setdefault(story, set()).add(article)

    def rename(self, old: int, new: int) -> None:
        """Give all articles of one story to another (or to none yet, which then has them)."""
        for article in sorted(self.members.get(old, ())):
            self.move(article, new)

    def keep(self, stories: Collection[int]) -> None:
        """Forget every story but these. A story goes as a whole or not at all."""
        for story in self.members.keys() - set(stories):
            for article in list(self.members[story]):
                self.remove(article)

    @property
    def worn(self) -> bool:
        """Whether as much was forgotten as is there: words of articles that are gone take up room, and a window made
        anew is smaller."""
        return self._gone > max(len(self.entries), LEAST_WORN)

    def remove(self, article: int) -> None:
        """Forget an article (nothing happens if it is not here). The first of its copies takes its place."""
        entry = self.entries.pop(article, None)
        if entry is None:
            return
        self._gone += 1
        if entry.original == article:
            self._vocabulary.count_in(entry.document, -1)
        known = self._headlines.get(_headline(entry.document), array("q"))
        if article in known:
            known.remove(article)
        heir = min((a for a in self.members[entry.story] if self._copied(a) == article), default=None)
        if heir is not None:
            first = self.entries[heir]
            first.near, first.close = entry.near, entry.close
            self._vocabulary.count_in(first.document, 1)
            self._post(first)
            known.append(heir)
            for copy in self.members[entry.story]:
                if self._copied(copy) == article:
                    self.entries[copy].original = heir
        if not known:
            self._headlines.pop(_headline(entry.document), None)
        self._leave(entry)

    def links(self, article: int) -> Iterator[tuple[int, float]]:
        """The nearest of an article that are still here, and how near they are."""
        entry = self.entries[article]
        return ((other, value) for other, value in zip(entry.near, entry.close, strict=True) if other in self.entries)

    def shared(self, one: int, others: Iterable[int], most: int) -> tuple[str, ...]:
        """The words that gave most of the similarity between an article and others."""
        vector, _ = self._vocabulary.vectors(self.entries[one].document)
        gains: dict[int, float] = defaultdict(float)
        for other in others:
            theirs, _ = self._vocabulary.vectors(self.entries[other].document)
            for word in vector.keys() & theirs.keys():
                gains[word] += vector[word] * theirs[word]
        words = self._vocabulary.words
        return tuple(words[word] for word in sorted(gains, key=lambda word: (-gains[word], words[word]))[:most])

    def _read(self, telling: Telling, now: datetime) -> Document:
        terms = terms_of(telling.title, telling.text, self.language)
        number = self._vocabulary.number
        weights = {number(term): weight for term, weight in terms.weights.items() if " " not in term}
        self._postings.extend(array("q") for _ in range(len(self._vocabulary.words) - len(self._postings)))
        names = {number(name) for name in terms.names}
        return Document(
            telling.id,
            min(telling.published_at or telling.news_at or now, now).timestamp(),
            sys.intern(telling.publisher.strip().casefold()),
            array("i", list(weights)),  # of a list, an array has no more room than it needs
            array("B", [min(255, round(TF_UNIT * weight)) for weight in weights.values()]),
            array("i", [number(term) for term in terms.title]),
            array("i", sorted(names)),
            not terms.starred,
            frozenset(number(term) for term in terms.title if any(c.isdigit() for c in term)) or _NONE,
        )

    def _file(self, document: Document, story: int) -> Entry:
        """Enter an article. A copy's words do not count: a wire text that 500 print would make its own words common."""
        entry = self.entries[document.id] = Entry(document, story, document.id)
        self.members.setdefault(story, set()).add(document.id)
        for other in reversed(self._headlines.get(_headline(document), ())):
            there = self.entries[other].document
            if copies(there, document):
                entry.original = other
                return entry
            if there.publisher == document.publisher and there.title == document.title:
                document.formal = there.formal = True  # one headline above different texts: a column, a series
        self._known(document)
        return entry

    def _known(self, document: Document) -> None:
        known = self._headlines.setdefault(_headline(document), array("q"))
        known.append(document.id)
        del known[:-HEADLINES]
        self._vocabulary.count_in(document, 1)

    def _link(self, entry: Entry) -> None:
        here = entry.document
        words, pieces = self._vocabulary.question(here)
        found: list[tuple[float, int]] = []
        twins = self._headlines[_headline(here)]
        for other in self._candidates(words, twins):
            if other == here.id:
                continue
            there = self.entries[other]
            cosine = self._cosine(words, pieces, here.rich, there)
            value = similarity(here, there.document, cosine) if cosine >= LEAST_LINK / 2 else 0.0
            if value >= LEAST_LINK:
                found.append((value, other))
                _remember(there, here.id, value)
        for value, other in heapq.nlargest(NEIGHBOURS, found, key=lambda pair: (pair[0], -pair[1])):
            _remember(entry, other, value)

    def _cosine(self, words: Mapping[int, float], pieces: Mapping[int, float], rich: bool, there: Entry) -> float:
        """Two leads say enough in words; headlines alone need their pieces as well (figures in `vocabulary`)."""
        vocabulary = self._vocabulary
        if there.epoch != vocabulary.epoch:
            there.epoch = vocabulary.epoch
            there.length, there.piece_length = vocabulary.length(there.document), _UNKNOWN
        value = vocabulary.word_cosine(words, there.document, there.length)
        if rich and there.document.rich:
            return value
        if there.piece_length == _UNKNOWN:
            there.piece_length = vocabulary.piece_length(there.document)
        return (value + vocabulary.piece_cosine(pieces, there.document, there.piece_length)) / 2

    def _post(self, entry: Entry) -> None:
        for word in entry.document.words:
            posted = self._postings[word]
            posted.append(entry.document.id)
            if len(posted) > POSTED:
                del posted[: POSTED // 4]

    def _candidates(self, words: Mapping[int, float], twins: Sequence[int]) -> list[int]:
        shared: dict[int, float] = defaultdict(float)
        for word in heapq.nlargest(SOUGHT, words, key=lambda word: (words[word], -word)):
            weight = words[word]
            for other in self._postings[word]:
                shared[other] += weight
        most = heapq.nlargest(CANDIDATES, shared, key=lambda other: (shared[other], -other))
        found = dict.fromkeys([*most, *twins])
        return [other for other in found if other in self.entries]

    def _copied(self, article: int) -> int:
        return self.entries[article].original if article in self.entries else -1

    def _leave(self, entry: Entry) -> None:
        members = self.members[entry.story]
        members.discard(entry.document.id)
        if not members:
            del self.members[entry.story]


def _headline(document: Document) -> int:
    return hash(document.title.tobytes())


def _remember(entry: Entry, article: int, value: float) -> None:
    """Keep an article among the nearest, in place of the farthest."""
    if article in entry.near:
        return
    if len(entry.near) < NEIGHBOURS:
        entry.near.append(article)
        entry.close.append(value)
        return
    farthest = min(range(NEIGHBOURS), key=entry.close.__getitem__)
    if value > entry.close[farthest]:
        entry.near[farthest], entry.close[farthest] = article, value
