"""Which stories go into one reader's mail, and in which order. Pure.

The order of picks is the layout: the first is the lead, those up to the reader's cap are cards, the rest are the
one-liners under "also new".

What an editor pinned (`seen`) stands before all else, the first one as the lead, even as an update, and the cap does
not cut it while there is another story to cut. It is a story like any other besides: news in the reader's window, sent
once, and not to who muted it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from digest.compose.content import FrozenStory, Manifest
from digest.compose.room import all_fit, fitting
from digest.compose.seen import pins_of, ruled_told, seen_by
from digest.compose.wishes import told as told_wishes
from digest.compose.wishes import wished_order
from digest.types import Pick, ReaderProfile

BRIEFS = 5
"""One-liners after the cards: enough to feel informed, few enough to end."""


def topic_of(story: FrozenStory, topics: Sequence[int]) -> int | None:
    """The reader's first topic that the story belongs to (design, section 8), or None when it concerns none of them."""
    return next((topic for topic in topics if topic in story.topics), None)


def pick_for(story_id: int, story: FrozenStory, memory: Mapping[int, tuple[Pick, ...]]) -> Pick | None:
    """How this story may come to this reader: in full, as an update, or not at all.

    An update comes once, to readers who were sent an earlier version, and only where there is something new to say.
    """
    sent = memory.get(story_id)
    if not sent:
        return Pick(story_id, story.version)
    if any(pick.from_version for pick in sent):
        return None
    last = max(pick.version for pick in sent)
    return Pick(story_id, story.version, last) if last in story.updates else None


def select(
    manifest: Manifest,
    since: str,
    profile: ReaderProfile,
    memory: Mapping[int, tuple[Pick, ...]],
    starts: Mapping[int, str] | None = None,
) -> tuple[Pick, ...]:
    """The picks of one reader, best first: those of `wanted` that the mail has room for.

    `since` names the window of the reader's topics, `starts` those of topics with a window of their own. The reader's
    votes take stories away and move others (`wishes`).
    """
    return picks_of(seen_by(manifest, profile), since, profile, memory, starts or {})


def picks_of(
    seen: Manifest,
    since: str,
    profile: ReaderProfile,
    memory: Mapping[int, tuple[Pick, ...]],
    starts: Mapping[int, str],
) -> tuple[Pick, ...]:
    """`select` from an edition as this reader sees it (`seen.Seer`)."""
    return room_for(seen, candidates(seen, since, profile, starts), memory, profile.max_stories)


def room_for(seen: Manifest, found: Candidates, memory: Mapping[int, tuple[Pick, ...]], cap: int) -> tuple[Pick, ...]:
    """`picks_of` when the candidates are known."""
    picks = choose(found, seen.stories, memory, cap, pins_of(seen) if seen.rulings else ())
    return picks if found.all_fit else fitting(seen.stories, picks, cap)


def wanted(
    seen: Manifest,
    since: str,
    profile: ReaderProfile,
    memory: Mapping[int, tuple[Pick, ...]],
    starts: Mapping[int, str],
) -> tuple[Pick, ...]:
    """What `picks_of` would pick if a mail had no end. Every topic with news gets a story before any topic gets its
    second."""
    found = candidates(seen, since, profile, starts)
    return choose(found, seen.stories, memory, profile.max_stories, pins_of(seen))


@dataclass(frozen=True, slots=True)
class Candidates:
    """The stories that readers of one profile may get, best first: what does not depend on what they had before.

    Parallel rows, because most readers had some of the stories and a look at each of them is what choosing costs.
    """

    ids: tuple[int, ...]
    topics: tuple[int, ...]
    """The reader's first topic that each belongs to."""
    picks: tuple[Pick, ...]
    """The full telling of each."""
    updated: Mapping[int, Collection[int]]
    """Story id -> the versions behind which it has something to say, where it has."""
    all_fit: bool
    """Whether a mail has room for any choice of so many."""


