"""Freezing an edition: what it tells is chosen, written, compiled and stored before anybody may send it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine
from sqlmodel import Session

from digest.compose.blocks import BlockCache, Compiled, chrome_blocks, compile_blocks, inline, story_blocks
from digest.compose.content import Card, FrozenStory, Manifest, Site, pack_manifest
from digest.compose.fragments import Fragment, address, cut, guard, pack
from digest.compose.theme import Theme, direction
from digest.service.profiles import profiles_of
from digest.store import editions, stories
from digest.store.db import reading, writing
from digest.stories.rank import Ranked, StoryFacts, facts_of, independent, lead_telling, rank
from digest.stories.summary import news_since, summarise
from digest.types import Telling
from subscribers import topics as shelf

CANDIDATES = 40
"""Stories an edition keeps of each topic in each window: more than twice what a reader is shown, so that memory may
strike many. Of each topic, not of all together: a busy topic must not leave a quiet one's readers without mail."""

ALSO = 3
"""Further publishers named under a story; the rest is a number."""


Guard = Callable[[Session], None]
"""Called first in every planning transaction; raises StaleFence when this process no longer holds the clock."""


def unguarded(session: Session) -> None:
    """The guard of what needs no clock: a send by hand."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What freezing works with."""

    engine: Engine
    theme: Theme
    site: Site
    cache: BlockCache
    languages: tuple[str, ...]
    """The languages there are catalogues for."""
    letters: dict[tuple[str, str], Mapping[str, Fragment]] = field(default_factory=dict)
    """System mails compiled so far, by mail and language."""


def freeze_digest(shop: Workshop, edition_id: int, *, now: datetime, guard: Guard = unguarded) -> int:
    """Freeze a planned digest edition; returns its number of deliveries. Durable and leasable when this returns.

    Safe to repeat after a crash: until the last transaction, which begins with `guard`, nothing of it is visible.
    Raises TemplateError when a template of the chrome is broken, StaleFence from the guard, StoreError.
    """
    with reading(shop.engine) as session:
        edition = editions.get_edition(session, edition_id)
        until = edition.planned_at
        profiles = profiles_of(session, editions.profile_ids(session, edition_id)).values()
        topics = _topics(session, sorted({topic for profile in profiles for topic in profile.topics}), edition.topic_id)
        starts = editions.windows(session, edition_id)
        ids = (
            stories.stories_in_window(session, topic_ids=sorted(topics), since=starts[0], until=until) if starts else []
        )
        tellings = _until(stories.tellings_of(session, ids), until)
        versions = editions.versions_told(session, ids)
    chosen, orders, reasons = _rank(tellings, topics, starts, until)
    languages = sorted(
        {profile.language if profile.language in shop.languages else "en" for profile in profiles} | {"en"}
    )
    cards = {story: _cards(told, sorted(versions.get(story, ()))) for story, told in chosen.items()}
    blocks = [block for language in languages for block in chrome_blocks(topics, language)]
    blocks += [b for language in languages for tells in cards.values() for b in story_blocks(tells, language)]
    compiled = compile_blocks(shop.theme, shop.site, blocks, shop.cache)
    facts = _facts(chosen, cards, topics, compiled)
    manifest, blobs = _manifest(shop, now, topics, facts, orders, reasons, chosen, compiled)
    data = pack_manifest(manifest)
    blobs[address(data)] = data
    with writing(shop.engine) as session:
        guard(session)
        return editions.freeze(
            session,
            edition_id,
            at=now,
            blob=address(data),
            blobs=blobs,
            told={story: fact.version for story, fact in facts.items()},
        )


def _topics(session: Session, ids: Sequence[int], only: int | None) -> dict[int, str]:
    names = {topic.id: topic.name for topic in shelf.list_topics(session)}
    return {id_: guard(names[id_]) for id_ in ids if id_ in names and only in (None, id_)}


def _until(tellings: Mapping[int, Sequence[Telling]], until: datetime) -> dict[int, list[Telling]]:
    """What was known when the edition's window closed; later articles belong to the next one."""
    kept = {
        story: [telling for telling in told if telling.news_at is None or telling.news_at <= until]
        for story, told in tellings.items()
    }
    return {story: told for story, told in kept.items() if any(telling.news_at for telling in told)}


def _rank(
    tellings: Mapping[int, Sequence[Telling]], topics: Mapping[int, str], starts: Sequence[datetime], until: datetime
) -> tuple[dict[int, list[Telling]], dict[str, tuple[int, ...]], dict[str, dict[int, str]]]:
    """Per window start: stories best first, with the parts of each rank as words."""
    orders: dict[str, tuple[int, ...]] = {}
    reasons: dict[str, dict[int, str]] = {}
    for since in starts:
        inside: list[StoryFacts] = [
            facts_of(story, told)
            for story, told in tellings.items()
            if any(t.news_at and since < t.news_at <= until and set(t.topic_ids) & topics.keys() for t in told)
        ]
        ranked = _best_of_each(rank(inside, since=since, until=until), tellings, topics)
        orders[since.isoformat()] = tuple(found.id for found in ranked)
        reasons[since.isoformat()] = {
            found.id: f"rank {found.score:.2f} = "
            + " + ".join(f"{name} {part:.2f}" for name, part in found.parts.items())
            for found in ranked
        }
    wanted = {story for order in orders.values() for story in order}
    return {story: list(told) for story, told in tellings.items() if story in wanted}, orders, reasons


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


def _parts(ranked: Ranked) -> str:
    return f"rank {ranked.score:.2f} = " + " + ".join(f"{name} {part:.2f}" for name, part in ranked.parts.items())


