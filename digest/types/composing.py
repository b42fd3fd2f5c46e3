"""What is chosen for one reader, and the mail that is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Pick:
    """One story chosen for one reader, as packed into a delivery."""

    story_id: int
    version: int
    from_version: int = 0
    """0 for a full telling; otherwise an update on what was sent at that version."""


@dataclass(frozen=True, slots=True)
class Vote:
    """What a reader asked for by the links below a story."""

    kind: Literal["story", "publisher", "like"]
    """A muted story; a publisher, muted or preferred; or a story of which more or less is wanted."""
    key: str
    """The story's number as text, or the publisher's name case-folded."""
    weight: int
    """-1 for less and for muted, 1 for more and for preferred."""
    publisher: str = ""
    """Of a like, as the next two: the first publisher of the story it was cast on, case-folded."""
    topics: tuple[int, ...] = ()
    terms: tuple[str, ...] = ()


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
    votes: tuple[Vote, ...] = ()
    """Oldest first, as they were when the delivery was planned."""
    all_quiet: bool = False
    """Whether a mail of the reader's own hours comes even when there is nothing new, and says so."""


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
