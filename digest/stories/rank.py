"""In what order stories are told, and by which telling. What the order is made of: `scorers`. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import heapify, heappop, heappush
from types import MappingProxyType

from digest.checks import RANK_WEIGHTS
from digest.stories.scorers import FULL_TEXT, IN_ORDER, SCORERS, StoryFacts, Window
from digest.stories.terms import language_of, near_equal, terms_of
from digest.types import Rights, Telling

COPY_OVERLAP = 0.9
"""Share of terms from which on two tellings are one text: editors change a word or two of a wire copy."""
ABOVE = 12
"""Stories of a topic that others of it are held against: the cards of a mail. It bounds the work, too."""
_LATEST = datetime.max.replace(tzinfo=UTC)

Fits = Mapping[tuple[int, int], float]
"""(article, topic) -> how well its rule is met, 0..1; 1 for what is not there."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A story with its score in 0..1 and what each scorer gave to it; the parts add up to the score."""

    facts: StoryFacts
    score: float
    parts: Mapping[str, float]

    @property
    def id(self) -> int:
        return self.facts.id


def rank(
    stories: Sequence[StoryFacts], *, since: datetime, until: datetime, weights: Mapping[str, float] = RANK_WEIGHTS
) -> list[Ranked]:
    """Best first. `weights` names scorers of `SCORERS` and `IN_ORDER` (KeyError otherwise); they are scaled to add up
    to 1.

    Place after place goes to the story that is best there, given what stands above it in one of its topics. What
    stands above only ever lowers a story, so whoever is still the best after a second look is it. Ties: the newer
    story, then the smaller id.
    """
    window = Window(since, until)
    if unknown := weights.keys() - SCORERS.keys() - IN_ORDER.keys():
        raise KeyError(min(unknown))
    total = sum(weights.values()) or 1.0
    shares = {name: weight / total for name, weight in weights.items()}
    above: dict[int, list[StoryFacts]] = defaultdict(list)

    def judged(facts: StoryFacts) -> Ranked:
        seen = [other for topic in _topics(facts) for other in above[topic]]
        parts = {
            name: share * (SCORERS[name](facts, window) if name in SCORERS else IN_ORDER[name](facts, seen))
            for name, share in shares.items()
        }
        return Ranked(facts, sum(parts.values()), MappingProxyType(parts))

    def entry(facts: StoryFacts) -> tuple[tuple[float, float, int], int, Ranked]:
        found = judged(facts)
        return (_order(found), sum(len(above[topic]) for topic in _topics(facts)), found)

    waiting = [entry(facts) for facts in stories]
    heapify(waiting)
    ranked: list[Ranked] = []
    while waiting:
        _, looked_at, best = heappop(waiting)
        if looked_at != sum(len(above[topic]) for topic in _topics(best.facts)):
            heappush(waiting, entry(best.facts))
            continue
        ranked.append(best)
        for topic in _topics(best.facts):
            if len(above[topic]) < ABOVE:
                above[topic].append(best.facts)
    return ranked


def _topics(facts: StoryFacts) -> Collection[int]:
    return facts.topics or (0,)


def _order(ranked: Ranked) -> tuple[float, float, int]:
    newest = ranked.facts.newest_at
    return (-round(ranked.score, 9), -newest.timestamp() if newest else 0.0, ranked.facts.id)


def facts_of(
    story_id: int, tellings: Sequence[Telling], topics: Collection[int] = (), fits: Fits = MappingProxyType({})
) -> StoryFacts:
    """The facts of a story from all its tellings (at least one). `topics` are those that the digest is made for, `fits`
    says how well articles meet their topics' rules."""
    times = [telling.news_at for telling in tellings if telling.news_at is not None]
    own = independent(tellings)
    lead = lead_telling([telling for telling in tellings if telling.news_at] or tellings)
    told: dict[str, datetime] = {}
    for telling in own:
        told.setdefault(_publisher(telling), _time(telling)[0])
    mine = {topic for telling in tellings for topic in telling.topic_ids}.intersection(topics)
    return StoryFacts(
        id=story_id,
        told_at=tuple(told.values()),
        first_at=min(times, default=None),
        newest_at=max(times, default=None),
        has_image=any(telling.image_url for telling in tellings),
        text_length=max(len(telling.text) for telling in tellings),
        weight=max(telling.weight for telling in own),
        fit=max((fit_of(own, topic, fits) for topic in mine), default=0.0),
        topics=frozenset(mine),
        terms=frozenset(terms_of(lead.title, "", language_of(lead.language, lead.title, lead.text)).title),
        publisher=_publisher(lead),
    )


def fit_of(own: Sequence[Telling], topic: int, fits: Fits) -> float:
    """How well a story belongs to a topic: the mean over its independent tellings, of which one that does not belong
    counts 0."""
    return sum(fits.get((one.id, topic), 1.0) for one in own if topic in one.topic_ids) / len(own)


def independent(tellings: Sequence[Telling]) -> list[Telling]:
    """The tellings in order of time without copies of an earlier one's text (wire copies, reposts)."""
    kept: list[Telling] = []
    terms: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
    for telling in sorted(tellings, key=_time):
        mine = terms_of(telling.title, telling.text, language_of(telling.language, telling.title, telling.text))
        own = (mine.title, tuple(mine.weights))
        if not any(_copy(own, other) for other in terms):
            kept.append(telling)
            terms.append(own)
    return kept


def lead_telling(tellings: Sequence[Telling]) -> Telling:
    """The telling that speaks for the story: complete, original, with an image, of a weighty source, early. ValueError
    for no tellings.

    Original is the earliest of several copies of one text, and what names no agency as its author: where that one may
    not be quoted, or is not complete, another speaks.
    """
    if not tellings:
        raise ValueError("a story without articles has no lead")
    originals = {telling.id for telling in independent(tellings) if not telling.credit}
    return min(tellings, key=lambda t: (-_worth(t, t.id in originals), *_time(t)))


def _worth(telling: Telling, original: bool) -> int:
    """Coarse on purpose: among tellings of about equal worth the earliest leads, so the lead changes rarely.

    A format as the headline ("Morning briefing") outweighs all else; then what a card can say; an original outweighs a
    picture, so that a copy with a better one does not take the lead. A source's weight gives -2..2: ten times as
    weighty is as good as a full text.
    """
    room = len(telling.text) if telling.rights != Rights.TITLE else 0  # a card may not say anything of it
    text = 2 if room >= FULL_TEXT else 1 if room >= FULL_TEXT / 4 else 0
    headline = 9 if terms_of(telling.title, "", telling.language).starred else 0
    weight = round(2 * math.log10(telling.weight))
    return headline + text + 3 * original + 2 * bool(telling.image_url) + weight


def _copy(one: tuple[tuple[str, ...], tuple[str, ...]], two: tuple[tuple[str, ...], tuple[str, ...]]) -> bool:
    if one[1] == two[1]:
        return bool(one[1])
    return near_equal(one[1], two[1], COPY_OVERLAP)


def _time(telling: Telling) -> tuple[datetime, int]:
    return (telling.published_at or telling.news_at or _LATEST, telling.id)


def _publisher(telling: Telling) -> str:
    return telling.publisher.strip().casefold()
