"""What a reader's votes do to the stories of an edition. Pure.

Muting takes a story away: the muted one itself, and what only muted publishers tell. A story that an independent
publisher tells as well stays, for the reader muted a newspaper and not the event; it is then shown as somebody else
tells it, as it is shown as a preferred publisher tells it (`led`, from the variants that `service.variants` makes where
readers of the edition wish one). Updates are not led by wishes: they say what is new, whoever said it first.

More and less like a story move others up or down by a share of their rank that is worked out from what they have in
common (ALIKE), is the same for every reader who cast that vote, and never goes beyond MOST in all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from digest.compose.content import FrozenStory, Variant
from digest.types import Vote

Likeness = Callable[[FrozenStory, Vote], float]


def same_publisher(story: FrozenStory, vote: Vote) -> float:
    """1 when the telling that is shown comes from the publisher of the story that was voted on."""
    return float(bool(vote.publisher) and folded(story.tellers[:1]) == {vote.publisher})


def same_topic(story: FrozenStory, vote: Vote) -> float:
    """1 when both belong to a topic."""
    return float(bool(set(story.topics) & set(vote.topics)))


def same_words(story: FrozenStory, vote: Vote) -> float:
    """The share of the shorter headline's words that stand in the other; one word in common is chance and counts as
    none."""
    shared = len(set(story.terms) & set(vote.terms))
    return shared / min(len(set(story.terms)), len(set(vote.terms))) if shared > 1 else 0.0


ALIKE: Mapping[str, tuple[float, Likeness]] = MappingProxyType(
    {"publisher": (0.06, same_publisher), "topic": (0.04, same_topic), "words": (0.15, same_words)}
)
"""What two stories may have in common, and how far that moves one. On the scale of `stories.rank`, where a second
publisher is worth 0.22 and a whole window of freshness 0.25: one vote on a story's kind outweighs neither alone."""
MOST = 0.3
"""All votes together: enough to bring the last card of a usual mail to its middle, too little to bury what four
newsrooms tell (0.43)."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one vote gave to the rank of one story, below 0 for less."""

    vote: Vote
    given: float
    words: tuple[str, ...]
    """The words that both have, in the story's order."""


def folded(names: Iterable[str]) -> set[str]:
    """Publishers as votes know them (`subscribers.votes.name_key`)."""
    return {name.strip().casefold()[:200] for name in names}


def muted(story_id: int, story: FrozenStory, votes: Sequence[Vote]) -> bool:
    """Whether the reader wants this story no more, or everybody who tells it."""
    tellers = folded(story.tellers)
    return muted_itself(story_id, story, votes) or (bool(tellers) and tellers <= quiet(votes))


def muted_itself(story_id: int, story: FrozenStory, votes: Sequence[Vote]) -> bool:
    """Whether the reader wants this story no more, or one that has become part of it."""
    stories = {vote.key for vote in votes if vote.kind == "story"}
    return not stories.isdisjoint(map(str, (story_id, *story.was)))


def quiet(votes: Sequence[Vote]) -> set[str]:
    """The publishers that the reader muted."""
    return {vote.key for vote in votes if vote.kind == "publisher" and vote.weight < 0}


def preferred(votes: Sequence[Vote]) -> set[str]:
    """The publishers whose tellings the reader wants to see first."""
    return {vote.key for vote in votes if vote.kind == "publisher" and vote.weight > 0}


def led(story: FrozenStory, votes: Sequence[Vote]) -> Variant | None:
    """The variant that shows this story to a reader of these votes; None for the usual telling.

    A preferred publisher first, of several the one with the best telling; else the usual one unless it is muted; else
    the best that is not; and the usual one where the edition has none such.
    """
    if not story.variants:
        return None
    liked, muted_ = preferred(votes), quiet(votes)
    usual = folded(story.tellers[:1])
    if usual & liked:
        return None
    wanted = next((each for each in story.variants if each.publisher in liked), None)
    if wanted is None and usual & muted_:
        wanted = next((each for each in story.variants if each.publisher not in muted_), None)
    return wanted


def shares(story: FrozenStory, votes: Sequence[Vote]) -> list[Share]:
    """What each vote for more or less gives to this story, strongest first; votes that give nothing are left out.

    Scaled together so that their sum lies within MOST.
    """
    found = []
    for vote in votes:
        if vote.kind == "like":
            alike = sum(weight * likeness(story, vote) for weight, likeness in ALIKE.values())
            if alike:
                found.append(Share(vote, vote.weight * alike, tuple(w for w in story.terms if w in vote.terms)))
    total = abs(sum(each.given for each in found))
    scale = MOST / total if total > MOST else 1.0
    scaled = [Share(each.vote, each.given * scale, each.words) for each in found]
    return sorted(scaled, key=lambda each: -abs(each.given))


def shift(story: FrozenStory, votes: Sequence[Vote]) -> float:
    """How far votes move this story, within MOST on either side."""
    return sum(each.given for each in shares(story, votes))


def wished_order(
    order: Sequence[int], stories: Mapping[int, FrozenStory], scores: Mapping[int, float], votes: Sequence[Vote]
) -> list[int]:
    """The stories of `order` (best first) without the muted ones, as the votes move them.

    Without votes it is `order`. Stories that are moved alike keep their order: what stands later counts as ranked no
    higher than what stands before it, and equal ranks keep their places. What has no score (an edition of before votes)
    is not moved.
    """
    if not votes:
        return list(order)
    kept = [story_id for story_id in order if not muted(story_id, stories[story_id], votes)]
    ranks: dict[int, float] = {}
    lowest = 1.0
    for story_id in kept:
        lowest = min(lowest, scores.get(story_id, lowest))
        ranks[story_id] = lowest + (shift(stories[story_id], votes) if story_id in scores else 0.0)
    return sorted(kept, key=lambda story_id: -round(ranks[story_id], 9))


def told(story: FrozenStory, votes: Sequence[Vote], *, full: bool = True) -> str:
    """What the votes did to this story, for `digest explain`; empty when nothing. `story` is as the reader sees it
    (`compose.seen`), `full` whether its full telling is meant: an update is led by nobody's wish."""
    parts = []
    leads = led_told(story, votes) if full else ""
    for each in shares(story, votes):
        asked = "more" if each.given > 0 else "less"
        names = [name for name, (_, likeness) in ALIKE.items() if likeness(story, each.vote)]
        what = f"the same {' and '.join(names)}" + (f": {', '.join(each.words)}" if "words" in names else "")
        parts.append(f"the reader asked for {asked} like story {each.vote.key} ({what}) {each.given:+.2f}")
    silent = sorted(folded(story.tellers) & quiet(votes))
    if leads:
        parts.append(leads)
    elif silent:
        parts.append(f"the reader muted {', '.join(silent)}, but others tell it too")
    return "; ".join(parts)


def led_told(story: FrozenStory, votes: Sequence[Vote]) -> str:
    """Why somebody else than usual leads a story, as the reader sees it; empty where nobody does."""
    if not story.led_by:
        return ""
    leader, usual = story.tellers[:2]  # a variant always has both
    if folded([leader]) & preferred(votes):
        return f"led by {leader}, which the reader prefers"
    return f"shown as told by {leader} because the reader muted {usual}"
