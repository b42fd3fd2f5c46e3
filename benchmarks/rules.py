"""Topic rules: all of them in one pass over an article, against the same rules evaluated one after the other.

The articles are those of a newspaper that never was: several hundred words each out of 20,000, which occur as often as
Zipf's law has it (the n-th commonest word 1/n as often as the first). The rules have the shapes that operators write:
words, alternatives, phrases, prefixes, exclusions, fields. They look for names and things, so never for one of the
1,000 commonest words.

Evaluating 1,000 rules one by one over 10,000 articles would take twenty minutes, so that way sees a sample of
them, in alternation with ours over the same articles, and what is compared is articles a second. What both find is
asserted to be the same for every rule and every article of the sample. Compiling our rules once for all articles is
part of our time; theirs are compiled outside of what is timed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import accumulate
from statistics import median
from time import perf_counter

from benchmarks import baselines
from benchmarks.report import Figure
from digest.stories.matching import compile_rules
from digest.stories.rules import parse
from digest.types import RawArticle

RULES = 1_000
ARTICLES, QUICK_ARTICLES = 10_000, 500
SAMPLE, QUICK_SAMPLE = 120, 24
"""Articles that the other way sees, in portions of `PORTION`."""
PORTION = 4
WORDS = 20_000
COMMON = 1_000

_LETTERS = "bacodefiguhajokaleminoparisatuvawexiyozubrdalafengorohulumarenoropelirosesel"
_SYLLABLES = [_LETTERS[at : at + 2] for at in range(0, len(_LETTERS), 2)]
_PAPERS = ("The Quayside Courier", "Lantern & Tide", "Harbour Post", "The Evening Buoy")


def run(quick: bool, *, count: int = 0, sample: int = 0) -> list[Figure]:
    """The ratio that issue 4 sets a goal for, and what it is made of. `count` articles and a `sample` of them for the
    other way, where they are given."""
    count = count or (QUICK_ARTICLES if quick else ARTICLES)
    sample = sample or (QUICK_SAMPLE if quick else SAMPLE)
    paper = Newspaper(random.Random(4))  # noqa: S311 -- the same newspaper in every run
    articles = [paper.article(number) for number in range(count)]
    texts = {number: paper.rule() for number in range(1, RULES + 1)}
    compiling = []
    for _ in range(3):
        started = perf_counter()
        ours = compile_rules(texts)
        compiling.append(perf_counter() - started)
    theirs = {number: baselines.compile_rule(parse(text)) for number, text in texts.items()}

    step = len(articles) // sample
    fast, slow, matched = [], [], 0
    for start in range(0, sample, PORTION):
        portion = articles[start * step : (start + PORTION) * step : step]
        took, found = _timed(ours.match_ids, portion)
        fast.append(took)
        took, expected = _timed(lambda article: baselines.match_one_by_one(theirs, article), portion)
        slow.append(took)
        assert found == expected, "both ways find the same topics"
        matched += sum(map(len, found))
    assert matched, "some topics were found"
    started = perf_counter()
    for article in articles:
        ours.match_ids(article)
    whole = perf_counter() - started
    own = median(fast) + median(compiling) / count
    return [
        Figure(f"{RULES:,} rules, {count:,} articles, to one by one", median(slow) / own, goal=50),
        Figure("the same without compiling (told only)", median(slow) / median(fast)),
        Figure("compiling the rules (told only)", median(compiling) * 1000, "ms"),
        Figure(f"ours, over all {count:,} articles (told only)", count / whole, "articles/s"),
        Figure(f"one by one, over {sample} of them (told only)", 1 / median(slow), "articles/s"),
        Figure("topics of an article (told only)", matched / sample, ""),
    ]


def _timed(
    match: Callable[[RawArticle], frozenset[int]], articles: Sequence[RawArticle]
) -> tuple[float, list[frozenset[int]]]:
    """Seconds an article, and what was found in each."""
    started = perf_counter()
    found = [match(article) for article in articles]
    return (perf_counter() - started) / len(articles), found


class Newspaper:
    """Its words, its articles, and what people want to know of it."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        words: dict[str, None] = {}
        while len(words) < WORDS:
            words["".join(dice.choice(_SYLLABLES) for _ in range(dice.randint(1, 5)))] = None
        self._words = sorted(words, key=lambda word: (len(word) + dice.random() * 4, word))  # common words are short
        self._weights = list(accumulate(1 / rank for rank in range(1, WORDS + 1)))
        self._pairs = [(self._wanted(), self._wanted()) for _ in range(400)]
        """Names of two words, which occur together."""

    def article(self, number: int) -> RawArticle:
        """The next article."""
        dice = self._dice
        body = "\n".join(self._sentences(dice.randint(3, 6)) for _ in range(dice.randint(4, 8)))
        return RawArticle(
            guid=str(number),
            url=f"https://paper.example/{number}",
            title=self._sentence(6, 11).rstrip("."),
            summary=self._sentences(2),
            text=body,
            author=" ".join(self._wanted().title() for _ in range(2)),
            publisher=dice.choice(_PAPERS),
            language="en",
        )

    def rule(self) -> str:
        """Another topic's rule."""
        return self._dice.choice(
            (
                lambda: self._wanted(),
                lambda: " OR ".join(self._wanted() for _ in range(self._dice.randint(2, 6))),
                lambda: " OR ".join([self._phrase(), *(self._wanted() for _ in range(3))]),
                lambda: f"({self._wanted()} OR {self._phrase()}) AND ({self._wanted()} OR {self._wanted()})",
                lambda: f"({self._wanted()} OR {self._wanted()} OR {self._phrase()}) AND NOT {self._wanted()}",
                lambda: f"{self._wanted()[:5]}* OR title:{self._wanted()} OR {self._phrase()}",
                lambda: f"publisher:courier AND ({self._wanted()} OR {self._wanted()}) AND NOT title:{self._wanted()}",
            )
        )()

    def _wanted(self) -> str:
        """Rarer words are wanted as often as commoner ones: evenly by the logarithm of their rank."""
        return self._words[int(COMMON * (WORDS / COMMON) ** self._dice.random()) - 1]

    def _phrase(self) -> str:
        return '"{} {}"'.format(*self._dice.choice(self._pairs))

    def _sentences(self, count: int) -> str:
        return " ".join(self._sentence(9, 24) for _ in range(count))

    def _sentence(self, least: int, most: int) -> str:
        dice = self._dice
        words = dice.choices(self._words, cum_weights=self._weights, k=dice.randint(least, most))
        if dice.random() < 0.3:
            words[2] = " ".join(self._dice.choice(self._pairs)).title()
        if dice.random() < 0.2:
            words[1] = f"“{words[1]}”,"
        if dice.random() < 0.2:
            words[4] += "’s"
        return " ".join(words).capitalize() + "."
