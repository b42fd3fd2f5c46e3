"""An edition as one reader may see it. Pure: the same manifest and profile give the same.

Two things differ from reader to reader before anything is chosen: whose telling shows a story (`wishes.led`), and what
editors ruled. A ruling belongs to a topic and a day, or to all topics, or to every day (design, section 2, *Day*). The
day is the reader's local date at the moment from which the edition speaks, which is the date at the head of their mail.

- A story that is hidden in a topic does not belong to it: it may come through another topic of the reader.
- A story that is pinned in a topic of the reader to which it belongs, and in which it is not hidden, stands first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from digest.compose import wishes
from digest.compose.content import FrozenStory, Manifest, Variant
from digest.types import ReaderProfile, Ruling

PIN, HIDE = "pin", "hide"
KEPT = 10_000
"""Editions as seen, for as many profiles: some microseconds and a few kilobytes each."""


class Seer:
    """Shows an edition to one reader after the other. Threads may share it: what two make at once is equal."""

    def __init__(self, manifest: Manifest, *, kept: int = KEPT) -> None:
        self._manifest, self._most = manifest, kept
        self._varied = [story_id for story_id, story in manifest.stories.items() if story.variants]
        self._ruled: dict[int, list[Ruling]] = defaultdict(list)
        for ruling in manifest.rulings:
            self._ruled[ruling.story_id].append(ruling)
        self._plain = not self._varied and not self._ruled
        self._seen: dict[int, Manifest] = {}

    def by(self, profile: ReaderProfile) -> Manifest:
        """The edition as this reader sees it, remembered by the profile's id. Its only rulings are the pins that act,
        so seen once more it is the same."""
        if self._plain:
            return self._manifest
        found = self._seen.get(profile.id)
        if found is None:
            wishing = bool(self._varied) and any(vote.kind == "publisher" for vote in profile.votes)
            if not wishing and not self._ruled:
                return self._manifest
            if len(self._seen) >= self._most:
                self._seen.clear()  # other threads may be reading: they make again what they miss
            found = self._made(profile, wishing)
            self._seen[profile.id] = found
        return found

    def _made(self, profile: ReaderProfile, wishing: bool) -> Manifest:
        stories = dict(self._manifest.stories)
        for story_id in self._varied if wishing else ():
            variant = wishes.led(stories[story_id], profile.votes)
            if variant is not None:
                stories[story_id] = as_told_by(variant, stories[story_id])
        for story_id in self._ruled.keys() & stories.keys():
            acting = [each for each in self._ruled[story_id] if self._today(each, profile)]
            gone = {topic for each in acting if each.kind == HIDE for topic in _topics(each, stories[story_id].topics)}
            if gone:
                left = tuple(topic for topic in stories[story_id].topics if topic not in gone)
                stories[story_id] = replace(stories[story_id], topics=left)
        pins = dict.fromkeys(
            each.story_id
            for each in self._manifest.rulings
            if each.kind == PIN
            and each.story_id in stories
            and set(_topics(each, profile.topics)).intersection(stories[each.story_id].topics)
            and self._today(each, profile)
        )
        return replace(self._manifest, stories=stories, rulings=tuple(Ruling(story_id, PIN) for story_id in pins))

    def _today(self, ruling: Ruling, profile: ReaderProfile) -> bool:
        return _today(ruling, self._manifest.frozen_at, profile.timezone)


def seen_by(manifest: Manifest, profile: ReaderProfile) -> Manifest:
    """`Seer` for a single look."""
    return Seer(manifest).by(profile)


def pins_of(seen: Manifest) -> tuple[int, ...]:
    """The stories that stand first for the reader who sees this, in the order in which they were pinned."""
    return tuple(ruling.story_id for ruling in seen.rulings if ruling.kind == PIN)


def ruled_told(manifest: Manifest, profile: ReaderProfile, story_id: int) -> str:
    """The rulings on a story that concern this reader, for `digest explain`: "hidden by the editor for Harbour on
    2026-11-25"; empty where there is none. `manifest` as it was frozen; a story that is no candidate may have some."""
    story = manifest.stories.get(story_id)
    theirs = [topic for topic in profile.topics if story is None or topic in story.topics]
    return "; ".join(
        _told(ruling, manifest.topics)
        for ruling in manifest.rulings
        if ruling.story_id == story_id
        and _topics(ruling, theirs)
        and _today(ruling, manifest.frozen_at, profile.timezone)
    )


def _told(ruling: Ruling, topics: Mapping[int, str]) -> str:
    where = f" for {topics.get(ruling.topic_id, 'a topic that is no more')}" if ruling.topic_id else ""
    when = f" on {ruling.day}" if ruling.day else ""
    return {PIN: "pinned", HIDE: "hidden"}[ruling.kind] + f" by the editor{where}{when}"


def as_told_by(variant: Variant, story: FrozenStory) -> FrozenStory:
    """The story as a variant shows it."""
    return replace(
        story,
        title=variant.title,
        words=variant.words,
        tellers=variant.tellers,
        terms=variant.terms,
        variants=(),
        led_by=variant.article_id,
    )


def _topics(ruling: Ruling, topics: Sequence[int]) -> Sequence[int]:
    """Those of these topics that a ruling is about."""
    return [topic for topic in topics if ruling.topic_id in (0, topic)]


def _today(ruling: Ruling, at: datetime, timezone: str) -> bool:
    return not ruling.day or ruling.day == local_day(at, timezone)


@lru_cache(maxsize=4096)
def local_day(at: datetime, timezone: str) -> str:
    """The date there at that moment, as rulings write it: 2026-11-25."""
    return at.astimezone(ZoneInfo(timezone)).date().isoformat()
