"""Groups in graphs: worth, bridges, ties."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from digest.stories.bridges import joints, without_bridges
from digest.stories.communities import communities
from digest.stories.neighbourhood import LIMITS, cohesive, groups_of, supported

Edges = dict[tuple[int, int], float]


def graph(nodes: int, edges: Edges) -> list[dict[int, float]]:
    out: list[dict[int, float]] = [{} for _ in range(nodes)]
    for (one, two), weight in edges.items():
        if one != two:
            out[one][two] = out[two][one] = weight
    return out


def clique(nodes: range, weight: float) -> Edges:
    return dict.fromkeys(combinations(nodes, 2), weight)


GRAPHS = st.integers(min_value=1, max_value=14).flatmap(
    lambda n: st.dictionaries(
        st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)),
        st.floats(min_value=0.06, max_value=1.0),
        max_size=40,
    ).map(lambda edges: graph(n, edges))
)


def test_two_crowds_with_one_weak_link_are_two_groups_however_many_others_there_are() -> None:
    edges = {**clique(range(6), 0.3), **clique(range(6, 12), 0.3), (0, 6): 0.1}
    far = {pair: weight for at in range(12, 612, 6) for pair, weight in clique(range(at, at + 6), 0.3).items()}

    alone = communities(graph(12, edges), 0.006)
    among_many = communities(graph(612, {**edges, **far}), 0.006)

    assert alone == [[*range(6)], [*range(6, 12)]]
    assert among_many[:2] == alone


@given(GRAPHS)
def test_every_node_is_in_one_group_and_no_group_hangs_together_by_nothing(found: list[dict[int, float]]) -> None:
    groups = communities(found, 0.006)

    assert sorted(node for group in groups for node in group) == list(range(len(found)))
    for group in groups:
        reached = {group[0]}
        for _ in group:
            reached |= {other for node in reached for other in found[node] if other in group}
        assert reached == set(group)


@given(GRAPHS)
def test_joints_are_the_nodes_without_which_a_group_falls_apart(found: list[dict[int, float]]) -> None:
    def parts(nodes: set[int]) -> int:
        count, left = 0, set(nodes)
        while left:
            count += 1
            waiting = [left.pop()]
            while waiting:
                near = found[waiting.pop()].keys() & left
                left -= near
                waiting += near
        return count

    every = set(range(len(found)))
    alone = {node for node in every if not found[node]}
    expected = [node for node in sorted(every - alone) if parts(every - {node}) > parts(every)]

    assert joints(found, sorted(every)) == expected


def test_a_bridge_is_believed_when_both_sides_look_alike() -> None:
    held = graph(7, {**clique(range(3), 0.4), **clique(range(3, 6), 0.4), (2, 6): 0.4, (3, 6): 0.3})
    alike = {(one, two): 0.1 for one in range(3) for two in range(3, 6)}
    links = {(i, j): weight for i, edges in enumerate(held) for j, weight in edges.items()}

    apart = without_bridges(held, held, [[*range(7)]], frozenset())
    together = without_bridges(graph(7, {**alike, **links}), held, [[*range(7)]], frozenset())
    tied = without_bridges(held, held, [[*range(7)]], frozenset({2, 3, 6}))

    assert apart == [[0, 1, 2, 6], [3, 4, 5]]
    assert together == tied == [[*range(7)]]


def test_a_weak_link_counts_inside_a_crowd_only() -> None:
    lone = graph(2, {(0, 1): 0.15})
    crowd = graph(6, clique(range(6), 0.15))

    assert supported(lone, [False] * 2, LIMITS) == [{}, {}]
    assert supported(crowd, [False] * 6, LIMITS) == crowd


def test_a_large_group_needs_the_cohesion_that_a_small_one_needs() -> None:
    """A chain of 200, each alike only to its two neighbours, is not one story; a crowd of 200 is."""
    chain = graph(200, {(i, i + 1): 0.3 for i in range(199)})
    crowd = graph(200, {(i, (i + step) % 200): 0.3 for i in range(200) for step in range(1, 11)})

    assert max(map(len, groups_of(chain, [False] * 200, {}))) <= 5
    assert max(map(len, groups_of(crowd, [False] * 200, {}))) > 60
    assert max(map(len, cohesive(chain, [[*range(200)]], [LIMITS.cohesion] * 200, frozenset()))) <= 5


def test_what_people_said_outweighs_every_link() -> None:
    links = graph(8, {**clique(range(4), 0.9), **clique(range(4, 8), 0.9)})

    joined = groups_of(links, [False] * 8, {0: {4: 1000.0}, 4: {0: 1000.0}})
    parted = groups_of(links, [False] * 8, {0: {1: -1000.0}, 1: {0: -1000.0}})

    assert any({0, 4} <= set(group) for group in joined)
    assert not any({0, 1} <= set(group) for group in parted)
