"""SendGrid: POST /v3/mail/send, one mail a call.

Sources: SendGrid's OpenAPI description (twilio/sendgrid-oai, 2026-01-22), https://www.twilio.com/docs/sendgrid/
api-reference/mail-send/errors, .../how-to-use-the-sendgrid-v3-api/{errors,rate-limits}, and django-anymail.

- Why not a thousand mails a call: all `personalizations` of a call share their bodies. What differs could only come by
  substitution, of 10,000 bytes for each reader, where our bodies have 45,000; and it replaces its tags wherever they
  stand, also in words of articles that we did not write. All mails of a call would share one id as well
  (django-anymail#15), and one address that SendGrid does not like refuses all (400).
- No idempotency keys: a call whose answer got lost is never repeated. `custom_args` name the delivery, and the webhook
  settles it.
- A name in `to` must come quoted: SendGrid writes commas and semicolons into the header as they are
  (sendgrid-python#291). Those of From and Reply-To it quotes itself.
- No Message-ID of our own: SendGrid makes one. What the ledger keeps is X-Message-Id, with which `sg_message_id` of
  events begins.
- Tracking is off, whatever the account says: it would put a pixel in and lead links through SendGrid.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any, Literal

import httpx

from digest.dispatch.calls import TIMEOUT, Answers, Api, seconds_until, told
from digest.dispatch.events import MARK
from digest.dispatch.header import (
    SHEETS,
    clean,
    configured_mailbox,
    json_headers,
    mailbox_parts,
    plain,
    quoted,
    unencoded,
)
from digest.dispatch.proof import Written
from digest.errors import BadBatch, Garbled, NotSent, ProviderError, Refused, SettingError
from digest.settings import Settings
from digest.types import Accepted, Envelope, ItemResult, Sheet, delivery_mark

ANSWERS: Answers = {
    (400, "to"): (BadBatch, "does not accept the recipient"),
    (400, "content"): (BadBatch, "does not accept the mail's text"),
    (400, "subject"): (BadBatch, "does not accept the mail's subject"),
    (400, "from"): (Refused, "does not accept the sender; check FROM"),
    (400, "reply_to"): (Refused, "does not accept REPLY_TO"),
    (400, ""): (Refused, "does not understand the call; please report this"),
    (401, ""): (Refused, "does not know the key, or its credits are used up; check SENDGRID_API_KEY and the plan"),
    (403, ""): (Refused, "does not let this key or sender send; verify FROM's domain there"),
    (404, ""): (Refused, "has no such endpoint; check SENDGRID_BASE_URL"),
    (405, ""): (Refused, "does not take this call; check SENDGRID_BASE_URL"),
    (406, ""): (Refused, "does not take this call; check SENDGRID_BASE_URL"),
    (413, ""): (BadBatch, "finds the mail too large"),
    (415, ""): (Refused, "does not take this call; check SENDGRID_BASE_URL"),
    (429, ""): (NotSent, "asks us to slow down"),
    (451, ""): (Refused, "keeps this account elsewhere; in the EU SENDGRID_BASE_URL is https://api.eu.sendgrid.com"),
}
"""Under 400, the name is the part of the call that the first error is about. What is not known to be about this one
mail refuses us: it may be in every mail, and then no reader is at fault."""
PARTS = ("to", "content", "subject", "from", "reply_to")
_OFF = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": {"enable": False},
    "subscription_tracking": {"enable": False},
    "ganalytics": {"enable": False},
}


def open_provider(settings: Settings) -> SendGrid:
    """SendGrid under SENDGRID_BASE_URL. Raises SettingError when SENDGRID_API_KEY is empty or cannot be a key."""
    key = settings.sendgrid_api_key
    if not re.fullmatch(r"[!-~]+", key):
        raise SettingError(
            "SENDGRID_API_KEY is missing or has a character no key has; copy it from app.sendgrid.com/settings/api_keys"
        )
    return SendGrid(settings.sendgrid_base_url, key)


class SendGrid:
    """See `digest.dispatch.providers.Provider`."""

    name = "sendgrid"
    batch = 1
    encoding: Literal["json", "qp"] = "json"
    key_lifetime: timedelta | None = None

    def __init__(self, base_url: str, api_key: str, timeout: httpx.Timeout = TIMEOUT) -> None:
        headers = {
            "Authorization": f"Bearer {api_key}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        }
        url = base_url.rstrip("/") + "/v3/mail/send"
        self._api = Api(
            "SendGrid", url, headers, base="SENDGRID_BASE_URL", secret=api_key, keyed=False, timeout=timeout
        )

    def payload(self, envelope: Envelope) -> bytes:
        """The call's JSON; the bodies are joined in, not encoded again, the text first as SendGrid wants it."""
        sheet, recipient, leave, html, text, _ = envelope
        before, after = _frame(sheet)
        name, address = mailbox_parts(unencoded(recipient.name), recipient.address, "To")
        to = f'"email":{quoted(address)}'
        if name:
            to += f',"name":{quoted(_in_quotes(name))}'
        mark = delivery_mark(sheet.edition_id, recipient.subscriber_id)
        start = f'{{"personalizations":[{{"to":[{{{to}}}],"custom_args":{{"{MARK}":"{mark}"}}}}]'
        if not html:
            return b"".join([start.encode(), before, leave, after, *text, b'"}]}'])
        return b"".join(
            [start.encode(), before, leave, after, *text, b'"},{"type":"text/html","value":"', *html, b'"}]}']
        )

    def read(self, payload: bytes) -> Written:
        """See `Provider.read`."""
        try:
            call: dict[str, Any] = json.loads(payload)
            (each,) = call["personalizations"]
            (to,) = each["to"]
            bodies = {part["type"]: part["value"] for part in call["content"]}
            name = re.sub(r"\\(.)", r"\1", to.get("name", "")[1:-1])
            return Written(
                to["email"], name, call["subject"], call["headers"], bodies["text/plain"], bodies.get("text/html", "")
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Garbled(f"its JSON cannot be read ({type(error).__name__})") from None

    def send(self, payloads: Sequence[bytes], key: str) -> list[ItemResult]:
        """See `Provider.send`; ANSWERS says how SendGrid's answers are understood."""
        (payload,) = payloads
        answer = self._api.post(payload)
        if answer.status_code != 202:
            raise self._failure(answer)
        message = clean(answer.headers.get("X-Message-Id", ""))
        if not message:
            raise self._api.doubt("SendGrid's answer names no mail; check SENDGRID_BASE_URL")
        return [Accepted(message)]

    def _failure(self, answer: httpx.Response) -> ProviderError:
        found = told(answer)
        errors = found.get("errors") if isinstance(found, dict) else None
        first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
        about = str(first.get("field") or "").split(".")
        name = next((part for part in PARTS if part in about), "")
        wait = seconds_until(answer, "X-RateLimit-Reset")
        return self._api.failure(answer, ANSWERS, name, str(first.get("message") or ""), wait)

    def close(self) -> None:
        """Close the connections."""
        self._api.close()


@lru_cache(maxsize=SHEETS)
def _frame(sheet: Sheet) -> tuple[bytes, bytes]:
    """What stands between the recipient and the token of List-Unsubscribe, and from there to the text."""
    fields: dict[str, object] = {"from": _configured(sheet.sender, "From")}
    if sheet.reply_to:
        fields["reply_to"] = _configured(sheet.reply_to, "Reply-To")
    fields["subject"] = plain(unencoded(sheet.subject), "Subject")
    fields["tracking_settings"] = _OFF
    shared = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))[1:-1]
    before, after = json_headers(sheet)
    content = '"content":[{"type":"text/plain","value":"'
    return f',"headers":{before}'.encode(), f"{after},{shared},{content}".encode()


def _configured(value: str, what: str) -> dict[str, str]:
    found = configured_mailbox(value, what)
    return {"email": found.addr_spec, **({"name": found.display_name} if found.display_name else {})}


def _in_quotes(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
