"""Building a digest: which stories an edition tells and how they are written, in memory. `freezing` makes it last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Engine
from sqlmodel import Session

from digest.checks import RANK_WEIGHTS
from digest.compose.blocks import BlockCache, Compiled, chrome_blocks, compile_blocks, story_blocks, story_of
from digest.compose.content import ALL_QUIET, BREAKING, WELCOME, Card, Frozen, FrozenStory, Manifest, Site, Variant
from digest.compose.fragments import Fragment, address, guard, pack
from digest.compose.room import sizes_of
from digest.compose.theme import Theme
from digest.service.cards import card_led_by, cards_of, headline_terms, lead_of, public_cards, tellers_of
from digest.service.ruled import acting, closed_topics, hidden_everywhere, pinned
from digest.service.scribe import Scribe, Write
from digest.service.topicrules import topic_rules
from digest.service.variants import NOTHING, Asked, key_of, other_leads
from digest.store import editions, stories
from digest.store.db import reading
from digest.store.lineage import lineage
from digest.store.rulings import rulings
from digest.stories.match import strength
from digest.stories.matching import Matcher
from digest.stories.rank import Fits, facts_of, independent, rank
from digest.stories.scorers import StoryFacts
from digest.types import Pick, RawArticle, Ruling, Telling
from subscribers import topics as shelf

CANDIDATES = 40
"""Stories an edition keeps of each topic in each window: more than twice what a reader is shown, so that memory may
strike many. Of each topic, not of all together: a busy topic must not leave a quiet one's readers without mail."""


SUMMED_UP = 12
"""Stories of each topic in each window that a language model is asked about: as many as a mail has cards. What is told
in one line needs no summary."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What building and freezing work with."""

    engine: Engine
    theme: Theme
    site: Site
    cache: BlockCache
    languages: tuple[str, ...]
    """The languages there are catalogues for."""
    letters: dict[tuple[str, str], Mapping[str, Fragment]] = field(default_factory=dict)
    """System mails compiled so far, by mail and language."""
    weights: Mapping[str, float] = field(default_factory=lambda: RANK_WEIGHTS)
    """What counts how much in the order of stories."""
    quiet: dict[int, Mapping[int, object]] = field(default_factory=dict)
    """Topic -> story -> in what state it was when it was found not to break (`service.breaking`)."""
    scribe: Scribe | None = None
    """Who writes summaries, if anybody does."""
    zone: str = "UTC"
    """Where the archive's days begin and end."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What the store knows for an edition."""

    topics: Mapping[int, str]
    open: Mapping[int, frozenset[int]]
    """Story id -> the public topics in which everybody may read it; with any, it has a page of its own."""
    tellings: Mapping[int, Sequence[Telling]]
    versions: Mapping[int, set[int]]
    """Story id -> the versions that readers were told before."""
    fits: Fits
    rulings: tuple[Ruling, ...]
    was: Mapping[int, tuple[int, ...]]
    """Story id -> those that have become part of it."""


@dataclass(frozen=True, slots=True)
class _Written:
    """A story's cards: its full telling and updates, and the full telling as others lead it."""

    usual: Sequence[Card]
    led: Sequence[tuple[Telling, Card]] = ()

    @property
    def cards(self) -> list[Card]:
        return [*self.usual, *(card for _, card in self.led)]


@dataclass(frozen=True, slots=True)
class _Ranking:
    """The stories that an edition tells, and their order in each window."""

    chosen: Mapping[int, Sequence[Telling]]
    orders: Mapping[str, tuple[int, ...]]
    parts: Mapping[str, Mapping[int, Mapping[str, float]]]


