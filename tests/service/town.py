"""A small world for the service's tests: topics, readers and articles written straight into the store."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, insert, select, update
from sqlmodel import SQLModel, col

from digest.models import Article, ArticleTopic, Delivery, Edition, Source, Story
from digest.service.core import DigestService
from digest.settings import Settings
from digest.store.db import reading, writing
from digest.types import Pick

NOW = datetime(2026, 3, 4, 6, 0, 20, tzinfo=UTC)
"""A Wednesday, twenty seconds into a quarter hour at which Berlin's readers (07:00) are due."""


class Clock:
    """A clock that stands where it is put."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


class Town:
    """A service on a database, with shorthands for what happens around it."""

    def __init__(
        self, engine: Engine, settings: Settings, clock: Clock | None = None, service: DigestService | None = None
    ) -> None:
        """`service` where there is one already, with a clock of its own."""
        self.clock = clock or Clock()
        self.engine = engine
        self.service = service or DigestService(settings, now=self.clock, engine=engine)
        self.outbox = Path(settings.data_dir) / "outbox"

    def topics(self, *names: str) -> None:
        for name in names:
            self.service.topics.add(name)

    def reader(self, address: str, *topics: str, signed_up: datetime | None = None, **choices: str) -> int:
        """A reader in Berlin, 07:00, who joined 21 hours before NOW unless told otherwise."""
        at, self.clock.at = self.clock.at, signed_up or NOW - timedelta(hours=21)
        try:
            return self.service.readers.add(address, topics=topics, **{"timezone": "Europe/Berlin", **choices}).id
        finally:
            self.clock.at = at

    def story(
        self,
        title: str,
        *topics: str,
        at: datetime = NOW - timedelta(hours=2),
        into: int | None = None,
        text: str = "",
        publisher: str = "Quayside Wire",
        language: str = "en",
        rights: str = "excerpt",
        credit: str = "",
    ) -> int:
        """An article that became news `at`; it opens a story, or makes the next version of story `into`."""
        article_id = self.article(
            title, *topics, at=at, text=text, publisher=publisher, language=language, rights=rights, credit=credit
        )
        with writing(self.engine) as session:
            if into is None:
                story = Story(language=language, version=1, opened_at=at, last_at=at)
                session.add(story)
            else:
                found = session.get(Story, into)
                assert found is not None
                story = found
                story.version += 1
                story.last_at = at
                session.add(story)
            session.flush()
            there = update(Article).where(col(Article.id) == article_id)
            session.connection().execute(there.values(story_id=story.id, story_version=story.version))
            return story.id or 0

    def article(
        self,
        title: str,
        *topics: str,
        at: datetime = NOW - timedelta(hours=2),
        text: str = "",
        publisher: str = "Quayside Wire",
        language: str = "en",
        rights: str = "excerpt",
        credit: str = "",
        guid: str = "",
    ) -> int:
        """An article that became news `at` and waits for a story, of a source of its own. `guid` where several have one
        title."""
        guid = guid or title
        with writing(self.engine) as session:
            source = Source(
                url=f"https://paper.example/{guid}", name=publisher, rights=rights, created_at=at, next_gather_at=at
            )
            session.add(source)
            session.flush()
            article = Article(
                source_id=source.id or 0,
                guid=guid,
                guid_hash=hashlib.blake2b(guid.encode(), digest_size=16).hexdigest(),
                url=f"https://paper.example/{guid.replace(' ', '-')}",
                title=title,
                text=text or f"{title} was the talk of the harbour. Nobody had expected it so soon.",
                publisher=publisher,
                credit=credit,
                language=language,
                published_at=at,
                seen_at=at,
                news_at=at,
                content_hash="x",
            )
            session.add(article)
            session.flush()
            ids = {topic.slug: topic.id for topic in self.service.topics.list()}
            for slug in topics:
                session.add(ArticleTopic(article_id=article.id or 0, topic_id=ids[slug]))
            return article.id or 0

    def crowd(self, count: int, topic: str, due: datetime) -> None:
        """Many active readers of one topic, due at that time, written in bulk with the profile of a first one."""
        first = self.reader("first@example.org", topic)
        tables = SQLModel.metadata.tables
        with writing(self.engine) as session:
            run = session.connection().execute
            subscriber, subscription = tables["subscriber"], tables["subscription"]
            like = dict(run(select(subscriber).where(subscriber.c.id == first)).mappings().one())
            rows = [
                {
                    **like,
                    "id": first + number,
                    "address": f"r{number}@example.org",
                    "address_key": f"r{number}@example.org",
                    "next_due_at": due,
                }
                for number in range(1, count)
            ]
            run(insert(subscriber), rows)
            run(update(subscriber).where(subscriber.c.id == first).values(next_due_at=due))
            mine = run(select(subscription).where(subscription.c.subscriber_id == first)).mappings().one()
            run(insert(subscription), [{**mine, "subscriber_id": row["id"]} for row in rows])

    def deliveries(self, edition_id: int | None = None) -> list[Delivery]:
        """Every delivery, or those of one edition, by edition and reader."""
        with reading(self.engine) as session:
            query = select(Delivery).order_by(Delivery.edition_id, Delivery.subscriber_id)  # type: ignore[arg-type]
            found = [row for row in session.execute(query).scalars() if edition_id in (None, row.edition_id)]
            session.expunge_all()
            return found

    def editions(self) -> list[Edition]:
        """Every edition, oldest first."""
        with reading(self.engine) as session:
            found = list(session.execute(select(Edition).order_by(Edition.id)).scalars())  # type: ignore[arg-type]
            session.expunge_all()
            return found

    def due_at(self, address: str) -> datetime | None:
        """When a reader is due next."""
        return self.service.readers.show(address).next_due_at

    def morning(self, at: datetime | None = None) -> int:
        """Plan and send; how many mails were accepted."""
        if at is not None:
            self.clock.at = at
        self.service.plan()
        return self.service.dispatch().accepted

    def told(self, edition_id: int, subscriber_id: int) -> tuple[Pick, ...]:
        """What a reader was sent in an edition."""
        found = self.service.press.told(edition_id, subscriber_id)
        return found.picks if found else ()

    def mails(self) -> Sequence[Path]:
        """The files in the outbox."""
        return sorted(self.outbox.glob("new/*.eml"))


MakeTown = Callable[..., Town]
