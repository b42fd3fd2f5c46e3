"""Building a digest: which stories an edition tells and how they are written, in memory. `freezing` makes it last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Engine
from sqlmodel import Session

from digest.compose.blocks import BlockCache, Compiled, chrome_blocks, compile_blocks, story_blocks
from digest.compose.content import WELCOME, Card, Frozen, FrozenStory, Manifest, Site
from digest.compose.fragments import Fragment, address, guard, pack
from digest.compose.theme import Theme
from digest.service.cards import cards_of
from digest.store import editions, stories
from digest.store.db import reading
from digest.stories.rank import Ranked, StoryFacts, facts_of, independent, rank
from digest.types import Telling
from subscribers import topics as shelf

CANDIDATES = 40
"""Stories an edition keeps of each topic in each window: more than twice what a reader is shown, so that memory may
strike many. Of each topic, not of all together: a busy topic must not leave a quiet one's readers without mail."""


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


@dataclass(frozen=True, slots=True)
class _Found:
    """What the store knows for an edition."""

    topics: Mapping[int, str]
    public: frozenset[int]
    """The public ones of all topics, not only of this edition's."""
    tellings: Mapping[int, Sequence[Telling]]
    versions: Mapping[int, set[int]]
    """Story id -> the versions that readers were told before."""


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
) -> Frozen:
    """A digest of these topics for every window that begins at one of `starts` and ends `until`. Nothing is stored.

    `languages` are those of its readers; what there is no catalogue for is English. `now` is the moment it speaks from.
    `values` with `digest.compose.content.WELCOME` makes it a welcome mail. Content addresses and bytes of its fragments
    are added to `blobs`. Raises TemplateError when a template of the chrome is broken, and StoreError.
    """
    values = values or {}
    with reading(shop.engine) as session:
        found = _found(session, topics, starts, until)
    ranking = _rank(found, starts, until)
    spoken = sorted({each if each in shop.languages else "en" for each in languages} | {"en"})
    cards = {
        story: cards_of(
            told,
            sorted(found.versions.get(story, ())),
            public=any(found.public.intersection(telling.topic_ids) for telling in told),
        )
        for story, told in ranking.chosen.items()
    }
    blocks = [block for lang in spoken for block in chrome_blocks(found.topics, lang, welcome=WELCOME in values)]
    blocks += [block for lang in spoken for tells in cards.values() for block in story_blocks(tells, lang)]
    compiled = compile_blocks(shop.theme, shop.site, blocks, shop.cache)
    kept: dict[str, bytes] = {} if blobs is None else blobs
    manifest = _manifest(shop.site, now, found.topics, ranking, _facts(ranking, cards, found, compiled), compiled, kept)
    return Frozen(replace(manifest, values=values), compiled.html, compiled.text)


def _found(session: Session, topics: Sequence[int], starts: Sequence[datetime], until: datetime) -> _Found:
    topics_there = shelf.list_topics(session)
    names = {topic.id: topic.name for topic in topics_there}
    public = frozenset(topic.id for topic in topics_there if topic.public)
    told = {id_: guard(names[id_]) for id_ in sorted(topics) if id_ in names}
    ids = stories.stories_in_window(session, topic_ids=list(told), since=min(starts), until=until) if starts else []
    tellings = _until(stories.tellings_of(session, ids), until)
    return _Found(told, public, tellings, editions.versions_told(session, ids))


def _until(tellings: Mapping[int, Sequence[Telling]], until: datetime) -> dict[int, list[Telling]]:
    """What was known when the edition's window closed; later articles belong to the next one."""
    kept = {
        story: [telling for telling in told if telling.news_at is None or telling.news_at <= until]
        for story, told in tellings.items()
    }
    return {story: told for story, told in kept.items() if any(telling.news_at for telling in told)}


def _rank(found: _Found, starts: Sequence[datetime], until: datetime) -> _Ranking:
    """Per window start: stories best first, with the parts of each rank."""
    orders: dict[str, tuple[int, ...]] = {}
    parts: dict[str, dict[int, Mapping[str, float]]] = {}
    for since in sorted(set(starts)):
        inside: list[StoryFacts] = [
            facts_of(story, told)
            for story, told in found.tellings.items()
            if any(t.news_at and since < t.news_at <= until and set(t.topic_ids) & found.topics.keys() for t in told)
        ]
        ranked = _best_of_each(rank(inside, since=since, until=until), found.tellings, found.topics)
        orders[since.isoformat()] = tuple(each.id for each in ranked)
        parts[since.isoformat()] = {each.id: _rounded(each.parts) for each in ranked}
    wanted = {story for order in orders.values() for story in order}
    chosen = {story: told for story, told in found.tellings.items() if story in wanted}
    return _Ranking(chosen, orders, parts)


def _rounded(parts: Mapping[str, float]) -> dict[str, float]:
    """Four places tell any two apart that a reader could, and keep the frozen text short."""
    return {name: round(part, 4) for name, part in parts.items()}


def _best_of_each(
    ranked: Sequence[Ranked], tellings: Mapping[int, Sequence[Telling]], topics: Mapping[int, str]
) -> list[Ranked]:
    """The stories that are among the first CANDIDATES of one of their topics, in the same order."""
    seen: Counter[int] = Counter()
    kept = []
    for found in ranked:
        mine = {topic for telling in tellings[found.facts.id] for topic in telling.topic_ids} & topics.keys()
        if any(seen[topic] < CANDIDATES for topic in mine):
            kept.append(found)
        seen.update(mine)
    return kept


def _facts(
    ranking: _Ranking, cards: Mapping[int, Sequence[Card]], found: _Found, compiled: Compiled
) -> dict[int, FrozenStory]:
    """What selection needs; stories whose blocks failed to render are not there, so nobody picks them."""
    broken = {int(key.split("/")[2]) for key in compiled.dropped}
    facts = {}
    for story, (full, *updates) in cards.items():
        if story in broken:
            continue
        told = ranking.chosen[story]
        facts[story] = FrozenStory(
            version=full.version,
            topics=tuple(sorted({topic for telling in told for topic in telling.topic_ids} & found.topics.keys())),
            title=full.title,
            words=len(full.summary.split()) + len(full.title.split()),
            publishers=len({telling.publisher for telling in independent(told)}),
            updates={card.from_version: card.title for card in updates},
        )
    return facts


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
