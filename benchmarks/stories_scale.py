"""Adding an article to a week of 200,000 against adding it to 2,000; and the memory of the larger window.

The articles are synthetic: made-up words, which occur as often as Zipf's law has it, a title of nine and a lead of 45;
an event has ten of its own and is told by one to eight articles. Each window is filled in a process of its own, so that
its memory can be told. It is filled as when a process starts, from what the store keeps (`Window.restore`): each
article with its twenty nearest, of its own event and else of any, so that it holds as much as it ever can. Then
articles of new and of known events are placed one at a time, each a gathering by itself (`place`: compared, and the
stories that it touches grouped anew). The figure is the ratio of the medians.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.report import Figure
from digest.stories.cluster import place
from digest.stories.window import NEIGHBOURS, Window
from digest.types import Nearest, Telling

SMALL = 2_000
LARGE, QUICK_LARGE = 200_000, 10_000
ADDED = 200
WEEK = timedelta(days=7)
NOW = datetime(2025, 3, 10, tzinfo=UTC)
WORDS = 60_000
_SYLLABLES = [
    consonant + vowel for consonant in "bcdfghjklmnprstvwz" for vowel in ("a", "e", "i", "o", "u", "an", "er")
]


def run(quick: bool, *, small: int = SMALL, large: int = 0) -> list[Figure]:
    """The two goals of issue 5. Quick, the larger window is smaller, and its figures say so."""
    large = large or (QUICK_LARGE if quick else LARGE)
    few, many = _measured(small), _measured(large)
    ratio = many["seconds"] / few["seconds"]
    return [
        Figure(f"adding to {large:,} articles, to adding to {small:,}", ratio, "x", 20, "lower"),
        Figure(f"memory of a window of {large:,} articles", many["megabytes"], "MB", 600, "lower"),
        Figure("adding an article, median (told only)", many["seconds"] * 1000, "ms"),
        Figure("adding an article, the slowest of a hundred (told only)", many["slow"] * 1000, "ms"),
        Figure(f"restoring a window of {large:,}, with making its articles (told only)", many["filling"], "s"),
    ]


def _measured(count: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.stories_scale", str(count)]
    done = subprocess.run(  # noqa: S603 - ourselves
        command, check=True, capture_output=True, text=True, cwd=Path(__file__).resolve().parents[1]
    )
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def fill(count: int) -> dict[str, float]:
    """Fill a window and add to it: seconds an article, and megabytes at most."""
    articles = newspaper(count, WEEK)
    window = Window("en")
    dice = random.Random(6)  # noqa: S311 - the same window in every run
    begun = perf_counter()
    for telling, event in islice(articles, count):
        own = sorted(window.members.get(event + 1, ()))
        near = dict.fromkeys(own, 0.4)
        near.update((dice.randint(1, telling.id), 0.07) for _ in range(NEIGHBOURS - len(own)) if telling.id > 1)
        near.pop(telling.id, None)
        window.restore(telling, event + 1, Nearest(telling.id, tuple(near), tuple(near.values())), NOW)
    filling = perf_counter() - begun
    took = []
    for telling, _ in islice(articles, ADDED):
        begun = perf_counter()
        placed = place(window, [telling], now=NOW)
        took.append(perf_counter() - begun)
        for joined in placed.joined + placed.moved:
            if joined.opened_by is not None:
                window.rename(-joined.opened_by, 10_000_000 + joined.opened_by)
    return {
        "seconds": median(took),
        "slow": sorted(took)[int(len(took) * 0.99)],
        "filling": filling,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def newspaper(count: int, span: timedelta) -> Iterator[tuple[Telling, int]]:
    """Articles without end in the order of their times, `count` of them in `span`, and the numbers of their events."""
    dice = random.Random(5)  # noqa: S311 - the same newspaper in every run
    words: dict[str, None] = {}
    while len(words) < WORDS:
        words["".join(dice.choice(_SYLLABLES) for _ in range(dice.randint(1, 4)))] = None
    names = list(words)
    weights = list(accumulate(1 / (rank + 20) for rank in range(WORDS)))
    open_events: list[tuple[int, list[str]]] = []
    events = 0
    number = 0
    while True:
        if len(open_events) < max(20, count // 400):
            own = [name.title() if dice.random() < 0.5 else name for name in dice.choices(names[200:], k=10)]
            for _ in range(dice.randint(1, 8)):
                open_events.append((events, own))
            events += 1
        event, own = open_events.pop(dice.randrange(len(open_events)))
        number += 1
        told = [*dice.sample(own, 5), *dice.choices(names, cum_weights=weights, k=4)]
        dice.shuffle(told)
        lead = [*dice.sample(own, 7), *dice.choices(names, cum_weights=weights, k=38)]
        dice.shuffle(lead)
        at = NOW - span + min(span, span * (number / count))
        text = ". ".join(" ".join(lead[at : at + 15]).capitalize() for at in range(0, 45, 15)) + "."
        publisher = f"Paper {dice.randrange(400)}"
        yield Telling(number, " ".join(told), text, publisher, "en", "", news_at=at, published_at=at), event


if __name__ == "__main__":
    print(json.dumps(fill(int(sys.argv[1]))))
