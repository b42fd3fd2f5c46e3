"""Which stories of an edition need another publisher in front, and whose telling that is. Pure.

Readers prefer and mute publishers (`subscribers.votes`). A story is frozen once for all of them, so what some of them
see otherwise is frozen beside it: its full telling as another publisher leads it, for readers who prefer that one, and
for those who muted the usual one. Only publishers that tell the story independently speak for it, and only by what is
news. A story whose usual telling names nobody has no variants: nobody can have an opinion about that publisher.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from digest.compose import wishes
from digest.compose.fragments import guard
from digest.service.cards import lead_of
from digest.stories.rank import independent, lead_telling
from digest.types import ReaderProfile, Telling
from subscribers.votes import name_key

MOST = 4
"""Variants of one story, the most wished: each costs three blocks in every language of the edition. A reader whose wish
is not among them sees the next best for them, at last the usual telling."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How many readers of an edition prefer and how many mute a publisher, by its key."""

    preferred: Mapping[str, int] = field(default_factory=dict)
    muted: Mapping[str, int] = field(default_factory=dict)


NOTHING = Asked()


def asked_by(profiles: Iterable[ReaderProfile]) -> Asked:
    """What these profiles' votes ask of publishers. A profile with votes is one reader's own."""
    preferred: Counter[str] = Counter()
    muted: Counter[str] = Counter()
    for profile in profiles:
        if profile.votes:
            preferred.update(wishes.preferred(profile.votes))
            muted.update(wishes.quiet(profile.votes))
    return Asked(preferred, muted)


def key_of(telling: Telling) -> str:
    """A telling's publisher as votes know it."""
    return name_key(guard(telling.publisher))


def other_leads(told: Sequence[Telling], asked: Asked) -> list[Telling]:
    """The tellings that lead a story's variants, the best first, MOST at most."""
    lead = lead_of(told)
    usual = key_of(lead)
    liked = {key_of(telling) for telling in told} & asked.preferred.keys() - {usual}
    muting = asked.muted.get(usual, 0)
    if not usual or not (liked or muting):
        return []
    own: dict[str, list[Telling]] = defaultdict(list)
    for telling in independent(told):
        if telling.news_at and key_of(telling) not in ("", usual):
            own[key_of(telling)].append(telling)
    wanted = Counter({key: asked.preferred[key] for key in liked if key in own})
    wanted.update(_instead(own, muting, asked.muted))
    kept = sorted(wanted, key=lambda key: (-wanted[key], key))[:MOST]
    return _best_first([lead_telling(own[key]) for key in kept])


def _instead(own: Mapping[str, Sequence[Telling]], muting: int, muted: Mapping[str, int]) -> dict[str, int]:
    """Who speaks for those who muted the usual one: the best of the others; where that is muted too, by so many who may
    be the same readers, also the next best."""
    wanted: dict[str, int] = {}
    left = dict(own)
    while muting and left and len(wanted) < MOST:
        best = key_of(lead_telling([telling for each in left.values() for telling in each]))
        wanted[best] = muting
        muting = min(muting, muted.get(best, 0))
        del left[best]
    return wanted


def _best_first(tellings: Sequence[Telling]) -> list[Telling]:
    left, ordered = list(tellings), []
    while left:
        best = lead_telling(left)
        ordered.append(best)
        left.remove(best)
    return ordered
