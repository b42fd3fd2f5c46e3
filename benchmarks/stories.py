"""Articles put together into stories: how well, and how fast in a large window (`stories_scale`).

**Headlines** (shared, real, 43 stories of March 2014): 20 times, seeds 0 to 19, the stories are dealt into two halves.
Two constants (`GRID`) are fit on one half, and the other half is scored. *Batch*: all its headlines at once.
*Incremental*: in a random order, in gatherings of 50, with the same constants, no headline seen before its turn; the
file's own order would bring one story after the other and prove nothing. The straightforward ways see all headlines
in that random order. Scores are B-cubed, means over the 20 halves with their standard deviation.

What the halves cannot tell: the method itself (which terms, how many neighbours, which steps) was chosen while looking
at the same 43 stories, so expect a little less of headlines that nobody has seen.

**Texts**: our own articles with leads, in three languages, with the committed constants; precision over pairs.

**The golden set**: corrections by hand, without and with the word of whoever made them (`stories_golden`).

`--golden FILE` scores such a set, and nothing else.
`--headlines FILE.csv` scores a file of that form as it is, with the committed constants, and nothing else.
`--fit` prints the constants that the whole shared file and the texts together choose: what is committed.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from statistics import mean, stdev

from benchmarks import baselines, stories_golden, stories_scale
from benchmarks.report import Figure
from benchmarks.stories_data import SHARED, SPLITS, Labelled, bcubed, bundled, halves, headlines, pairs
from digest.stories.cluster import graph_of, place
from digest.stories.neighbourhood import LIMITS, Limits, groups_of
from digest.stories.window import Window
from digest.types import Telling

QUICK_SPLITS = 3
GATHERING = 50
GRID = tuple(
    replace(LIMITS, resolution=resolution, cohesion=cohesion)
    for resolution, cohesion in product((0.004, 0.005, 0.006, 0.008, 0.01), (0.10, 0.13, 0.16))
)
BETA_SQUARED = 0.5
"""A wrong merge hides news, a missed one only repeats it: in fitting, recall counts half as much as precision."""

Scores = tuple[float, float, float]


def options(parser: argparse.ArgumentParser) -> None:
    """What only this benchmark takes."""
    parser.add_argument("--headlines", type=Path, help="score this file with the committed constants, no fitting")
    parser.add_argument("--golden", type=Path, help="score this golden set (`digest stories golden`), and nothing else")
    parser.add_argument("--fit", action="store_true", help="print the constants that the shared headlines choose")


def run(quick: bool, headlines: Path | None = None, fit: bool = False, golden: Path | None = None) -> list[Figure]:
    """The figures of issue 5. Without the shared headlines only those of the texts and of the large window."""
    if fit:
        return fitted()
    if headlines is not None:
        return as_it_is(headlines)
    if golden is not None:
        return stories_golden.scored(golden, golden.name)
    found = on_halves(QUICK_SPLITS if quick else SPLITS) if SHARED.exists() else []
    corrected = stories_golden.scored(stories_golden.OURS, "ours")
    return [*found, *on_texts(), *corrected, *stories_scale.run(quick)]


# --- headlines --------------------------------------------------------------------------------------------------------


def on_halves(splits: int) -> list[Figure]:
    """Fit on one half, reported on the other."""
    whole = headlines(SHARED)
    rows: dict[str, list[Scores]] = {"batch": [], "incremental": [], "overlapping titles": [], "single-pass TF-IDF": []}
    for seed in range(splits):
        learned, unseen = halves(whole, seed)
        limits = best_of(learned)
        rows["batch"].append(_score(unseen, batch(unseen, limits)))
        for name, scores in _forms(unseen, limits, seed).items():
            rows[name].append(scores)
    return _figures(rows, f"{splits} halves")


def as_it_is(file: Path) -> list[Figure]:
    """A whole file, nothing fit."""
    labelled = headlines(file)
    rows = {"batch": [_score(labelled, batch(labelled, LIMITS))]}
    rows |= {name: [scores] for name, scores in _forms(labelled, LIMITS, 0).items()}
    return _figures(rows, f"{len(labelled.tellings):,} headlines")


def fitted() -> list[Figure]:
    """The constants that the whole file chooses, as figures."""
    best = best_of(headlines(SHARED))
    return [Figure("resolution", best.resolution, ""), Figure("cohesion", best.cohesion, "")]


def best_of(labelled: Labelled) -> Limits:
    """Those of `GRID` with the highest F-beta: one graph, grouped with each."""
    window, ids = _window(labelled)
    graph = graph_of(window, ids)
    rich = [window.entries[article].document.rich for article in ids]

    def worth(limits: Limits) -> float:
        label = {ids[node]: n for n, group in enumerate(groups_of(graph, rich, {}, limits)) for node in group}
        precision, recall, _ = bcubed(
            [label[window.entries[one.id].original] for one in labelled.tellings], _gold(labelled)
        )
        return (1 + BETA_SQUARED) * precision * recall / (BETA_SQUARED * precision + recall)

    return max(GRID, key=worth)


def _window(labelled: Labelled) -> tuple[Window, list[int]]:
    window = Window("en")
    window.add(labelled.tellings, [one.id for one in labelled.tellings], labelled.now)
    originals = [article for article, entry in window.entries.items() if entry.original == article]
    return window, originals


def _forms(labelled: Labelled, limits: Limits, seed: int) -> dict[str, Scores]:
    """Scores of what sees the headlines in a random order."""
    arrived = list(labelled.tellings)
    random.Random(seed).shuffle(arrived)  # noqa: S311 - committed seeds
    ordered = replace(labelled, tellings=tuple(arrived))
    titles = [one.title for one in arrived]
    return {
        "incremental": _score(ordered, incremental(ordered, limits)),
        "overlapping titles": bcubed(baselines.overlapping_titles(titles), _gold(ordered)),
        "single-pass TF-IDF": bcubed(baselines.single_pass(titles), _gold(ordered)),
    }


def batch(labelled: Labelled, limits: Limits, language: str = "en") -> dict[int, int]:
    """Article -> story, everything at once."""
    return _gathered([labelled.tellings], labelled, limits, language)


def incremental(labelled: Labelled, limits: Limits, language: str = "en", size: int = GATHERING) -> dict[int, int]:
    """Article -> story, after gatherings in the order given."""
    arrived = labelled.tellings
    return _gathered([arrived[at : at + size] for at in range(0, len(arrived), size)], labelled, limits, language)


def _gathered(
    gatherings: Sequence[Sequence[Telling]], labelled: Labelled, limits: Limits, language: str
) -> dict[int, int]:
    window = Window(language)
    stories = 0
    for each in gatherings:
        place(window, each, now=labelled.now, limits=limits)
        for opened in [story for story in window.members if story < 0]:
            stories += 1
            window.rename(opened, stories)
    return {article: entry.story for article, entry in window.entries.items()}


def _score(labelled: Labelled, stories: dict[int, int]) -> Scores:
    return bcubed([stories[one.id] for one in labelled.tellings], _gold(labelled))


def _gold(labelled: Labelled) -> list[object]:
    return [labelled.gold[one.id] for one in labelled.tellings]


def _figures(rows: dict[str, list[Scores]], over: str) -> list[Figure]:
    goals = {("batch", "F1"): 0.82, ("batch", "precision"): 0.80}
    figures = []
    for form, scores in rows.items():
        for at, name in enumerate(("precision", "recall", "F1")):
            goal = goals.get((form, name))
            told = "" if goal else " (told only)"
            figures.append(Figure(f"{form}, {name}, {over}{told}", mean(each[at] for each in scores), "", goal))
        if len(scores) > 1:
            spread = stdev(each[2] for each in scores)
            figures.append(Figure(f"{form}, F1, standard deviation (told only)", spread, ""))
            spread = stdev(each[0] for each in scores)
            figures.append(Figure(f"{form}, precision, standard deviation (told only)", spread, ""))
    ratio = mean(each[2] for each in rows["incremental"]) / mean(each[2] for each in rows["batch"])
    return [*figures, Figure("incremental F1 to batch F1", ratio, "x", 0.97)]


# --- texts ------------------------------------------------------------------------------------------------------------


def on_texts() -> list[Figure]:
    """Our own articles, in one gathering and in many."""
    figures = []
    for form in ("batch", "incremental"):
        put, right, all_ = 0, 0, 0
        for labelled in bundled():
            language = labelled.tellings[0].language
            ways = {"batch": batch, "incremental": incremental_by_five}
            stories = ways[form](labelled, LIMITS, language)
            counts = pairs([stories[one.id] for one in labelled.tellings], _gold(labelled))
            put, right, all_ = put + counts[0], right + counts[1], all_ + counts[2]
        figures.append(Figure(f"bundled texts, {form}, precision over pairs", right / put, "", 0.95))
        figures.append(Figure(f"bundled texts, {form}, recall over pairs (told only)", right / all_, ""))
    return figures


def incremental_by_five(labelled: Labelled, limits: Limits, language: str) -> dict[int, int]:
    """In the order of their times, five at a time."""
    arrived = sorted(labelled.tellings, key=lambda one: (one.published_at or labelled.now, one.id))
    return incremental(replace(labelled, tellings=tuple(arrived)), limits, language, 5)
