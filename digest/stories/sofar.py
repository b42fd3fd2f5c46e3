"""The story so far: tellings -> chapters, each with what it added, within the rights of every source. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

from digest.stories.rank import independent, lead_telling
from digest.stories.rights import credited, fits, shown
from digest.stories.summary import Heard, summarise
from digest.types import Chapter, Coverage, Quote, Rights, Telling

_EARLIEST = datetime.min.replace(tzinfo=UTC)


def chapters_of(tellings: Sequence[Telling]) -> tuple[Chapter, ...]:
    """The chapters of a story, the newest first: one for each version that some of these tellings made.

    The first says what the story begins with, in the words of the telling that leads it; each later one at most two
    sentences with no near-equal in what was told before. A chapter that adds nothing has no words of its own.
    """
    versions: dict[int, list[Telling]] = defaultdict(list)
    for telling in tellings:
        versions[telling.story_version].append(telling)
    heard = Heard()
    made = []
    for place, version in enumerate(sorted(versions)):
        told = versions[version]
        news = _added(heard, told) if place else _beginning(told)
        coverage = sorted((_coverage(telling) for telling in told), key=lambda each: each.at or _EARLIEST)
        made.append(
            Chapter(version, max((each.at for each in coverage if each.at), default=None), news, tuple(coverage))
        )
        heard.hear(told)
    # An article may be found late, so that a later version brings an earlier time; pages go by the clock.
    return tuple(sorted(made, key=lambda chapter: (chapter.at or _EARLIEST, chapter.version), reverse=True))


def publishers_of(tellings: Sequence[Telling]) -> int:
    """How many publishers told it in words of their own."""
    return len({telling.publisher.strip().casefold() for telling in independent(tellings)})


def quotable_news(heard: Heard, after: Sequence[Telling]) -> list[tuple[int, str]]:
    """(article, what is new in it) in order, each article within its own rights; [] when nothing is."""
    quotable = {telling.id: telling for telling in after if telling.rights != Rights.TITLE}
    said: dict[int, list[str]] = {}
    for sentence, number in heard.news(list(quotable.values())) if quotable else ():
        said.setdefault(number, []).append(sentence)
    return [
        (number, shown(" ".join(found), quotable[number].rights, quotable[number].language))
        for number, found in said.items()
    ]


def extract(lead: Telling) -> str:
    """Two or three whole sentences of a telling, within the rights of its source."""
    return summarise(
        lead.title,
        lead.text,
        language=lead.language,
        fits=lambda told: fits(told, lead.rights, lead.language),
    )


def _beginning(told: Sequence[Telling]) -> tuple[Quote, ...]:
    lead = lead_telling(told)
    text = extract(lead)
    return (_quote(text, lead),) if text else ()


def _added(heard: Heard, told: Sequence[Telling]) -> tuple[Quote, ...]:
    by_id = {telling.id: telling for telling in told}
    return tuple(_quote(text, by_id[number]) for number, text in quotable_news(heard, told))


def _quote(text: str, telling: Telling) -> Quote:
    return Quote(text, credited(telling.publisher, telling.credit), telling.language)


def _coverage(telling: Telling) -> Coverage:
    return Coverage(
        title=telling.title,
        url=telling.url,
        publisher=credited(telling.publisher, telling.credit),
        language=telling.language,
        at=telling.published_at or telling.news_at,
    )
