"""Interned reader profiles, as composing sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import Session

from digest.types import ReaderProfile, Vote
from subscribers.cadence import AS_IT_HAPPENS
from subscribers.profiles import Choices, profiles


def profiles_of(session: Session, ids: Sequence[int]) -> dict[int, ReaderProfile]:
    """Profile id -> profile."""
    return {id_: profile_from(id_, raw) for id_, raw in profiles(session, ids).items()}


def profile_from(id_: int, raw: Choices) -> ReaderProfile:
    """A profile of these choices; `id_` tells it from others in one edition."""
    return ReaderProfile(
        id=id_,
        topics=tuple(raw["topics"]),
        language=raw["language"].replace("_", "-").split("-")[0],
        timezone=raw["timezone"],
        cadence=raw["cadence"],
        send_minute=raw["send_minute"],
        max_stories=raw["max_stories"],
        format=raw["format"],
        own={int(topic): hours for topic, hours in raw["own"].items()},
        rhythms=tuple((cadence, minute) for cadence, minute in raw.get("rhythms", ())),
        votes=tuple(_vote(each) for each in raw.get("votes", ())),
        all_quiet=raw.get("all_quiet", False) and _awaits(raw),
    )


def _awaits(raw: Choices) -> bool:
    """Whether a topic comes by the clock, so that its reader waits for a mail. What comes as it happens never does."""
    own = raw["own"]
    return any(own.get(str(topic), (raw["cadence"],))[0] != AS_IT_HAPPENS for topic in raw["topics"])


def _vote(raw: Mapping[str, Any]) -> Vote:
    return Vote(
        kind=raw["kind"],
        key=raw["key"],
        weight=raw["weight"],
        publisher=raw.get("publisher", ""),
        topics=tuple(raw.get("topics", ())),
        terms=tuple(raw.get("terms", ())),
    )
