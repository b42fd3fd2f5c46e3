"""Resend: POST /emails/batch, up to 100 whole messages a call, with an idempotency key.

Sources: Resend's OpenAPI description (resend/resend-openapi, 2026-08-21), https://resend.com/docs/api-reference/errors,
https://resend.com/docs/dashboard/emails/idempotency-keys (24 hours, at most 256 characters) and
https://resend.com/docs/dashboard/emails/batch-validation-modes.

- `x-batch-validation: permissive`: one bad address must not hold up 99 readers (resend-node#461). Then `data` holds the
  ids of the accepted mails only, in order, and `errors` names the others by index.
- No Message-ID and no Date of our own: Resend hands mails to SES, which makes both itself and has been seen to refuse
  duplicates of them ("Duplicate header 'Message-ID'"). What the ledger keeps is Resend's id.
- No attachments and no scheduled_at: the batch endpoint drops both silently (utopia-php/messaging#120).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Literal

import httpx

from digest.dispatch.calls import TIMEOUT, Answers, Api, seconds, told
from digest.dispatch.events import MARK
from digest.dispatch.header import (
    SHEETS,
    clean,
    configured_mailbox,
    json_headers,
    mailbox_text,
    plain,
    quoted,
    unencoded,
)
from digest.dispatch.pace import Heard
from digest.dispatch.proof import Written, read_json
from digest.errors import BadBatch, NotSent, ProviderError, Refused, SettingError, Unclear, Unknowable
from digest.settings import Settings
from digest.types import Accepted, Envelope, ItemResult, ProviderPace, RejectedItem, Sheet, delivery_mark

ANSWERS: Answers = {
    (400, "invalid_idempotency_key"): (Refused, "did not like our idempotency key; please report this"),
    (400, ""): (BadBatch, "found an invalid field"),
    (401, ""): (Refused, "does not know the key; set RESEND_API_KEY"),
    (403, "invalid_api_key"): (Refused, "does not know the key; set RESEND_API_KEY"),
    (403, ""): (Refused, "does not let this key or domain send; verify FROM's domain at resend.com/domains"),
    (404, ""): (Refused, "has no such endpoint; check RESEND_BASE_URL"),
    (405, ""): (Refused, "does not take this call; check RESEND_BASE_URL"),
    (408, ""): (Unclear, "gave up waiting"),
    (409, "concurrent_idempotent_requests"): (Unclear, "is still working on the same call"),
    (409, "invalid_idempotent_request"): (Unknowable, "has seen another batch under the same idempotency key"),
    (409, ""): (Unclear, "reports a conflict"),
    (413, ""): (BadBatch, "finds the batch too large"),
    (422, "invalid_from_address"): (Refused, "does not accept the sender; check FROM"),
    (422, "invalid_access"): (Refused, "does not let this key send; check the key's permissions"),
    (422, "invalid_region"): (Refused, "does not know the domain's region; check the domain there"),
    (422, ""): (BadBatch, "cannot process the batch"),
    (429, "daily_quota_exceeded"): (Refused, "has sent the day's quota; wait a day or raise the plan"),
    (429, "monthly_quota_exceeded"): (Refused, "has sent the month's quota; raise the plan"),
    (429, ""): (NotSent, "asks us to slow down"),
    (451, ""): (Refused, "sees a security problem in the mails; contact their support"),
}


def open_provider(settings: Settings) -> Resend:
    """Resend under RESEND_BASE_URL. Raises SettingError when RESEND_API_KEY is empty or cannot be a key."""
    key = settings.resend_api_key
    if not key or not re.fullmatch(r"[!-~]+", key):
        raise SettingError("RESEND_API_KEY is missing or has a character no key has; copy it from resend.com/api-keys")
    return Resend(settings.resend_base_url, key)


class Resend:
    """See `digest.dispatch.providers.Provider`."""

    name = "resend"
    batch = 100
    encoding: Literal["json", "qp"] = "json"
    key_lifetime: timedelta | None = timedelta(hours=24)

    def __init__(self, base_url: str, api_key: str, timeout: httpx.Timeout = TIMEOUT) -> None:
        headers = {
            "Authorization": f"Bearer {api_key}",
            "Content-Type": "application/json",
            "x-batch-validation": "permissive",
        }
        url = base_url.rstrip("/") + "/emails/batch"
        self._api = Api("Resend", url, headers, base="RESEND_BASE_URL", secret=api_key, keyed=True, timeout=timeout)
        self._heard = Heard(window=1.0)  # Resend's limit counts the calls of a second

    def payload(self, envelope: Envelope) -> bytes:
        """One message of the batch's JSON array; the bodies are joined in, not encoded again. Without HTML there is no
        such field."""
        sheet, recipient, leave, html, text, _ = envelope
        start, middle, end = _frame(sheet)
        to = quoted(mailbox_text(unencoded(recipient.name), recipient.address, "To")).encode()
        reader = b"%d" % recipient.subscriber_id
        if not html:
            return b"".join([start, to, middle, leave, end, reader, b'"}],"text":"', *text, b'"}'])
        return b"".join([start, to, middle, leave, end, reader, b'"}],"html":"', *html, b'","text":"', *text, b'"}'])

    def read(self, payload: bytes) -> Written:
        """See `Provider.read`."""
        return read_json(payload)

    def send(self, payloads: Sequence[bytes], key: str) -> list[ItemResult]:
        """See `Provider.send`; ANSWERS says how Resend's answers are understood."""
        answer = self._api.post(b"[" + b",".join(payloads) + b"]", self._key(key))
        self._heard.hear(answer.headers)
        if answer.status_code != 200:
            raise self._failure(answer)
        return _results(answer, len(payloads))

    def _failure(self, answer: httpx.Response) -> ProviderError:
        found = told(answer)
        name, detail = (str(found.get(each, "")) if isinstance(found, dict) else "" for each in ("name", "message"))
        return self._api.failure(answer, ANSWERS, name, detail, seconds(answer, "retry-after", "ratelimit-reset"))

    def _key(self, key: str) -> dict[str, str]:
        return {"Idempotency-Key": key}

    def pace(self) -> ProviderPace | None:
        """See `digest.dispatch.gate.Paced`."""
        return self._heard.last()

    def close(self) -> None:
        """Close the connections."""
        self._api.close()


