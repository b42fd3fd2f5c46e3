"""Breaking news in the database: which stories may be breaking, which broke before, and who has had enough for a day.

Everything runs inside the caller's session. All datetimes are aware UTC.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlmodel import Session

from digest.models import Article, ArticleTopic, Delivery, Edition, EditionStory
from digest.store.lineage import lineage
from digest.types import SENT_STATES, DeliveryState, EditionState, Pick
from subscribers.models import Subscriber
from subscribers.sql import slices, table

KIND = "breaking"
"""Of an edition that tells one story at once, to the readers of the topic in its `topic_id`."""
MOST = 20
"""Editions of this kind that one story gets, of all topics together: their slots are looked up by name."""
_COUNTED = [str(state) for state in (DeliveryState.PLANNED, DeliveryState.RETRY, *SENT_STATES)]
"""The states of a mail that a reader was sent, may have been sent, or will be sent."""

_article, _article_topic = table(Article), table(ArticleTopic)
_edition, _delivery, _told = table(Edition), table(Delivery), table(EditionStory)
_subscriber = table(Subscriber)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A story that may be breaking. As long as none of this changes, neither does what can be said of it, but for its
    becoming old."""

    story_id: int
    version: int
    articles: int


@dataclass(frozen=True, slots=True)
class Broken:
    """An edition that told, or is about to tell, a break of a story."""

    edition_id: int
    number: int
    """The last part of its slot; 0 for one under the name of a story that became this one."""
    topic_id: int
    planned_at: datetime
    version: int
    """Of the story as it was told; 0 while the edition is not frozen, or when the story could not be told."""


def slot(story_id: int, number: int) -> str:
    """The slot of a story's break, from 1 on."""
    return f"{KIND}:{story_id}:{number}"


def story_of(slot: str) -> int:
    """The story of such a slot."""
    return int(slot.split(":")[1])


def candidates(
    session: Session, topic_id: int, *, publishers: int, since: datetime, until: datetime
) -> list[Candidate]:
    """The stories of which so many publishers at least told news of this topic in (since, until], by number, with how
    many articles those are: what is worth being read and decided about."""
    query = (
        select(_article.c.story_id, func.max(_article.c.story_version), func.count())
        .join(_article_topic, _article_topic.c.article_id == _article.c.id)
        .where(
            _article_topic.c.topic_id == topic_id,
            _article.c.story_id.is_not(None),
            _article.c.news_at > since,
            _article.c.news_at <= until,
        )
        .group_by(_article.c.story_id)
        .having(func.count(_article.c.publisher.distinct()) >= publishers)
        .order_by(_article.c.story_id)
    )
    return [Candidate(*row) for row in session.connection().execute(query)]


def broken(session: Session, story_ids: Iterable[int]) -> dict[int, list[Broken]]:
    """Story -> its breaks so far, in the order in which they were planned; stories without any have no entry. Breaks of
    stories that became one of these are its own, told as the version of it that has both."""
    became = lineage(session)
    told_as = {old: story for story in story_ids for old in (story, *became.was(story))}
    wanted = [slot(old, number) for old in sorted(told_as) for number in range(1, MOST + 1)]
    version = select(func.max(_told.c.version)).where(_told.c.edition_id == _edition.c.id).scalar_subquery()
    columns = (_edition.c.id, _edition.c.slot, _edition.c.topic_id, _edition.c.planned_at, version)
    found: dict[int, list[Broken]] = defaultdict(list)
    for portion in slices(wanted):
        for id_, name, topic_id, planned_at, told in session.connection().execute(
            select(*columns).where(_edition.c.slot.in_(portion))
        ):
            old, number = story_of(name), int(name.rsplit(":", 1)[1])
            pick = became.pick(Pick(old, told or 0))
            number = number if pick.story_id == old else 0
            found[told_as[old]].append(Broken(id_, number, topic_id, planned_at, pick.version))
    return {story: sorted(breaks, key=lambda each: each.edition_id) for story, breaks in found.items()}


def unfrozen(session: Session) -> list[Edition]:
    """Breaks that are planned and not frozen yet, oldest first."""
    query = select(Edition).where(_edition.c.state == EditionState.PLANNING, _edition.c.kind == KIND)
    return list(session.execute(query.order_by(_edition.c.id)).scalars())


def spared(
    session: Session, readers: Select[tuple[int]], *, a_day: int, since: datetime, told_in: Sequence[int]
) -> Select[tuple[int]]:
    """`readers` but for who got `a_day` breaking mails or more since then, of whatever topics, or got one of the
    editions `told_in`. Planned mails count, as do those of which nobody knows; skipped and rejected ones do not.

    The editions are looked up first, so that what is counted are the breaking mails of a day and not every delivery.
    """
    recent = select(_edition.c.id).where(_edition.c.kind == KIND, _edition.c.planned_at > since)
    ids = list(session.connection().execute(recent).scalars())
    mails = select(_delivery.c.subscriber_id).where(_delivery.c.state.in_(_COUNTED))
    full = mails.where(_delivery.c.edition_id.in_(ids)).group_by(_delivery.c.subscriber_id)
    told = mails.where(_delivery.c.edition_id.in_(list(told_in)))
    return readers.where(_subscriber.c.id.not_in(full.having(func.count() >= a_day)), _subscriber.c.id.not_in(told))
