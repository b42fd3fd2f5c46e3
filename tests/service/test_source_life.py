"""A year of a source's life: it publishes, falls silent, moves, breaks, floods, edits, and dies. Played against a real
server on a clock that jumps from one due time to the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from xml.sax.saxutils import escape

import pytest
from sqlalchemy import Engine, select

from digest.gather.fetch import Door
from digest.gather.robots import Robots
from digest.models import Article, ArticleVersion
from digest.service.gathering import gather
from digest.service.sourcing import out_of_order, store_source
from digest.store import sources
from digest.store.db import reading, writing
from digest.store.sources import SourceRow
from digest.types import Feed
from subscribers.sql import table
from subscribers.topics import add_topic
from tests.gather.site import Reply, Site, serving

BIRTH = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SHOWN = 15
"""Items that the feed shows at a time."""


@dataclass
class Paper:
    """A paper that puts out an article every morning and every evening, as its feed shows it at a moment."""

    now: datetime = BIRTH
    system: str = "old"
    """Which publishing system names guids and addresses."""
    stamped_at: datetime | None = None
    """An import gave all that is older this date."""
    silent: list[tuple[datetime, datetime]] = field(default_factory=list)
    edited: dict[int, str] = field(default_factory=dict)
    archive: bool = False
    """The feed shows all there ever was."""

    def published(self) -> list[tuple[int, datetime]]:
        """(number, time) of all articles so far."""
        count = int((self.now - BIRTH) / (12 * HOUR)) + 1
        all_ = [(number, BIRTH + number * 12 * HOUR) for number in range(count)]
        return [(n, at) for n, at in all_ if not any(start <= at < end for start, end in self.silent)]

    def feed(self) -> bytes:
        shown = self.published() if self.archive else self.published()[-SHOWN:]
        items = "".join(self._item(number, at) for number, at in reversed(shown))
        return f"<rss version='2.0'><channel><title>The Daily Gull</title>{items}</channel></rss>".encode()

    def _item(self, number: int, at: datetime) -> str:
        if self.stamped_at and at < self.stamped_at:
            at = self.stamped_at
        title = self.edited.get(number, f"Number {number} of the harbour's news")
        guid = f"gull-{number}" if self.system == "old" else f"{self.system}/{number * 7}"
        link = f"https://gull.example/{self.system}/{number}"
        date = format_datetime(at)
        return (
            f"<item><title>{escape(title)}</title><guid isPermaLink='false'>{guid}</guid><link>{link}</link>"
            f"<pubDate>{date}</pubDate><description>What happened at number {number}.</description></item>"
        )


class World:
    """The paper's server, our database, and the clock between them."""

    def __init__(self, engine: Engine, site: Site, door: Door) -> None:
        self.engine, self.site, self.door = engine, site, door
        self.robots = Robots(door.get, "digest-service")
        self.paper = Paper()
        self.now = BIRTH
        self.asked: Counter[str] = Counter()
        site.pages["/feed"] = self.served

    def served(self, handler: BaseHTTPRequestHandler) -> Reply:
        self.paper.now = self.now
        body = self.paper.feed()
        etag = f'"{hash(body)}"'
        if handler.headers.get("If-None-Match") == etag:
            return Reply(status=304, headers={"ETag": etag})
        return Reply(body, headers={"ETag": etag})

    def source(self) -> SourceRow:
        with reading(self.engine) as session:
            return sources.list_sources(session)[0]

    def until(self, end: datetime) -> None:
        """Gather whenever the source is due, up to `end`."""
        while (source := self.source()).next_gather_at <= end and source.retired_at is None:
            self.now = max(self.now, source.next_gather_at)
            for row in gather(self.engine, self.door, self.robots, now=lambda: self.now, due_only=True):
                self.asked[row.status] += 1
        self.now = end

    def titles(self, *, news_after: datetime | None = None) -> list[str]:
        article = table(Article)
        query = select(article.c.title).order_by(article.c.id)
        if news_after is not None:
            query = query.where(article.c.news_at > news_after)
        with reading(self.engine) as session:
            return list(session.connection().execute(query).scalars())


@pytest.fixture
def world(sqlite_database: Engine) -> Iterator[World]:
    with serving() as site, Door(user_agent="digest-tests", allow_private=True) as door:
        world = World(sqlite_database, site, door)
        with writing(sqlite_database) as session:
            add_topic(session, "harbour", "Harbour", now=BIRTH)
            feed = Feed("The Daily Gull", "en", "", ())
            store_source(session, site["/feed"], feed, topic_slugs=["harbour"], now=BIRTH)
        yield world


