"""Words as numbers, how many articles of a window hold each, what that makes them weigh, and how alike two texts are.

Two vectors of an article are compared: its words (title and lead), and the pieces of its title's words (`terms.grams`).
On the shared headlines words alone reach F1 0.882, words and pairs of neighbouring words 0.879, words and pieces 0.897
(batch, halves, before the doubts of `neighbourhood`): headlines are short and spell one thing in many ways. Leads are
not: on the bundled texts, by words alone two tellings of one event reach 0.24 or more and tellings of two events 0.21
at most; with the pieces of their headlines 0.17 and 0.30. So two articles with leads are compared by words alone.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping

from digest.stories.similar import Document
from digest.stories.terms import grams

FLOOR_DOCUMENTS = 2000
"""Imaginary articles added to the corpus: of twenty articles on a first day five may tell one event, and without them
the very words of the event would weigh least (idf after Spärck Jones 1972, smoothed). On the shared headlines 500 lose
0.007 of F1 to 2,000, and none 0.02."""
COMMON_SHARE = 0.30
COMMON_LEAST = 25
"""Words in more than three tenths of the articles (and in more than 25) tell no events apart."""
EPOCH = 1.02
"""Weights are worked out anew when the corpus has grown or shrunk by two in a hundred."""


class Vocabulary:
    """Words as numbers, how many articles hold each, and their pieces."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._numbers: dict[str, int] = {}
        self._in = array("l")
        self._pieces: list[tuple[int, ...]] = []
        self._piece_numbers: dict[str, int] = {}
        self._pieces_in = array("l")
        self.count = 0
        self.epoch = 0
        self._counted_at = 0
        self._idf: dict[int, float] = {}
        self._gram_idf: dict[int, float] = {}

    def number(self, word: str) -> int:
        """The number of a word, a new one if it has none."""
        number = self._numbers.get(word)
        if number is None:
            number = self._numbers[word] = len(self.words)
            self.words.append(word)
            self._in.append(0)
            pieces = [self._piece_numbers.setdefault(gram, len(self._piece_numbers)) for gram in grams(word)]
            self._pieces_in.extend([0] * (len(self._piece_numbers) - len(self._pieces_in)))
            self._pieces.append(tuple(pieces))
        return number

    def pieces(self, title: Iterable[int]) -> set[int]:
        """The pieces of these words."""
        return {piece for word in title for piece in self._pieces[word]}

    def count_in(self, document: Document, by: int) -> None:
        """Count an article in (1) or out (-1)."""
        for word in document.words:
            self._in[word] += by
        for piece in self.pieces(document.title):
            self._pieces_in[piece] += by
        self.count += by
        if not self._counted_at / EPOCH <= self.count <= self._counted_at * EPOCH:
            self._counted_at = self.count
            self.epoch += 1
            self._idf.clear()
            self._gram_idf.clear()

    def vectors(self, document: Document) -> tuple[dict[int, float], dict[int, float]]:
        """The words of an article and the pieces of its title's words, each as a vector of length 1 (or empty)."""
        words = {w: tf * self.idf(w) for w, tf in zip(document.words, document.counts, strict=True) if self.idf(w)}
        pieces = {piece: self.gram_idf(piece) for piece in self.pieces(document.title)}
        return _unit(words), _unit(pieces)

    def question(self, document: Document) -> tuple[dict[int, float], dict[int, float]]:
        """`vectors`, each weight times the idf that the other side of a product has as well."""
        words, pieces = self.vectors(document)
        return (
            {word: weight * self.idf(word) for word, weight in words.items()},
            {piece: weight * self.gram_idf(piece) for piece, weight in pieces.items()},
        )

    def length(self, document: Document) -> float:
        """How long the vector of its words was before it was of length 1."""
        words = zip(document.words, document.counts, strict=True)
        return math.sqrt(sum((tf * self.idf(w)) ** 2 for w, tf in words))

    def piece_length(self, document: Document) -> float:
        """The same of the pieces of its title's words."""
        return math.sqrt(sum(self.gram_idf(piece) ** 2 for piece in self.pieces(document.title)))

    def word_cosine(self, words: Mapping[int, float], document: Document, length: float) -> float:
        """The cosine of two articles' words; one comes as a `question`, the other as it is with its `length`."""
        found = map(words.get, document.words)
        shared = sum(weight * tf for weight, tf in zip(found, document.counts, strict=True) if weight)
        return shared / length if length else 0.0

    def piece_cosine(self, pieces: Mapping[int, float], document: Document, length: float) -> float:
        """The same of the pieces of their titles' words, with its `piece_length`."""
        shared = self.pieces(document.title) & pieces.keys()
        return sum(pieces[piece] for piece in shared) / length if length else 0.0

    def idf(self, word: int) -> float:
        """ln((n + floor) / (df + 1)); 0 for a word that is too common."""
        value = self._idf.get(word)
        if value is None:
            value = self._idf[word] = self._weight(self._in[word])
        return value

    def gram_idf(self, piece: int) -> float:
        """The same of a piece."""
        value = self._gram_idf.get(piece)
        if value is None:
            value = self._gram_idf[piece] = self._weight(self._pieces_in[piece])
        return value

    def _weight(self, df: int) -> float:
        if df > max(COMMON_LEAST, COMMON_SHARE * self.count):
            return 0.0
        return math.log((self.count + FLOOR_DOCUMENTS) / (df + 1))


def _unit(vector: Mapping[int, float]) -> dict[int, float]:
    length = math.sqrt(sum(weight * weight for weight in vector.values()))
    return {term: weight / length for term, weight in vector.items()} if length else {}
