"""What became of every story that one reader's mail could have told, and why. Pure: replays `compose.select`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from digest.compose.content import Manifest
from digest.compose.seen import seen_by
from digest.compose.select import in_windows, pick_for, picks_of, topic_of, wanted
from digest.compose.wishes import muted
from digest.types import Pick, ReaderProfile

Memory = Mapping[int, tuple[Pick, ...]]
"""Story id -> what the reader had been sent of it, oldest first."""


class Verdict(StrEnum):
    """Where a story stood, or what kept it out."""

    LEAD = "lead"
    CARD = "card"
    ONE_LINER = "one-liner"
    CUT = "cut by the cap"
    LONG = "too long for the mail"
    """It was to be told, and there was no room for it (`compose.room`)."""
    SENT = "already sent"
    MUTED = "muted"
    """The reader asked not to be told it: the story itself, or its only publishers."""
    HIDDEN = "hidden"
    """An editor hid it, that day, from every topic of theirs to which it belongs."""
    NO_TOPIC = "no topic of theirs"
    OUTSIDE = "outside its window"
    HELD = "held back"
    """It would be told by what is stored, and was not: another mail with it was under way, or overtook this one."""


TOLD = (Verdict.LEAD, Verdict.CARD, Verdict.ONE_LINER)
"""The verdicts on stories that are in the mail."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One candidate of one reader's mail."""

    story_id: int
    verdict: Verdict
    topic: int | None
    """The reader's first topic that it belongs to and that it is not hidden from; of a hidden one, the first."""
    window: str
    """Start (ISO) of the window by which it was a candidate, whose rank counts."""
    pick: Pick | None
    """How it came, or would have come but for the cap; None when there was nothing to tell."""


def judge(
    manifest: Manifest,
    since: str,
    profile: ReaderProfile,
    memory: Memory,
    starts: Mapping[int, str],
    picks: Sequence[Pick] | None,
) -> list[Judged]:
    """Every candidate: the mail's stories in its order, then the others, best first.

    `since` and `starts` as for `select`; `memory` as it was when the mail was composed. `picks` are those of the
    ledger, which are the truth about what was told; None for a mail that was not composed, which is then judged as it
    would be.
    """
    seen = seen_by(manifest, profile)
    replayed = picks_of(seen, since, profile, memory, starts)
    told = replayed if picks is None else tuple(pick for pick in picks if pick.story_id in manifest.stories)
    inside = in_windows(seen, since, profile.topics, starts)
    chosen, expected = {pick.story_id for pick in told}, {pick.story_id for pick in replayed}
    to_tell = {pick.story_id for pick in wanted(seen, since, profile, memory, starts)}
    windows = dict(_candidates(manifest, since, starts))
    judged = [
        Judged(
            pick.story_id,
            place_of(place, profile),
            topic_of(seen.stories[pick.story_id], profile.topics),
            inside.get(pick.story_id, windows.get(pick.story_id, since)),
            pick,
        )
        for place, pick in enumerate(told)
    ]
    for story_id, window in windows.items():
        if story_id not in chosen:
            story = seen.stories[story_id]
            topic = topic_of(story, profile.topics)
            pick = pick_for(story_id, story, memory)
            quiet = muted(story_id, story, profile.votes)
            no_room = Verdict.LONG if story_id in to_tell else Verdict.CUT
            unheld = Verdict.HELD if story_id in expected else no_room
            verdict = _left_out(topic, story_id in inside, quiet, pick, unheld)
            if verdict is Verdict.NO_TOPIC:
                topic = topic_of(manifest.stories[story_id], profile.topics)
                verdict = Verdict.NO_TOPIC if topic is None else Verdict.HIDDEN
            judged.append(Judged(story_id, verdict, topic, inside.get(story_id, window), pick))
    return judged


def place_of(place: int, profile: ReaderProfile) -> Verdict:
    """What stands at this place of a mail (`compose.select`: the order of picks is the layout)."""
    if place == 0:
        return Verdict.LEAD
    return Verdict.CARD if place < profile.max_stories else Verdict.ONE_LINER


def _candidates(manifest: Manifest, since: str, starts: Mapping[int, str]) -> Iterator[tuple[int, str]]:
    """(story, the first of the reader's windows that holds it), in the order of `in_windows`."""
    seen: set[int] = set()
    for window in sorted({since, *starts.values()}):
        for story_id in manifest.orders.get(window, ()):
            if story_id not in seen:
                seen.add(story_id)
                yield story_id, window


def _left_out(topic: int | None, inside: bool, quiet: bool, pick: Pick | None, otherwise: Verdict) -> Verdict:
    if topic is None:
        return Verdict.NO_TOPIC
    if not inside:
        return Verdict.OUTSIDE
    if quiet:
        return Verdict.MUTED
    if pick is None:
        return Verdict.SENT
    return otherwise
