"""SendGrid's signed event webhook: many events a call, signed by ECDSA.

Sources: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event, .../getting-started-event-webhook-
security-features; the test vectors of sendgrid-python.

- The same event may come up to 46 times (sendgrid/docs#2933): `sg_event_id` is its id.
- How old a call may be: SendGrid repeats for a day and does not say whether it signs anew. Repeats are known by their
  id.
- `bounce` with `type: blocked` blames the moment or the mail, not the mailbox.
- `sg_message_id` begins with what the API answered as X-Message-Id; bounces may lack it (sendgrid/docs#5177).
- Custom arguments stand among the event's own fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from digest.dispatch import events, signatures
from digest.dispatch.events import NoSecret
from digest.settings import Settings
from digest.types import Event, EventKind, Via

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

WINDOW = timedelta(hours=25)
HEADER = "x-twilio-email-event-webhook-"
KINDS: Mapping[str, EventKind] = {
    "delivered": EventKind.DELIVERED,
    "deferred": EventKind.DEFERRED,
    "bounce": EventKind.BOUNCED_SOFT,
    "dropped": EventKind.REJECTED,
    "spamreport": EventKind.COMPLAINED,
    "unsubscribe": EventKind.UNSUBSCRIBED,
    "group_unsubscribe": EventKind.UNSUBSCRIBED,
    "open": EventKind.OPENED,
    "click": EventKind.CLICKED,
}
"""SendGrid's word -> ours; where a detail decides, the least it can mean. What is not here does not concern us."""
DROPPED: Mapping[str, EventKind] = {
    "Bounced Address": EventKind.BOUNCED_HARD,
    "Invalid": EventKind.BOUNCED_HARD,
    "Spam Reporting Address": EventKind.COMPLAINED,
    "Unsubscribed Address": EventKind.UNSUBSCRIBED,
}
"""Why the account has given an address up, so that no mail is tried any more."""


def open_webhook(settings: Settings) -> SendGridHook:
    """Raises NoSecret without SENDGRID_WEBHOOK_KEY, and SettingError for one that is none."""
    if not settings.sendgrid_webhook_key:
        raise NoSecret("SENDGRID_WEBHOOK_KEY is not set; copy the verification key of the signed event webhook")
    return SendGridHook(signatures.ecdsa_key(settings.sendgrid_webhook_key, "SENDGRID_WEBHOOK_KEY"))


class SendGridHook:
    """See `digest.dispatch.events.Webhook`."""

    def __init__(self, key: EllipticCurvePublicKey) -> None:
        self._key = key

    def parse_webhook(self, headers: Mapping[str, str], body: bytes, now: datetime) -> list[Event]:
        """See `Webhook.parse_webhook`."""
        stamp, signature = headers.get(HEADER + "timestamp", ""), headers.get(HEADER + "signature", "")
        signatures.ecdsa(stamp, signature, body, self._key, now, WINDOW)
        return events.items(events.read_json(body), "the body", lambda told: _event(told, now))


def _event(told: Mapping[str, Any], now: datetime) -> Event | None:
    word = events.line(told.get("event"), "event")
    if word not in KINDS:
        return None
    kind = _kind(word, told)
    at = events.moment(told.get("timestamp"), "timestamp", now)
    message = events.line(told.get("sg_message_id"), "sg_message_id").partition(".")[0]
    address = events.bare_address(told.get("email"), "email")
    named = events.line(told.get("sg_event_id"), "sg_event_id")
    return Event(
        provider="sendgrid",
        event_id=events.event_id(*([named] if named else [word, message, address.lower(), at.isoformat()])),
        kind=kind,
        provider_message_id=message,
        address=address,
        at=at,
        detail=events.told(told.get("type"), told.get("status"), told.get("reason"), told.get("response")),
        mark=events.line(told.get(events.MARK), events.MARK),
        via=_via(kind, told, at),
    )


def _kind(word: str, told: Mapping[str, Any]) -> EventKind:
    if word == "bounce" and events.line(told.get("type"), "type") == "bounce":
        # 5.2.2 is a full mailbox (RFC 3463), which SendGrid calls a bounce like any other.
        full = events.line(told.get("status"), "status") == "5.2.2"
        return EventKind.BOUNCED_SOFT if full else EventKind.BOUNCED_HARD
    if word == "dropped":
        return DROPPED.get(events.line(told.get("reason"), "reason"), KINDS[word])
    return KINDS[word]


def _via(kind: EventKind, told: Mapping[str, Any], at: datetime) -> Via:
    """SendGrid names Apple's opens itself."""
    if kind not in (EventKind.OPENED, EventKind.CLICKED):
        return Via.PERSON
    if told.get("sg_machine_open") is True:
        return Via.PROXY
    return events.who_looked(events.line(told.get("useragent"), "useragent", 1000), at, None)
