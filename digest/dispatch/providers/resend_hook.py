"""Resend's webhooks: one event a call, signed by Svix.

Sources: the webhooks in Resend's OpenAPI description (resend/resend-openapi, 2026-08-21),
https://resend.com/docs/webhooks/event-types, https://resend.com/docs/webhooks/verify-webhooks-requests.

- The id of an event is the header `svix-id`: it is the same in every retry (5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h).
- `data.created_at` is when the mail was made, `created_at` when the event was.
- A bounce's words are SES's: `Permanent` means that the mailbox does not exist, unless the sub-type blames the mail.
  `Undetermined` proves nothing, so it counts like a soft one.
- `email.suppressed`: the account has given this address up, so that no mail will ever be tried. For us that is what it
  was given up for.
- Our mails have one recipient, so that the first of `to` is the one meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from digest.dispatch import events, signatures
from digest.dispatch.events import NoSecret
from digest.errors import Malformed
from digest.settings import Settings
from digest.types import Event, EventKind, Via

KINDS: Mapping[str, EventKind] = {
    "email.delivered": EventKind.DELIVERED,
    "email.delivery_delayed": EventKind.DEFERRED,
    "email.bounced": EventKind.BOUNCED_SOFT,
    "email.complained": EventKind.COMPLAINED,
    "email.opened": EventKind.OPENED,
    "email.clicked": EventKind.CLICKED,
    "email.failed": EventKind.REJECTED,
    "email.suppressed": EventKind.REJECTED,
}
"""Resend's word -> ours; where a detail decides, the least that it can mean. What is not here does not concern us."""
BOUNCES: Mapping[tuple[str, str], EventKind] = {
    ("Permanent", ""): EventKind.BOUNCED_HARD,
    ("Permanent", "MailboxFull"): EventKind.BOUNCED_SOFT,
    ("Permanent", "MessageTooLarge"): EventKind.BOUNCED_SOFT,
    ("Permanent", "ContentRejected"): EventKind.BOUNCED_SOFT,
    ("Permanent", "AttachmentRejected"): EventKind.BOUNCED_SOFT,
}
"""Type and sub-type of a bounce; an empty sub-type is any other. What is not here is soft."""
SUPPRESSED: Mapping[str, EventKind] = {
    "previous_bounce": EventKind.BOUNCED_HARD,
    "previous_complaint": EventKind.COMPLAINED,
}


def open_webhook(settings: Settings) -> ResendHook:
    """Raises NoSecret without RESEND_WEBHOOK_SECRET, and SettingError for one that is none."""
    if not settings.resend_webhook_secret:
        raise NoSecret("RESEND_WEBHOOK_SECRET is not set; copy the signing secret from resend.com/webhooks")
    return ResendHook(signatures.svix_key(settings.resend_webhook_secret, "RESEND_WEBHOOK_SECRET"))


class ResendHook:
    """See `digest.dispatch.events.Webhook`."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def parse_webhook(self, headers: Mapping[str, str], body: bytes, now: datetime) -> list[Event]:
        """See `Webhook.parse_webhook`."""
        message = signatures.svix(headers, body, self._key, now)
        call = events.fields(events.read_json(body), "the body")
        word = events.line(call.get("type"), "type")
        if not word:
            raise Malformed("type is missing")
        if word not in KINDS:
            return []
        data = events.fields(call.get("data"), "data")
        at = events.moment(call.get("created_at"), "created_at", now)
        sent_at = events.moment(data["created_at"], "data.created_at", now) if data.get("created_at") else None
        kind, detail = _kind(word, data)
        return [
            Event(
                provider="resend",
                event_id=events.event_id(events.line(message, "svix-id", 1000)),
                kind=kind,
                provider_message_id=events.line(data.get("email_id"), "data.email_id"),
                address=_address(data.get("to")),
                at=at,
                detail=detail,
                mark=_mark(data),
                sent_at=sent_at,
                via=_via(kind, data, at, sent_at),
            )
        ]


def _kind(word: str, data: Mapping[str, Any]) -> tuple[EventKind, str]:
    """Our word for it, and what there is to say."""
    if word == "email.bounced":
        bounce = events.fields(data.get("bounce"), "data.bounce")
        kind, sub = (events.line(bounce.get(each), f"data.bounce.{each}") for each in ("type", "subType"))
        meant = BOUNCES.get((kind, sub)) or BOUNCES.get((kind, "")) or KINDS[word]
        return meant, events.told(kind, sub, bounce.get("diagnosticCode"), bounce.get("message"))
    if word == "email.suppressed":
        why = events.fields(data.get("suppressed"), "data.suppressed")
        reason = events.line(why.get("reason"), "data.suppressed.reason")
        return SUPPRESSED.get(reason, KINDS[word]), events.told(reason, why.get("type"), why.get("message"))
    if word == "email.failed":
        return KINDS[word], events.told(events.fields(data.get("failed"), "data.failed").get("reason"))
    return KINDS[word], ""


def _address(to: Any) -> str:
    if not isinstance(to, list) or not to:
        raise Malformed("data.to is no list of addresses")
    return events.bare_address(to[0], "data.to")


def _mark(data: Mapping[str, Any]) -> str:
    """What names our delivery: the tag, or else the address by which the reader leaves."""
    tags, headers = data.get("tags") or {}, data.get("headers") or []
    tag = events.line(events.fields(tags, "data.tags").get(events.MARK), "data.tags")
    if tag:
        return tag
    if not isinstance(headers, list):
        raise Malformed("data.headers is no list")
    for each in headers:
        header = events.fields(each, "data.headers")
        if events.line(header.get("name"), "data.headers.name").lower() == "list-unsubscribe":
            return events.line(header.get("value"), "data.headers.value", 1000)
    return ""


def _via(kind: EventKind, data: Mapping[str, Any], at: datetime, sent_at: datetime | None) -> Via:
    """Of an open Resend tells no more than that there was one."""
    if kind is EventKind.OPENED:
        return events.who_looked("", at, sent_at)
    if kind is not EventKind.CLICKED:
        return Via.PERSON
    click = events.fields(data.get("click"), "data.click")
    return events.who_looked(events.line(click.get("userAgent"), "data.click.userAgent", 1000), at, sent_at)
