"""The story so far, for everybody: only of stories that an article of a public topic tells, and only such articles.

A private topic's articles stay out even of a story that public ones tell too: what an organisation pushes to its own
readers must not become public because a newspaper reports the same event.

A story that an editor hid from every topic on every day has no page, and one that was hidden from a topic on every day
shows nothing of that topic, as if it were private. What is hidden for a day is hidden from the mails of that day only:
a page belongs to no day, and mails of other days lead to it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from sqlalchemy import Engine
from sqlmodel import Session

from digest.service.ruled import closed_topics, hidden_everywhere
from digest.store import stories
from digest.store.db import reading
from digest.store.lineage import lineage
from digest.store.rulings import rulings
from digest.stories.rank import lead_telling
from digest.stories.sofar import chapters_of, publishers_of
from digest.types import RelatedStory, StorySoFar, Telling
from subscribers import topics as shelf

MOST = 60
"""Tellings that a page shows: as many as a story may have before it needs looking at."""
CHARS, LEAST_CHARS = 120_000, 1_200
"""Characters of text that are read for a page in all, and of each telling at least: with these, the largest page takes
well under a second, and a story of six tellings is read whole."""
RELATED_SHOWN, RELATED_LOOKED_AT, RELATED_TELLINGS = 3, 12, 20
"""Related stories that a page names, those of which it finds them (some are not public), and the newest tellings by
which each gets its headline."""
KEPT = 256
"""Pages in memory, a few kilobytes each; whoever asks again within the minute gets the same."""

_Key = tuple[int, datetime]


class StoryPages:
    """Makes them, one at a time: anybody may ask for one, and comparing sentences is work."""

    def __init__(self, engine: Engine, *, now: Callable[[], datetime]) -> None:
        self._engine, self._now = engine, now
        self._kept: OrderedDict[_Key, StorySoFar] = OrderedDict()
        self._kept_lock, self._one_at_a_time = threading.Lock(), threading.Lock()

    def story(self, story_id: int) -> StorySoFar | None:
        """The story of that number, or the one that it has become part of; None when there is none, or none that is
        public. Up to a minute old. Raises StoreError."""
        key = (story_id, self._now().replace(second=0, microsecond=0))
        found = self._look(key)
        if found is not None:
            return found
        with self._one_at_a_time:
            found = self._look(key)  # somebody else may have made it while we waited
            if found is None and (found := self._made(story_id)) is not None:
                self._keep(key, found)
        return found

    def _look(self, key: _Key) -> StorySoFar | None:
        with self._kept_lock:
            return self._kept.get(key)

    def _keep(self, key: _Key, page: StorySoFar) -> None:
        with self._kept_lock:
            self._kept[key] = page
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)

    def _made(self, asked: int) -> StorySoFar | None:
        with reading(self._engine) as session:
            story_id = lineage(session).now(asked)
            public = {topic.id: topic for topic in shelf.list_topics(session, public_only=True)}
            mine = _open_topics(session, story_id, public)
            count = stories.count_in_topics(session, story_id, mine)
            if not count:
                return None
            shown = min(count, MOST)
            chars = max(LEAST_CHARS, CHARS // shown)
            told = stories.tellings_in_topics(session, story_id, mine, most=shown, chars=chars)
            related = _related(session, story_id, public)
        if not told:
            return None  # its last article went between the two looks
        lead = _lead(told)
        topics = sorted({topic for telling in told for topic in telling.topic_ids}, key=lambda id_: public[id_].name)
        return StorySoFar(
            story_id=story_id,
            title=lead.title,
            language=lead.language,
            topics=tuple(public[topic].slug for topic in topics),
            publishers=publishers_of(told),
            chapters=chapters_of(told),
            hidden=count - len(told),
            related=related,
        )


def _open_topics(session: Session, story_id: int, public: Collection[int]) -> list[int]:
    """The public topics in which an editor has not closed this story."""
    ruled = rulings(session, [story_id])
    return [] if hidden_everywhere(ruled) else sorted(set(public) - closed_topics(ruled, story_id))


def _related(session: Session, story_id: int, public: Collection[int]) -> tuple[RelatedStory, ...]:
    """What else happened on this thread, as far as it is public."""
    found: list[RelatedStory] = []
    for other in stories.related_to(session, story_id, RELATED_LOOKED_AT):
        topics = _open_topics(session, other, public)
        told = stories.tellings_in_topics(session, other, topics, most=RELATED_TELLINGS, chars=LEAST_CHARS)
        if told and len(found) < RELATED_SHOWN:
            at = max((each for telling in told if (each := telling.published_at or telling.news_at)), default=None)
            lead = _lead(told)
            found.append(RelatedStory(other, lead.title, lead.language, at))
    return tuple(found)


def _lead(told: Sequence[Telling]) -> Telling:
    return lead_telling([telling for telling in told if telling.news_at] or told)
