"""Mailgun's webhooks: one event a call, with a signature that does not cover it.

Sources: https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhooks, .../webhook-payloads,
.../securing-webhooks; Mailgun's API description (mailgun/mailgun-mcp-server, 2026-07-09).

- The token is the event's id: `event-data.id` is unique within a day only, and a token that was taken once must not be
  taken again, for whoever has seen one could sign another body with it. So calls that do not concern us are kept too.
- How old a call may be: Mailgun repeats for eight hours and does not say whether it signs anew.
- `reason: suppress-*`: Mailgun had given the address up before, and did not try.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from digest.dispatch import events, signatures
from digest.dispatch.events import NoSecret
from digest.errors import Malformed
from digest.settings import Settings
from digest.types import Event, EventKind, Via

WINDOW = timedelta(hours=12)
KINDS: Mapping[str, EventKind] = {
    "delivered": EventKind.DELIVERED,
    "opened": EventKind.OPENED,
    "clicked": EventKind.CLICKED,
    "unsubscribed": EventKind.UNSUBSCRIBED,
    "complained": EventKind.COMPLAINED,
    "rejected": EventKind.REJECTED,
}
"""Mailgun's word -> ours; `failed` is below, and what is in neither changes nothing."""
FAILED: Mapping[tuple[str, str], EventKind] = {
    ("temporary", ""): EventKind.DEFERRED,
    ("permanent", "suppress-complaint"): EventKind.COMPLAINED,
    ("permanent", "suppress-unsubscribe"): EventKind.UNSUBSCRIBED,
    ("permanent", "suppress-bounce"): EventKind.BOUNCED_HARD,
    ("permanent", "bounce"): EventKind.BOUNCED_HARD,
    ("permanent", ""): EventKind.BOUNCED_SOFT,
}
"""Severity and reason; an empty reason is any other. A permanent failure that nothing else is said of may be a mailbox
that stayed full until Mailgun gave up, or a mail that was refused."""


def open_webhook(settings: Settings) -> MailgunHook:
    """Raises NoSecret without MAILGUN_WEBHOOK_SECRET."""
    if not settings.mailgun_webhook_secret:
        raise NoSecret(
            "MAILGUN_WEBHOOK_SECRET is not set; copy the HTTP webhook signing key from Mailgun's API security"
        )
    return MailgunHook(settings.mailgun_webhook_secret)


class MailgunHook:
    """See `digest.dispatch.events.Webhook`."""

    def __init__(self, key: str) -> None:
        self._key = key

    def parse_webhook(self, headers: Mapping[str, str], body: bytes, now: datetime) -> list[Event]:
        """See `Webhook.parse_webhook`. What is no JSON is Malformed, for its signature stands in it."""
        call = events.fields(events.read_json(body), "the body")
        signed = events.fields(call.get("signature"), "signature")
        stamp, token, mac = (
            events.line(signed.get(name), f"signature.{name}") for name in ("timestamp", "token", "signature")
        )
        signatures.token_hmac(self._key, stamp, token, mac, now, WINDOW)
        data = events.fields(call.get("event-data"), "event-data")
        word = events.line(data.get("event"), "event")
        if not word:
            raise Malformed("event is missing")
        kind = _kind(word, data)
        at = events.moment(data.get("timestamp"), "timestamp", now)
        variables = events.fields(data.get("user-variables") or {}, "user-variables")
        client = events.fields(data.get("client-info") or {}, "client-info")
        looked = kind in (EventKind.OPENED, EventKind.CLICKED)
        return [
            Event(
                provider="mailgun",
                event_id=events.event_id(token),
                kind=kind,
                provider_message_id=_message(data),
                address=events.bare_address(data.get("recipient"), "recipient"),
                at=at,
                detail=_detail(data),
                mark=events.line(variables.get(events.MARK), "user-variables"),
                via=_via(client, at) if looked else Via.PERSON,
            )
        ]


def _kind(word: str, data: Mapping[str, Any]) -> EventKind:
    if word != "failed":
        return KINDS.get(word, EventKind.OTHER)
    severity, reason = (events.line(data.get(name), name) for name in ("severity", "reason"))
    return FAILED.get((severity, reason)) or FAILED.get((severity, "")) or EventKind.DEFERRED


def _message(data: Mapping[str, Any]) -> str:
    """As the API answered it: in angle brackets, which events leave out."""
    headers = events.fields(events.fields(data.get("message") or {}, "message").get("headers") or {}, "message.headers")
    told = events.line(headers.get("message-id"), "message-id")
    return f"<{told.strip('<>')}>" if told else ""


def _detail(data: Mapping[str, Any]) -> str:
    status = events.fields(data.get("delivery-status") or {}, "delivery-status")
    return events.told(data.get("reason"), status.get("description"), status.get("message"))


def _via(client: Mapping[str, Any], at: datetime) -> Via:
    """Mailgun says of many programs that they are one."""
    if events.line(client.get("bot"), "client-info.bot"):
        return Via.SCANNER
    return events.who_looked(events.line(client.get("user-agent"), "client-info.user-agent", 1000), at, None)