def candidates(
    seen: Manifest,
    since: str,
    profile: ReaderProfile,
    starts: Mapping[int, str],
    updated: Mapping[int, Collection[int]] | None = None,
) -> Candidates:
    """The stories for a profile, as its votes and the editor's pins have it, without those of no topic of its.
    Arguments as for `picks_of`; `updated` where it is known (`updated_in`)."""
    order = tuple(in_windows(seen, since, profile.topics, starts))
    scores = scores_in(seen, since, profile.topics, starts) if profile.votes else {}
    ids: list[int] = []
    topics: list[int] = []
    for story_id in _pinned_first(wished_order(order, seen.stories, scores, profile.votes), pins_of(seen)):
        topic = topic_of(seen.stories[story_id], profile.topics)
        if topic is not None:
            ids.append(story_id)
            topics.append(topic)
    stories = [seen.stories[story_id] for story_id in ids]
    return Candidates(
        tuple(ids),
        tuple(topics),
        tuple(_in_full(story_id, story.version) for story_id, story in zip(ids, stories, strict=True)),
        updated_in(seen) if updated is None else updated,
        all_fit(stories, profile.max_stories, BRIEFS),
    )


def updated_in(seen: Manifest) -> dict[int, Collection[int]]:
    """See `Candidates.updated`; the stories of the whole edition."""
    return {story_id: frozenset(story.updates) for story_id, story in seen.stories.items() if story.updates}


@lru_cache(maxsize=20_000)
def _in_full(story_id: int, version: int) -> Pick:
    """The same object for all profiles: thousands of equal ones would only fill the processor's cache."""
    return Pick(story_id, version)


def choose(
    found: Candidates,
    stories: Mapping[int, FrozenStory],
    memory: Mapping[int, tuple[Pick, ...]],
    cap: int,
    pins: Collection[int],
) -> tuple[Pick, ...]:
    """The picks of a reader with this memory, of these candidates."""
    places = [place for place, story_id in enumerate(found.ids) if story_id not in memory or not memory[story_id]]
    full = found.picks
    updates = _updates(found, stories, memory) if memory else {}
    if updates:
        places = sorted([*places, *updates])
        picks = [updates[place] if place in updates else full[place] for place in places]
    else:
        picks = [full[place] for place in places]
    if len(picks) <= cap:
        return tuple(_lead_first(picks, pins))
    cards = _fair([found.topics[place] for place in places], picks, cap, pins)
    briefs = [pick for place, pick in enumerate(picks) if place not in cards][:BRIEFS]
    return (*_lead_first([picks[place] for place in sorted(cards)], pins), *briefs)


def _updates(
    found: Candidates, stories: Mapping[int, FrozenStory], memory: Mapping[int, tuple[Pick, ...]]
) -> dict[int, Pick]:
    """Place -> an update on what the reader was told earlier."""
    told: dict[int, Pick] = {}
    updated = found.updated
    for story_id, sent in memory.items():
        if story_id not in updated or (len(sent) == 1 and sent[0].version not in updated[story_id]):
            continue  # what `pick_for` says of most
        pick = pick_for(story_id, stories[story_id], memory)
        if pick is not None and pick.from_version and story_id in found.ids:
            told[found.ids.index(story_id)] = pick
    return told


def _pinned_first(order: Sequence[int], pins: Sequence[int]) -> Sequence[int]:
    if not pins:
        return order
    there = set(order)
    return list(dict.fromkeys((*(story_id for story_id in pins if story_id in there), *order)))


def scores_in(manifest: Manifest, since: str, topics: Sequence[int], starts: Mapping[int, str]) -> dict[int, float]:
    """Story id -> its rank in the earliest of the reader's windows that holds it: the one that ordered it."""
    found: dict[int, float] = {}
    for window in sorted({starts.get(topic, since) for topic in topics}):
        for story_id, parts in manifest.parts.get(window, {}).items():
            found.setdefault(story_id, sum(parts.values()))
    return found


