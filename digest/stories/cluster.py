"""Articles -> stories: each new article joins a story or opens one, and what that changes nearby is put right.

A `Window` remembers the nearest articles of each article. New ones are added to it; then the stories that they touch
are looked at anew, all their articles together (`neighbourhood`), and nothing else is. So an early mistake does not
last: two open stories become one when a bridge arrives and keep the older number, and an article that turns out to
belong elsewhere moves. A group keeps the number of the story that most of its articles had.

A wrong merge hides news, a missed merge only repeats it: every doubt in `similar` counts against merging.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from digest.stories.communities import Graph
from digest.stories.neighbourhood import LIMITS, Limits, groups_of
from digest.stories.window import Window
from digest.types import Joined, Placed, Telling

NEAREST = 5
"""The nearest in its story tell why an article is there."""
TERMS_TOLD = 5
LOOKED_AT = 400
"""Articles of one story that are looked at anew, the newest; the rest goes where most of these go. Bounds the time."""
RELATED = 0.15
"""Mean similarity, of each article of the smaller story to its nearest in the other, that makes two stories related:
one thread, two events."""
RELATED_TOLD = 3
_ALWAYS = 1_000.0
"""The weight of a correction: no number of links outweighs it."""


@dataclass(frozen=True, slots=True)
class Corrections:
    """What people said about articles, as pairs of their ids; obeyed where both are in the window."""

    together: frozenset[tuple[int, int]] = frozenset()
    apart: frozenset[tuple[int, int]] = frozenset()


NO_CORRECTIONS = Corrections()


def place(
    window: Window,
    new: Sequence[Telling],
    *,
    now: datetime,
    corrections: Corrections = NO_CORRECTIONS,
    limits: Limits = LIMITS,
) -> Placed:
    """Add articles of the window's language to it and find their stories.

    When the store has given a number to a story that was opened, call `window.rename(-opened_by, number)`.
    Deterministic: the order of `new` does not matter. Never raises for any text; raises ValueError when that call was
    forgotten (the window is of no use then). `now` bounds the articles' times. Articles that are in the window already
    are told where they are.
    """
    fresh = [telling for telling in new if telling.id not in window.entries]
    window.add(fresh, [-telling.id for telling in fresh], now)
    ids = {telling.id for telling in fresh}
    _part(window, ids, corrections)
    before = {story: set(window.members[story]) for story in _touched(window, ids, corrections)}
    if any(story < 0 and members - ids for story, members in before.items()):
        raise ValueError("stories that were opened earlier have no numbers yet: rename them first")
    articles = _looked_at(window, before)
    graph = graph_of(window, articles)
    rich = [window.entries[article].document.rich for article in articles]
    groups = groups_of(graph, rich, _ties(window, articles, corrections), limits)
    merged = _name(window, [[articles[node] for node in group] for group in groups], before)
    stories = [window.entries[article].story for article in articles]
    changed = [
        article
        for story, members in before.items()
        for article in members - ids
        if window.entries[article].story != merged.get(story, story)
    ]
    return Placed(
        tuple(_joined(window, telling.id) for telling in new),
        tuple(_joined(window, article) for article in sorted(changed)),
        merged,
        {article: window.entries[article].original for article in ids if window.entries[article].original != article},
        _related(graph, stories),
    )


# --- what is looked at ------------------------------------------------------------------------------------------------


def _part(window: Window, ids: Iterable[int], corrections: Corrections) -> None:
    """A copy is where its original is, unless somebody said that it is none."""
    for article in sorted(ids):
        entry = window.entries[article]
        pair = (article, entry.original)
        if pair in corrections.apart or pair[::-1] in corrections.apart:
            entry.original = article
        window.move(article, window.entries[entry.original].story)


def _touched(window: Window, ids: Iterable[int], corrections: Corrections) -> list[int]:
    """The stories of the new articles, of those that they are linked to, and of those that people tied to these."""
    stories: set[int] = set()
    for article in ids:
        stories.add(window.entries[article].story)
        stories.update(window.entries[other].story for other, _ in window.links(article))
    for pair in corrections.together | corrections.apart:
        if all(article in window.entries for article in pair):
            both = {window.entries[article].story for article in pair}
            if both & stories:
                stories |= both
    return sorted(stories)


def _looked_at(window: Window, stories: Iterable[int]) -> list[int]:
    """The newest originals of these stories, the earliest first."""
    chosen = []
    for story in stories:
        originals = [
            (window.entries[article].document.at, article)
            for article in window.members[story]
            if window.entries[article].original == article
        ]
        chosen += heapq.nlargest(LOOKED_AT, originals)
    return [article for _, article in sorted(chosen)]


def graph_of(window: Window, articles: Sequence[int]) -> list[dict[int, float]]:
    """The links between these articles, whose places in the sequence are the nodes."""
    places = {article: node for node, article in enumerate(articles)}
    graph: list[dict[int, float]] = [{} for _ in articles]
    for article, node in places.items():
        for other, value in window.links(article):
            there = places.get(other)
            if there is not None:
                graph[node][there] = graph[there][node] = value
    return graph


def _ties(window: Window, articles: Sequence[int], corrections: Corrections) -> dict[int, dict[int, float]]:
    places = {article: node for node, article in enumerate(articles)}
    ties: dict[int, dict[int, float]] = defaultdict(dict)
    for pairs, weight in ((corrections.together, _ALWAYS), (corrections.apart, -_ALWAYS)):
        for pair in sorted(pairs):
            ends = [places.get(window.entries[article].original) for article in pair if article in window.entries]
            if len(ends) == 2 and ends[0] is not None and ends[1] is not None and ends[0] != ends[1]:
                ties[ends[0]][ends[1]] = ties[ends[1]][ends[0]] = weight
    return ties


# --- what came of it --------------------------------------------------------------------------------------------------


def _name(window: Window, groups: Sequence[Sequence[int]], before: Mapping[int, set[int]]) -> dict[int, int]:
    """Move the articles into their groups' stories; returns the stories that became others.

    A story lives on in the group that has most of it. The group's number is the lowest of those of the stories that
    live on in it (the oldest), or its first article's, negative.
    """
    shares: dict[int, Counter[int]] = defaultdict(Counter)
    for number, group in enumerate(groups):
        for article in group:
            shares[window.entries[article].story][number] += 1
    heirs: dict[int, list[int]] = defaultdict(list)
    for story, counts in shares.items():
        if story >= 0:
            heirs[min(counts, key=lambda number: (-counts[number], number))].append(story)
    merged = {}
    for number, group in enumerate(groups):
        name = min(heirs[number], default=-group[0])
        for story in heirs[number]:
            if story != name:
                merged[story] = name
                window.rename(story, name)
        for article in group:
            window.move(article, name)
    for members in before.values():
        for article in members:
            window.move(article, window.entries[window.entries[article].original].story)
    return merged


def _joined(window: Window, article: int) -> Joined:
    entry = window.entries[article]
    opened = -entry.story if entry.story < 0 else None
    if opened == article:
        return Joined(article, None, article, 0.0)
    story = None if opened is not None else entry.story
    members = window.members[entry.story]
    if entry.original != article:
        return Joined(article, story, opened, 1.0, window.shared(article, [entry.original], TERMS_TOLD))
    near = {other: value for other, value in window.links(article) if other in members}
    nearest = heapq.nlargest(NEAREST, near, key=lambda other: (near[other], -other))
    score = sum(near[other] for other in nearest) / len(nearest) if nearest else 0.0
    return Joined(article, story, opened, round(score, 4), window.shared(article, nearest, TERMS_TOLD))


def _related(graph: Graph, stories: Sequence[int]) -> dict[int, tuple[tuple[int, float], ...]]:
    sizes = Counter(stories)
    nearest: dict[tuple[int, int], float] = defaultdict(float)
    for node, edges in enumerate(graph):
        most: dict[int, float] = {}
        for other, value in edges.items():
            if stories[other] != stories[node]:
                most[stories[other]] = max(value, most.get(stories[other], 0.0))
        for story, value in most.items():
            nearest[stories[node], story] += value / sizes[stories[node]]
    found: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for one, two in nearest:
        small = min((one, two), key=lambda story: (sizes[story], story))
        value = nearest.get((small, two if small == one else one), 0.0)
        if value >= RELATED:
            found[one].append((two, round(value, 4)))
    return {
        story: tuple(sorted(near, key=lambda pair: (-pair[1], pair[0]))[:RELATED_TOLD])
        for story, near in sorted(found.items())
    }
