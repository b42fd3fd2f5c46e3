"""How many stories a mail has room for: Gmail hides what is beyond 102 KB of HTML, links to leave among it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from digest.compose.blocks import story_of
from digest.compose.content import FrozenStory
from digest.compose.fragments import Fragment
from digest.types import Pick

WHOLE = 90_000
"""Bytes of HTML that a mail may have: Gmail measures after a provider has rewritten links, a tenth is left for that."""

CHROME = 22_000
"""Bytes of what is no story: 10 KB for shell, masthead, welcome, end and footer, and a section head of 0.7 KB for each
of 17 stories (measured in tests/compose/test_room.py)."""

HOLE = 64
"""Bytes that a personal value has at most in a story's block: a clock time, or a link's token."""


@dataclass(frozen=True, slots=True)
class Foot:
    """What stands below a mail's stories, beside its end."""

    further: int = 0
    """How many stories had no room, where it is said."""
    footer: bool = True
    """Whether its reader's own links stand there."""


FOOT = Foot()
"""Of a mail that has room for all."""


def sizes_of(html: Mapping[str, Fragment], kinds: Iterable[str]) -> dict[int, int]:
    """Story id -> bytes of its largest block among those of these kinds, in any language and as any update. `html` by
    block key ("card/de/17/2/0")."""
    wanted, sizes = frozenset(kinds), dict[int, int]()
    for key, fragment in html.items():
        if key.partition("/")[0] in wanted:
            story, _ = story_of(key)
            size = sum(HOLE if place % 2 else len(part.encode()) for place, part in enumerate(fragment))
            sizes[story] = max(sizes.get(story, 0), size)
    return sizes


def fitting(stories: Mapping[int, FrozenStory], picks: Sequence[Pick], cards: int) -> tuple[Pick, ...]:
    """The picks that fit, in their order: the first `cards` of them in full, the others in one line. One that has no
    room is left out, and so are as many of the last as must be; what is shorter still comes."""
    kept: list[Pick] = []
    room = WHOLE - CHROME
    for pick in picks:
        story = stories[pick.story_id]
        size = story.size if len(kept) < cards else story.brief_size
        if size <= room:
            room -= size
            kept.append(pick)
    return tuple(kept)


def all_fit(stories: Iterable[FrozenStory], cards: int, briefs: int) -> bool:
    """Whether `fitting` keeps whatever is picked of these: the largest would have room together."""
    sizes = [(story.size, story.brief_size) for story in stories]
    full = sorted((size for size, _ in sizes), reverse=True)[:cards]
    short = sorted((size for _, size in sizes), reverse=True)[:briefs]
    return sum(full) + sum(short) <= WHOLE - CHROME


def left_over(
    stories: Mapping[int, FrozenStory], listed: Iterable[Pick], picks: Sequence[Pick], cards: int, most: int
) -> tuple[Pick, ...]:
    """What a mail with these picks had no room for: the candidates of its reader's profile, in the order in which they
    are `listed`, that are longer than what it leaves free, as many as are missing to the `most` that a mail tells.

    It follows from what was frozen and from the picks alone, so that a mail made once more says the same: what its
    reader had been sent before is another by then. A mail that is nearly full therefore counts a long story, too, that
    came to its reader earlier.
    """
    taken = sum(
        stories[pick.story_id].size if place < cards else stories[pick.story_id].brief_size
        for place, pick in enumerate(picks)
    )
    told = {pick.story_id for pick in picks}
    left = [
        pick for pick in listed if pick.story_id not in told and stories[pick.story_id].size > WHOLE - CHROME - taken
    ]
    return tuple(left[: max(0, most - len(picks))])
