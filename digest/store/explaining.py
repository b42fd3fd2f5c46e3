"""What `digest explain` asks the ledger and the articles. Reads only.

What a reader had been sent **before** a mail is told by the order of attempts, not of editions: two editions may be
under way at once, and whoever opens an attempt for a reader locks that reader's row first (`store.attempts`), so one
reader's attempts have their numbers in the order in which memory grew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, func, or_, select
from sqlmodel import Session

from digest.models import Article, ArticleTopic, Attempt, Delivery, Edition, Story, StoryLeft
from digest.store.lineage import HEARD, Lineage, lineage
from digest.store.memory import MEMORY, unpack
from digest.store.narrow import WELCOME
from digest.types import SENT_STATES, Pick
from subscribers.sql import slices, table

_delivery, _edition, _story = table(Delivery), table(Edition), table(Story)
_article, _matched, _left, _attempt = table(Article), table(ArticleTopic), table(StoryLeft), table(Attempt)


@dataclass(frozen=True, slots=True)
class Planned:
    """One delivery of a digest with the facts of its edition."""

    edition_id: int
    slot: str
    planned_at: datetime
    """Where its windows end."""
    frozen: bool
    blob: str | None
    """None before it is frozen, and again when its content is kept no longer."""
    profile_id: int
    since: datetime
    due_at: datetime | None
    state: str
    reason: str
    picks: tuple[Pick, ...] | None
    """None while nothing was composed."""
    attempt_id: int | None


@dataclass(frozen=True, slots=True)
class SentBefore:
    """A pick that an earlier mail brought."""

    edition_id: int
    planned_at: datetime
    pick: Pick


@dataclass(frozen=True, slots=True)
class Member:
    """An article in its story, and why it is there."""

    id: int
    story_id: int
    story_version: int
    title: str
    publisher: str
    credit: str
    url: str
    published_at: datetime | None
    news_at: datetime | None
    score: float
    """What its likeness to the story was when it joined; 0 for the article that opened it."""
    terms: tuple[str, ...]
    topic_ids: frozenset[int]


_SHOWN = (
    "id", "story_id", "story_version", "title", "publisher", "credit", "url", "published_at", "news_at",
)  # fmt: skip
"""Columns that a `Member` tells as they are."""

_DIGESTS = or_(_edition.c.kind != "system", _edition.c.slot.like(f"{WELCOME}%"))
"""Editions that tell stories: system mails but the welcome do not."""


def latest_digest(session: Session, subscriber_id: int) -> int | None:
    """The last digest or welcome mail that was planned for a reader, whatever became of it."""
    query = (
        select(func.max(_delivery.c.edition_id))
        .join(_edition, _edition.c.id == _delivery.c.edition_id)
        .where(_delivery.c.subscriber_id == subscriber_id, _DIGESTS)
    )
    return session.connection().execute(query).scalar_one_or_none()


def find_digest(session: Session, edition_id: int, subscriber_id: int) -> Planned | None:
    """A reader's delivery in that edition; None when there is none, or when it tells no stories."""
    query = (
        select(
            _edition.c.id.label("edition_id"),
            _edition.c.slot,
            _edition.c.planned_at,
            _edition.c.frozen_at.is_not(None).label("frozen"),
            _edition.c.blob,
            _delivery.c.profile_id,
            _delivery.c.since,
            _delivery.c.due_at,
            _delivery.c.state,
            func.coalesce(_delivery.c.reason, "").label("reason"),
            _delivery.c.picks,
            _delivery.c.attempt_id,
        )
        .join(_edition, _edition.c.id == _delivery.c.edition_id)
        .where(_delivery.c.edition_id == edition_id, _delivery.c.subscriber_id == subscriber_id, _DIGESTS)
    )
    row = session.connection().execute(query).one_or_none()
    if row is None:
        return None
    facts: dict[str, Any] = row._asdict()
    return Planned(**facts | {"picks": None if row.picks is None else unpack(row.picks)})


def sent_before(session: Session, subscriber_id: int, planned: Planned) -> dict[int, tuple[SentBefore, ...]]:
    """Story id -> what of it counted as sent when that delivery was composed, oldest edition first.

    As far back as memory looks (`memory.MEMORY`), and with what had become of stories by then (`lineage`). A delivery
    that never was attempted had every mail of an earlier edition behind it.
    """
    earlier: Any = _delivery.c.edition_id < planned.edition_id
    if planned.attempt_id is not None:
        earlier = _delivery.c.attempt_id < planned.attempt_id
    query = (
        select(_edition.c.id, _edition.c.planned_at, _delivery.c.picks)
        .join(_edition, _edition.c.id == _delivery.c.edition_id)
        .where(
            _delivery.c.subscriber_id == subscriber_id,
            _delivery.c.edition_id != planned.edition_id,
            _delivery.c.state.in_([str(state) for state in SENT_STATES]),
            _delivery.c.picks.is_not(None),
            _edition.c.planned_at >= planned.planned_at - MEMORY,
            earlier,
        )
        .order_by(_edition.c.planned_at, _edition.c.id)
    )
    found: dict[int, list[SentBefore]] = defaultdict(list)
    for edition_id, at, packed in session.connection().execute(query):
        for pick in unpack(packed):
            found[pick.story_id].append(SentBefore(edition_id, at, pick))
    return _told_anew({story: tuple(sent) for story, sent in found.items()}, _lineage_then(session, planned))


def _lineage_then(session: Session, planned: Planned) -> Lineage:
    """What had become of stories when that delivery was attempted; without an attempt, until now."""
    query = select(_attempt.c.opened_at).where(_attempt.c.id == planned.attempt_id)
    return lineage(session, session.connection().execute(query).scalar_one_or_none())


