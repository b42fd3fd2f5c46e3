"""What sources bring: articles as told, and what is to be done about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class SourceKind(StrEnum):
    FEED = "feed"
    PAGE = "page"
    PUSH = "push"


class Rights(StrEnum):
    """How much of an article a source lets us show."""

    TITLE = "title"
    EXCERPT = "excerpt"
    """At most sixty words of the text: the default."""
    FULL = "full"


@dataclass(frozen=True, slots=True)
class RawArticle:
    """One item as its feed told it, cleaned: every text is plain text (NFC, no markup, no control characters)."""

    guid: str
    """What the publisher calls this item; the URL when it says nothing better."""
    url: str
    title: str
    text: str = ""
    """The body as plain text, paragraphs separated by one newline."""
    author: str = ""
    publisher: str = ""
    language: str = ""
    """Primary language subtag in lower case ("de"), or empty when nobody declared one."""
    image_url: str = ""
    image_alt: str = ""
    published_at: datetime | None = None
    updated_at: datetime | None = None
    """When the publisher says it was last changed; never used to date news."""
    summary: str = ""
    """The publisher's own short text, where there is one beside the body; plain text like `text`."""
    html: str = ""
    """The body as markup of the allowlist (`gather.clean`), nh3 last; only kept of sources with full rights."""
    credit: str = ""
    """The agency whose wire copy this is ("Reuters"); it is shown as "Reuters via" the publisher."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a document's publisher wants to be asked, as far as it says so."""

    ttl: timedelta | None = None
    """RSS `ttl`, or the shortest of that and sy:updatePeriod / updateFrequency."""
    skip_hours: frozenset[int] = frozenset()
    """Hours of the day in UTC, 0 to 23 (RSS 2.0, skipHours)."""
    skip_days: frozenset[int] = frozenset()
    """Days in UTC, Monday is 0 (RSS 2.0, skipDays)."""


@dataclass(frozen=True, slots=True)
class Feed:
    """What one document at a source's address holds."""

    title: str
    language: str
    site_url: str
    items: tuple[RawArticle, ...]
    dropped: int = 0
    """Items that had neither a title nor a link, so nothing a reader could use."""
    pace: Pace = Pace()
    slices: bytes = b""
    """Hashes of the items' bytes, eight bytes each (`gather.slices`): by them the next reading knows what it has read.
    Empty when the document does not allow it."""
    passed_over: int = 0
    """Items that are not in `items` because their bytes are those of the reading before."""
    fallback: bool = False
    """Whether our reader could not read it and feedparser did."""


@dataclass(frozen=True, slots=True)
class FeedLink:
    """A feed that a page points to."""

    url: str
    title: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer from the outside world. `status` is 200 or 304; everything else is a FetchError."""

    url: str
    """Where the answer came from after redirects."""
    status: int
    content_type: str = ""
    body: bytes = b""
    etag: str = ""
    last_modified: str = ""
    moved_to: str = ""
    """Where a chain of permanent redirects (301, 308) from the address asked leads; "" when there is none or it begins
    with a temporary one."""
    max_age: timedelta | None = None
    """For how long the answer is fresh (Cache-Control: max-age, or else Expires; RFC 9111, 4.2.1); None when unsaid."""


@dataclass(frozen=True, slots=True)
class KnownArticle:
    """What the store already holds under a source and guid."""

    id: int
    guid: str
    content_hash: str
    title: str = ""
    """As stored: refined (`gather.refine`)."""
    url_key: str = ""
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What the store holds of a source that a gather's items may be."""

    by_guid: Mapping[str, KnownArticle] = field(default_factory=dict)
    by_key: Mapping[str, KnownArticle] = field(default_factory=dict)
    """By `gather.identity.url_key`; addresses that several articles share are left out: they name none of them."""
    by_title: Mapping[str, KnownArticle] = field(default_factory=dict)
    """By headline; only looked up for what may be a flood. Headlines of several articles are left out."""


@dataclass(frozen=True, slots=True)
class NewArticle:
    raw: RawArticle
    content_hash: str
    news_at: datetime | None
    """When it became news to us; None = backlog, never news."""
    url_key: str = ""
    words: int = 0


@dataclass(frozen=True, slots=True)
class ChangedArticle:
    id: int
    raw: RawArticle
    content_hash: str
    url_key: str = ""
    words: int = 0
    retitled: bool = False
    """The headline is another one: a new version, and the old one is kept."""
    keeps_text: bool = False
    """Its texts and words stay as they are stored; markup is the feed's in any case."""
    renamed: bool = False
    """It came under another guid, which is the article's from now on."""


@dataclass(frozen=True, slots=True)
class Intents:
    """What gathering one source wants done. Nothing has been done yet."""

    new: tuple[NewArticle, ...] = ()
    changed: tuple[ChangedArticle, ...] = ()
    unchanged: int = 0
    markup: tuple[tuple[int, str], ...] = ()
    """(Article, markup as read now) of those that are otherwise unchanged; nothing of those without markup."""
    republished: int = 0
    """Items under new names that are articles we know, and those of a flood (a site that moved puts its archive up
    again): none of them is news."""


@dataclass(frozen=True, slots=True)
class GatherRow:
    """One line of the table that `digest gather` prints."""

    source_id: int
    source: str
    status: str
    """"ok", "unchanged", "failed", or "retired" (it is gone for good and not asked any more)."""
    new: int = 0
    changed: int = 0
    ms: int = 0
    fallback: bool = False
    """feedparser was needed to read it."""
    reason: str = ""
