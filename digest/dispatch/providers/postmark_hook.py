"""Postmark's webhooks: one event a call, not signed; the address that was given to Postmark holds user and password.

Sources: https://postmarkapp.com/developer/webhooks/webhooks-overview and the pages of each webhook beside it; the types
of bounces as in https://postmarkapp.com/developer/api/bounce-api#bounce-types.

- Only bounces have a number; of the others the id is a hash of what they say.
- `SoftBounce` and `Transient` may be followed by a hard one. `Blocked`, `DMARCPolicy` and their like blame us or the
  mail.
- `SubscriptionChange` tells of every address that Postmark stops mailing, and why.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from digest.dispatch import events, signatures
from digest.dispatch.events import NoSecret
from digest.settings import Settings
from digest.types import Event, EventKind, Via

RECORDS: Mapping[str, tuple[EventKind, str]] = {
    "Delivery": (EventKind.DELIVERED, "DeliveredAt"),
    "Bounce": (EventKind.BOUNCED_SOFT, "BouncedAt"),
    "SpamComplaint": (EventKind.COMPLAINED, "BouncedAt"),
    "Open": (EventKind.OPENED, "ReceivedAt"),
    "Click": (EventKind.CLICKED, "ReceivedAt"),
    "SubscriptionChange": (EventKind.UNSUBSCRIBED, "ChangedAt"),
}
"""RecordType -> our word, and where its time stands. What is not here does not concern us."""
BOUNCES: Mapping[str, EventKind | None] = {
    "HardBounce": EventKind.BOUNCED_HARD,
    "BadEmailAddress": EventKind.BOUNCED_HARD,
    "SpamNotification": EventKind.COMPLAINED,
    "SpamComplaint": EventKind.COMPLAINED,
    "Unsubscribe": EventKind.UNSUBSCRIBED,
    "ManuallyDeactivated": EventKind.REJECTED,
    "Transient": EventKind.DEFERRED,
    "DnsError": EventKind.DEFERRED,
    "AutoResponder": None,
    "AddressChange": None,
    "ChallengeVerification": None,
    "OpenRelayTest": None,
    "Subscribe": None,
}
"""Type of a bounce -> our word; None does not concern us. What is not here is soft."""
STOPPED: Mapping[str, EventKind] = {
    "HardBounce": EventKind.BOUNCED_HARD,
    "SpamComplaint": EventKind.COMPLAINED,
    "ManualSuppression": EventKind.UNSUBSCRIBED,
}


def open_webhook(settings: Settings) -> PostmarkHook:
    """Raises NoSecret without POSTMARK_WEBHOOK_SECRET."""
    if ":" not in settings.postmark_webhook_secret:
        raise NoSecret("POSTMARK_WEBHOOK_SECRET is not set to user:password, as in the address that you gave Postmark")
    return PostmarkHook(settings.postmark_webhook_secret)


class PostmarkHook:
    """See `digest.dispatch.events.Webhook`."""

    def __init__(self, account: str) -> None:
        self._account = account

    def parse_webhook(self, headers: Mapping[str, str], body: bytes, now: datetime) -> list[Event]:
        """See `Webhook.parse_webhook`."""
        signatures.basic(headers, self._account)
        told = events.fields(events.read_json(body), "the body")
        word = events.line(told.get("RecordType"), "RecordType")
        if word not in RECORDS:
            return []
        usual, when = RECORDS[word]
        kind = _kind(word, usual, told)
        if kind is None:
            return []
        at = events.moment(told.get(when), when, now)
        message = events.line(told.get("MessageID"), "MessageID")
        address = events.bare_address(told.get("Email") or told.get("Recipient"), "Recipient")
        number = told.get("ID")
        named = [word, str(number)] if type(number) is int else [word, kind, message, address.lower(), at.isoformat()]
        metadata = events.fields(told.get("Metadata") or {}, "Metadata")
        agent = events.line(told.get("UserAgent"), "UserAgent", 1000)
        looked = kind in (EventKind.OPENED, EventKind.CLICKED)
        return [
            Event(
                provider="postmark",
                event_id=events.event_id(*named),
                kind=kind,
                provider_message_id=message,
                address=address,
                at=at,
                detail=events.told(told.get("Type"), told.get("SuppressionReason"), told.get("Details")),
                mark=events.line(metadata.get(events.MARK), "Metadata"),
                via=events.who_looked(agent, at, None) if looked else Via.PERSON,
            )
        ]


def _kind(word: str, usual: EventKind, told: Mapping[str, Any]) -> EventKind | None:
    if word == "Bounce":
        return BOUNCES.get(events.line(told.get("Type"), "Type"), usual)
    if word == "SubscriptionChange":
        if told.get("SuppressSending") is not True:
            return None
        return STOPPED.get(events.line(told.get("SuppressionReason"), "SuppressionReason"), EventKind.REJECTED)
    return usual
