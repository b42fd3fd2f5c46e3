"""Articles that arrive and find their stories through the service, for tests of what an operator does with these."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine
from sqlmodel import col, select

from digest.models import Article, ArticleTopic, Source
from digest.service.clustering import Clusterer
from digest.service.storydesk import StoryDesk
from digest.store.db import reading, writing
from subscribers.models import Topic

NOW = datetime(2026, 3, 4, 6, tzinfo=UTC)
MINI = json.loads((Path(__file__).parents[1] / "stories" / "mini.json").read_text(encoding="utf-8"))
"""Short articles with leads, in three languages; article 1 is the first of them."""
MARLOW, TESSIN = (1, 2, 3), (4, 5, 6)
"""Two accidents of ferries."""
CHIP = (19, 20, 21)
ENGLISH = range(1, 33)


class Newsroom:
    """A database whose articles are those of MINI, by their number there, and a desk."""

    def __init__(self, engine: Engine, now: datetime = NOW) -> None:
        self.engine = engine
        self.now = self._began = now
        self.clusterer = Clusterer(engine)
        self.desk = StoryDesk(engine, now=lambda: self.now, zone="Europe/Berlin")
        with writing(engine) as session:
            session.add(Topic(id=1, slug="news", name="News", created_at=now))
            session.add(Topic(id=2, slug="sport", name="Sport", created_at=now))
            session.add(Source(id=1, url="https://news.example/feed", created_at=now, next_gather_at=now))

    def write(self, number: int, *, like: int | None = None, publisher: str = "") -> None:
        """An article that waits for a story: that of MINI, or a copy of number `like`."""
        row = MINI[(like or number) - 1]
        at = self._began - timedelta(hours=40 - row["hour"])
        with writing(self.engine) as session:
            session.add(
                Article(
                    id=number,
                    source_id=1,
                    guid=f"g{number}",
                    guid_hash=hashlib.blake2b(str(number).encode(), digest_size=16).hexdigest(),
                    url=f"https://news.example/{number}",
                    title=row["title"],
                    text=row["text"],
                    publisher=publisher or row["publisher"],
                    language=row["language"],
                    published_at=at,
                    seen_at=at,
                    news_at=at,
                    content_hash="0" * 32,
                )
            )
            session.flush()
            session.add(ArticleTopic(article_id=number, topic_id=1))

    def gather(self, *numbers: int) -> None:
        """These arrive and find their stories."""
        for number in numbers:
            self.write(number)
        self.clusterer.place_new(now=self.now)

    def restart(self) -> None:
        """Another process goes on, with nothing in memory."""
        self.clusterer = Clusterer(self.engine)

    @property
    def stories(self) -> dict[int, int]:
        """Article -> its story."""
        with reading(self.engine) as session:
            found = session.execute(select(col(Article.id), col(Article.story_id)).order_by(col(Article.id)))
            return {row[0]: row[1] for row in found}

    def together(self, *numbers: int) -> bool:
        """Whether these are one story."""
        return len({self.stories[number] for number in numbers}) == 1


def story_of(room: Newsroom, article: int) -> int:
    """The number of an article's story."""
    return room.stories[article]
