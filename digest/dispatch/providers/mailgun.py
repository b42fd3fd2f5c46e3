"""Mailgun: POST /v3/DOMAIN/messages.mime, one whole message a call.

Sources: Mailgun's OpenAPI description (mailgun/mailgun-mcp-server, 2026-07-09), https://documentation.mailgun.com/docs/
mailgun/user-manual/sending-messages/{send-http,batch-sending}, .../quickstart-guide/responses, and django-anymail.

- Why not a thousand mails a call: a batch shares one body with holes for `recipient-variables`, and nobody documents
  that a hole may take a body of 45 KB. All its mails would share one id, and one address that Mailgun does not like
  refuses all (400).
- A whole message keeps our Message-ID, which is the id that the API answers and that events tell, and our headers as
  they are: Mailgun breaks names with commas that it writes itself (django-anymail#270).
- No idempotency keys: a call whose answer got lost is never repeated. The variable `delivery` names the delivery, and
  the webhook settles it.
- A wrong address of the API is answered 200, "Mailgun Magnificent API": only an answer with an id is a success.
- Tracking is off, whatever the domain says: it would put a pixel in and lead links through Mailgun.
"""

from __future__ import annotations

import email
import email.policy
import re
from base64 import b64encode
from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Literal

import httpx

from digest.dispatch.calls import TIMEOUT, Answers, Api, seconds, told
from digest.dispatch.events import MARK
from digest.dispatch.header import SHEETS, configured_mailbox, mailbox_parts
from digest.dispatch.mime import message_pieces
from digest.dispatch.proof import Written, read_message
from digest.errors import BadBatch, Garbled, NotSent, ProviderError, Refused, SettingError
from digest.settings import Settings
from digest.types import Accepted, Envelope, ItemResult, Sheet, delivery_mark

ANSWERS: Answers = {
    (400, "to"): (BadBatch, "does not accept the recipient"),
    (400, "from"): (Refused, "does not accept the sender; check FROM"),
    (400, ""): (Refused, "refuses the call"),
    (401, ""): (Refused, "does not know the key; set MAILGUN_API_KEY"),
    (402, ""): (Refused, "wants the account settled first"),
    (403, ""): (Refused, "does not let this key or domain send; check MAILGUN_API_KEY and MAILGUN_DOMAIN"),
    (404, ""): (
        Refused,
        "does not know MAILGUN_DOMAIN there; in the EU MAILGUN_BASE_URL is https://api.eu.mailgun.net",
    ),
    (413, ""): (BadBatch, "finds the mail too large"),
    (420, ""): (NotSent, "lets a new account send only so many"),
    (429, ""): (NotSent, "asks us to slow down"),
}
"""Under 400, the name is the parameter that the message is about. 402 and 420 are not in the description; 420 is what
accounts on probation have seen (Ghost#24494)."""
_ABOUT = re.compile(r"\W*(to|from)\W+parameter\b")
_AFTER = re.compile(r"\btry again (?:after|in) (\d{1,6}) (second|minute|hour)")
_UNITS = {"second": 1.0, "minute": 60.0, "hour": 3600.0}
_FIELD = 'Content-Disposition: form-data; name="{}"'
_OPTIONS = {"o:tracking": "no", "o:tracking-clicks": "no", "o:tracking-opens": "no"}


def open_provider(settings: Settings) -> Mailgun:
    """Mailgun under MAILGUN_BASE_URL. Raises SettingError when MAILGUN_API_KEY is empty or cannot be a key, or when the
    domain cannot be one."""
    key = settings.mailgun_api_key
    if not re.fullmatch(r"[!-~]+", key):
        raise SettingError("MAILGUN_API_KEY is missing or has a character no key has; copy it from app.mailgun.com")
    domain = settings.mailgun_domain or configured_mailbox(settings.from_, "From").domain
    if not re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", domain):
        raise SettingError("MAILGUN_DOMAIN is no domain such as mg.example.org")
    return Mailgun(settings.mailgun_base_url, domain, key)


