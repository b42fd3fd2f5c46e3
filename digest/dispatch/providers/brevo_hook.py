"""Brevo's transactional webhooks: one event a call, not signed; a token or user and password prove it.

Sources: https://developers.brevo.com/docs/transactional-webhooks, https://developers.brevo.com/docs/username-and-
password-authentication, https://developers.brevo.com/docs/token-authentication.

- There is no id: a hash of what is said stands for it.
- `ts_epoch` (milliseconds) is the one time in UTC; the others are in the account's zone (django-anymail, brevo.py).
- An event is repeated after 10 min, 1 h, 2 h and 8 h, and only if the answer was 429 (`events.LATER`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from digest.dispatch import events, signatures
from digest.dispatch.events import NoSecret
from digest.settings import Settings
from digest.types import Event, EventKind, Via

KINDS: Mapping[str, EventKind] = {
    "delivered": EventKind.DELIVERED,
    "deferred": EventKind.DEFERRED,
    "soft_bounce": EventKind.BOUNCED_SOFT,
    "hard_bounce": EventKind.BOUNCED_HARD,
    "invalid_email": EventKind.BOUNCED_HARD,
    "blocked": EventKind.REJECTED,
    "error": EventKind.REJECTED,
    "spam": EventKind.COMPLAINED,
    "unsubscribed": EventKind.UNSUBSCRIBED,
    "unsubscribe": EventKind.UNSUBSCRIBED,
    "opened": EventKind.OPENED,
    "unique_opened": EventKind.OPENED,
    "proxy_open": EventKind.OPENED,
    "unique_proxy_open": EventKind.OPENED,
    "click": EventKind.CLICKED,
}
"""Brevo's word -> ours. What is not here does not concern us."""


def open_webhook(settings: Settings) -> BrevoHook:
    """Raises NoSecret without BREVO_WEBHOOK_SECRET."""
    if not settings.brevo_webhook_secret:
        raise NoSecret("BREVO_WEBHOOK_SECRET is not set to the token, or user:password, that you gave Brevo")
    return BrevoHook(settings.brevo_webhook_secret)


class BrevoHook:
    """See `digest.dispatch.events.Webhook`."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._check = signatures.basic if ":" in secret else signatures.bearer

    def parse_webhook(self, headers: Mapping[str, str], body: bytes, now: datetime) -> list[Event]:
        """See `Webhook.parse_webhook`."""
        self._check(headers, self._secret)
        told = events.fields(events.read_json(body), "the body")
        word = events.line(told.get("event"), "event")
        if word not in KINDS:
            return []
        kind, millis = KINDS[word], told.get("ts_epoch")
        seconds = (
            millis / 1000 if isinstance(millis, int) and not isinstance(millis, bool) and millis < 1e15 else millis
        )
        at = events.moment(seconds, "ts_epoch", now)
        message = events.line(told.get("message-id"), "message-id")
        address = events.bare_address(told.get("email"), "email")
        agent = events.line(told.get("user_agent"), "user_agent", 1000)
        via = events.who_looked(agent, at, None) if kind in (EventKind.OPENED, EventKind.CLICKED) else Via.PERSON
        return [
            Event(
                provider="brevo",
                event_id=events.event_id(word, message, address.lower(), str(millis)[:40]),
                kind=kind,
                provider_message_id=message,
                address=address,
                at=at,
                detail=events.told(told.get("reason")),
                mark=events.line(told.get("X-Mailin-custom"), "X-Mailin-custom"),
                via=Via.PROXY if "proxy" in word else via,
            )
        ]
