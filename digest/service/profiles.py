"""Interned reader profiles, as composing sees them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session

from digest.types import ReaderProfile
from subscribers.profiles import profiles


def profiles_of(session: Session, ids: Sequence[int]) -> dict[int, ReaderProfile]:
    """Profile id -> profile."""
    found = {}
    for id_, raw in profiles(session, ids).items():
        found[id_] = ReaderProfile(
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
        )
    return found