def build_digest(
    shop: Workshop,
    *,
    topics: Sequence[int],
    languages: Sequence[str],
    starts: Sequence[datetime],
    until: datetime,
    now: datetime,
    values: Mapping[str, str] | None = None,
    blobs: dict[str, bytes] | None = None,
    write: Write | None = None,
    asked: Asked = NOTHING,
    public: dict[Pick, Card] | None = None,
) -> Frozen:
    """A digest of these topics for every window that begins at one of `starts` and ends `until`. Nothing is stored.

    `languages` are those of its readers; what there is no catalogue for is English. `now` is the moment it speaks from.
    `values` with `digest.compose.content.WELCOME` makes it a welcome mail, with BREAKING one of that story alone; with
    ALL_QUIET it has something to say to whom it has no story for.
    Content addresses and bytes of its fragments are added to `blobs`. `write` gives summaries of the stories that are
    likely to be cards. `asked` is what readers want of publishers (`variants`). The cards as everybody may see them
    (`archiving`) are added to `public`. Raises TemplateError when a template of
    the chrome is broken, and StoreError.
    """
    values = values or {}
    only = int(values[BREAKING]) if BREAKING in values else None
    with reading(shop.engine) as session:
        found = _found(session, topics, starts, until, now, only)
    ranking = _rank(found, starts, until, shop.weights)
    spoken = sorted({each if each in shop.languages else "en" for each in languages} | {"en"})
    written = write(_leads(ranking, found)) if write else {}
    cards = {
        story: _written(story, told, found, written.get(story, ""), asked) for story, told in ranking.chosen.items()
    }
    if public is not None:
        for story, told in ranking.chosen.items():
            public.update(public_cards(told, cards[story].usual, found.open[story], found.versions.get(story, ())))
    greets = {"welcome": WELCOME in values, "all_quiet": ALL_QUIET in values}
    blocks = [block for lang in spoken for block in chrome_blocks(found.topics, lang, **greets)]
    blocks += [block for lang in spoken for each in cards.values() for block in story_blocks(each.cards, lang)]
    compiled = compile_blocks(shop.theme, shop.site, blocks, shop.cache)
    kept: dict[str, bytes] = {} if blobs is None else blobs
    manifest = _manifest(shop.site, now, found.topics, ranking, _facts(ranking, cards, found, compiled), compiled, kept)
    return Frozen(replace(manifest, values=values, rulings=found.rulings), compiled.html, compiled.text)


def _found(
    session: Session,
    topics: Sequence[int],
    starts: Sequence[datetime],
    until: datetime,
    now: datetime,
    only: int | None,
) -> _Found:
    topics_there = shelf.list_topics(session)
    names = {topic.id: topic.name for topic in topics_there}
    public = {topic.id for topic in topics_there if topic.public}
    told = {id_: guard(names[id_]) for id_ in sorted(topics) if id_ in names}
    ids = stories.stories_in_window(session, topic_ids=list(told), since=min(starts), until=until) if starts else []
    ids = [story for story in ids if only in (None, story)]
    ruled = rulings(session, ids)
    candidates = sorted(set(ids) - hidden_everywhere(ruled))
    tellings = _until(stories.tellings_of(session, candidates), until)
    fits = _fits(tellings, topic_rules(session).matcher, told.keys())
    open_in = {
        story: frozenset({topic for one in tells for topic in one.topic_ids} & public - closed_topics(ruled, story))
        for story, tells in tellings.items()
    }
    versions = editions.versions_told(session, candidates)
    became = lineage(session)
    was = {story: tuple(sorted(became.was(story))) for story in candidates}
    return _Found(told, open_in, tellings, versions, fits, acting(ruled, told.keys(), now), was)


def _written(story: int, told: Sequence[Telling], found: _Found, summary: str, asked: Asked) -> _Written:
    public = bool(found.open[story])
    usual = cards_of(told, sorted(found.versions.get(story, ())), summary, public=public)
    return _Written(usual, [(lead, card_led_by(lead, told, public=public)) for lead in other_leads(told, asked)])


def _fits(tellings: Mapping[int, Sequence[Telling]], matcher: Matcher, topics: Collection[int]) -> Fits:
    """How well articles meet the rules of those of these topics that have one."""
    ruled = matcher.ids.intersection(topics)
    return {
        (telling.id, topic): strength(reasons)
        for told in tellings.values()
        for telling in told
        if ruled.intersection(telling.topic_ids)
        for topic, reasons in matcher.match(_raw(telling)).items()
        if topic in ruled
    }


def _raw(telling: Telling) -> RawArticle:
    """An article as rules see it."""
    same = ("url", "title", "text", "summary", "author", "publisher", "language", "published_at")
    return RawArticle(guid=telling.url, **{name: getattr(telling, name) for name in same})


def _until(tellings: Mapping[int, Sequence[Telling]], until: datetime) -> dict[int, list[Telling]]:
    """What was known when the edition's window closed; later articles belong to the next one."""
    kept = {
        story: [telling for telling in told if telling.news_at is None or telling.news_at <= until]
        for story, told in tellings.items()
    }
    return {story: told for story, told in kept.items() if any(telling.news_at for telling in told)}


