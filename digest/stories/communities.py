"""A graph of similar articles -> groups of it. Pure; knows nothing of articles.

The constant Potts model (Traag, Van Dooren, Nesterov, Phys. Rev. E 84, 016114, 2011): a group is worth the weights of
the edges inside it, less `resolution` for every pair of its members. Unlike modularity it has no resolution limit: what
becomes of two groups depends on them alone, not on how large the rest of the graph is, so a constant that was fit on a
thousand headlines holds in a window of two hundred thousand articles, and a neighbourhood can be looked at by itself. A
group of n needs edges of `resolution` * n to each member: the larger it is, the more it needs.

The optimum is sought as Louvain does (Blondel, Guillaume, Lambiotte, Lefebvre, J. Stat. Mech. P10008, 2008): single
nodes move to the neighbouring group that gains most, groups become the nodes of a smaller graph, and again. Groups that
hang together by no edge come apart at the end (what Leiden refines; Traag, Waltman, van Eck, Sci. Rep. 9, 5233, 2019).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

Graph = Sequence[Mapping[int, float]]
"""For each node its neighbours and the weights of the edges, the same from both ends. Negative ones keep apart."""
ROUNDS = 20
"""Passes over the nodes of one level: each gains, so it would end by itself; this bounds it."""
_GAIN = 1e-9


def communities(graph: Graph, resolution: float, bound: Sequence[int] | None = None) -> list[list[int]]:
    """The groups, each ascending, in the order of their first nodes. Deterministic: depends on the order of nodes.

    `bound` has a label for each node, 0 and up without a gap: nodes with the same one are in one group whatever else
    there is. Where a group that is bound together has a path of positive edges, it stays whole in the end, too.
    """
    groups = [[node] for node in range(len(graph))]
    level: Graph = graph
    if bound is not None:
        groups = _joined(groups, bound, max(bound, default=-1) + 1)
        level = _coarser(graph, bound, len(groups))
    while True:
        label = _moved(level, [float(len(group)) for group in groups], resolution)
        numbers: dict[int, int] = {}
        for each in label:
            numbers.setdefault(each, len(numbers))
        if len(numbers) == len(groups):
            break
        label = [numbers[each] for each in label]
        groups = _joined(groups, label, len(numbers))
        level = _coarser(level, label, len(numbers))
    apart = [part for group in groups for part in _connected(graph, group)]
    return sorted((sorted(part) for part in apart), key=lambda part: part[0])


def _moved(graph: Graph, sizes: Sequence[float], resolution: float) -> list[int]:
    """A label for each node, after no single move gains anything."""
    label = list(range(len(graph)))
    total = list(sizes)
    waiting = list(range(len(graph)))
    for _ in range(ROUNDS):
        changed: set[int] = set()
        for node in waiting:
            old, size = label[node], sizes[node]
            total[old] -= size
            weights: dict[int, float] = {old: 0.0}
            for other, weight in graph[node].items():
                if other != node:
                    there = label[other]
                    weights[there] = weights.get(there, 0.0) + weight
            best, gain = old, weights[old] - resolution * size * total[old]
            for there, weight in weights.items():
                value = weight - resolution * size * total[there]
                if value > gain + _GAIN:
                    best, gain = there, value
            total[best] += size
            if best != old:
                label[node] = best
                changed.update(other for other in graph[node] if label[other] != best)
        if not changed:
            break
        waiting = sorted(changed)
    return label


def _joined(groups: Sequence[list[int]], label: Sequence[int], count: int) -> list[list[int]]:
    joined: list[list[int]] = [[] for _ in range(count)]
    for group, there in zip(groups, label, strict=True):
        joined[there].extend(group)
    return joined


def _coarser(graph: Graph, label: Sequence[int], count: int) -> list[dict[int, float]]:
    coarse: list[dict[int, float]] = [defaultdict(float) for _ in range(count)]
    for node, edges in enumerate(graph):
        here = coarse[label[node]]
        for other, weight in edges.items():
            if label[other] != label[node]:
                here[label[other]] += weight
    return [dict(edges) for edges in coarse]


def _connected(graph: Graph, group: Sequence[int]) -> list[list[int]]:
    left = set(group)
    parts = []
    for start in group:
        if start not in left:
            continue
        left.remove(start)
        part = [start]
        for node in part:
            found = [other for other, weight in graph[node].items() if weight > 0 and other in left]
            left.difference_update(found)
            part.extend(found)
        parts.append(part)
    return parts