def _told_anew(sent: Mapping[int, tuple[SentBefore, ...]], became: Lineage) -> dict[int, tuple[SentBefore, ...]]:
    """The same by the numbers that stories had by then, and by the older ones of those (`Lineage.remembered`)."""
    found: dict[int, tuple[SentBefore, ...]] = {}
    for each in (each for every in sent.values() for each in every):
        pick = became.pick(each.pick)
        found[pick.story_id] = (*found.get(pick.story_id, ()), replace(each, pick=pick))
    for story in list(found):
        for old in became.was(story):
            family = became.was(story) | {story}
            others = [each for other in sorted(family - {old}) for each in sent.get(other, ())]
            heard = tuple(replace(each, pick=Pick(old, HEARD)) for each in others)
            found[old] = (*sent.get(old, ()), *heard)
    return {
        story: tuple(sorted(every, key=lambda each: (each.planned_at, each.edition_id)))
        for story, every in found.items()
    }


def articles_of(
    session: Session, story_ids: Iterable[int], as_of: datetime | None = None
) -> dict[int, tuple[Member, ...]]:
    """Story id -> its articles as they joined, first to last; as they were at `as_of`, where that is given. Without an
    entry: no article of it is kept."""
    found: dict[int, list[Member]] = defaultdict(list)
    for portion in slices(sorted(set(story_ids))):
        rows: list[Any] = list(session.connection().execute(_members(_article, _article.c.story_id.in_(portion))))
        if as_of is not None:
            moved = _moved_since(session, [row.id for row in rows], as_of)
            rows = [row for row in rows if row.id not in moved]
            earlier = _members(_left, _left.c.story_id.in_(portion), _left.c.until > as_of)
            first = _moved_since(session, [row.id for row in session.connection().execute(earlier)], as_of)
            rows += [row for row in session.connection().execute(earlier) if row.until == first[row.id]]
        topics = _topics_of(session, [row.id for row in rows])
        for row in rows:
            terms = tuple(row.joined_terms.split())
            facts = {name: getattr(row, name) for name in _SHOWN}
            found[row.story_id].append(
                Member(**facts, score=row.joined_score, terms=terms, topic_ids=frozenset(topics[row.id]))
            )
    return {
        story: tuple(sorted(articles, key=lambda each: (each.story_version, each.score > 0, each.id)))
        for story, articles in found.items()
    }


def stories_then(session: Session, story_id: int, as_of: datetime) -> list[int]:
    """Where the articles of a story were at that time, if not in it: the numbers of those stories."""
    here = {row.id for row in session.connection().execute(_members(_article, _article.c.story_id == story_id))}
    moved = _moved_since(session, sorted(here), as_of)
    found = set()
    for portion in slices(sorted(moved)):
        query = select(_left).where(_left.c.article_id.in_(portion), _left.c.until > as_of)
        for row in session.connection().execute(query):
            if row.until == moved[row.article_id]:
                found.add(row.story_id)
    return sorted(found - {story_id})


def _members(place: Table, *where: ColumnElement[bool]) -> Select[Any]:
    """Articles with what a table tells of where they are: that of the articles, or that of where they were."""
    there = ("story_id", "story_version", "joined_score", "joined_terms")
    columns: list[Any] = [place.c[name] for name in there]
    columns += [_article.c[name] for name in _SHOWN if name not in there]
    if place is _article:
        return select(*columns).where(*where)
    return select(*columns, place.c.until).join(place, place.c.article_id == _article.c.id).where(*where)


def _moved_since(session: Session, article_ids: Sequence[int], as_of: datetime) -> dict[int, datetime]:
    """Which of these articles left a story after then, and when first."""
    found: dict[int, datetime] = {}
    for portion in slices(sorted(set(article_ids))):
        query = (
            select(_left.c.article_id, func.min(_left.c.until, type_=_left.c.until.type).label("until"))
            .where(_left.c.article_id.in_(portion), _left.c.until > as_of)
            .group_by(_left.c.article_id)
        )
        found.update((row.article_id, row.until) for row in session.connection().execute(query))
    return found


def _topics_of(session: Session, article_ids: Sequence[int]) -> dict[int, set[int]]:
    topics: dict[int, set[int]] = defaultdict(set)
    for portion in slices(article_ids):
        query = select(_matched.c.article_id, _matched.c.topic_id).where(_matched.c.article_id.in_(portion))
        for article_id, topic_id in session.connection().execute(query):
            topics[article_id].add(topic_id)
    return topics


def edition_exists(session: Session, edition_id: int) -> bool:
    """Whether there is an edition of that number, of whatever kind and state."""
    return session.connection().execute(select(_edition.c.id).where(_edition.c.id == edition_id)).first() is not None


def story_exists(session: Session, story_id: int) -> bool:
    """Whether there is a story of that number."""
    return session.connection().execute(select(_story.c.id).where(_story.c.id == story_id)).first() is not None


def backlog_stories(session: Session, topic_ids: Sequence[int], *, since: datetime, until: datetime) -> list[int]:
    """Stories of these topics with an article published in (since, until] that never was news to us, by id."""
    query = (
        select(_article.c.story_id)
        .join(_matched, _matched.c.article_id == _article.c.id)
        .where(
            _matched.c.topic_id.in_(list(topic_ids)),
            _article.c.story_id.is_not(None),
            _article.c.news_at.is_(None),
            _article.c.published_at > since,
            _article.c.published_at <= until,
        )
        .distinct()
        .order_by(_article.c.story_id)
    )
    return list(session.connection().execute(query).scalars())
