"""The town's newspapers as a real web site on loopback, and any folder of feed files as another.

/                              the papers of the town
/<publisher>/                  a paper's front page; its feeds are announced with <link rel="alternate">
/<publisher>/<topic>.xml|json  a feed: what has been published by now, cumulative, the newest first
/<publisher>/<id>.html         an article, once it is published
/images/<name>.jpg             an illustration
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import quote

from babel.dates import format_datetime
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from digest.demo.content import IMAGES, Article, Publisher, Town
from digest.demo.feeds import CONTENT_TYPES, SUFFIXES, Channel, Item, render, teaser
from digest.demo.serve import Answer, LoopbackSite
from digest.errors import InputError

HTML = "text/html; charset=utf-8"

DATES = {"en": "EEEE, d MMMM, HH:mm", "de": "EEEE, d. MMMM, HH:mm 'Uhr'", "ar": "EEEE d MMMM، HH:mm"}
"""How each language writes a day and a clock time (patterns of Unicode TR 35)."""

FOLDER_TYPES = {
    ".atom": "application/atom+xml",
    ".htm": HTML,
    ".html": HTML,
    ".json": "application/feed+json",
    ".rdf": "application/rdf+xml",
    ".rss": "application/rss+xml",
    ".xml": "application/xml",
}
NOTES = (".md", ".txt")
"""Suffixes of files that describe a folder of feeds and are none."""


@dataclass(frozen=True, slots=True)
class FeedOf:
    """A feed's address, and whose it is."""

    topic_slug: str
    publisher: str
    """The publisher's name; in a folder, the file's name without its suffix."""
    url: str


class Site(LoopbackSite):
    """The bundled town. Use it as a context manager: it serves from `with` to the end of the block."""

    def __init__(self, town: Town, now: Callable[[], datetime], first_morning: datetime, port: int = 0) -> None:
        """`now` gives the demo's clock and `first_morning` is 07:00 of day 1, both aware."""
        self.town = town
        self._now = now
        self._first_morning = first_morning
        self._pages = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "pages"), autoescape=True, undefined=StrictUndefined
        )
        self._images = {file.name: file.read_bytes() for file in sorted(IMAGES.glob("*.jpg"))}
        self._opened = first_morning - timedelta(days=2)
        super().__init__(port)

    def feeds(self) -> list[FeedOf]:
        """Every feed of the town: one for each publisher and topic."""
        return [
            FeedOf(topic, publisher.name, self._feed_url(publisher, topic))
            for publisher in self.town.publishers
            for topic in publisher.topics
        ]

    def answer(self, path: str) -> Answer | None:
        """See `LoopbackSite.answer`."""
        match path.split("/"):
            case ["", ""]:
                return self._page("home.html", "en", self._opened, town=self.town, url=self.url)
            case ["", "images", name] if name in self._images:
                return Answer("image/jpeg", self._images[name], self._opened)
            case ["", slug, name] if slug in self.town.by_slug:
                return self._of_publisher(self.town.by_slug[slug], name)
        return None

    def _of_publisher(self, publisher: Publisher, name: str) -> Answer | None:
        published = [a for a in self.town.published(self._first_morning, self._now()) if a.publisher == publisher.slug]
        if not name:
            return self._front_page(publisher, published)
        stem, _, suffix = name.rpartition(".")
        if suffix == "html":
            article = next((a for a in published if a.id == stem), None)
            return self._article_page(publisher, article) if article else None
        if stem in publisher.topics and suffix == SUFFIXES[publisher.format]:
            channel = self._channel(publisher, stem, published)
            charset = "" if publisher.format == "json" else "; charset=utf-8"
            return Answer(CONTENT_TYPES[publisher.format] + charset, render(channel), channel.updated)
        return None

    def _channel(self, publisher: Publisher, topic_slug: str, published: list[Article]) -> Channel:
        topic = next(topic for topic in self.town.topics if topic.slug == topic_slug)
        items = tuple(self._item(article) for article in published if article.topic == topic_slug)
        updated = items[0].at if items else self._opened
        return Channel(publisher, topic, self._feed_url(publisher, topic_slug), self._home(publisher), updated, items)

    def _item(self, article: Article) -> Item:
        picture = article.picture
        image = f"{self.url}/images/{picture.file}" if picture else ""
        body = self._pages.get_template("body.html")
        return Item(
            article=article,
            url=f"{self.url}/{article.publisher}/{article.id}.html",
            at=article.at(self._first_morning),
            image_url=image,
            image_bytes=len(self._images[picture.file]) if picture else 0,
            text_html=body.render(article=article, image=""),
            full_html=body.render(article=article, image=image),
        )

    def _front_page(self, publisher: Publisher, published: list[Article]) -> Answer:
        channels = [self._channel(publisher, topic, published) for topic in publisher.topics]
        return self._page(
            "publisher.html",
            publisher.language,
            max(channel.updated for channel in channels),
            publisher=publisher,
            channels=channels,
            content_type=CONTENT_TYPES[publisher.format],
            home=self._home(publisher),
            when=partial(_when, language=publisher.language),
        )

    def _article_page(self, publisher: Publisher, article: Article) -> Answer:
        item = self._item(article)
        return self._page(
            "article.html",
            article.language,
            item.at,
            publisher=publisher,
            article=article,
            item=item,
            topic=next(topic for topic in self.town.topics if topic.slug == article.topic),
            home=self._home(publisher),
            teaser=teaser(article),
            when=_when(item.at, article.language),
        )

    def _page(self, name: str, language: str, changed_at: datetime, **values: object) -> Answer:
        html = self._pages.get_template(name).render(language=language, **values)
        return Answer(HTML, html.encode(), changed_at)

    def _home(self, publisher: Publisher) -> str:
        return f"{self.url}/{publisher.slug}/"

    def _feed_url(self, publisher: Publisher, topic_slug: str) -> str:
        return f"{self.url}/{publisher.slug}/{topic_slug}.{SUFFIXES[publisher.format]}"


class FolderSite(LoopbackSite):
    """Every file of a folder at `/<file name>`, except hidden files and notes (.md, .txt)."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        """The list of files is taken here; their bytes are read at each request.

        Raises InputError when the folder is missing or holds no file to serve.
        """
        try:
            files = sorted(file for file in folder.iterdir() if file.is_file())
        except OSError as error:
            raise InputError(f"{folder} is not a folder that can be read: {error.strerror or error}") from None
        wanted = [file for file in files if not file.name.startswith(".") and file.suffix.lower() not in NOTES]
        if not wanted:
            raise InputError(f"{folder} holds no feed files; put .rss, .atom, .xml or .json files there")
        self._files = {file.name: file for file in wanted}
        super().__init__(port)

    def feeds(self) -> list[FeedOf]:
        """One entry for each file; none has a topic."""
        return [FeedOf("", file.stem, f"{self.url}/{quote(name)}") for name, file in self._files.items()]

    def answer(self, path: str) -> Answer | None:
        """See `LoopbackSite.answer`. A file that has gone since is a 404."""
        file = self._files.get(path.removeprefix("/"))
        try:
            if file is None:
                return None
            changed_at = datetime.fromtimestamp(file.stat().st_mtime, UTC)
            return Answer(
                FOLDER_TYPES.get(file.suffix.lower(), "application/octet-stream"), file.read_bytes(), changed_at
            )
        except OSError:
            return None


def _when(moment: datetime, language: str) -> str:
    return format_datetime(moment, DATES[language], locale=language)
