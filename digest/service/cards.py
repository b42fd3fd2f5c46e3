"""What an edition says of one story: the card of its full telling, and one for each version that readers had before.

Nothing is said beyond what the rights of an article's source allow (`stories.rights`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from digest.compose.content import Card
from digest.compose.fragments import guard
from digest.compose.theme import direction
from digest.stories.rank import independent, lead_telling
from digest.stories.rights import credited
from digest.stories.sofar import extract, quotable_news
from digest.stories.summary import Heard
from digest.stories.terms import language_of, terms_of
from digest.types import Pick, Telling
from subscribers.votes import MOST_TERMS

ALSO = 3
"""Further publishers named on a card; the others are counted."""


def lead_of(told: Sequence[Telling]) -> Telling:
    """Who speaks for a story: of its tellings that are news."""
    return lead_telling([telling for telling in told if telling.news_at])


def cards_of(
    told: Sequence[Telling], told_versions: Sequence[int], written: str = "", *, public: bool = False
) -> list[Card]:
    """The full telling, and one update for every version that readers were sent before, where there is news.

    `written` is what a language model made of `lead_of(told)` (`service.scribe`); without it, and in updates, the
    articles speak in their own sentences. `public` says that the story has a page of its own
    (`digest.service.storypages`), to which its cards lead.
    """
    version = max(telling.story_version for telling in told)
    newsworthy = [telling for telling in told if telling.news_at]
    lead = lead_of(told)
    full = _card(lead, told, version, 0, written or extract(lead))
    cards = [replace(full, machine=bool(written))]
    for earlier in told_versions:
        before = [telling for telling in told if telling.story_version <= earlier]
        after = [telling for telling in newsworthy if telling.story_version > earlier]
        heard = Heard()
        heard.hear(before)
        news = quotable_news(heard, after)
        if news:
            source = next(telling for telling in after if telling.id == news[0][0])
            cards.append(_card(source, after, version, earlier, " ".join(said for _, said in news)))
    return [_with_page(card, public) for card in cards]


def card_led_by(lead: Telling, told: Sequence[Telling], *, public: bool) -> Card:
    """The full telling as this one of them leads it (`service.variants`). A language model sums up only what usually
    leads, so the article speaks in its own sentences."""
    version = max(telling.story_version for telling in told)
    return replace(_with_page(_card(lead, told, version, 0, extract(lead)), public), led_by=lead.id)


def public_cards(
    told: Sequence[Telling], usual: Sequence[Card], open_in: Collection[int], told_versions: Iterable[int]
) -> dict[Pick, Card]:
    """The cards of a story as everybody may see them, by the pick that each stands for; none when nobody may.

    They are the mailed ones, but for a story that articles of private topics tell too: what an organisation pushes to
    its own readers must not become public because a newspaper reports the same event. Such a story is told by its
    public articles alone (`storypages` holds to the same).
    """
    public = [telling for telling in told if not set(telling.topic_ids).isdisjoint(open_in)]
    if not any(telling.news_at for telling in public):
        return {}
    cards = usual if len(public) == len(told) else cards_of(public, sorted(told_versions), public=True)
    version = usual[0].version  # of the story: by it an edition's picks are known
    return {Pick(card.story_id, version, card.from_version): card for card in cards}


def _with_page(card: Card, public: bool) -> Card:
    return replace(card, page=f"/story/{card.story_id}") if public else card


def tellers_of(told: Sequence[Telling]) -> tuple[str, ...]:
    """The independent publishers by name, the one whose telling is shown in full first; copies are nobody's own."""
    names = [lead_of(told).publisher, *(telling.publisher for telling in independent(told))]
    return tuple(dict.fromkeys(guard(name) for name in names if name))


def headline_terms(card: Card) -> tuple[str, ...]:
    """The words of a headline by which votes compare stories, MOST_TERMS at most, each once."""
    words = terms_of(card.title, "", language_of(card.language, card.title, "")).title
    return tuple(list(dict.fromkeys(words))[:MOST_TERMS])


def _card(lead: Telling, told: Sequence[Telling], version: int, from_version: int, summary: str) -> Card:
    others = list(dict.fromkeys(t.publisher for t in independent(told) if t.publisher not in ("", lead.publisher)))
    return Card(
        story_id=lead.story_id or 0,
        version=version,
        from_version=from_version,
        article_id=lead.id,
        title=guard(lead.title),
        summary=guard(summary),
        url=guard(lead.url),
        publisher=guard(credited(lead.publisher, lead.credit)),
        language=guard(lead.language),
        direction=direction(lead.language) if lead.language else "ltr",
        also=tuple(guard(name) for name in others[:ALSO]),
        others=len(others[ALSO:]),
        image_url=guard(lead.image_url) if not from_version else "",
        image_alt=guard(lead.image_alt),
    )
