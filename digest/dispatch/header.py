"""Texts made safe at the edge: what goes out into headers, what comes back into the ledger and logs.

Header values cannot be injected into: every name, address and text goes through here before it leaves.

A control character in any of them could end the header and begin another; it is refused, not repaired. Names are quoted
by `email.headerregistry.Address`: commas, parentheses and non-ASCII letters in names broke other services (Mailgun:
django-anymail#270; SendGrid: sendgrid-python#291).
"""

from __future__ import annotations

import re
from email.errors import MessageError
from email.headerregistry import Address
from email.utils import getaddresses
from functools import lru_cache
from json.encoder import encode_basestring

from email_validator import EmailNotValidError, validate_email

from digest.errors import InputError, SettingError
from digest.types import Sheet

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NAME = re.compile(r"[!-9;-~]+")
"""A header field's name: printable ASCII without the colon (RFC 5322, section 2.2)."""
_ATOM = r"[A-Za-z0-9!#$%&'*+/=^_`{|}~-]+"
_USUAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")
"""Without `?`, so that no encoded word can stand in it."""
_QUOTED = re.compile(r"[()<>@,:;.\"\[\]\\]")
"""What makes `email.headerregistry` quote a display name."""
LEAVE = "List-Unsubscribe"
"""The header that is each reader's own (RFC 2369, RFC 8058)."""
SHEETS = 1024
"""Of how many sheets a provider keeps what it wrote: some 1 KB each; mails of one lead come with those of others."""
_TOKEN = 64
"""Room for a token and the bracket behind it."""
_LONGEST = 998
"""Characters in a line, without its CRLF (RFC 5322, section 2.1.1)."""


def plain(value: str, what: str) -> str:
    """The value as it is. Raises InputError, naming `what`, when it holds a control character."""
    # What can be printed (`str.isprintable`) holds none, and is told so ten times as fast.
    if not value.isprintable() and _CONTROL.search(value):
        raise InputError(f"the mail's {what} holds a control character")
    return value


def unencoded(text: str) -> str:
    """Text that nobody can take for an encoded word (RFC 2047): a provider that writes the header may pass it on as it
    stands, and what it would then be read as has passed none of our checks."""
    return text.replace("=?", "= ?") if "=?" in text else text


def raw_header(name: str, value: str) -> tuple[str, str]:
    """A header that travels exactly as it stands, such as List-Unsubscribe. Raises InputError unless that is possible.

    The value must be printable ASCII and fit in one line: mailbox providers ignore a folded or encoded one-click
    address (odoo#289182, fluent-smtp#413).
    """
    if not _NAME.fullmatch(name):
        raise InputError("the mail has a header whose name is not allowed")
    plain(value, name)
    if not value.isascii() or len(name) + 2 + len(value) > _LONGEST:
        raise InputError(f"the mail's {name} must be ASCII and fit in one line")
    return name, value


def leave_start(sheet: Sheet) -> str:
    """The value of LEAVE up to the reader's token, behind which comes ">"; empty for a mail without one. Raises
    InputError unless it travels as it stands (`raw_header`)."""
    if not sheet.leave_at:
        return ""
    value = f"<{sheet.leave_at}"
    raw_header(LEAVE, value + "x" * _TOKEN)
    return value


quoted = encode_basestring
"""What json.dumps(text, ensure_ascii=False) does once it has found out that it was given a text."""


def json_headers(sheet: Sheet) -> tuple[str, str]:
    """The object of a sheet's headers in JSON, each as it travels: up to the reader's token in LEAVE, and behind it; a
    mail without that header has the two without a token between them. Raises InputError (`raw_header`)."""
    own = leave_start(sheet)
    others = [f"{quoted(name)}:{quoted(raw_header(name, value)[1])}" for name, value in sheet.headers]
    before = f"{quoted(LEAVE)}:{quoted(own)[:-1]}" if own else ""
    return "{" + before, ",".join(['>"'] * bool(own) + others) + "}"


def mailbox(name: str, address: str, what: str) -> Address:
    """A name and an address that are fit to travel. Raises InputError, naming `what`, when the address is not.

    An international domain becomes its ASCII form (IDNA 2008); an international local part is refused, as Resend,
    Postmark and SES do themselves.
    """
    plain(name, what)
    plain(address, what)
    try:
        if not address.isascii():
            address = validate_email(address, check_deliverability=False, allow_smtputf8=False).ascii_email or ""
        found = Address(display_name=name, addr_spec=address)
    except (EmailNotValidError, MessageError, ValueError, IndexError):
        raise InputError(f"the mail's {what} is not an address that can be mailed") from None
    if not found.username or not found.domain:
        raise InputError(f"the mail's {what} is not an address that can be mailed")
    return found


def usual(name: str, address: str) -> bool:
    """Whether `mailbox` would take both as they are and write them as they are: a dot-atom at a host of ASCII letters
    (RFC 5322, section 3.4.1), and a name without what must be quoted. Most are, and need not be parsed: Address takes
    22 us for each."""
    return bool(_USUAL.fullmatch(address)) and name.isprintable() and not _QUOTED.search(name)


def mailbox_text(name: str, address: str, what: str) -> str:
    """`str(mailbox(...))`, raising the same."""
    if usual(name, address):
        return f"{name} <{address}>" if name else address
    return str(mailbox(name, address, what))


def mailbox_parts(name: str, address: str, what: str) -> tuple[str, str]:
    """Name and address of `mailbox(...)`, raising the same: for who wants them apart."""
    if usual(name, address):
        return name, address
    found = mailbox(name, address, what)
    return found.display_name, found.addr_spec


@lru_cache(maxsize=64)
def configured_mailbox(value: str, what: str) -> Address:
    """A mailbox as an operator configures it, `Name <address>` or an address alone.

    Raises SettingError when it is none: then no reader is at fault and the whole edition waits.
    """
    try:
        ((name, address),) = getaddresses([plain(value, what)])
        return mailbox(name, address, what)
    except (InputError, ValueError):
        setting = what.upper().replace("-", "_")
        raise SettingError(f'{setting} must be a mailbox such as "Morning Paper" <paper@example.org>') from None


_ADDRESS = re.compile(r"[^\s<>\"'`(),;:]+@[^\s<>\"'`(),;:]+")
_NOT_PLAIN = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def clean(text: str, longest: int = 200) -> str:
    """What a provider told us, fit for the ledger and logs: one line, not long, addresses taken out."""
    return _ADDRESS.sub("(address)", _NOT_PLAIN.sub(" ", text))[:longest].strip()
