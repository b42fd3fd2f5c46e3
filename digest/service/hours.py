"""When which topics of a reader are due, and where their windows begin. Pure: profiles and times in, times out.

A reader's topics fall into groups by rhythm (`subscribers.cadence`): those without hours of their own have the
reader's. Topics that are due in one slot share one mail, which holds only them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from digest.store.editions import LONGEST_WINDOW, OVERLAP
from digest.types import ReaderProfile
from subscribers.cadence import (
    AS_IT_HAPPENS,
    SLOT_MINUTES,
    Rhythm,
    groups,
    next_due,
    next_of,
    period,
    plain_rhythm,
    previous_due,
)
from subscribers.errors import CadenceError

log = logging.getLogger(__name__)

LATE = timedelta(minutes=SLOT_MINUTES)
"""An article may be committed, or find its story, so long after the plan that it became news before."""

_MOMENT = timedelta(microseconds=1)


def groups_of(profile: ReaderProfile) -> dict[Rhythm, tuple[int, ...]]:
    """The reader's rhythms, each with its topics."""
    return groups(profile.topics, profile.cadence, profile.send_minute, profile.own)


def own_rhythm(profile: ReaderProfile) -> Rhythm:
    """The rhythm of topics without hours of their own."""
    return plain_rhythm(profile.cadence, profile.send_minute)


def due_groups(profile: ReaderProfile, due_at: datetime, tick: datetime) -> dict[Rhythm, tuple[int, ...]]:
    """The groups that fell due from `due_at` (when the reader was due) until `tick`, both included.

    All of them when the choices cannot be read any more (a zone that the tz database dropped).
    """
    every = groups_of(profile)
    try:
        return {
            rhythm: topics
            for rhythm, topics in every.items()
            if next_due(*rhythm, profile.timezone, after=due_at - _MOMENT) <= tick
        }
    except CadenceError as error:
        log.error("profile %s: %s; all its topics are due until it is changed", profile.id, error)
        return every


def next_slot(profile: ReaderProfile, after: datetime) -> datetime:
    """When the reader is due next. One reader's unreadable choice (a zone that the tz database dropped) must not stop
    everybody's morning: it is counted as daily in UTC until it is changed."""
    try:
        found = next_of(groups_of(profile), profile.timezone, after=after)
        return found if found is not None else next_due(*own_rhythm(profile), profile.timezone, after=after)
    except CadenceError as error:
        log.error("profile %s: %s; counted in UTC until it is changed", profile.id, error)
        return next_due("daily", profile.send_minute, "UTC", after=after)


def next_mail(profile: ReaderProfile, after: datetime) -> datetime | None:
    """When the reader's next mail comes at the latest, for its foot; None for who is only told as it happens."""
    rhythms = profile.rhythms or tuple(groups_of(profile))
    return next_of([each for each in rhythms if each[0] != AS_IT_HAPPENS], profile.timezone, after=after)


def topic_starts(profile: ReaderProfile, due_at: datetime | None, planned_at: datetime) -> dict[int, datetime]:
    """Topic -> where its window begins, for topics with a rhythm of their own; the others have the delivery's.

    A window begins where the last one of that rhythm ended: at the due time before the first that came at or after
    `due_at`, so that a slot which nobody planned in time is made up for. Empty for a mail that holds all topics
    whatever their hours (`due_at` None), and for choices that cannot be read any more.
    """
    if due_at is None:
        return {}
    own = {rhythm: topics for rhythm, topics in groups_of(profile).items() if rhythm != own_rhythm(profile)}
    try:
        starts = {rhythm: _start(rhythm, profile.timezone, due_at, planned_at) for rhythm in own}
    except CadenceError as error:
        log.error("profile %s: %s; its topics share one window until it is changed", profile.id, error)
        return {}
    return {topic: starts[rhythm] for rhythm, topics in own.items() for topic in topics}


def _start(rhythm: Rhythm, zone: str, due_at: datetime, planned_at: datetime) -> datetime:
    first = next_due(*rhythm, zone, after=due_at - _MOMENT)
    start = previous_due(*rhythm, zone, before=first) - OVERLAP
    return start if start >= planned_at - LONGEST_WINDOW else planned_at - period(rhythm[0])


def silent_since(
    profile: ReaderProfile, due_at: datetime, tick: datetime, planned_at: datetime, news: Mapping[int, datetime]
) -> datetime | None:
    """For who is due only because a quarter hour has begun: a window that begins then or later holds no news.

    `news` has the last news of each topic. A time before any window when there is none at all; None when the slot must
    be planned: something else is due, or there is news in a topic whose window the reader's own does not tell.
    """
    due = due_groups(profile, due_at, tick)
    if list(due) != [(AS_IT_HAPPENS, 0)]:
        return None
    (topics,) = due.values()
    always = planned_at - 2 * LONGEST_WINDOW
    latest = max((news[topic] for topic in topics if topic in news), default=None)
    if latest is None:
        return always
    # Windows overlap for what was committed late; without LATE only, every piece of news would cause four empty mails.
    seen = latest - OVERLAP + LATE
    if own_rhythm(profile)[0] == AS_IT_HAPPENS:
        return seen
    start = _start((AS_IT_HAPPENS, 0), profile.timezone, due_at, planned_at)
    return None if start < seen else always
