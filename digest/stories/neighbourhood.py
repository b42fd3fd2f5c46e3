"""The articles of a few stories, anew: which of them tell one event. Pure.

1. `supported`: a link counts when it is strong by itself or when both ends have strong enough neighbours in common. A
   single word that two lone articles share makes no story; the same word inside a crowd does.
2. `communities`: groups that are worth more than their number of pairs costs.
3. `cohesive`: who is not near to the few nearest of the group has to leave it, in a group of two as in one of two
   hundred.
4. `bridges`: what a single article holds together comes apart.

Measured with the constants below (and 80 candidates, see `window`): batch B-cubed precision / recall / F1 on the shared
headlines, mean of the second halves of seeds 0 to 5, and pairwise precision / recall on the bundled texts:

| 2           | 0.887 / 0.893 / 0.890 | 0.35 / 1.00 |
| 1, 2        | 0.895 / 0.870 / 0.882 | 0.96 / 1.00 |
| 2, 3        | 0.915 / 0.853 / 0.883 | 0.93 / 0.88 |
| 1, 2, 3     | 0.918 / 0.841 / 0.877 | 1.00 / 1.00 |
| 1, 2, 3, 4  | 0.919 / 0.841 / 0.878 | 1.00 / 1.00, and one round-up does not join two events (tests/stories) |

The headlines alone, all of whose stories are large and broad, would have 2 by itself; lone articles need the others.

Rejected: modularity (at best 0.819 on halves and 0.796 on the whole, and not at one resolution: it depends on how
much else there is), sizes weighed by degree (0.815), only links that are mutual (0.723: recall), links squared, under
the root or all alike (0.834, 0.822, 0.813 where plain ones had 0.832), greedy merging of the most similar clusters
(0.949 / 0.670 / 0.785), and stories that only join and merge and never part again: in random gatherings of fifty their
precision falls to 0.49, for an early mistake never ends and grows.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from digest.stories.bridges import reached, without_bridges
from digest.stories.communities import Graph, communities

FEW = 5
"""The nearest of a group that are asked about."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The constants of grouping. The first two are what `python -m benchmarks stories --fit` prints; the others were
    set by hand, those of leads on the bundled texts."""

    resolution: float = 0.008
    cohesion: float = 0.13
    """Mean similarity to the nearest `FEW` of the group that an article needs."""
    rich_cohesion: float = 0.20
    """The same for an article with a lead: two leads of one event share more than two headlines do."""
    pair: float = 0.30
    """The similarity that makes two articles a story by itself."""
    rich_pair: float = 0.25
    """The same for two articles with leads. On the bundled texts two tellings of one event reach 0.24 to 0.9, tellings
    of two events 0.21 at most."""
    support: float = 0.35
    """What a common neighbour adds to that, times the weaker of its two links."""


LIMITS = Limits()


def groups_of(
    graph: Graph, rich: Sequence[bool], ties: Mapping[int, Mapping[int, float]], limits: Limits = LIMITS
) -> list[list[int]]:
    """The nodes that tell one event, each group ascending, in the order of their first nodes.

    `rich` are those with a lead. `ties` are what people said, from both ends: weights that outweigh all links, negative
    ones for what belongs apart.
    """
    bound = frozenset(node for node, others in ties.items() if any(weight > 0 for weight in others.values()))
    one = _bound(len(graph), ties) if bound else None
    held = supported(graph, rich, limits)
    for node, others in ties.items():
        held[node].update(others)
    least = [limits.rich_cohesion if each else limits.cohesion for each in rich]
    groups = cohesive(graph, communities(held, limits.resolution, one), least, bound)
    return without_bridges(graph, held, groups, bound)


def _bound(count: int, ties: Mapping[int, Mapping[int, float]]) -> list[int]:
    """A label for each of `count` nodes, the same for those that a path of positive ties joins.

    Weights alone would not do: a node that ends up beside one that is apart from it gains nothing by its tie any more,
    and stays where it is (tests/stories/test_corrections.py finds such graphs).
    """
    graph = [ties.get(node, {}) for node in range(count)]
    every = set(range(count))
    label = [-1] * count
    number = 0
    for node in range(count):
        if label[node] < 0:
            for other in reached(graph, node, every):
                label[other] = number
            number += 1
    return label


def supported(graph: Graph, rich: Sequence[bool], limits: Limits) -> list[dict[int, float]]:
    """The links that hold."""
    held: list[dict[int, float]] = [{} for _ in graph]
    for node, edges in enumerate(graph):
        for other, weight in edges.items():
            least = limits.rich_pair if rich[node] and rich[other] else limits.pair
            if other > node and _holds(weight, edges, graph[other], least, limits.support):
                held[node][other] = held[other][node] = weight
    return held


def _holds(weight: float, one: Mapping[int, float], two: Mapping[int, float], least: float, support: float) -> bool:
    sure = weight
    if sure >= least:
        return True
    for third, value in one.items():
        other = two.get(third)
        if other is not None:
            sure += support * min(value, other)
            if sure >= least:
                return True
    return False


def cohesive(
    graph: Graph, groups: Sequence[Sequence[int]], least: Sequence[float], bound: frozenset[int]
) -> list[list[int]]:
    """The groups without those that do not belong, who stand alone then; the least near leaves first.

    `least` is what each needs. `bound` never leave: people said where they belong.
    """
    out: list[list[int]] = []
    for group in groups:
        inside = set(group)
        sums = {node: nearness(graph, node, inside) for node in inside}
        while len(inside) > 1:
            short = {node: sums[node] - least[node] for node in inside if node not in bound}
            worst = min(short, key=lambda node: (short[node], -node), default=-1)
            if worst < 0 or short[worst] >= 0:
                break
            inside.remove(worst)
            out.append([worst])
            few = len(inside) <= FEW
            for node in inside if few else inside & graph[worst].keys():
                sums[node] = nearness(graph, node, inside)
        out.append(sorted(inside))
    return sorted(out, key=lambda group: group[0])


def nearness(graph: Graph, node: int, group: set[int]) -> float:
    """Mean similarity of a node to its nearest few in a group."""
    few = min(FEW, len(group) - 1)
    if few < 1:
        return 0.0
    return sum(heapq.nlargest(few, (weight for other, weight in graph[node].items() if other in group))) / few
