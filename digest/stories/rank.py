"""In what order stories are told, and by which telling. Each scorer is one function in the registry `SCORERS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from digest.stories.terms import language_of, near_equal, terms_of
from digest.types import Rights, Telling

FULL_TEXT = 600
"""Characters of text from which on a telling counts as complete: enough for a summary and more to read."""
COPY_OVERLAP = 0.9
"""Share of terms from which on two tellings are one text: editors change a word or two of a wire copy."""
_LATEST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class StoryFacts:
    """What ranking knows of a story."""

    id: int
    publishers: int
    """Independent ones: copies of one text count once."""
    first_at: datetime | None
    newest_at: datetime | None
    """When its first and newest article became news to us; None when all of it is backlog."""
    has_image: bool
    text_length: int
    """Characters of its longest text."""


@dataclass(frozen=True, slots=True)
class Window:
    """A reader's window (since, until]."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Ranked:
    """A story with its score in 0..1 and what each scorer gave to it; the parts add up to the score."""

    facts: StoryFacts
    score: float
    parts: Mapping[str, float]

    @property
    def id(self) -> int:
        return self.facts.id


Scorer = Callable[[StoryFacts, Window], float]


def coverage(facts: StoryFacts, window: Window) -> float:
    """1 publisher 0, 2 publishers 0.4, 3 publishers 0.64, and so on towards 1: each further one says less."""
    return 1.0 - 0.6 ** max(0, facts.publishers - 1)


def freshness(facts: StoryFacts, window: Window) -> float:
    """How late in the reader's own window it moved: relative, so that a weekly reader does not lose Monday."""
    if facts.newest_at is None or window.until <= window.since:
        return 0.0
    return min(1.0, max(0.0, (facts.newest_at - window.since) / (window.until - window.since)))


def completeness(facts: StoryFacts, window: Window) -> float:
    """Half for an image, half for a text that is long enough."""
    return 0.5 * facts.has_image + 0.5 * min(1.0, facts.text_length / FULL_TEXT)


SCORERS: Mapping[str, Scorer] = MappingProxyType(
    {"coverage": coverage, "freshness": freshness, "completeness": completeness}
)
WEIGHTS: Mapping[str, float] = MappingProxyType({"coverage": 0.55, "freshness": 0.25, "completeness": 0.2})
"""What several newsrooms chose to tell matters most; freshness decides among equals."""


def rank(
    stories: Sequence[StoryFacts], *, since: datetime, until: datetime, weights: Mapping[str, float] = WEIGHTS
) -> list[Ranked]:
    """Best first. `weights` names scorers of `SCORERS` (KeyError otherwise); they are scaled to add up to 1.

    Ties: the newer story, then the smaller id.
    """
    window = Window(since, until)
    total = sum(weights.values()) or 1.0
    ranked = []
    for facts in stories:
        parts = {name: weight / total * SCORERS[name](facts, window) for name, weight in weights.items()}
        ranked.append(Ranked(facts, sum(parts.values()), MappingProxyType(parts)))
    return sorted(ranked, key=_order)


def _order(ranked: Ranked) -> tuple[float, float, int]:
    newest = ranked.facts.newest_at
    return (-round(ranked.score, 9), -newest.timestamp() if newest else 0.0, ranked.facts.id)


def facts_of(story_id: int, tellings: Sequence[Telling]) -> StoryFacts:
    """The facts of a story from all its tellings (at least one)."""
    times = [telling.news_at for telling in tellings if telling.news_at is not None]
    return StoryFacts(
        id=story_id,
        publishers=len({_publisher(telling) for telling in independent(tellings)}),
        first_at=min(times, default=None),
        newest_at=max(times, default=None),
        has_image=any(telling.image_url for telling in tellings),
        text_length=max(len(telling.text) for telling in tellings),
    )


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
    """The telling that speaks for the story: complete, with an image, original, early. ValueError for no tellings."""
    if not tellings:
        raise ValueError("a story without articles has no lead")
    originals = {telling.id for telling in independent(tellings)}
    return min(tellings, key=lambda t: (-_worth(t, t.id in originals), *_time(t)))


def _worth(telling: Telling, original: bool) -> int:
    """Coarse on purpose: among tellings of about equal worth the earliest leads, so the lead changes rarely."""
    room = len(telling.text) if telling.rights != Rights.TITLE else 0  # a card may not say anything of it
    text = 2 if room >= FULL_TEXT else 1 if room >= FULL_TEXT / 4 else 0
    headline = 6 if terms_of(telling.title, "", telling.language).starred else 0
    return headline + 2 * bool(telling.image_url) + text + original


def _copy(one: tuple[tuple[str, ...], tuple[str, ...]], two: tuple[tuple[str, ...], tuple[str, ...]]) -> bool:
    if one[1] == two[1]:
        return bool(one[1])
    return near_equal(one[1], two[1], COPY_OVERLAP)


def _time(telling: Telling) -> tuple[datetime, int]:
    return (telling.published_at or telling.news_at or _LATEST, telling.id)


def _publisher(telling: Telling) -> str:
    return telling.publisher.strip().casefold()
