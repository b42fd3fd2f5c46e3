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
import math
import re
from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, Literal

import httpx

from digest.dispatch.header import (
    LEAVE,
    SHEETS,
    clean,
    configured_mailbox,
    leave_start,
    mailbox_text,
    plain,
    raw_header,
    unencoded,
)
from digest.dispatch.pace import Heard
from digest.dispatch.proof import Written, read_json
from digest.errors import BadBatch, NotSent, ProviderError, Refused, SettingError, Unclear, Unknowable
from digest.settings import Settings
from digest.types import Accepted, Envelope, ItemResult, ProviderPace, RejectedItem, Sheet

_quoted = encode_basestring
"""What json.dumps(text, ensure_ascii=False) does once it has found out that it was given a text."""

TIMEOUT = httpx.Timeout(30.0, connect=10.0)
"""Seconds of silence. A lease (60 s) must outlast a call."""

CONNECTIONS = 4
"""One for each thread that may drain at once; httpcore's search of its pool is quadratic in their number."""

ANSWERS: dict[tuple[int, str], tuple[type[ProviderError], str]] = {
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
"""Status and error name -> what it means and what Resend did. An empty name is any other name under that status."""


def open_provider(settings: Settings) -> Resend:
    """Resend under RESEND_BASE_URL. Raises SettingError when RESEND_API_KEY is empty or cannot be a key."""
    key = settings.resend_api_key
    if not key or not re.fullmatch(r"[!-~]+", key):
        raise SettingError("RESEND_API_KEY is missing or has a character no key has; copy it from resend.com/api-keys")
    return Resend(settings.resend_base_url, key)


class Resend:
    """A few kept connections; httpx lets threads share them."""

    name = "resend"
    batch = 100
    encoding: Literal["json", "qp"] = "json"
    key_lifetime: timedelta | None = timedelta(hours=24)

    def __init__(self, base_url: str, api_key: str, timeout: httpx.Timeout = TIMEOUT) -> None:
        self._url = base_url.rstrip("/") + "/emails/batch"
        headers = {
            "Authorization": f"Bearer {api_key}",
            "Content-Type": "application/json",
            "User-Agent": "digest-service",
            "x-batch-validation": "permissive",
        }
        self._heard = Heard(window=1.0)  # Resend's limit counts the calls of a second
        self._client = httpx.Client(headers=headers, timeout=timeout, limits=httpx.Limits(max_connections=CONNECTIONS))

    def payload(self, envelope: Envelope) -> bytes:
        """One message of the batch's JSON array; the bodies are joined in, not encoded again. Without HTML there is no
        such field."""
        sheet, recipient, leave, html, text, _ = envelope
        start, middle, end = _frame(sheet)
        to = _quoted(mailbox_text(unencoded(recipient.name), recipient.address, "To")).encode()
        if not html:
            return b"".join([start, to, middle, leave, end, b',"text":"', *text, b'"}'])
        return b"".join([start, to, middle, leave, end, b',"html":"', *html, b'","text":"', *text, b'"}'])

    def read(self, payload: bytes) -> Written:
        """See `Provider.read`."""
        return read_json(payload)

    def send(self, payloads: Sequence[bytes], key: str) -> list[ItemResult]:
        """See `Provider.send`; ANSWERS says how Resend's answers are understood."""
        body = b"[" + b",".join(payloads) + b"]"
        try:
            answer = self._client.post(self._url, content=body, headers=self._key(key))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            raise NotSent(f"Resend cannot be reached ({type(error).__name__})") from None
        except httpx.RequestError as error:  # also an answer that cannot be decoded
            raise Unclear(f"Resend did not answer ({type(error).__name__})") from None
        self._heard.hear(answer.headers)
        if answer.status_code != 200:
            raise _meaning(answer)
        return _results(answer, len(payloads))

    def _key(self, key: str) -> dict[str, str]:
        return {"Idempotency-Key": key}

    def pace(self) -> ProviderPace | None:
        """See `digest.dispatch.gate.Paced`."""
        return self._heard.last()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


@lru_cache(maxsize=SHEETS)
def _frame(sheet: Sheet) -> tuple[bytes, bytes, bytes]:
    """What stands before the recipient, between it and the token of List-Unsubscribe, and behind that."""
    fields = {"from": str(configured_mailbox(sheet.sender, "From"))}
    if sheet.reply_to:
        fields["reply_to"] = str(configured_mailbox(sheet.reply_to, "Reply-To"))
    shared = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))[1:-1]
    subject = _quoted(plain(unencoded(sheet.subject), "Subject"))
    own = leave_start(sheet)
    before = f"{_quoted(LEAVE)}:{_quoted(own)[:-1]}" if own else ""
    others = [f"{_quoted(name)}:{_quoted(raw_header(name, value)[1])}" for name, value in sheet.headers]
    after = ",".join(['>"'] * bool(own) + others)
    return b'{"to":[', f'],"subject":{subject},"headers":{{{before}'.encode(), f"{after}}},{shared}".encode()


def _meaning(answer: httpx.Response) -> ProviderError:
    status, told = answer.status_code, _json(answer)
    name = str(told.get("name", "")) if isinstance(told, dict) else ""
    if status >= 500:
        return Unclear(f"Resend answered {status}")
    if (status, name) not in ANSWERS and (status, "") not in ANSWERS:
        # Redirects, other 2xx and unheard-of refusals come from something that is not Resend's batch endpoint.
        return (Unclear if 200 <= status < 300 else Refused)(f"Resend answered {status}; check RESEND_BASE_URL")
    kind, meaning = ANSWERS.get((status, name)) or ANSWERS[(status, "")]
    message = f"Resend {meaning} ({status}{' ' + clean(name, 40) if name else ''})"
    if kind is NotSent:
        return NotSent(message, _wait(answer))
    detail = str(told.get("message", "")) if isinstance(told, dict) else ""
    return kind(f"{message}: {clean(detail)}" if detail else message)


def _wait(answer: httpx.Response) -> float | None:
    for name in ("retry-after", "ratelimit-reset"):
        try:
            seconds = float(answer.headers.get(name, ""))
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    return None


def _results(answer: httpx.Response, count: int) -> list[ItemResult]:
    told = _json(answer)
    if not isinstance(told, dict):
        raise Unclear("Resend's answer was cut short or is not JSON")
    data, errors = told.get("data"), told.get("errors") or []
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


def _json(answer: httpx.Response) -> Any:
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError):
        return None
