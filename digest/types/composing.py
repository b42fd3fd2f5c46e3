"""What is chosen for one reader, and the mail that is made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple


class Pick(NamedTuple):
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


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """What mails of one edition with the same subject have in common. Providers keep, by sheet, what they made of it:
    so a sheet is itself and equal to no other."""

    edition_id: int
    """With the reader's number it names the delivery to a provider that hands it back (`delivery_mark`)."""
    sender: str
    """The From header's value, as configured: `Name <address>` or an address."""
    reply_to: str
    subject: str
    date: datetime
    leave_at: str
    """The address in List-Unsubscribe, up to the reader's token; empty for mails to nobody subscribed."""
    headers: tuple[tuple[str, str], ...]
    """The others: List-* and the like; ASCII, never folded."""
    message_id: Callable[[int], str]
    """Subscriber id -> Message-ID with angle brackets; of 0 for what is the sheet's alone."""


class Envelope(NamedTuple):
    """One composed mail, its bodies already in the encoding that the provider declared. Each body comes in pieces,
    because whoever writes the payload joins them with the rest of it: joining 60 KB twice takes a third of the time."""

    sheet: Sheet
    recipient: Recipient
    leave: bytes
    """The token of the link in List-Unsubscribe: URL-safe base64."""
    html_pieces: Sequence[bytes]
    """No pieces: a mail of plain text only."""
    text_pieces: Sequence[bytes]
    picks: tuple[Pick, ...] = ()

    def __eq__(self, other: object) -> bool:
        """Whether both say the same, however they are cut into pieces."""
        return self._said() == other._said() if isinstance(other, Envelope) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.recipient, self.leave, self.picks))

    def _said(self) -> tuple[object, ...]:
        sheet = self.sheet
        shared = (sheet.sender, sheet.reply_to, sheet.subject, sheet.date)
        return (*shared, self.message_id, self.headers, self.recipient, self.html, self.text, self.picks)

    @property
    def subscriber_id(self) -> int:
        return self.recipient.subscriber_id

    @property
    def subject(self) -> str:
        return self.sheet.subject

    @property
    def message_id(self) -> str:
        """With angle brackets."""
        return self.sheet.message_id(self.recipient.subscriber_id)

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The mail's own and those of its sheet."""
        at = self.sheet.leave_at
        own = (("List-Unsubscribe", f"<{at}{self.leave.decode()}>"),) if at else ()
        return (*own, *self.sheet.headers)

    @property
    def html(self) -> bytes:
        """Empty for a mail of plain text only."""
        return b"".join(self.html_pieces)

    @property
    def text(self) -> bytes:
        return b"".join(self.text_pieces)


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
