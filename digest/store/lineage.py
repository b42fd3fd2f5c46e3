"""Stories that became others, and what that means for what readers were sent.

A story that merges keeps its number in mails, links and memory, so whoever asks by that number has to be led on.
`lineage` reads all merges of the last weeks once; what follows from them is worked out in memory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from sqlalchemy import func, select
from sqlmodel import Session

from digest.models import StoryMerge
from digest.types import Pick
from subscribers.sql import table

_merge = table(StoryMerge)

HEARD = 0xFFFF
"""A version that no update is written against: whoever was sent it is sent nothing of that story again."""


@dataclass(frozen=True, slots=True)
class Merge:
    """A story that became another one."""

    gone: int
    kept: int
    version: int
    """Of `kept`, the one that has both."""
    at: float
    """Database time."""


class Lineage:
    """What became of stories. Pure."""

    def __init__(self, merges: Iterable[Merge] = ()) -> None:
        """`merges` in the order in which they happened."""
        self._next = {merge.gone: merge for merge in merges}
        self._heirs: dict[int, set[int]] = defaultdict(set)
        for gone in self._next:
            self._heirs[self.now(gone)].add(gone)

    def now(self, story: int) -> int:
        """The story that it is now: itself, or what it became, or what that became."""
        while story in self._next:
            story = self._next[story].kept
        return story

    def was(self, story: int) -> frozenset[int]:
        """The stories that became this one, by whatever way."""
        return frozenset(self._heirs.get(story, ()))

    def pick(self, pick: Pick) -> Pick:
        """What was sent, in terms of the story that it is now.

        Who was sent a story that became another one counts as having been sent all that both had told by then: an
        update then tells what is new to both, and nothing comes twice.
        """
        story, version = pick.story_id, pick.version
        while story in self._next:
            story, version = self._next[story].kept, self._next[story].version
        return Pick(story, version, pick.from_version)

    def remembered(self, sent: Mapping[int, tuple[Pick, ...]]) -> dict[int, tuple[Pick, ...]]:
        """One reader's memory, given by the numbers that stood in the mails, in terms of the stories that they are now.

        An edition that was frozen before a merge knows the old numbers only. There a story whose other half this reader
        was sent is `HEARD`; one that was sent itself is remembered as it was.
        """
        if not any(story in self._next or story in self._heirs for story in sent):
            return dict(sent)
        found: dict[int, tuple[Pick, ...]] = {}
        for picks in sent.values():
            for pick in map(self.pick, picks):
                found[pick.story_id] = (*found.get(pick.story_id, ()), pick)
        for story in list(found):
            for old in self._heirs.get(story, ()):
                others = sent.keys() & {story, *self._heirs[story]} - {old}
                found[old] = (*sent.get(old, ()), *((Pick(old, HEARD),) if others else ()))
        return found


def lineage(session: Session, as_of: float | None = None) -> Lineage:
    """What became of stories, by now or by that database time.

    There are few merges, but they are asked for with every batch of mails: they are read again only when there are
    others.
    """
    newest, count = session.connection().execute(select(func.max(_merge.c.id), func.count())).one()
    if not count:
        return Lineage()
    bind = session.get_bind()
    known = _known.get(bind)
    if known is None or known[0] != (newest, count):
        query = select(_merge.c.gone, _merge.c.kept, _merge.c.version, _merge.c.at).order_by(_merge.c.id)
        merges = tuple(Merge(*row) for row in session.connection().execute(query))
        known = _known[bind] = (newest, count), merges, Lineage(merges)
    return known[2] if as_of is None else Lineage(merge for merge in known[1] if merge.at <= as_of)


_known: MutableMapping[object, tuple[tuple[int, int], tuple[Merge, ...], Lineage]] = WeakKeyDictionary()
"""By engine: how many merges there were and which was the last, all of them, and what became of them."""
