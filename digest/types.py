"""The frozen values that travel between the rooms. No behaviour beyond what the value itself can answer.

All datetimes are aware and in UTC unless a name says `local`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

# --- gather -----------------------------------------------------------------------------------------------------------


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


@dataclass(frozen=True, slots=True)
class Feed:
    """What one document at a source's address holds."""

    title: str
    language: str
    site_url: str
    items: tuple[RawArticle, ...]
    dropped: int = 0
    """Items that had neither a title nor a link, so nothing a reader could use."""


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


@dataclass(frozen=True, slots=True)
class KnownArticle:
    """What the store already holds under a source and guid."""

    id: int
    guid: str
    content_hash: str


@dataclass(frozen=True, slots=True)
class NewArticle:
    raw: RawArticle
    content_hash: str
    news_at: datetime | None
    """When it became news to us; None = backlog, never news."""


@dataclass(frozen=True, slots=True)
class ChangedArticle:
    id: int
    raw: RawArticle
    content_hash: str


@dataclass(frozen=True, slots=True)
class Intents:
    """What gathering one source wants done. Nothing has been done yet."""

    new: tuple[NewArticle, ...] = ()
    changed: tuple[ChangedArticle, ...] = ()
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class GatherRow:
    """One line of the table that `digest gather` prints."""

    source_id: int
    source: str
    status: str
    """"ok", "unchanged" or "failed"."""
    new: int = 0
    changed: int = 0
    ms: int = 0
    reason: str = ""


# --- stories ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Telling:
    """An article as clustering, ranking and summarising see it."""

    id: int
    title: str
    text: str
    publisher: str
    language: str
    url: str
    author: str = ""
    image_url: str = ""
    image_alt: str = ""
    news_at: datetime | None = None
    published_at: datetime | None = None
    story_id: int | None = None
    story_version: int = 0
    """The version of its story that this article made."""
    topic_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Joined:
    """A verdict of clustering: this article belongs there."""

    article_id: int
    story_id: int | None
    """An open story, or None when `opened_by` names the article that opens it."""
    opened_by: int | None
    score: float
    terms: tuple[str, ...] = ()
    """The shared terms that weighed most: the explanation."""


# --- composing --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pick:
    """One story chosen for one reader, as packed into a delivery."""

    story_id: int
    version: int
    from_version: int = 0
    """0 for a full telling; otherwise an update on what was sent at that version."""


@dataclass(frozen=True, slots=True)
class ReaderProfile:
    """The immutable interned choices that many readers share. `id` names the stored row."""

    id: int
    topics: tuple[int, ...]
    """Topic ids in the reader's order."""
    language: str
    timezone: str
    cadence: str
    send_minute: int
    """Minutes after local midnight, a multiple of 15."""
    max_stories: int
    format: str = "html"
    """html (with a text part) or text."""
    own: Mapping[int, tuple[str, int]] = field(default_factory=dict)
    """Topics with hours of their own -> (cadence, send minute)."""
    rhythms: tuple[tuple[str, int], ...] = ()
    """Every (cadence, send minute) of the reader, also of topics that a slot's profile leaves out; empty where the
    other fields tell it."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """To whom a delivery goes, read when it is composed."""

    subscriber_id: int
    address: str
    name: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """One composed mail, its bodies already in the encoding that the provider declared."""

    subscriber_id: int
    sender: str
    """The From header's value, as configured: `Name <address>` or an address."""
    recipient: Recipient
    reply_to: str
    subject: str
    message_id: str
    """With angle brackets."""
    date: datetime
    headers: tuple[tuple[str, str], ...]
    """List-* and the like; ASCII, never folded."""
    html: bytes
    """Empty for a mail of plain text only."""
    text: bytes
    picks: tuple[Pick, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A delivery that gets no mail, and why."""

    subscriber_id: int
    state: Literal["skipped", "rejected"]
    reason: str


@dataclass(frozen=True, slots=True)
class ViewedMail:
    """A mail as it was, without the links that belong to one person."""

    html: str
    text: str
    subject: str


# --- dispatch ---------------------------------------------------------------------------------------------------------


class DeliveryState(StrEnum):
    PLANNED = "planned"
    ATTEMPTING = "attempting"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    RETRY = "retry"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


class ChunkState(StrEnum):
    PLANNED = "planned"
    LEASED = "leased"
    DONE = "done"


class EditionState(StrEnum):
    PLANNING = "planning"
    FROZEN = "frozen"
    DONE = "done"


SENT_STATES = (DeliveryState.ATTEMPTING, DeliveryState.ACCEPTED, DeliveryState.UNKNOWN)
"""The states whose stories count as sent in story memory (design, section 5)."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A chunk that this worker holds; a stale `fence` writes nothing. When it ends is the chunk row's business."""

    chunk_id: int
    edition_id: int
    fence: int


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that wants composing. `picks` is set once an attempt fixed them: a recomposition must obey them."""

    edition_id: int
    subscriber_id: int
    profile_id: int
    since: datetime
    picks: tuple[Pick, ...] | None = None
    memory: Mapping[int, tuple[Pick, ...]] = field(default_factory=dict)
    """Story id -> what this reader was already sent of it."""
    due_at: datetime | None = None
    """Of a reader with topics of their own hours: since when this was due."""


@dataclass(frozen=True, slots=True)
class Accepted:
    provider_message_id: str


@dataclass(frozen=True, slots=True)
class RejectedItem:
    reason: str


ItemResult = Accepted | RejectedItem


@dataclass(frozen=True, slots=True)
class DispatchReport:
    """What a drain did. Counts are of deliveries."""

    accepted: int = 0
    rejected: int = 0
    skipped: int = 0
    retry: int = 0
    unknown: int = 0
    problem: str = ""
    """One line when the provider refused us altogether; the operator must act."""

    def __add__(self, other: DispatchReport) -> DispatchReport:
        return DispatchReport(
            self.accepted + other.accepted,
            self.rejected + other.rejected,
            self.skipped + other.skipped,
            self.retry + other.retry,
            self.unknown + other.unknown,
            other.problem or self.problem,
        )