def publishes(world: World) -> None:
    """Two months of two articles a day: each stored once, asked politely, mostly answered with "nothing new"."""
    world.until(BIRTH + 60 * DAY)
    assert len(world.titles()) == len(set(world.titles())) == 120
    assert world.source().gap == 12 * 3600
    assert 400 <= world.asked.total() <= 60 * 24 / 1.2
    assert world.asked["unchanged"] > 3 * world.asked["ok"]


def falls_silent(world: World) -> None:
    """A fortnight of silence: it is asked ever less, and the first article after it arrives."""
    world.paper.silent.append((BIRTH + 60 * DAY, BIRTH + 74 * DAY))
    before = world.asked.total()
    world.until(BIRTH + 73 * DAY)
    assert world.asked.total() - before < 80
    world.until(BIRTH + 80 * DAY)
    assert len(world.titles()) == 120 + 12


def moves(world: World) -> None:
    """A day of a wrong permanent redirect is not believed, two days are."""
    there = world.site["/new-feed"]
    moved = Reply(status=301, headers={"Location": there})
    world.site.pages |= {"/feed": moved, "/new-feed": world.served}
    world.until(BIRTH + 81 * DAY)
    world.site.pages["/feed"] = world.served
    world.until(BIRTH + 85 * DAY)
    assert world.source().url == world.site["/feed"]
    world.site.pages["/feed"] = moved
    world.until(BIRTH + 89 * DAY)
    assert world.source().url == there
    world.site.pages["/feed"] = Reply(b"nothing here", 404)
    world.until(BIRTH + 100 * DAY)
    assert len(world.titles()) == len(set(world.titles())) == 120 + 12 + 40


def breaks(world: World) -> None:
    """Five days out of reach: backing off, pointed out, and nothing lost when it is back."""
    world.site.pages["/new-feed"] = Reply(b"", 503, {"Retry-After": "3600"})
    failed = world.asked["failed"]
    world.until(BIRTH + 105 * DAY)
    assert 5 <= world.asked["failed"] - failed <= 14
    assert out_of_order(world.source(), world.now)
    world.site.pages["/new-feed"] = world.served
    world.until(BIRTH + 110 * DAY)
    assert world.source().failures == 0
    assert len(world.titles(news_after=BIRTH + 100 * DAY)) == 20


def edits(world: World) -> None:
    """An edit is a version of its article, and no news."""
    number, _ = world.paper.published()[-2]
    world.paper.edited[number] = "Number corrected"
    world.until(BIRTH + 111 * DAY)
    assert world.titles().count("Number corrected") == 1
    with reading(world.engine) as session:
        (version,) = session.connection().execute(select(table(ArticleVersion))).all()
    assert (version.version, version.title) == (1, f"Number {number} of the harbour's news")
    assert len(world.titles()) == len(set(world.titles())) == 120 + 12 + 40 + 22


def floods(world: World) -> None:
    """A migration: all guids and addresses are other ones, the whole archive is shown, dated by the import."""
    world.until(migrated := BIRTH + 111 * DAY + 5 * HOUR)
    known = world.titles()
    world.paper.system, world.paper.archive, world.paper.stamped_at = "cms", True, migrated + HOUR
    world.until(migrated + 6 * HOUR)
    assert sorted(world.titles()) == sorted(known)
    assert world.titles(news_after=migrated) == []
    world.paper.archive = False
    world.until(BIRTH + 150 * DAY + 5 * HOUR)
    fresh = world.titles(news_after=migrated)
    assert len(fresh) == len(set(fresh)) == 78
    assert len(world.titles()) == len(set(world.titles())) == len(known) + 78


def dies(world: World) -> None:
    """Half a year of silence, one last month, and the end: gone for good, and not asked again."""
    world.paper.silent.append((BIRTH + 155 * DAY, BIRTH + 350 * DAY))
    world.until(BIRTH + 364 * DAY)
    world.site.pages["/new-feed"] = Reply(b"", 410)
    world.until(BIRTH + 365 * DAY)
    retired = world.source()
    assert retired.retired_at is not None
    assert "gone for good" in retired.problem
    asked = len(world.site.seen)
    world.until(BIRTH + 400 * DAY)
    assert len(world.site.seen) == asked
    told = set(world.titles())
    written = [
        number for number, at in world.paper.published() if number not in world.paper.edited and at < BIRTH + 363 * DAY
    ]
    assert {f"Number {number} of the harbour's news" for number in written} <= told


def test_a_year(world: World) -> None:
    """In this order: each part goes on where the one before ended."""
    publishes(world)
    falls_silent(world)
    moves(world)
    breaks(world)
    edits(world)
    floods(world)
    dies(world)
