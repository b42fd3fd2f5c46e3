"""Brevo: POST /v3/smtp/email with `messageVersions`, up to 100 mails a call, with an idempotency key.

Sources: https://developers.brevo.com/docs/{batch-send-transactional-emails,heterogenous-versions-batch-emails,
limit-headers}, brevo-python 5.1.0, and django-anymail.

- Each version has its own subject, bodies and headers (the last only by django-anymail's word, which sends them so).
- A thousand versions are allowed, with no word on their size. A hundred of ours are 6 MB, which a slow line carries
  within a lease, and one address that Brevo does not like refuses all of a call.
- The idempotency key stands in the body, as a UUID, and lives for 30 minutes, formerly 15. Repeated, the call is not
  made again, and not answered again either: `duplicate_parameter`. So a repeat tells only when the first call never
  arrived; otherwise the mails are unknown, and the webhook settles them: X-Mailin-custom names the delivery.
- HTML is mandatory: a mail of plain text only gets some that is nothing but the text.
- `{{` and `{%` in subjects and bodies are Brevo's template language. Nobody's text may be taken for it.
- A name has at most 70 characters, or the call is refused. One with both letters beyond ASCII and commas or the like is
  dropped in silence, unless it comes as encoded words (django-anymail).
- Brevo tracks opens and clicks as the account's settings say; no call can turn that off.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import timedelta
from email.header import Header, decode_header, make_header
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Literal
from uuid import UUID

import httpx

from digest.dispatch.calls import TIMEOUT, Answers, Api, seconds, told
from digest.dispatch.header import (
    SHEETS,
    configured_mailbox,
    json_headers,
    mailbox_parts,
    plain,
    quoted,
    unencoded,
)
from digest.dispatch.proof import Written
from digest.errors import BadBatch, Garbled, NotSent, ProviderError, Refused, SettingError, Unknowable
from digest.settings import Settings
from digest.types import Accepted, Envelope, ItemResult, Sheet, delivery_mark

_CREDITS = (Refused, "has no credits left; raise the plan")
_SEEN = (Unknowable, "has seen this call before and does not say what became of it")
ANSWERS: Answers = {
    (400, "recipient"): (BadBatch, "does not accept a recipient"),
    (400, "sender"): (Refused, "does not accept the sender; verify FROM's domain there"),
    (400, "duplicate_parameter"): _SEEN,
    (400, "duplicate_request"): _SEEN,
    (400, "not_enough_credits"): _CREDITS,
    (400, "account_under_validation"): (Refused, "has not opened the account for sending yet; contact their support"),
    (400, ""): (Refused, "does not understand the call; please report this"),
    (401, ""): (
        Refused,
        "does not know the key, or this machine; check BREVO_API_KEY and the authorised IPs",
    ),
    (402, ""): _CREDITS,
    (403, ""): (Refused, "does not let this account or key send; see its settings there"),
    (404, ""): (Refused, "has no such endpoint; check BREVO_BASE_URL"),
    (405, ""): (Refused, "does not take this call; check BREVO_BASE_URL"),
    (406, ""): (Refused, "does not take this call; check BREVO_BASE_URL"),
    (409, ""): _SEEN,
    (413, ""): (BadBatch, "finds the batch too large"),
    (429, ""): (NotSent, "asks us to slow down"),
}
"""`recipient` and `sender` are told by words only (WORDS); the other names are Brevo's codes."""
WORDS = ((re.compile(r"\bsender\b", re.I), "sender"), (re.compile(r"\b(to|e-?mail|recipients?)\b", re.I), "recipient"))
"""What the message of `invalid_parameter` is about, the graver first."""
LONGEST_NAME = 70
_SPECIAL = re.compile(r"[()<>\[\]:;@\\,.\"]")
_OPENED = re.compile(rb"\{[{%]")
_TEMPLATE = re.compile(rb"\{(?=[{%])")
_BRACE = "&#0123;"
"""`{` in HTML, spelt as nobody else spells it."""
_PLAIN = ('<html><body><div style="white-space:pre-wrap">', "</div></body></html>")
_DEFAULTS = b',"subject":"Digest","htmlContent":"<html><body></body></html>"'
"""Mandatory, and in place of nothing: every version has its own."""


def open_provider(settings: Settings) -> Brevo:
    """Brevo under BREVO_BASE_URL. Raises SettingError when BREVO_API_KEY is empty or cannot be a key."""
    key = settings.brevo_api_key
    if not re.fullmatch(r"[!-~]+", key):
        raise SettingError(
            "BREVO_API_KEY is missing or has a character no key has; copy it from app.brevo.com/settings/keys/api"
        )
    return Brevo(settings.brevo_base_url, key)


