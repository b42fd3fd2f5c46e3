"""What a correction of two groups of articles says of pairs of them, so that clustering can obey it. Pure.

Clustering knows pairs only (`cluster.Corrections`), and looks at a group article by article. Hence:

- *together* is a star: one article of the group with every other one. Positive ties hold along paths, so a pair for
  every two of them would add nothing.
- *apart* needs every pair across. Were only one of the second group tied, the first could join the others of it, and it
  would be the tied one that is left alone.
- Who is split off stays one story by a star of its own: what was taken out of a story may have no other link than those
  to what it was taken from.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

Pair = tuple[int, int]
Pairs = frozenset[Pair]

MOST_PAIRS = 3600
"""Of one correction, as many as two groups of sixty have: a story over sixty articles needs looking at by itself."""


def pair(one: int, two: int) -> Pair:
    """The two as a pair is kept: the lower id first."""
    return (one, two) if one < two else (two, one)


def star(centre: int, articles: Iterable[int]) -> Pairs:
    """The centre with each other article."""
    return frozenset(pair(centre, article) for article in articles if article != centre)


def across(ones: Iterable[int], twos: Iterable[int]) -> Pairs:
    """Each of the first with each of the second, which share none."""
    seconds = list(twos)
    return frozenset(pair(one, two) for one in ones for two in seconds)


def merged(centre: int, originals: Iterable[int], every: Collection[int], apart: Collection[Pair]) -> Pairs:
    """What belongs together once `every` article of some stories is one story: a star of their originals around
    `centre`, and what was said to be `apart` of them before, of copies too: clustering hears it of their originals."""
    inside = set(every)
    return star(centre, originals) | {each for each in apart if inside.issuperset(each)}


def parted(off: Sequence[int], rest: Sequence[int], together: Collection[Pair]) -> tuple[Pairs, Pairs]:
    """(what belongs together, what belongs apart) once `off`, at least one, is a story of its own and `rest`, at least
    one, stays.

    Whoever of the rest was tied to somebody who goes (`together`) is tied to the first of the rest who was: the centre
    of a star may leave, and what it held was said to be one event all the same.
    """
    gone, stays = set(off), set(rest)
    orphans = sorted({two for each in together for one, two in (each, each[::-1]) if one in gone and two in stays})
    held = star(orphans[0], orphans) if orphans else frozenset()
    return star(off[0], off) | held, across(off, rest)


def between(ones: Collection[int], twos: Collection[int], said: Iterable[Pair]) -> Pairs:
    """Those of the pairs that have an end in either group."""
    return frozenset(each for each in said if set(each) & set(ones) and set(each) & set(twos))


def pairs(others: Mapping[int, int]) -> Pairs:
    """Each key with its value."""
    return frozenset(pair(one, two) for one, two in others.items())
