"""The fictional town of the demo as frozen values: publishers, topics, readers and three mornings of articles.

Everything is read from the JSON files in the folder `content/` beside this module, and checked as a whole, so that a
slip of the pen in one article is one clear line at start and never a strange mail.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from digest.errors import InputError

FOLDER = Path(__file__).parent / "content"
IMAGES = Path(__file__).parent / "images"
MORNINGS = 3


@dataclass(frozen=True, slots=True)
class Topic:
    """What readers of the demo subscribe to."""

    slug: str
    name: str
    language: str
    description: str


@dataclass(frozen=True, slots=True)
class Publisher:
    """One newspaper: it has a home page and one feed for each topic it covers."""

    slug: str
    name: str
    language: str
    format: Literal["rss", "atom", "json"]
    body: Literal["encoded", "description", "html", "xhtml"]
    """Where and how its feeds carry the article's text."""
    topics: tuple[str, ...]
    """Topic slugs."""
    motto: str


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who signs up in the demo."""

    name: str
    address: str
    locale: str
    timezone: str
    cadence: str
    send_minute: int
    """Minutes after local midnight."""
    topics: tuple[str, ...]
    """Topic slugs in the reader's order."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An illustration in `images/`: a file name and its text alternative in the article's language."""

    file: str
    alt: str


@dataclass(frozen=True, slots=True)
class Article:
    """One article of one publisher."""

    id: str
    """Unique in the town; also the name of its page."""
    publisher: str
    topic: str
    language: str
    day: int
    """Before which morning it appears: 1, 2 or 3; 0 is the day before the demo begins, each feed's backlog."""
    minutes_before: int
    """How many minutes before 07:00 of that morning."""
    title: str
    author: str
    body: tuple[str, ...]
    """Paragraphs of inline HTML."""
    event: str | None
    """What it tells of: articles with the same label are one story. None tells of something nobody else covers."""
    picture: Picture | None

    @property
    def guid(self) -> str:
        """What its feeds call it: a tag URI (RFC 4151)."""
        return f"tag:{self.publisher}.example.org,2026:{self.id}"

    def at(self, first_morning: datetime) -> datetime:
        """When it is published, in the zone of `first_morning`, which is 07:00 of day 1 and aware."""
        return first_morning + timedelta(days=self.day - 1, minutes=-self.minutes_before)


@dataclass(frozen=True)
class Town:
    """The whole cast."""

    name: str
    publishers: tuple[Publisher, ...]
    topics: tuple[Topic, ...]
    readers: tuple[Reader, ...]
    articles: tuple[Article, ...]
    """All that is ever served: three mornings of news and, with day 0, one older article in each feed."""
    silent_topic: str
    """The topic that has nothing new on the third morning."""

    @cached_property
    def by_slug(self) -> dict[str, Publisher]:
        """Publishers by their slug."""
        return {publisher.slug: publisher for publisher in self.publishers}

    def published(self, first_morning: datetime, now: datetime) -> list[Article]:
        """What has appeared by `now`, the newest first. Both times are aware."""
        out = [article for article in self.articles if article.at(first_morning) <= now]
        return sorted(out, key=lambda article: (article.at(first_morning), article.id), reverse=True)


def load(folder: Path = FOLDER) -> Town:
    """Read the bundled town. Raises InputError, one line naming file or article, when the files do not fit together."""
    meta = _read(folder / "town.json")
    publishers = tuple(_publisher(row) for row in meta["publishers"])
    town = Town(
        name=meta["name"],
        publishers=publishers,
        topics=tuple(Topic(**row) for row in meta["topics"]),
        readers=tuple(Reader(**{**row, "topics": tuple(row["topics"])}) for row in meta["readers"]),
        articles=tuple(
            _article(row, publisher) for publisher in publishers for row in _read(folder / f"{publisher.slug}.json")
        ),
        silent_topic=meta["silent_topic"],
    )
    for problem in _problems(town):
        raise InputError(f"the bundled town in {folder} is broken: {problem}")
    return town


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"the bundled town cannot be read: {file}: {error}") from None


def _publisher(row: dict[str, Any]) -> Publisher:
    return Publisher(**{**row, "topics": tuple(row["topics"])})


def _article(row: dict[str, Any], publisher: Publisher) -> Article:
    image = row.get("image")
    return Article(
        id=row["id"],
        publisher=publisher.slug,
        topic=row["topic"],
        language=publisher.language,
        day=row["day"],
        minutes_before=row["before"],
        title=row["title"],
        author=row["author"],
        body=tuple(row["body"]),
        event=row["event"],
        picture=Picture(**image) if image else None,
    )


def _problems(town: Town) -> Iterator[str]:
    topics = {topic.slug for topic in town.topics}
    if town.silent_topic not in topics:
        yield f"the silent topic {town.silent_topic!r} is no topic"
    for reader in town.readers:
        if unknown := set(reader.topics) - topics:
            yield f"{reader.address} reads unknown topics: {', '.join(sorted(unknown))}"
    for name, count in Counter(article.id for article in town.articles).items():
        if count > 1:
            yield f"two articles are called {name!r}"
    for article in town.articles:
        if article.topic not in town.by_slug[article.publisher].topics:
            yield f"{article.id}: {article.publisher} has no feed for {article.topic!r}"
        if not 0 <= article.day <= MORNINGS or not 15 <= article.minutes_before <= 1300:
            yield f"{article.id}: it is published outside the demo's days"
        if article.picture and not (IMAGES / article.picture.file).is_file():
            yield f"{article.id}: there is no image {article.picture.file}"
