"""Stories, from the operator's side: look, merge, split, put first, put out of sight. Each verb one transaction.

A merge or a split holds at once, whatever clustering thinks and also for a story that is closed; it is kept as ties of
articles, which clustering obeys from then on (`stories.corrections`), and as a line of the golden set.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from sqlmodel import Session

from digest.errors import InputError, NothingToDo
from digest.service import storylooks
from digest.service.storylooks import Listed, Shown, Side, find, found_articles, sides
from digest.store import editing, golden, placing, rulings, ties, windows
from digest.store.db import reading, writing
from digest.stories import corrections
from digest.stories.corrections import MOST_PAIRS
from digest.types import Joined, Nearest, Placed, Ruling
from subscribers import topics as shelf

LARGEST_PAGE = 200
"""Stories that a list shows at once."""
LONGEST_LOOK = 366
"""Days that a list may look back."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge came to."""

    story_id: int
    gone: tuple[int, ...]
    articles: int
    """That the story has now."""


@dataclass(frozen=True, slots=True)
class Split:
    """What a split came to."""

    story_id: int
    new: int
    articles: tuple[int, ...]
    """That went, with the copies of those that were named."""
    left: int
    """That stayed."""


class StoryDesk:
    """Stories."""

    def __init__(self, engine: Engine, *, now: Callable[[], datetime], zone: str) -> None:
        """`zone` (IANA) is where "today" is when no date is named."""
        self._engine, self._now, self._zone = engine, now, ZoneInfo(zone)

    # --- looking ------------------------------------------------------------------------------------------------------

    def list(
        self,
        *,
        topic: str = "",
        days: int | None = None,
        every: bool = False,
        after: int | None = None,
        limit: int = 20,
    ) -> Sequence[Listed]:
        """Up to `limit` stories, the one told last first, from after story `after` on; without `every`, open ones that
        are not hidden from everybody. Raises UnknownTopic, InputError."""
        if not 1 <= limit <= LARGEST_PAGE:
            raise InputError(f"{limit} stories cannot be shown; give --limit from 1 to {LARGEST_PAGE}")
        if days is not None and not 1 <= days <= LONGEST_LOOK:
            raise InputError(f"{days} days cannot be looked at; give --days from 1 to {LONGEST_LOOK}")
        now = self._now()
        with reading(self._engine) as session:
            last = None if after is None else editing.find_story(session, after)
            if after is not None and last is None:
                raise InputError(f"there is no story {after}; --after takes the number of the last one that was shown")
            rows = editing.list_stories(
                session,
                limit=limit,
                after=last,
                since=None if days is None else now - timedelta(days=days),
                open_at=None if every else now,
                topic_id=shelf.get_topic(session, topic).id if topic else None,
                hidden_too=every,
            )
            return storylooks.listed(session, rows, now)

    def show(self, story_id: int) -> Shown:
        """Everything about a story, or about the one that it became. Raises InputError."""
        with reading(self._engine) as session:
            now_id = editing.became(session, story_id)
            return storylooks.shown(session, find(session, now_id), story_id, self._now())

    def golden(self) -> Sequence[golden.Line]:
        """The corrections that hold with the words of their articles, the oldest first."""
        with reading(self._engine) as session:
            return golden.lines(session)

    # --- corrections --------------------------------------------------------------------------------------------------

    def merge(self, keep: int, others: Sequence[int]) -> Merged:
        """Make `others` part of story `keep`; durable on return.

        What was said to be apart of their articles is together from here on. Raises InputError; NothingToDo when all of
        them are part of it already.
        """
        if keep in others:
            raise InputError(f"story {keep} cannot be merged with itself; name another one")
        now = self._now()
        with writing(self._engine) as session:
            windows.clustering_alone(session)
            waiting = [other for other in dict.fromkeys(others) if editing.became(session, other) != keep]
            if not waiting:
                part = ", ".join(map(str, dict.fromkeys(others)))
                raise NothingToDo(f"story {part} is part of story {keep} already; there is nothing to merge")
            found = sides(session, [keep, *waiting])
            _one_language(found)
            self._tie_together(session, found, now)
            for side in found[1:]:
                golden.keep(session, "together", found[0].words, side.words, now)
            placed = replace(_NOTHING, merged=dict.fromkeys(waiting, keep))
            placing.change(session, placed, now)
        return Merged(keep, tuple(waiting), sum(len(side.articles) for side in found))

    def split(self, story_id: int, articles: Sequence[int]) -> Split:
        """Let these articles open a story of their own, with the copies of them; durable on return.

        A copy that is named without its original is none from here on. The new story counts as told to nobody. Raises
        InputError; NothingToDo when they were split from it already.
        """
        now = self._now()
        with writing(self._engine) as session:
            windows.clustering_alone(session)
            (whole,) = sides(session, [story_id])
            found_articles(session, whole, articles)
            off, rest = whole.parted(frozenset(articles))
            self._tie_apart(session, whole, off, rest, now)
            golden.keep(session, "apart", off.words, rest.words, now)
            opener = min(each.id for each in off.articles if each.original == each.id)
            moved = tuple(
                Joined(each.id, None, opener, *((0.0, ()) if each.id == opener else (each.score, each.terms)))
                for each in off.articles
            )
            changed = placing.change(session, replace(_NOTHING, moved=moved), now)
        return Split(story_id, changed.opened[opener], tuple(each.id for each in off.articles), len(rest.articles))

    def _tie_together(self, session: Session, found: Sequence[Side], now: datetime) -> None:
        every = [article for side in found for article in side.ids]
        originals = [each.id for side in found for each in side.articles if each.original == each.id]
        _bounded(len(originals), "merge stories with fewer articles")
        _, apart = ties.ties_of(session, every)
        ties.tie(session, corrections.merged(found[0].lead.original, originals, every, apart), False, now)

    def _tie_apart(self, session: Session, whole: Side, off: Side, rest: Side, now: datetime) -> None:
        ones, twos = off.originals, rest.originals
        _bounded(len(ones) * len(twos), "split off fewer articles at a time")
        together, _ = ties.ties_of(session, whole.ids)
        held, across = corrections.parted(ones, twos, together)
        severed = whole.severed(off)
        ties.tie(session, held, False, now)
        took_back = corrections.between(off.ids, rest.ids, together)
        ties.tie(session, across | corrections.pairs(severed) | took_back, True, now)
        # What was near to the original is near to its copy, of which nothing was written down.
        known = windows.nearest_of(session, severed.values())
        for each in off.articles:
            if each.id in severed:
                near = known.get(severed[each.id], Nearest(each.id, (), ()))
                windows.keep_nearest(session, {each.id: replace(near, original=each.original)})

    # --- rulings ------------------------------------------------------------------------------------------------------

    def pin(self, story_id: int, *, topic: str = "", day: date | None = None) -> Ruling:
        """Let a story stand first on `day`, today in the operator's zone when left out; in one topic or in all.

        Raises UnknownTopic; InputError, also for a story that is hidden there; NothingToDo when it is pinned already.
        """
        today = self._now().astimezone(self._zone).date()
        if day is not None and day < today:
            raise InputError(f"{day} is over; give --date {today} or a later one")
        with writing(self._engine) as session:
            ruling = self._ruling(session, story_id, "pin", topic, (day or today).isoformat())
            for other in rulings.rulings(session, [story_id]):
                if other.kind == "hide" and _covers(other, ruling):
                    raise InputError(f"story {story_id} is hidden; `digest stories unhide {story_id}` first")
            return self._rule(session, ruling)

    def hide(self, story_id: int, *, topic: str = "", day: date | None = None) -> Ruling:
        """Let nobody be told of a story, on `day` or for good; in one topic or in all. A story that is pinned too is
        hidden. Raises UnknownTopic, InputError; NothingToDo when it is hidden already."""
        with writing(self._engine) as session:
            return self._rule(session, self._ruling(session, story_id, "hide", topic, day.isoformat() if day else ""))

    def unpin(self, story_id: int) -> int:
        """Take all pins of a story back; how many there were. Raises InputError, NothingToDo."""
        return self._unrule(story_id, "pin", "pinned")

    def unhide(self, story_id: int) -> int:
        """Show a story again, everywhere; how many rulings that took back. Raises InputError, NothingToDo."""
        return self._unrule(story_id, "hide", "hidden")

    def _ruling(self, session: Session, story_id: int, kind: str, slug: str, day: str) -> Ruling:
        find(session, story_id)
        topic_id = shelf.get_topic(session, slug).id if slug else 0
        if slug:
            articles = editing.filed(session, [story_id]).get(story_id, [])
            if not any(topic_id in each.telling.topic_ids for each in articles):
                raise InputError(f"no article of story {story_id} belongs to topic {slug}")
        return Ruling(story_id, kind, topic_id, day)

    def _rule(self, session: Session, ruling: Ruling) -> Ruling:
        if not rulings.rule(session, ruling, self._now()):
            done = {"pin": "pinned", "hide": "hidden"}[ruling.kind]
            raise NothingToDo(f"story {ruling.story_id} is {done} there already; there is nothing to do")
        return ruling

    def _unrule(self, story_id: int, kind: str, done: str) -> int:
        with writing(self._engine) as session:
            find(session, story_id)
            count = rulings.unrule(session, story_id, kind)
        if not count:
            raise NothingToDo(f"story {story_id} is not {done}; there is nothing to do")
        return count


_NOTHING = Placed((), (), {}, {}, {})


def _covers(wide: Ruling, narrow: Ruling) -> bool:
    """Whether what one ruling says holds wherever the other would."""
    return wide.topic_id in (0, narrow.topic_id) and wide.day in ("", narrow.day)


def _one_language(found: Sequence[Side]) -> None:
    first = found[0]
    for side in found[1:]:
        if side.language != first.language:
            raise InputError(
                f"story {first.story_id} is in {first.language or 'no known language'} and story {side.story_id} in "
                f"{side.language or 'no known language'}; what is told in different languages stays apart"
            )


def _bounded(pairs: int, way_out: str) -> None:
    if pairs > MOST_PAIRS:
        raise InputError(f"that would tie {pairs:,} pairs of articles, and {MOST_PAIRS:,} is the most; {way_out}")
