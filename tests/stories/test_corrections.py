"""What a correction says of pairs: enough of them that clustering obeys, whatever came before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from digest.stories.corrections import across, between, merged, pair, parted, star
from digest.stories.neighbourhood import groups_of


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
    graph: list[dict[int, float]], together: frozenset[tuple[int, int]], apart: frozenset[tuple[int, int]]
) -> list[list[int]]:
    ties: dict[int, dict[int, float]] = {}
    for pairs, weight in ((together, 1000.0), (apart, -1000.0)):
        for one, two in pairs:
            ties.setdefault(one, {})[two] = ties.setdefault(two, {})[one] = weight
    return groups_of(graph, [True] * len(graph), ties)