def in_windows(manifest: Manifest, since: str, topics: Sequence[int], starts: Mapping[int, str]) -> dict[int, str]:
    """Story id -> the window by which it qualifies: one that holds news of it and is that of one of its topics.

    Best first by the earliest of the windows, which holds all others and so ranks their stories on one scale; then what
    only a later window kept.
    """
    if not starts:
        return dict.fromkeys(manifest.orders.get(since, ()), since)
    windows: dict[str, set[int]] = {}
    for topic in topics:
        windows.setdefault(starts.get(topic, since), set()).add(topic)
    found: dict[int, str] = {}
    # Starts are ISO 8601 in UTC: their order as texts is their order in time.
    inside = {window: set(manifest.orders.get(window, ())) for window in windows}
    for story_id in dict.fromkeys(id_ for window in sorted(windows) for id_ in manifest.orders.get(window, ())):
        mine = set(manifest.stories[story_id].topics)
        window = next((each for each in windows if story_id in inside[each] and mine & windows[each]), None)
        if window is not None:
            found[story_id] = window
    return found


def _fair(topics: Sequence[int], picks: Sequence[Pick], cap: int, pins: Collection[int]) -> set[int]:
    """The places of the cards: what is pinned; each topic's best, beginning with the best news so that an update need
    not lead; then by rank."""
    news = next((place for place, pick in enumerate(picks) if not pick.from_version), None)
    best: dict[int, int] = {} if news is None else {topics[news]: news}
    for place, topic in enumerate(topics):
        best.setdefault(topic, place)
    pinned = [place for place, pick in enumerate(picks) if pick.story_id in pins] if pins else []
    kept = set(list(dict.fromkeys((*pinned, *best.values())))[:cap])
    for place in range(len(picks)):
        if len(kept) >= cap:
            break
        kept.add(place)
    return kept


def _lead_first(cards: list[Pick], pins: Collection[int]) -> list[Pick]:
    """What is pinned leads, then news; an update leads only a mail that has nothing else."""
    if cards and cards[0].story_id in pins:
        return cards
    if cards and not cards[0].from_version:
        return cards
    lead = next((pick for pick in cards if not pick.from_version), None)
    return cards if lead is None else [lead, *(pick for pick in cards if pick is not lead)]


def explain(
    manifest: Manifest,
    since: str,
    profile: ReaderProfile,
    pick: Pick,
    place: int,
    starts: Mapping[int, str] | None = None,
) -> str:
    """One sentence: why this story stood at this place of this reader's mail. `since`, `starts`: as for `select`."""
    seen = seen_by(manifest, profile)
    story = seen.stories[pick.story_id]
    topic = topic_of(story, profile.topics)
    name = manifest.topics.get(topic, "") if topic is not None else ""
    window = in_windows(seen, since, profile.topics, starts or {}).get(pick.story_id, since)
    rank = rank_told(manifest.parts.get(window, {}).get(pick.story_id, {}))
    where = "the lead" if place == 0 else "a card" if place < profile.max_stories else "a one-liner"
    news = "an update on what was sent before" if pick.from_version else "not sent before"
    told = "1 publisher" if story.publishers == 1 else f"{story.publishers} publishers"
    ruled = ruled_told(manifest, profile, pick.story_id)
    wishes = told_wishes(story, profile.votes, full=not pick.from_version)
    return "; ".join(filter(None, (f"{where} in {name}: told by {told}, {news}", rank, ruled, wishes)))


def rank_told(parts: Mapping[str, float]) -> str:
    """A rank with its parts, the largest first: "rank 0.62 = coverage 0.40 + freshness 0.22". Empty for an edition that
    froze no parts."""
    if not parts:
        return ""
    told = sorted(parts.items(), key=lambda part: (-part[1], part[0]))
    return f"rank {sum(parts.values()):.2f} = " + " + ".join(f"{name} {part:.2f}" for name, part in told)
