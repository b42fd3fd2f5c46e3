"""A whole internet message (RFC 5322, MIME) from an envelope whose bodies are quoted-printable already.

The standard library folds some headers wrongly, so folding is ours where it matters (tried on CPython 3.11):

- `EmailMessage` turns a long List-Unsubscribe into encoded words, which mailbox providers ignore (odoo#289182,
  fluent-smtp#413). List-*, Message-ID, Feedback-ID and the like are emitted as they stand, in one line.
- `EmailPolicy` loses the quotes of a long display name when it folds: `"Doe, Jane ..." <a@b>` comes back as two
  mailboxes. Names that do not fit in a short quoted string travel as encoded words (`email.header.Header`).
- `set_content` takes 4.4 ms a message (docs/design.md, section 6); joining bytes takes none of it.
"""

from __future__ import annotations

import hashlib
from base64 import encodebytes
from binascii import a2b_qp
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.utils import format_datetime
from functools import lru_cache

from digest.dispatch.header import configured_mailbox, mailbox, plain, raw_header, usual
from digest.types import Envelope

_LINE = 76
_BASE64 = 78 / 57
"""Bytes that base64 writes for one of a body, with its line breaks."""
_SHORT_NAME = 50
_KINDS = {"plain": "text/plain; charset=utf-8; format=flowed", "html": "text/html; charset=utf-8"}
"""The text part comes in flowed lines (RFC 3676; `compose.theme.wrapped`)."""


def message_bytes(envelope: Envelope) -> bytes:
    """The message with CRLF line ends: plain text first, then HTML, each as it is in the envelope (encoding "qp") or in
    base64 where that is shorter. Without HTML it is plain text alone, with no parts.

    The same envelope gives the same bytes: Date and Message-ID come from the envelope and the boundary from Message-ID.
    Raises InputError, one line, for what cannot be put into a header safely, SettingError for From and Reply-To. Pure.
    """
    if envelope.date.tzinfo is None:
        raise ValueError("an envelope's date must be aware")
    lines = [
        _configured("From", envelope.sender),
        f"To: {_to(envelope.recipient.name, envelope.recipient.address)}",
        *([_configured("Reply-To", envelope.reply_to)] if envelope.reply_to else []),
        f"Subject: {_subject(envelope.subject)}",
        f"Date: {_date(envelope.date)}",
        ": ".join(raw_header("Message-ID", envelope.message_id)),
        *(": ".join(raw_header(name, value)) for name, value in envelope.headers),
    ]
    if not envelope.html:
        lines += ["MIME-Version: 1.0", ""]
        return "\r\n".join(lines).encode("ascii") + _part("plain", envelope.text)
    boundary = boundary_of(envelope.message_id)
    lines += ["MIME-Version: 1.0", f'Content-Type: multipart/alternative; boundary="{boundary}"', "", ""]
    return b"".join(
        [
            "\r\n".join(lines).encode("ascii"),
            f"--{boundary}\r\n".encode(),
            _part("plain", envelope.text),
            f"\r\n--{boundary}\r\n".encode(),
            _part("html", envelope.html),
            f"\r\n--{boundary}--\r\n".encode(),
        ]
    )


def _part(kind: str, body: bytes) -> bytes:
    """A body with its headers. Quoted-printable writes a byte that is not ASCII as three, base64 three bytes as four
    and a line break for 57: so Arabic or Greek text is shorter in base64, and mark-up around it never is."""
    encoding = "quoted-printable"
    if len(body) > _BASE64 * (len(body) - 2 * body.count(b"=")):
        encoding, body = "base64", encodebytes(a2b_qp(body)).replace(b"\n", b"\r\n")
    return f"Content-Type: {_KINDS[kind]}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode() + body


def boundary_of(message_id: str) -> str:
    """The boundary of a message. `=_` cannot occur in quoted-printable or base64 (RFC 2045, sections 6.7 and 6.8), so
    no body holds it."""
    return "=_" + hashlib.blake2b(message_id.encode(), digest_size=12).hexdigest()


@lru_cache(maxsize=64)
def _configured(name: str, value: str) -> str:
    return f"{name}: {_written(configured_mailbox(value, name))}"


@lru_cache(maxsize=64)
def _date(at: datetime) -> str:
    return format_datetime(at)


def _to(name: str, address: str) -> str:
    # Fits the first line of `_written` as it is.
    if len(name) + len(address) <= _SHORT_NAME and name.isascii() and "=?" not in name and usual(name, address):
        return f"{name} <{address}>" if name else address
    return _written(mailbox(name, address, "To"))


def _written(address: Address) -> str:
    name = address.display_name
    if name.isascii() and len(name) <= _SHORT_NAME and "=?" not in name:
        first = str(Address(display_name=name)).removesuffix(" <>") if name else ""
    else:
        first = _encoded(name, len("Reply-To: "))
    if not first:
        return address.addr_spec
    width = len("Reply-To: ") + len(first.rsplit("\n", 1)[-1]) + len(address.addr_spec) + 3
    return f"{first}{' ' if width <= _LINE else chr(13) + chr(10) + ' '}<{address.addr_spec}>"


@lru_cache(maxsize=4096)
def _subject(subject: str) -> str:
    """Readers who are told the same lead share it, and an encoded one takes half a millisecond."""
    text = plain(subject, "Subject")
    longest = max((len(word) for word in text.split(" ")), default=0)
    if text.isascii() and longest <= _LINE - len("Subject: ") and "=?" not in text and text == " ".join(text.split()):
        return _folded(text)
    return _encoded(text, len("Subject: "))


def _folded(text: str) -> str:
    lines, room = [""], _LINE - len("Subject: ")
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > room:
            lines.append(word)
            room = _LINE - 1
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return "\r\n ".join(lines)


def _encoded(text: str, indent: int) -> str:
    # RFC 2047: words of at most 75 characters, whole characters in each, so that every client can decode them alone.
    return Header(text, "utf-8", maxlinelen=_LINE - 1, header_name="x" * (indent - 2)).encode(linesep="\r\n")