def _cards(told: Sequence[Telling], told_versions: Sequence[int]) -> list[Card]:
    """The full telling, and one update for every version that readers were sent before, where there is news."""
    version = max(telling.story_version for telling in told)
    newsworthy = [telling for telling in told if telling.news_at]
    cards = [_card(lead_telling(newsworthy), told, version, 0, "")]
    for earlier in told_versions:
        before = [telling for telling in told if telling.story_version <= earlier]
        after = [telling for telling in newsworthy if telling.story_version > earlier]
        news = news_since(before, after) if after else []
        if news:
            source = next(telling for telling in after if telling.id == news[0][1])
            cards.append(_card(source, after, version, earlier, " ".join(sentence for sentence, _ in news)))
    return cards


def _card(lead: Telling, told: Sequence[Telling], version: int, from_version: int, news: str) -> Card:
    others = list(dict.fromkeys(t.publisher for t in independent(told) if t.publisher not in ("", lead.publisher)))
    return Card(
        story_id=lead.story_id or 0,
        version=version,
        from_version=from_version,
        article_id=lead.id,
        title=guard(lead.title),
        summary=guard(news or summarise(lead.title, lead.text, language=lead.language)),
        url=guard(lead.url),
        publisher=guard(lead.publisher),
        language=guard(lead.language),
        direction=direction(lead.language) if lead.language else "ltr",
        also=tuple(guard(name) for name in others[:ALSO]),
        others=len(others[ALSO:]),
        image_url=guard(lead.image_url) if not from_version else "",
        image_alt=guard(lead.image_alt),
    )


def _facts(
    chosen: Mapping[int, Sequence[Telling]],
    cards: Mapping[int, Sequence[Card]],
    topics: Mapping[int, str],
    compiled: Compiled,
) -> dict[int, FrozenStory]:
    """What selection needs; stories whose blocks failed to render are not there, so nobody picks them."""
    broken = {int(key.split("/")[2]) for key in compiled.dropped}
    facts = {}
    for story, (full, *updates) in cards.items():
        if story in broken:
            continue
        told = chosen[story]
        facts[story] = FrozenStory(
            version=full.version,
            topics=tuple(sorted({topic for telling in told for topic in telling.topic_ids} & topics.keys())),
            title=full.title,
            words=len(full.summary.split()) + len(full.title.split()),
            publishers=len({telling.publisher for telling in independent(told)}),
            updates={card.from_version: card.title for card in updates},
        )
    return facts


def _manifest(
    shop: Workshop,
    now: datetime,
    topics: Mapping[int, str],
    facts: Mapping[int, FrozenStory],
    orders: Mapping[str, tuple[int, ...]],
    reasons: Mapping[str, Mapping[int, str]],
    chosen: Mapping[int, Sequence[Telling]],
    compiled: Compiled,
) -> tuple[Manifest, dict[str, bytes]]:
    blobs: dict[str, bytes] = {}
    manifest = Manifest(
        kind="digest",
        frozen_at=now,
        site=shop.site,
        topics=topics,
        stories=facts,
        orders={since: tuple(story for story in order if story in facts) for since, order in orders.items()},
        reasons={since: {s: text for s, text in why.items() if s in facts} for since, why in reasons.items()},
        times={
            telling.id: at
            for told in chosen.values()
            for telling in told
            if (at := telling.published_at or telling.news_at) is not None
        },
        html=_store(compiled.html, blobs),
        text=_store(compiled.text, blobs),
    )
    return manifest, blobs


def _store(fragments: Mapping[str, Fragment], blobs: dict[str, bytes]) -> dict[str, str]:
    """Content addresses of fragments, whose bytes go into `blobs`."""
    named = {}
    for key, fragment in fragments.items():
        data = pack(fragment)
        named[key] = address(data)
        blobs[named[key]] = data
    return named


def freeze_system(
    shop: Workshop,
    session: Session,
    edition_id: int,
    mail: str,
    language: str,
    values: Mapping[str, str],
    *,
    now: datetime,
) -> None:
    """Freeze a one-reader system mail within the caller's transaction: a sign-up and its mail are durable together.

    `values` fill the holes of the same names. The letter itself is rendered and inlined once per language, so that the
    transaction holds the write lock for rows only.
    """
    words = {name: guard(value) for name, value in values.items()}
    subject = shop.theme.render(f"email/{mail}/subject.txt", language, shop.site, values=words)
    blobs: dict[str, bytes] = {}
    parts = letter(shop, mail, language)
    manifest = Manifest(
        kind=mail,
        frozen_at=now,
        site=shop.site,
        topics={},
        stories={},
        orders={},
        reasons={},
        times={},
        html=_store({name: fragment for name, fragment in parts.items() if name != "text"}, blobs),
        text=_store({"body": parts["text"]}, blobs),
        values={**words, "subject": " ".join(subject.split()), "language": language},
    )
    data = pack_manifest(manifest)
    editions.freeze(session, edition_id, at=now, blob=address(data), blobs={**blobs, address(data): data}, told={})


def letter(shop: Workshop, mail: str, language: str) -> Mapping[str, Fragment]:
    """A system mail compiled for one language: the shell's start and end, the body, the text. Rendered once."""
    if (mail, language) not in shop.letters:
        body = shop.theme.render(f"email/{mail}/body.html", language, shop.site)
        text = cut(shop.theme.render(f"email/{mail}/body.txt", language, shop.site))
        (start, end), (inlined,) = inline(shop.theme, shop.site, [body])
        shop.letters[mail, language] = {"shell/start": start, "shell/end": end, "body": inlined, "text": text}
    return shop.letters[mail, language]
