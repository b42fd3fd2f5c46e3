"""Groups that a single article holds together come apart, unless their parts look alike without it. Pure.

"The week in pictures" tells two events and links to the tellings of both. Where two stories tell one event and only
lacked a link, their articles resemble each other a little even without the bridge; where they tell two, they do not.
Articles that hold a group together are the articulation points of its graph (Hopcroft, Tarjan, CACM 16(6), 1973).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set

from digest.stories.communities import Graph

ALIKE = 0.05
"""Mean similarity, of each article of the smaller part to its nearest in the other, that makes a bridge believed.
On the demo's articles parts of one event reach 0.1 and more, two events 0.02."""
LEAST_PART = 2
"""One article that hangs on another is no event of its own: `neighbourhood.cohesive` judges it."""


def without_bridges(graph: Graph, held: Graph, groups: Sequence[Sequence[int]], bound: Set[int]) -> list[list[int]]:
    """The groups, cut where a single node joins parts that are not alike. `held` are the links that count, `graph` all.

    The weakest cut comes first; the node stays with the part to which it is linked most. `bound` are no
    such nodes: people tied them to others.
    """
    out: list[list[int]] = []
    waiting = [list(group) for group in groups]
    while waiting:
        group = waiting.pop()
        cut = min(_cuts(graph, held, group, bound), default=None)
        if cut is None:
            out.append(group)
        else:
            waiting += cut[1:]
    return sorted((sorted(group) for group in out), key=lambda group: group[0])


def _cuts(
    graph: Graph, held: Graph, group: Sequence[int], bound: Set[int]
) -> Iterator[tuple[float, list[int], list[int]]]:
    if len(group) <= 2 * LEAST_PART:
        return
    for node in joints(held, group):
        if node in bound:
            continue
        inside = set(group) - {node}
        while inside:
            part = reached(held, min(inside), inside)
            inside -= part
            rest = set(group) - part - {node}
            if min(len(part), len(rest)) >= LEAST_PART and not _alike(graph, part, rest):
                one, two = _total(held[node], part), _total(held[node], rest)
                (part if one > two else rest).add(node)
                yield min(one, two), sorted(part), sorted(rest)


def _alike(graph: Graph, one: Set[int], two: Set[int]) -> bool:
    small, large = (one, two) if len(one) <= len(two) else (two, one)
    nearest = (max((value for other, value in graph[node].items() if other in large), default=0.0) for node in small)
    return sum(nearest) >= ALIKE * len(small)


def _total(edges: Mapping[int, float], part: Set[int]) -> float:
    return sum(weight for other, weight in edges.items() if other in part)


def reached(graph: Graph, start: int, inside: Set[int]) -> set[int]:
    """The nodes of `inside` that a path of positive links leads to."""
    found = {start}
    waiting = [start]
    while waiting:
        new = [other for other, weight in graph[waiting.pop()].items() if weight > 0 and other in inside]
        waiting += [other for other in new if other not in found]
        found.update(new)
    return found


def joints(graph: Graph, group: Sequence[int]) -> list[int]:
    """The nodes without which their group would fall apart, ascending."""
    inside = set(group)
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    found: set[int] = set()
    for root in group:
        if root in order:
            continue
        order[root] = low[root] = len(order)
        branches = 0
        path = [(root, _around(graph, root, inside))]
        while path:
            node, others = path[-1]
            other = next(others, None)
            if other is None:
                path.pop()
                if path:
                    above = path[-1][0]
                    low[above] = min(low[above], low[node])
                    if above == root:
                        branches += 1
                    elif low[node] >= order[above]:
                        found.add(above)
            elif other in order:
                low[node] = min(low[node], order[other])
            else:
                order[other] = low[other] = len(order)
                path.append((other, _around(graph, other, inside)))
        if branches > 1:
            found.add(root)
    return sorted(found)


def _around(graph: Graph, node: int, inside: Set[int]) -> Iterator[int]:
    return iter([other for other, weight in graph[node].items() if weight > 0 and other in inside])
