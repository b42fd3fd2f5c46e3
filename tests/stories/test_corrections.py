"""What a correction says of pairs: enough of them that clustering obeys, whatever came before."""

from __future__ import annotations

import random
from collections.abc import Collection

from hypothesis import given, settings
from hypothesis import strategies as st

from digest.stories.cluster import Corrections
from digest.stories.corrections import Pair, across, between, merged, pair, parted, star
from digest.stories.neighbourhood import groups_of
from tests.stories.test_place import Desk, english


def test_a_star_has_every_one_once_and_a_pair_begins_with_the_lower() -> None:
    assert star(2, [1, 2, 3]) == {(1, 2), (2, 3)}
    assert star(2, [2]) == frozenset()
    assert across([5, 1], [3, 4]) == {(3, 5), (4, 5), (1, 3), (1, 4)}
    assert pair(9, 4) == (4, 9)


def test_a_merge_takes_back_what_was_said_apart_and_nothing_else() -> None:
    assert merged(1, [1, 2], [1, 2, 3], {(2, 3), (3, 7)}) == {(1, 2), (2, 3)}


def test_what_was_said_across_is_found_whichever_end_is_lower() -> None:
    assert between([1, 4], [2], {(1, 2), (2, 4), (1, 4), (2, 9)}) == {(1, 2), (2, 4)}


def test_who_was_held_by_one_that_leaves_is_held_by_the_others() -> None:
    """1 was the centre of a star of 1 to 4; 5 is in the story of its own accord."""
    together, apart = parted([1], [2, 3, 4, 5], {(1, 2), (1, 3), (1, 4)})
    assert together == {(2, 3), (2, 4)}
    assert apart == {(1, 2), (1, 3), (1, 4), (1, 5)}


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[dict[int, float]], list[int], list[int]]:
    """A story of a few articles with any links, and a part of it that is to be split off."""
    size = draw(st.integers(min_value=2, max_value=9))
    graph: list[dict[int, float]] = [{} for _ in range(size)]
    for one in range(size):
        for two in range(one):
            if draw(st.booleans()):
                graph[one][two] = graph[two][one] = draw(st.floats(min_value=0.06, max_value=1.0))
    off = sorted(draw(st.sets(st.integers(0, size - 1), min_size=1, max_size=size - 1)))
    return graph, off, [node for node in range(size) if node not in off]


@given(stories())
def test_whatever_the_links_a_split_is_obeyed_and_a_merge_after_it(
    story: tuple[list[dict[int, float]], list[int], list[int]],
) -> None:
    graph, off, rest = story
    together, apart = parted(off, rest, frozenset())
    group = {node: n for n, each in enumerate(_grouped(graph, together, apart)) for node in each}
    assert len({group[node] for node in off}) == 1
    assert not {group[node] for node in off} & {group[node] for node in rest}

    held = merged(rest[0], [*off, *rest], [*off, *rest], apart) | together
    assert _grouped(graph, held, apart - held) == [sorted([*off, *rest])]


def _grouped(
    graph: list[dict[int, float]], together: Collection[tuple[int, int]], apart: Collection[tuple[int, int]]
) -> list[list[int]]:
    ties: dict[int, dict[int, float]] = {}
    for pairs, weight in ((together, 1000.0), (apart, -1000.0)):
        for one, two in pairs:
            ties.setdefault(one, {})[two] = ties.setdefault(two, {})[one] = weight
    return groups_of(graph, [True] * len(graph), ties)


@st.composite
def consistent(draw: st.DrawFn) -> tuple[list[dict[int, float]], list[tuple[int, int]], list[tuple[int, int]]]:
    """Any links, articles that were put into groups by hand (stars), and pairs of different groups said to be apart."""
    size = draw(st.integers(min_value=3, max_value=10))
    graph: list[dict[int, float]] = [{} for _ in range(size)]
    group = [draw(st.integers(0, 3)) for _ in range(size)]
    together, apart = [], []
    centre: dict[int, int] = {}
    for node in draw(st.permutations(range(size))):
        first = centre.setdefault(group[node], node)
        if first != node:
            together.append((first, node))
    for one in range(size):
        for two in range(one):
            if draw(st.booleans()):
                graph[one][two] = graph[two][one] = draw(st.floats(min_value=0.06, max_value=1.0))
            if group[one] != group[two] and draw(st.booleans()):
                apart.append((two, one))
    return graph, together, apart


@given(consistent())
@settings(max_examples=300)
def test_words_that_do_not_contradict_each_other_are_all_obeyed(
    said: tuple[list[dict[int, float]], list[tuple[int, int]], list[tuple[int, int]]],
) -> None:
    """Also where a pair was said to be apart before one of them was merged with others, of which nothing was said."""
    graph, together, apart = said
    group = {node: n for n, each in enumerate(_grouped(graph, together, apart)) for node in each}
    assert all(group[one] == group[two] for one, two in together)
    assert all(group[one] != group[two] for one, two in apart)


@given(st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=25)
def test_merges_and_splits_between_gatherings_hold_in_any_order_of_arrival(order: random.Random) -> None:
    """An operator who merges and splits at random, while articles arrive in portions of any size."""
    tellings, _ = english()
    order.shuffle(tellings)
    desk, said = Desk(), dict[Pair, bool]()
    while tellings:
        size = order.randint(1, 6)
        desk.gather(*tellings[:size], corrections=Corrections(_said(said, True), _said(said, False)))
        tellings = tellings[size:]
        assert not [each for each, held in said.items() if (desk.stories[each[0]] == desk.stories[each[1]]) != held]
        (_merge if order.random() < 0.5 else _split)(desk, said, order)


def _said(said: dict[Pair, bool], verdict: bool) -> frozenset[Pair]:
    return frozenset(each for each, held in said.items() if held == verdict)


def _merge(desk: Desk, said: dict[Pair, bool], order: random.Random) -> None:
    stories = sorted(set(desk.stories.values()))
    if len(stories) > 1:
        keep, gone = order.sample(stories, 2)
        every = sorted(desk.window.members[keep] | desk.window.members[gone])
        said |= dict.fromkeys(merged(order.choice(every), every, every, _said(said, False)), True)
        desk.window.rename(gone, keep)


def _split(desk: Desk, said: dict[Pair, bool], order: random.Random) -> None:
    large = [sorted(members) for members in desk.window.members.values() if len(members) > 1]
    if large:
        every = order.choice(large)
        off = order.sample(every, order.randint(1, len(every) - 1))
        rest = [article for article in every if article not in off]
        together, apart = parted(off, rest, _said(said, True))
        said |= dict.fromkeys(together, True) | dict.fromkeys(apart, False)
        new = 1_000 + max(desk.stories.values())
        for article in off:
            desk.window.move(article, new)
