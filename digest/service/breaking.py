"""Planning breaking news: one edition for each break of a story in a topic, once whatever crashes or runs twice.

A story breaks by the rule of `digest.stories.breaking`. Who reads its topic as it happens gets it at once, without
being moved: their hour comes as it would have, and story memory keeps the story from coming again. Everybody else finds
it in their digest, and so does who had their day's fill of breaking mails.

Crash semantics. The edition row comes first, under a slot that names story and break; then a chunk of deliveries per
transaction, then the freeze. Killed anywhere between, the next plan goes on with the same edition, which plans nobody
twice; when that comes so late that the news is no longer breaking, the edition is withdrawn: nothing of it was sent.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select
from sqlmodel import Session

from digest.compose.content import BREAKING
from digest.service.freezing import Guard, Workshop, freeze_digest
from digest.service.planning import Planned
from digest.service.ruled import closed_topics, hidden_everywhere
from digest.store import breaking as store
from digest.store import editions, stories
from digest.store.breaking import Broken, Candidate
from digest.store.db import reading, writing
from digest.store.lineage import lineage
from digest.store.rulings import rulings
from digest.stories.breaking import LATE, Break, Threshold, Told, broke
from subscribers import topics as shelf
from subscribers.due import at_once
from subscribers.types import TopicRow

log = logging.getLogger(__name__)

TWICE = 2
"""A story breaks so often in one topic at most: as news, and as the one update that a reader gets of a story."""
A_DAY = timedelta(hours=24)
NEXT = 2
"""Priority: behind confirmations and welcomes (`service.answers`), before every digest."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A break that nobody was told of yet."""

    topic: TopicRow
    story_id: int
    before: Told | None
    """The break of this story in this topic that was told last."""
    what: Break


def plan_breaking(shop: Workshop, *, now: datetime, key_id: int, guard: Guard) -> list[Planned]:
    """Plan and freeze what a crash left behind, then what is breaking now.

    Durable when this returns. Raises StaleFence when the clock was lost on the way and StoreError; what was committed
    until then holds, and the next plan goes on from there. Where no topic breaks news it costs two short queries.
    """
    with reading(shop.engine) as session:
        topics = {topic.id: topic for topic in shelf.list_topics(session) if topic.breaking.publishers}
        left_behind = bool(store.unfrozen(session))
    ready = _left_behind(shop, topics, now, guard) if left_behind else []
    planned = [_go_on(shop, edition_id, topics, now, guard) for edition_id in ready]
    with reading(shop.engine) as session:
        found = [each for topic in topics.values() for each in _breaks(shop, session, topic, now)]
    for each in found:
        edition_id = _open(shop, each, now, key_id, guard)
        if edition_id is not None:
            planned.append(_go_on(shop, edition_id, topics, now, guard))
    return [done for done in planned if done.deliveries]


def _breaks(shop: Workshop, session: Session, topic: TopicRow, now: datetime) -> list[_Found]:
    """What breaks now in a topic that anybody reads as it happens. Reads only."""
    if not editions.count(session, at_once(topic.id, now).limit(1)):
        return []
    threshold = _threshold(topic)
    every = store.candidates(session, topic.id, publishers=threshold.publishers, since=now - threshold.reach, until=now)
    history = store.broken(session, [each.story_id for each in every])
    asked = {
        each.story_id: (each, threshold, _before(history.get(each.story_id, []), topic.id))
        for each in every
        if not _settled(each, history.get(each.story_id, []), topic.id)
    }
    quiet = shop.quiet.get(topic.id, {})
    fresh = [story for story, question in asked.items() if quiet.get(story) != question]
    tellings = stories.tellings_of(session, fresh)
    found = {story: broke(tellings[story], topic.id, threshold, now=now, before=asked[story][2]) for story in fresh}
    # What did not break cannot do so before something is added to it, for it only gets older.
    shop.quiet[topic.id] = {story: question for story, question in asked.items() if found.get(story) is None}
    breaking = {story: what for story, what in found.items() if what is not None}
    # Hidden on one day only: `compose.seen` leaves it out for the readers who have that day.
    ruled = rulings(session, breaking)
    hidden = hidden_everywhere(ruled) | {story for story in breaking if topic.id in closed_topics(ruled, story)}
    return [_Found(topic, story, asked[story][2], what) for story, what in breaking.items() if story not in hidden]


