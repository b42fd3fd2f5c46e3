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
from collections.abc import Sequence
from email.header import Header
from email.headerregistry import Address
from email.utils import format_datetime
from functools import lru_cache

from digest.dispatch.header import LEAVE, SHEETS, configured_mailbox, leave_start, mailbox, plain, raw_header, usual
from digest.types import Envelope, Sheet

_LINE = 76
_BASE64 = 78 / 57
"""Bytes that base64 writes for one of a body, with its line breaks."""
_SHORT_NAME = 50
_KINDS = {"plain": "text/plain; charset=utf-8; format=flowed", "html": "text/html; charset=utf-8"}
"""The text part comes in flowed lines (RFC 3676; `compose.theme.wrapped`)."""
_HEAD = "Content-Type: {}\r\nContent-Transfer-Encoding: {}\r\n\r\n"
_PLAIN, _PLAIN_BASE64 = (_HEAD.format(_KINDS["plain"], each).encode() for each in ("quoted-printable", "base64"))


def message_bytes(envelope: Envelope) -> bytes:
    """The message with CRLF line ends: plain text first, then HTML, each as it is in the envelope (encoding "qp"), the
    text in base64 where that is shorter. Without HTML it is plain text alone, with no parts.

    The same envelope gives the same bytes: Date and Message-ID come from the envelope, the boundary from its sheet.
    Raises InputError, one line, for what cannot be put into a header safely, SettingError for From and Reply-To. Pure.
    """
    return b"".join(message_pieces(envelope))


def message_pieces(envelope: Envelope) -> list[bytes]:
    """`message_bytes`, not joined yet: for who has more to put around it."""
    sheet, recipient, leave, html, text, _ = envelope
    to, first, second, rest, between, end = _frame(sheet)
    start = [
        to,
        _to(recipient.name, recipient.address).encode("ascii"),
        first,
        raw_header("Message-ID", envelope.message_id)[1].encode("ascii"),
        second,
        leave,
    ]
    if not html:
        return [*start, rest[0], *_text_part(text)]
    return [*start, rest[1], *_text_part(text), between, *html, end]


@lru_cache(maxsize=SHEETS)
def _frame(sheet: Sheet) -> tuple[bytes, bytes, bytes, tuple[bytes, bytes], bytes, bytes]:
    """What stands before the recipient; from there to Message-ID; from there to the token of List-Unsubscribe; behind
    it, in a mail of text alone and in one with parts; between the parts; behind them."""
    if sheet.date.tzinfo is None:
        raise ValueError("an envelope's date must be aware")
    own = leave_start(sheet)
    lines = [
        "",
        *([_configured("Reply-To", sheet.reply_to)] if sheet.reply_to else []),
        f"Subject: {_subject(sheet.subject)}",
        f"Date: {format_datetime(sheet.date)}",
        "Message-ID: ",
    ]
    shared = [*([">"] if own else []), *(": ".join(raw_header(*each)) for each in sheet.headers), "MIME-Version: 1.0"]
    rest = "\r\n".join([*([] if own else [""]), *shared, ""])
    raw_header("Message-ID", sheet.message_id(0))
    boundary = boundary_of(sheet)
    parts = f'{rest}Content-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n--{boundary}\r\n'
    html = _HEAD.format(_KINDS["html"], "quoted-printable")
    return (
        f"{_configured('From', sheet.sender)}\r\nTo: ".encode("ascii"),
        "\r\n".join(lines).encode("ascii"),
        f"\r\n{LEAVE}: {own}".encode("ascii") if own else b"",
        (rest.encode("ascii"), parts.encode("ascii")),
        f"\r\n--{boundary}\r\n{html}".encode("ascii"),
        f"\r\n--{boundary}--\r\n".encode("ascii"),
    )


def _text_part(pieces: Sequence[bytes]) -> Sequence[bytes]:
    """The text with its headers. Quoted-printable writes a byte that is not ASCII as three, base64 three bytes as four
    and a line break for 57: so Arabic or Greek text is shorter in base64. Mark-up, being ASCII, never is."""
    body = b"".join(pieces)
    if len(body) <= _BASE64 * (len(body) - 2 * body.count(b"=")):
        return (_PLAIN, body)
    return (_PLAIN_BASE64, encodebytes(a2b_qp(body)).replace(b"\n", b"\r\n"))


def boundary_of(sheet: Sheet) -> str:
    """The boundary of a sheet's messages. `=_` cannot occur in quoted-printable or base64 (RFC 2045, sections 6.7 and
    6.8), so no body holds it. Messages may share it: none of them contains another."""
    return "=_" + hashlib.blake2b(sheet.message_id(0).encode(), digest_size=12).hexdigest()


@lru_cache(maxsize=64)
def _configured(name: str, value: str) -> str:
    return f"{name}: {_written(configured_mailbox(value, name))}"


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


def _subject(subject: str) -> str:
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
