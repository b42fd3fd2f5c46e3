"""Amazon SES, which publishes events to an SNS topic, which calls us: one event a call, with an RSA signature.

Sources: https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html,
https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html.

- The certificate comes from Amazon's own hosts only, over TLS, and is kept; no redirect is followed.
- Anybody may have a topic of their own call us, with a valid signature: only messages of SES_TOPIC_ARN are taken.
- A subscription of that topic is confirmed by following SubscribeURL, on the same hosts only.
- SES reports soft bounces only after it has given up on the mail. An event may name several recipients; our mails have
  one, but each is an event of its own.
- SNS repeats within an hour by its usual policies, with the signature of the first time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx

from digest.dispatch import events, signatures
from digest.dispatch.events import NoSecret
from digest.errors import Malformed, NotSigned, WebhookError
from digest.settings import Settings
from digest.types import Event, EventKind, Via

WINDOW = timedelta(hours=1, minutes=5)
LONGEST_ANSWER = 20_000
"""Bytes of a certificate, or of the answer to a confirmation."""
CERTIFICATES_KEPT = 16
KINDS: Mapping[str, tuple[EventKind, str, str]] = {
    "Delivery": (EventKind.DELIVERED, "delivery", "recipients"),
    "DeliveryDelay": (EventKind.DEFERRED, "deliveryDelay", "delayedRecipients"),
    "Bounce": (EventKind.BOUNCED_SOFT, "bounce", "bouncedRecipients"),
    "Complaint": (EventKind.COMPLAINED, "complaint", "complainedRecipients"),
    "Reject": (EventKind.REJECTED, "reject", ""),
    "Rendering Failure": (EventKind.REJECTED, "failure", ""),
    "Open": (EventKind.OPENED, "open", ""),
    "Click": (EventKind.CLICKED, "click", ""),
}
"""SES' word -> ours, where its details stand, and where its recipients; otherwise all of the mail's. What is not here
does not concern us."""
HARD = frozenset({"General", "NoEmail", "Suppressed", "OnAccountSuppressionList"})
"""Sub-types of a permanent bounce that blame the mailbox."""
Fetch = Callable[[str], bytes]
"""An address at Amazon SNS -> what it answers; raises WebhookError."""


def open_webhook(settings: Settings) -> SesHook:
    """Raises NoSecret without SES_TOPIC_ARN."""
    if not settings.ses_topic_arn:
        raise NoSecret("SES_TOPIC_ARN is not set; copy the ARN of the SNS topic to which SES publishes events")
    return SesHook(settings.ses_topic_arn, _fetch)


class SesHook:
    """See `digest.dispatch.events.Webhook`."""

    def __init__(self, topic: str, fetch: Fetch) -> None:
        self._topic = topic
        self._fetch = fetch
        self._certificates: dict[str, bytes] = {}

    def parse_webhook(self, headers: Mapping[str, str], body: bytes, now: datetime) -> list[Event]:
        """See `Webhook.parse_webhook`. Raises WebhookError when Amazon's certificate cannot be had."""
        told = events.fields(events.read_json(body), "the body")
        message = {name: value for name, value in told.items() if isinstance(value, str)}
        if message.get("TopicArn") != self._topic:
            raise NotSigned("the message is of another topic than SES_TOPIC_ARN")
        address = signatures.sns_address(message.get("SigningCertURL", ""), ".pem")
        signatures.sns(message, self._certificate(address), now)
        if abs(now - events.moment(message["Timestamp"], "Timestamp", now)) > WINDOW:
            raise NotSigned("the message is too old")
        if message["Type"] == "SubscriptionConfirmation":
            self._fetch(signatures.sns_address(message["SubscribeURL"]))
        if message["Type"] != "Notification" or not message["Message"].startswith("{"):
            return []  # SNS tells in words that a topic was set up
        return _events(
            events.fields(events.read_json(message["Message"].encode()), "Message"), message["MessageId"], now
        )

    def _certificate(self, address: str) -> bytes:
        if address not in self._certificates:
            found = self._fetch(address)
            if len(self._certificates) >= CERTIFICATES_KEPT:
                self._certificates.clear()
            self._certificates[address] = found
        return self._certificates[address]


def _events(told: Mapping[str, Any], message_id: str, now: datetime) -> list[Event]:
    word = events.line(told.get("eventType") or told.get("notificationType"), "eventType")
    if word not in KINDS:
        return []
    usual, where, whom = KINDS[word]
    mail = events.fields(told.get("mail"), "mail")
    about = events.fields(told.get(where), where)
    recipients = about.get(whom) if whom else mail.get("destination")
    if not isinstance(recipients, list):
        raise Malformed(f"{where} names no recipients")
    kind, detail = _kind(word, usual, about)
    at = events.moment(about.get("timestamp") or mail.get("timestamp"), "timestamp", now)
    sent_at = events.moment(mail["timestamp"], "mail.timestamp", now) if mail.get("timestamp") else None
    tags = events.fields(mail.get("tags") or {}, "mail.tags").get(events.MARK)
    found = []
    for each in recipients[:1000]:
        address = events.bare_address(
            each.get("emailAddress") if isinstance(each, dict) else each, whom or "destination"
        )
        said = each.get("diagnosticCode") if isinstance(each, dict) else None
        found.append(
            Event(
                provider="ses",
                event_id=events.event_id(events.line(message_id, "MessageId", 1000), address.lower()),
                kind=kind,
                provider_message_id=events.line(mail.get("messageId"), "mail.messageId"),
                address=address,
                at=at,
                detail=events.told(detail, said),
                mark=events.line(tags[0] if isinstance(tags, list) and tags else None, "mail.tags"),
                sent_at=sent_at,
                via=_via(kind, about, at, sent_at),
            )
        )
    return found


def _kind(word: str, usual: EventKind, about: Mapping[str, Any]) -> tuple[EventKind, str]:
    if word == "Bounce":
        kind, sub = (events.line(about.get(name), name) for name in ("bounceType", "bounceSubType"))
        return (EventKind.BOUNCED_HARD if kind == "Permanent" and sub in HARD else usual), f"{kind}; {sub}"
    if word == "Complaint" and events.line(about.get("complaintFeedbackType"), "complaintFeedbackType") == "not-spam":
        return EventKind.OTHER, "not-spam"
    return usual, events.told(about.get("reason"), about.get("errorMessage"), about.get("complaintFeedbackType"))


def _via(kind: EventKind, about: Mapping[str, Any], at: datetime, sent_at: datetime | None) -> Via:
    if kind not in (EventKind.OPENED, EventKind.CLICKED):
        return Via.PERSON
    return events.who_looked(events.line(about.get("userAgent"), "userAgent", 1000), at, sent_at)


def _fetch(url: str) -> bytes:
    try:
        answer = httpx.get(url, timeout=5.0, follow_redirects=False)
    except httpx.HTTPError as error:
        raise WebhookError(f"Amazon SNS cannot be reached ({type(error).__name__})") from None
    if answer.status_code != 200 or len(answer.content) > LONGEST_ANSWER:
        raise WebhookError(f"Amazon SNS answered {answer.status_code} with {len(answer.content)} bytes")
    return answer.content