def _threshold(topic: TopicRow) -> Threshold:
    return Threshold(topic.breaking.publishers, timedelta(minutes=topic.breaking.minutes))


def _settled(candidate: Candidate, history: Sequence[Broken], topic_id: int) -> bool:
    """Whether nothing can be told of a story at once: it was, and nothing was added, or it was often enough."""
    mine = [each for each in history if each.topic_id == topic_id]
    told = bool(mine) and candidate.version <= mine[-1].version
    return told or len(mine) >= TWICE or _number(history) > store.MOST


def _before(history: Sequence[Broken], topic_id: int) -> Told | None:
    mine = [each for each in history if each.topic_id == topic_id]
    return Told(mine[-1].version, mine[-1].planned_at) if mine else None


def _number(history: Sequence[Broken]) -> int:
    return max((each.number for each in history), default=0) + 1


def _open(shop: Workshop, found: _Found, now: datetime, key_id: int, guard: Guard) -> int | None:
    """The edition of a break, opened; None when it has no audience (any more), or when somebody else was faster."""
    with writing(shop.engine) as session:
        guard(session)
        history = store.broken(session, [found.story_id]).get(found.story_id, [])
        if _before(history, found.topic.id) != found.before:
            return None
        if not editions.count(session, _readers(session, found.topic, history, now).limit(1)):
            return None
        edition_id, _, made = editions.open_edition(
            session,
            store.KIND,
            store.slot(found.story_id, _number(history)),
            planned_at=now,
            key_id=key_id,
            priority=NEXT,
            topic_id=found.topic.id,
        )
    if not made:
        return None
    told = ", ".join(found.what.publishers)
    log.info("story %s breaks in %s, told by %s", found.story_id, found.topic.slug, told)
    return edition_id


def _readers(session: Session, topic: TopicRow, history: Sequence[Broken], at: datetime) -> Select[tuple[int]]:
    """Who gets the next break of a story in a topic. Who was told by another topic's edition since this topic's last
    one does not get it again; whom a digest told it, memory leaves out when the mail is composed."""
    before = _before(history, topic.id)
    others = [each.edition_id for each in history if before is None or each.planned_at > before.at]
    return store.spared(session, at_once(topic.id, at), a_day=topic.breaking.a_day, since=at - A_DAY, told_in=others)


def _left_behind(shop: Workshop, topics: Mapping[int, TopicRow], now: datetime, guard: Guard) -> list[int]:
    """The breaks that were planned and not frozen, without those that come too late by now or that nobody wants any
    more: they are withdrawn."""
    kept = []
    with writing(shop.engine) as session:
        guard(session)
        for edition in store.unfrozen(session):
            topic = topics.get(edition.topic_id or 0)
            if topic is not None and now - edition.planned_at <= _threshold(topic).within + LATE:
                kept.append(edition.id or 0)
                continue
            log.warning("%s was interrupted and is no longer breaking; withdrawn, nothing was sent", edition.slot)
            session.delete(edition)
    return kept


def _go_on(shop: Workshop, edition_id: int, topics: Mapping[int, TopicRow], now: datetime, guard: Guard) -> Planned:
    """Plan the readers whom an edition does not have yet, and freeze it."""
    with reading(shop.engine) as session:
        edition = editions.get_edition(session, edition_id)
        planned_at, story = edition.planned_at, lineage(session).now(store.story_of(edition.slot))
        topic = topics[edition.topic_id or 0]
        history = [each for each in store.broken(session, [story])[story] if each.edition_id != edition_id]
    since = planned_at - _threshold(topic).reach  # every telling by which it may have broken is inside
    last: int | None = 0
    while last is not None:
        with writing(shop.engine) as session:
            guard(session)
            readers = _readers(session, topic, history, planned_at)
            written = editions.plan_chunk(
                session, edition_id, readers, after_id=last, planned_at=planned_at, since=since
            )
        last = written[0] if written else None
    deliveries = freeze_digest(shop, edition_id, now=now, guard=guard, values={BREAKING: str(story)})
    return Planned(edition_id, deliveries)
