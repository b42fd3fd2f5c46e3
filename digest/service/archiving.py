"""What comes into the public archive of a topic when an edition is frozen.

The archive is told as a reader of that topic alone would be who takes everything as the form suggests it, with a memory
of its own: a day repeats nothing that a day before it told, and tells what is new to a story as an update. Hence a
weekly reader's edition does not bring back Monday's stories on Friday, and a topic that goes out once a week has an
archive all the same. Editions of one day in other zones or at other hours add to the same day.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlmodel import Session

from digest.compose.content import BREAKING, Card, Manifest
from digest.compose.seen import local_day
from digest.compose.select import select
from digest.service.drafting import sample_reader
from digest.store import archive
from digest.store.lineage import lineage
from digest.types import ArchivedStory, Pick
from subscribers import topics as shelf

A_DAY = timedelta(hours=20)
"""Windows of daily readers are longer, also where a clock was put forward and a tick came late. An edition with shorter
ones only, for readers who are told as it happens, adds to its day and does not reorder it."""


def archive_edition(
    session: Session, edition_id: int, manifest: Manifest, cards: Mapping[Pick, Card], *, until: datetime, zone: str
) -> None:
    """Put what this edition tells of topics with an archive there, in the caller's transaction. `until` is where its
    windows end; the day is that of `zone` at the moment from which it speaks. `cards` are those of
    `cards.public_cards`: what is not among them is not for everybody."""
    topics = [each for each in shelf.list_topics(session, public_only=True) if each.archived]
    told_of = sorted((each for each in topics if each.id in manifest.topics), key=lambda topic: topic.id)
    if not told_of or not manifest.orders:
        return
    since = min(manifest.orders)  # ISO 8601 in UTC: the order as texts is that in time
    ranks = BREAKING in manifest.values or until - datetime.fromisoformat(since) >= A_DAY
    day = local_day(manifest.frozen_at, zone)
    became = lineage(session)
    numbers = {number for story_id, story in manifest.stories.items() for number in (story_id, *story.was)}
    for topic in told_of:
        memory = became.remembered(archive.told_before(session, topic.id, numbers, day=day))
        picks = select(manifest, since, sample_reader(topic.id, topic.language, zone), memory)
        stories = [_archived(pick, cards[pick], manifest) for pick in picks if pick in cards]
        archive.keep(session, topic.id, day, stories, edition_id=edition_id, at=manifest.frozen_at, ranks=ranks)


def _archived(pick: Pick, card: Card, manifest: Manifest) -> ArchivedStory:
    return ArchivedStory(
        story_id=pick.story_id,
        version=pick.version,
        from_version=pick.from_version,
        title=card.title,
        language=card.language,
        summary=card.summary,
        url=card.url,
        publisher=card.publisher,
        also=card.also,
        others=card.others,
        machine=card.machine,
        at=manifest.times.get(card.article_id),
    )
