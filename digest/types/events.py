"""What a provider tells us later about a mail that it took."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class EventKind(StrEnum):
    """What became of a mail, in one vocabulary for all providers."""

    OTHER = "other"
    """Something that changes nothing; kept where a provider's signature must not be used twice."""
    DEFERRED = "deferred"
    """Not yet; the provider goes on trying."""
    DELIVERED = "delivered"
    """The reader's mail server took it."""
    OPENED = "opened"
    CLICKED = "clicked"
    BOUNCED_SOFT = "bounced_soft"
    """This mail is lost, the next may arrive: a full mailbox, a server that is away."""
    REJECTED = "rejected"
    """The provider took it from us and then did not send it."""
    BOUNCED_HARD = "bounced_hard"
    """There is no such mailbox, and there will be none."""
    UNSUBSCRIBED = "unsubscribed"
    """The reader left by a link or a button of the provider's."""
    COMPLAINED = "complained"
    """The reader called it spam."""


class Via(StrEnum):
    """Who fetched a picture or followed a link."""

    PERSON = ""
    """A person, as far as anybody can tell."""
    PROXY = "proxy"
    """A mailbox provider's proxy, which hides when and whether a person looked (Apple, Google, Yahoo)."""
    SCANNER = "scanner"
    """A program that looks for malware, or fetches previews."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that a provider says of one mail to one address. Its texts hold no control characters."""

    provider: str
    event_id: str
    """The same each time the provider tells of it again; unique among a provider's events. 1 to 200 characters."""
    kind: EventKind
    provider_message_id: str
    """As in the ledger; empty where the provider does not say."""
    address: str
    """Whom it is about, in whatever spelling; empty where the provider does not say."""
    at: datetime
    """When it happened, by the provider's clock; aware."""
    detail: str = ""
    """For people: a server's answer, with addresses taken out."""
    mark: str = ""
    """What we sent along that names the delivery: `delivery_mark` from a tag, or the value of List-Unsubscribe."""
    sent_at: datetime | None = None
    """When the provider was given the mail, by its clock; None where it does not say."""
    via: Via = Via.PERSON


def delivery_mark(edition_id: int, subscriber_id: int) -> str:
    """What names a delivery where a provider hands tags or metadata back. Letters of any tag: digits and a hyphen."""
    return f"{edition_id}-{subscriber_id}"