def _rank(found: _Found, starts: Sequence[datetime], until: datetime, weights: Mapping[str, float]) -> _Ranking:
    """Per window start: stories best first, with the parts of each rank."""
    facts = {story: facts_of(story, told, found.topics, found.fits) for story, told in found.tellings.items()}
    orders: dict[str, tuple[int, ...]] = {}
    parts: dict[str, dict[int, Mapping[str, float]]] = {}
    for since in sorted(set(starts)):
        inside: list[StoryFacts] = [
            facts[story]
            for story, told in found.tellings.items()
            if any(t.news_at and since < t.news_at <= until and set(t.topic_ids) & found.topics.keys() for t in told)
        ]
        ranked = rank(inside, since=since, until=until, weights=weights)
        kept = _best_of_each([each.id for each in ranked], found, CANDIDATES)
        orders[since.isoformat()] = kept
        parts[since.isoformat()] = {each.id: _rounded(each.parts) for each in ranked if each.id in set(kept)}
    wanted = {story for order in orders.values() for story in order}
    chosen = {story: told for story, told in found.tellings.items() if story in wanted}
    return _Ranking(chosen, orders, parts)


def _rounded(parts: Mapping[str, float]) -> dict[str, float]:
    """Four places tell any two apart that a reader could, and keep the frozen text short."""
    return {name: round(part, 4) for name, part in parts.items()}


def _best_of_each(order: Sequence[int], found: _Found, most: int) -> tuple[int, ...]:
    """The stories that are among the first `most` of one of their topics, or that are pinned, in the same order."""
    seen: Counter[int] = Counter()
    first = pinned(found.rulings)
    kept = []
    for story in order:
        mine = {topic for telling in found.tellings[story] for topic in telling.topic_ids} & found.topics.keys()
        if story in first or any(seen[topic] < most for topic in mine):
            kept.append(story)
        seen.update(mine)
    return tuple(kept)


def _leads(ranking: _Ranking, found: _Found) -> list[Telling]:
    """Who speaks for the stories that are likely to be cards, the best of any window first."""
    places: dict[int, int] = {}
    for order in ranking.orders.values():
        for place, story in enumerate(_best_of_each(order, found, SUMMED_UP)):
            places[story] = min(place, places.get(story, place))
    return [lead_of(ranking.chosen[story]) for story in sorted(places, key=lambda each: (places[each], each))]


def _facts(
    ranking: _Ranking, cards: Mapping[int, _Written], found: _Found, compiled: Compiled
) -> dict[int, FrozenStory]:
    """What selection needs; stories and variants whose blocks failed to render are not there, so nobody gets them."""
    broken = {story_of(key) for key in compiled.dropped}
    full_sizes, brief_sizes = sizes_of(compiled.html, ("lead", "card")), sizes_of(compiled.html, ("brief",))
    facts = {}
    for story, written in cards.items():
        if (story, 0) in broken:
            continue
        full, *updates = written.usual
        told = ranking.chosen[story]
        tellers = tellers_of(told)
        facts[story] = FrozenStory(
            version=full.version,
            topics=tuple(sorted({topic for telling in told for topic in telling.topic_ids} & found.topics.keys())),
            title=full.title,
            words=_words(full),
            publishers=len({telling.publisher for telling in independent(told)}),
            updates={card.from_version: card.title for card in updates},
            tellers=tellers,
            terms=headline_terms(full),
            variants=tuple(
                _variant(lead, card, tellers) for lead, card in written.led if (story, lead.id) not in broken
            ),
            was=found.was[story],
            size=full_sizes[story],
            brief_size=brief_sizes[story],
        )
    return facts


def _variant(lead: Telling, card: Card, tellers: Sequence[str]) -> Variant:
    return Variant(
        publisher=key_of(lead),
        article_id=lead.id,
        title=card.title,
        words=_words(card),
        tellers=tuple(dict.fromkeys((guard(lead.publisher), *tellers))),
        terms=headline_terms(card),
    )


def _words(card: Card) -> int:
    return len(card.summary.split()) + len(card.title.split())


def _manifest(
    site: Site,
    now: datetime,
    topics: Mapping[int, str],
    ranking: _Ranking,
    facts: Mapping[int, FrozenStory],
    compiled: Compiled,
    blobs: dict[str, bytes],
) -> Manifest:
    return Manifest(
        kind="digest",
        frozen_at=now,
        site=site,
        topics=topics,
        stories=facts,
        orders={since: tuple(story for story in order if story in facts) for since, order in ranking.orders.items()},
        parts={since: {s: each for s, each in told.items() if s in facts} for since, told in ranking.parts.items()},
        times={
            telling.id: at
            for told in ranking.chosen.values()
            for telling in told
            if (at := telling.published_at or telling.news_at) is not None
        },
        html=store_fragments(compiled.html, blobs),
        text=store_fragments(compiled.text, blobs),
    )


def store_fragments(fragments: Mapping[str, Fragment], blobs: dict[str, bytes]) -> dict[str, str]:
    """Content addresses of fragments, whose bytes go into `blobs`."""
    named = {}
    for key, fragment in fragments.items():
        data = pack(fragment)
        named[key] = address(data)
        blobs[named[key]] = data
    return named
