"""What editors' rulings do to an edition before a reader is looked at. Pure.

What they do to one reader's mail is decided in `compose.seen`, by the day and the topics of that reader.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from digest.compose.seen import HIDE, PIN
from digest.types import Ruling


def hidden_everywhere(rulings: Iterable[Ruling]) -> set[int]:
    """The stories of which nobody is told, on no day and in no topic: they are no candidates, and have no page."""
    return {each.story_id for each in rulings if each.kind == HIDE and not each.topic_id and not each.day}


def closed_topics(rulings: Iterable[Ruling], story_id: int) -> set[int]:
    """The topics in which a story is hidden on every day: its page shows nothing of them, nor do they give it one."""
    return {
        each.topic_id
        for each in rulings
        if each.story_id == story_id and each.kind == HIDE and each.topic_id and not each.day
    }


def pinned(rulings: Iterable[Ruling]) -> set[int]:
    """The stories that stand first for somebody."""
    return {each.story_id for each in rulings if each.kind == PIN}


def acting(rulings: Sequence[Ruling], topics: Collection[int], at: datetime) -> tuple[Ruling, ...]:
    """Those that may concern a reader of these topics, anywhere: on every day, or on one that some zone has at that
    moment. Zones lie within 14 hours of UTC, so that is its date there, the one before or the one after."""
    days = {"", *((at + timedelta(days=days)).date().isoformat() for days in (-1, 0, 1))}
    return tuple(each for each in rulings if each.topic_id in (0, *topics) and each.day in days)
