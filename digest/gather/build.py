"""What every feed format shares: from what an item told to a `RawArticle`. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Self

from digest.gather import clean
from digest.gather.shelf import Shelf
from digest.gather.slices import MAX_ITEMS as MAX_ITEMS
from digest.gather.slices import NOTHING, Known
from digest.types import Feed, Pace, RawArticle

MAX_GUID = 1_000
MAX_SUMMARY = 1_000
"""Characters of the publisher's short text: an excerpt shows at most sixty words of it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the caller wants of a document."""

    url: str
    """Where it came from."""
    known: Known = NOTHING
    """Items that need not be read again."""
    html: bool = False
    """Whether bodies are kept as markup too."""
    budget: clean.Budget = field(default_factory=clean.Budget, compare=False)
    """What all bodies of the document may take; whoever reads one spends of it."""
    shelf: Shelf = field(default_factory=Shelf, compare=False)
    """Where bodies of the document may stand."""


@dataclass(slots=True)
class Found:
    """What a format's reader makes of a document: first its own fields, then its articles."""

    title: str
    language: str
    site_url: str
    pace: Pace = field(default_factory=Pace)
    articles: tuple[RawArticle, ...] = ()
    dropped: int = 0
    items: int = 0
    """How many items the document holds, also those that say nothing or are beyond MAX_ITEMS."""
    slices: bytes = b""
    passed_over: int = 0
    fallback: bool = False

    def take(self, drafts: Iterable[Draft], *, items: int, author: str = "") -> Self:
        """The articles of what was read of the document's `items`; an item without an author has the feed's."""
        finished = [finish(draft, publisher=self.title, language=self.language, author=author) for draft in drafts]
        self.articles = tuple(article for article in finished if article is not None)
        self.dropped = len(finished) - len(self.articles)
        self.items = items
        return self

    def feed(self) -> Feed:
        """It as the caller of `parse_feed` gets it."""
        return Feed(
            self.title, self.language, self.site_url, self.articles, self.dropped, self.pace, self.slices,
            self.passed_over, self.fallback,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Feature:
    """A picture in a text, and what its address is relative to."""

    image: clean.Image
    base: str


@dataclass(slots=True)
class Draft:
    """An item as its format told it; texts are clean, `url` and `image_url` absolute, `images` as written."""

    guid: str
    url: str
    title: str
    text: str
    author: str
    language: str
    image_url: str
    images: Iterable[Feature]
    """Looked at once, and only when the item names no picture beside its text, or does not describe it."""
    published_at: datetime | None
    updated_at: datetime | None = None
    summary: str = ""
    html: str = ""
    image_alt: str = ""
    publisher: str = ""


def finish(draft: Draft, *, publisher: str, language: str, author: str = "") -> RawArticle | None:
    """The article; the feed's own publisher, language and author where the item names none.

    None when the item has neither a title nor a link: nothing a reader could use.
    """
    if not draft.title and not draft.url:
        return None
    title = draft.title or clean.first_words(draft.text) or clean.line(draft.url, 200)
    image_url, image_alt = _image(draft)
    return RawArticle(
        guid=_guid(draft, title),
        url=draft.url,
        title=title,
        text=draft.text,
        author=draft.author or author,
        publisher=draft.publisher or publisher,
        language=draft.language or language,
        image_url=image_url,
        image_alt=image_alt,
        published_at=draft.published_at,
        updated_at=draft.updated_at,
        summary=draft.summary,
        html=draft.html,
    )


def _image(draft: Draft) -> tuple[str, str]:
    """The item's own picture, described where the text shows it too; without one the first picture of the text."""
    if draft.image_url and draft.image_alt:
        return draft.image_url, draft.image_alt
    for feature in draft.images:
        found = clean.address(feature.image.url, feature.base)
        if found and (not draft.image_url or found == draft.image_url):
            return found, draft.image_alt or feature.image.alt
    return draft.image_url, draft.image_alt


def _guid(draft: Draft, title: str) -> str:
    guid = "".join(clean.scrub(draft.guid).split()) or draft.url
    if guid and len(guid) <= MAX_GUID:
        return guid
    return "hash:" + blake2b((guid or title).encode(), digest_size=16).hexdigest()
