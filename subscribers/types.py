"""The frozen values that the roster takes and hands out. Datetimes are aware and in UTC."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from email_validator import EmailNotValidError, validate_email

from subscribers.errors import BadAddress

NAME_LENGTH = 200
ADDRESS_LENGTH = 320


@dataclass(frozen=True, slots=True)
class SignUp:
    """What somebody asked for in the form. Nothing here is believed until the link in the mail was used."""

    address: str
    topics: tuple[str, ...]
    """Slugs, in the order wanted."""
    name: str = ""
    locale: str = "en"
    timezone: str = "UTC"
    cadence: str = "daily"
    send_minute: int = 420
    """Minutes after local midnight, a multiple of 15."""
    form: str = ""
    """Which form text was agreed to, for the consent log."""
    network: bytes | None = None
    """A keyed hash of the network address (`Keyring.network_hash`), never the address."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of a SignUp."""

    subscriber_id: int | None
    """None when the address is suppressed: nothing was written."""
    pending: tuple[str, ...] = ()
    """Names of the topics that wait for confirmation. Empty: there is nothing to confirm, so no mail."""
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A reader who gets mail, as a page or a mail wants to tell it."""

    subscriber_id: int
    topics: tuple[str, ...]
    """Names of the active topics in the reader's order."""
    next_due_at: datetime
    timezone: str
    locale: str
    changed: bool
    """False when everything had been confirmed before."""


@dataclass(frozen=True, slots=True)
class TopicRow:
    id: int
    slug: str
    name: str
    description: str
    language: str
    readers: int = 0
    """Active readers; counted only where the function says so."""


@dataclass(frozen=True, slots=True)
class ReaderRow:
    """One line of `digest subscribers list`."""

    id: int
    address: str
    name: str
    status: str
    locale: str
    timezone: str
    cadence: str
    send_minute: int
    max_stories: int
    next_due_at: datetime | None
    created_at: datetime
    confirmed_at: datetime | None
    topics: tuple[str, ...] = ()
    """Slugs of the active topics in the reader's order."""
    pending: tuple[str, ...] = ()
    """Slugs that wait for confirmation."""


@dataclass(frozen=True, slots=True)
class ConsentRow:
    """One line of the consent log."""

    at: datetime
    action: str
    topics: tuple[str, ...]
    form: str


_UNSEEN = re.compile(r"\s+")


def clean_name(name: str) -> str:
    """A name without anything that cannot be seen (controls, bidi overrides, zero width), on one line, 200 at most.

    Unicode categories Cc, Cf, Co, Cs, Cn, Zl and Zp go; a bidi override in a name would turn the greeting around.
    The zero width joiners of Persian and Indic names go too: they shape letters but carry no meaning here.
    """
    # Cut before the work as well: a name of ten kilobytes is nobody's.
    kept = (c for c in unicodedata.normalize("NFC", name[: NAME_LENGTH * 8]) if _shown(c))
    return _UNSEEN.sub(" ", "".join(kept)).strip()[:NAME_LENGTH].strip()


def _shown(character: str) -> bool:
    return character in "\t\n\r" or unicodedata.category(character) not in ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp")


def check_address(typed: str) -> str:
    """The address to keep: as typed, unless it needed Unicode normalising. +tags and the case are kept.

    Raises BadAddress with one line. Nothing is looked up in DNS. Non-ASCII before the @ is refused, because Resend,
    Postmark and SES refuse it too; international domains are fine.
    """
    trimmed = typed.strip()
    if len(trimmed) > ADDRESS_LENGTH:
        raise BadAddress(f"an address has at most {ADDRESS_LENGTH} characters; this one has {len(trimmed)}")
    try:
        # strict: at most 64 characters before the @ (RFC 5321, 4.5.3.1.1).
        told = validate_email(trimmed, check_deliverability=False, allow_smtputf8=False, strict=True)
    except EmailNotValidError as error:
        why = " ".join(clean_name(str(error)).split())
        raise BadAddress(f"{clean_name(trimmed)[:80]!r} is no address for mail: {why}") from None
    same = (told.normalized.lower(), (told.ascii_email or "").lower())
    return trimmed if trimmed.lower() in same else told.normalized


def address_key(address: str) -> str:
    """What makes an address unique: lower case (listmonk#2726), the domain in its ASCII form."""
    return wire_address(address).lower()


def wire_address(address: str) -> str:
    """The address as providers take it: an international domain in its ASCII form (IDNA 2008 with UTS 46)."""
    if address.isascii():
        return address
    return validate_email(address, check_deliverability=False, allow_smtputf8=False).ascii_email or address