@lru_cache(maxsize=SHEETS)
def _frame(sheet: Sheet) -> tuple[bytes, bytes, bytes]:
    """What stands before the recipient, between it and the token of List-Unsubscribe, and from there to the reader's
    number in the tag by which webhooks name the delivery (`digest.dispatch.events.MARK`)."""
    fields = {"from": str(configured_mailbox(sheet.sender, "From"))}
    if sheet.reply_to:
        fields["reply_to"] = str(configured_mailbox(sheet.reply_to, "Reply-To"))
    shared = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))[1:-1]
    subject = quoted(plain(unencoded(sheet.subject), "Subject"))
    before, after = json_headers(sheet)
    tag = f'"tags":[{{"name":{quoted(MARK)},"value":{quoted(delivery_mark(sheet.edition_id, 0)[:-1])[:-1]}'
    return b'{"to":[', f'],"subject":{subject},"headers":{before}'.encode(), f"{after},{shared},{tag}".encode()


def _results(answer: httpx.Response, count: int) -> list[ItemResult]:
    found = told(answer)
    if not isinstance(found, dict):
        raise Unclear("Resend's answer was cut short or is not JSON")
    data, errors = found.get("data"), found.get("errors") or []
    if not isinstance(data, list) or not isinstance(errors, list):
        raise Unclear("Resend's answer holds no list of mails; check RESEND_BASE_URL")
    rejected = {
        error["index"]: RejectedItem(clean(str(error.get("message", ""))) or "Resend gave no reason")
        for error in errors
        if isinstance(error, dict) and type(error.get("index")) is int and 0 <= error["index"] < count
    }
    ids = [item["id"] for item in data if isinstance(item, dict) and isinstance(item.get("id"), str) and item["id"]]
    if len(rejected) != len(errors) or len(ids) + len(rejected) != count:
        # Accepted or not, nobody can say which: guessing would mark the wrong readers.
        raise Unknowable(f"Resend named {len(ids)} accepted and {len(errors)} rejected of {count} mails")
    accepted = iter(ids)
    return [rejected[index] if index in rejected else Accepted(next(accepted)) for index in range(count)]