class Brevo:
    """See `digest.dispatch.providers.Provider`."""

    name = "brevo"
    batch = 100
    encoding: Literal["json", "qp"] = "json"
    key_lifetime: timedelta | None = timedelta(minutes=15)

    def __init__(self, base_url: str, api_key: str, timeout: httpx.Timeout = TIMEOUT) -> None:
        headers = {"api-key": api_key, "Content-Type": "application/json", "Accept": "application/json"}
        url = base_url.rstrip("/") + "/v3/smtp/email"
        self._api = Api("Brevo", url, headers, base="BREVO_BASE_URL", secret=api_key, keyed=True, timeout=timeout)

    def payload(self, envelope: Envelope) -> bytes:
        """Two lines: what a call says once of its sender, and one of its versions; the bodies are joined in, not
        encoded again."""
        sheet, recipient, leave, html, text, _ = envelope
        head, before, after = _frame(sheet)
        name, address = mailbox_parts(unencoded(recipient.name), recipient.address, "To")
        to = _person(name, address)
        mark = delivery_mark(sheet.edition_id, recipient.subscriber_id)
        start = f'{{"to":[{to}],"headers":{{"X-Mailin-custom":"{mark}"'.encode()
        begin = [head, start, before, leave, after]
        made = b"".join([*begin, *text, b'","htmlContent":"', *(html or _as_html(text)), b'"}'])
        if _OPENED.search(made) is None:  # 15 us; `b"{{" in made` takes 70
            return made
        text = [_TEMPLATE.sub(b"{ ", b"".join(text))]
        html = [_TEMPLATE.sub(_BRACE.encode(), b"".join(html))] if html else _as_html(text)
        return b"".join([*begin, *text, b'","htmlContent":"', *html, b'"}'])

    def read(self, payload: bytes) -> Written:
        """See `Provider.read`."""
        try:
            head, version = payload.split(b"\n", 1)
            json.loads(b"{" + head + b"}")["sender"]["email"]
            mail: dict[str, Any] = json.loads(version)
            (to,) = mail["to"]
            name = to.get("name")
            name = str(make_header(decode_header(name))) if name and name.startswith("=?") else name
            html = mail["htmlContent"].replace(_BRACE, "{")
            html = "" if html.startswith(_PLAIN[0]) else html
            return Written(to["email"], name, mail["subject"], mail["headers"], mail["textContent"], html)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Garbled(f"its JSON cannot be read ({type(error).__name__})") from None

    def send(self, payloads: Sequence[bytes], key: str) -> list[ItemResult]:
        """See `Provider.send`; ANSWERS says how Brevo's answers are understood."""
        heads = [payload[: payload.index(b"\n")] for payload in payloads]
        if len(set(heads)) != 1:
            raise BadBatch("mails of different senders cannot share a call to Brevo")
        behind = len(heads[0]) + 1
        versions = b",".join([memoryview(payload)[behind:] for payload in payloads])
        keyed = f',"headers":{{"idempotencyKey":"{idempotency_key(key)}"}},"messageVersions":['.encode()
        answer = self._api.post(b"".join([b"{", heads[0], _DEFAULTS, keyed, versions, b"]}"]))
        if answer.status_code != 201:
            raise self._failure(answer)
        return self._results(answer, len(payloads))

    def _results(self, answer: httpx.Response, count: int) -> list[ItemResult]:
        found = told(answer)
        ids = (found.get("messageIds") or [found.get("messageId")]) if isinstance(found, dict) else None
        if not isinstance(ids, list) or ids == [None]:
            raise self._api.doubt("Brevo's answer was cut short or names no mail; check BREVO_BASE_URL")
        if len(ids) != count or not all(isinstance(each, str) and each.strip() and each.isprintable() for each in ids):
            # Accepted or not, nobody can say which: guessing would mark the wrong readers.
            raise Unknowable(f"Brevo named {len(ids)} of {count} mails")
        return [Accepted(each.strip()[:200]) for each in ids]

    def _failure(self, answer: httpx.Response) -> ProviderError:
        found = told(answer)
        name, message = (str(found.get(each, "")) if isinstance(found, dict) else "" for each in ("code", "message"))
        if name == "invalid_parameter":
            name = next((ours for words, ours in WORDS if words.search(message)), name)
        wait = seconds(answer, "x-sib-ratelimit-reset", "retry-after")
        return self._api.failure(answer, ANSWERS, name, message, wait)

    def close(self) -> None:
        """Close the connections."""
        self._api.close()


def idempotency_key(key: str) -> UUID:
    """The same UUID for the same key, of the version that Brevo recommends."""
    return UUID(bytes=blake2b(key.encode(), digest_size=16).digest(), version=4)


@lru_cache(maxsize=SHEETS)
def _frame(sheet: Sheet) -> tuple[bytes, bytes, bytes]:
    """The first line; what stands between the delivery's mark and the token of List-Unsubscribe; and from there to the
    text."""
    sender = configured_mailbox(sheet.sender, "From")
    if len(sender.display_name) > LONGEST_NAME:
        raise SettingError(f"FROM's name has more than the {LONGEST_NAME} characters that Brevo takes")
    fields = f'"subject":{quoted(_untemplated(plain(unencoded(sheet.subject), "Subject")))}'
    if sheet.reply_to:
        reply_to = configured_mailbox(sheet.reply_to, "Reply-To")
        fields = f'"replyTo":{_person(reply_to.display_name, reply_to.addr_spec)},{fields}'
    before, after = json_headers(sheet)
    before = before[1:]
    comma = "," if before or after != "}" else ""
    head = f'"sender":{_person(sender.display_name, sender.addr_spec)}\n'
    return head.encode(), f"{comma}{before}".encode(), f'{after},{fields},"textContent":"'.encode()


def _person(name: str, address: str) -> str:
    name = _untemplated(name)
    if not name.isascii() and _SPECIAL.search(name):
        name = Header(name, "utf-8", maxlinelen=75).encode(linesep="")
    shown = f',"name":{quoted(name)}' if 0 < len(name) <= LONGEST_NAME else ""
    return f'{{"email":{quoted(address)}{shown}}}'


def _untemplated(text: str) -> str:
    return re.sub(r"\{(?=[{%])", "{ ", text) if "{" in text else text


def _as_html(text: Sequence[bytes]) -> Sequence[bytes]:
    """Text in JSON as HTML in JSON."""
    shown = b"".join(text).replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")
    return [quoted(_PLAIN[0])[1:-1].encode(), shown, _PLAIN[1].encode()]