class Mailgun:
    """See `digest.dispatch.providers.Provider`."""

    name = "mailgun"
    batch = 1
    encoding: Literal["json", "qp"] = "qp"
    key_lifetime: timedelta | None = None

    def __init__(self, base_url: str, domain: str, api_key: str, timeout: httpx.Timeout = TIMEOUT) -> None:
        headers = {"Authorization": "Basic " + b64encode(f"api:{api_key}".encode()).decode()}
        url = f"{base_url.rstrip('/')}/v3/{domain}/messages.mime"
        self._api = Api("Mailgun", url, headers, base="MAILGUN_BASE_URL", secret=api_key, keyed=False, timeout=timeout)

    def payload(self, envelope: Envelope) -> bytes:
        """The call's form (RFC 7578), the message as a file in it. Its boundary stands in its first line."""
        sheet, recipient = envelope.sheet, envelope.recipient
        message = message_pieces(envelope)
        start, middle, end = _frame(sheet)
        _, address = mailbox_parts("", recipient.address, "To")
        mark = delivery_mark(sheet.edition_id, recipient.subscriber_id)
        return b"".join([start, mark.encode(), middle[0], address.encode(), middle[1], *message, end])

    def read(self, payload: bytes) -> Written:
        """See `Provider.read`."""
        fields = form(payload)
        try:
            written = read_message(fields["message"])
            if fields["to"].decode() != written.recipient:
                raise Garbled("its call goes to another address than its message")
        except (KeyError, UnicodeError) as error:
            raise Garbled(f"its form cannot be read ({type(error).__name__})") from None
        return written

    def send(self, payloads: Sequence[bytes], key: str) -> list[ItemResult]:
        """See `Provider.send`; ANSWERS says how Mailgun's answers are understood."""
        (payload,) = payloads
        answer = self._api.post(payload, {"Content-Type": f"multipart/form-data; boundary={_boundary(payload)}"})
        found = told(answer)
        if answer.status_code != 200:
            raise self._failure(answer, str(found.get("message", "")) if isinstance(found, dict) else answer.text)
        message = found.get("id") if isinstance(found, dict) else None
        if not isinstance(message, str) or not message.strip("<> ") or not message.isprintable():
            raise self._api.doubt("Mailgun's answer names no mail; check MAILGUN_BASE_URL and MAILGUN_DOMAIN")
        return [Accepted(f"<{message.strip('<> ')}>")]

    def _failure(self, answer: httpx.Response, message: str) -> ProviderError:
        about, after = _ABOUT.match(message), _AFTER.search(message[:1000])
        wait = float(after[1]) * _UNITS[after[2]] if after else seconds(answer, "retry-after")
        return self._api.failure(answer, ANSWERS, about[1] if about else "", message, wait)

    def close(self) -> None:
        """Close the connections."""
        self._api.close()


@lru_cache(maxsize=SHEETS)
def _frame(sheet: Sheet) -> tuple[bytes, tuple[bytes, bytes], bytes]:
    """What stands before the delivery's mark, before and behind the recipient, and behind the message.

    No message holds the boundary: it is drawn from an id that nobody knows before the edition is frozen.
    """
    boundary = "digest-" + blake2b(b"form" + sheet.message_id(0).encode(), digest_size=16).hexdigest()
    begin = f"--{boundary}\r\n{_FIELD}\r\n"
    options = "".join(f"{begin.format(name)}\r\n{value}\r\n" for name, value in _OPTIONS.items())
    file = begin.format('message"; filename="message.eml') + "Content-Type: application/octet-stream\r\n\r\n"
    to = f"\r\n{begin.format('to')}\r\n"
    start = f"{options}{begin.format(f'v:{MARK}')}\r\n"
    return start.encode(), (to.encode(), f"\r\n{file}".encode()), f"\r\n--{boundary}--\r\n".encode()


def _boundary(payload: bytes) -> str:
    return payload[2 : payload.find(b"\r\n")].decode()


def form(payload: bytes) -> dict[str, bytes]:
    """The fields of a form by name, read by the standard library. Raises Garbled for what is none."""
    head = b"Content-Type: multipart/form-data; boundary=" + payload[2 : payload.find(b"\r\n")] + b"\r\n\r\n"
    parsed = email.message_from_bytes(head + payload, policy=email.policy.HTTP)
    if parsed.defects or not parsed.is_multipart():
        raise Garbled("it is no sound form")
    found: dict[str, bytes] = {}
    for part in parsed.iter_parts():
        content = part.get_payload(decode=True)
        found[str(part.get_param("name", "", "content-disposition"))] = content if isinstance(content, bytes) else b""
    return found
