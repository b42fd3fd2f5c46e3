"""When a story breaks: enough independent publishers tell it within a short time, and that was just now. Pure.

Only tellings of the topic count that are news. One publisher counts once, by its first telling; copies of a text and
what several papers print under one agency's name are one voice, whoever prints them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from digest.stories.rank import independent
from digest.types import Telling

LATE = timedelta(minutes=15)
"""So long after it was published an article may reach us, beside the window itself, and its story still breaks: a
source of which nothing else is known is asked every quarter hour (`gather.rhythm.UNKNOWN`)."""

_ALWAYS = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Threshold:
    """So many independent publishers, whose first tellings lie no further apart than `within`. 0 publishers: never."""

    publishers: int
    within: timedelta

    @property
    def reach(self) -> timedelta:
        """How far back any telling lies with which a story can break now."""
        return 2 * self.within + LATE


@dataclass(frozen=True, slots=True)
class Told:
    """A break that readers were told of."""

    version: int
    """Of the story, as it was told."""
    at: datetime


@dataclass(frozen=True, slots=True)
class Break:
    """That a story broke."""

    at: datetime
    """When the last of `publishers` told it."""
    publishers: tuple[str, ...]
    """Who made it break, in the order in which they told it."""


def broke(
    tellings: Sequence[Telling], topic: int, threshold: Threshold, *, now: datetime, before: Told | None = None
) -> Break | None:
    """The earliest break of a story in a topic that is still recent, or None. The order of `tellings` does not matter.

    Recent: its last telling is no older than `threshold.within` and LATE together. So neither switching it on nor a
    gather after a long silence makes old stories break. An article counts from when it was published, or became news to
    us where that was earlier or is all that is known.

    `before` is the last break that was told: then only what was added to the story after that version, and published
    after that moment, makes it break again; a publisher that told it before may do so too, with a text of its own.
    """
    if threshold.publishers < 1:
        return None
    voices = _voices([t for t in tellings if topic in t.topic_ids and (t.news_at or _ALWAYS) <= now], before)
    for last in range(threshold.publishers - 1, len(voices)):
        window = voices[last - threshold.publishers + 1 : last + 1]
        at = told_at(window[-1])
        if at - told_at(window[0]) <= threshold.within and at >= now - threshold.within - LATE:
            return Break(at, tuple(telling.publisher for telling in window))
    return None


def told_at(telling: Telling) -> datetime:
    """When an article counts as told; for backlog without a date, before everything else."""
    return min(filter(None, (telling.published_at, telling.news_at)), default=_ALWAYS)


def _voices(tellings: Sequence[Telling], before: Told | None) -> list[Telling]:
    """The first telling of each independent voice, by time, where that is news."""
    own = independent(tellings)  # of all, so that a copy of what was told long ago is known as one
    if before is not None:
        own = [each for each in own if each.story_version > before.version and told_at(each) > before.at]
    first: dict[str, Telling] = {}
    for telling in sorted(own, key=_order):
        first.setdefault((telling.credit or telling.publisher).strip().casefold(), telling)
    return sorted((each for each in first.values() if each.news_at is not None), key=_order)


def _order(telling: Telling) -> tuple[datetime, int]:
    return (told_at(telling), telling.id)
