"""The frozen values that the roster takes and hands out. Datetimes are aware and in UTC."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from email_validator import EmailNotValidError, validate_email

from subscribers.errors import BadAddress, BadTopic

FORMATS = ("html", "text")
MOST_STORIES = 40
"""A digest of more stories than this is not read to its end; the morning's own cap for candidates is 40 a topic."""
FINAL = ("bounced", "complained", "operator")
"""Reasons of suppression that not even the reader's own sign-up lifts."""
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
    format: str = "html"
    """One of FORMATS."""
    form: str = ""
    """Which form and version was filled in, for the consent log."""
    wording: str = ""
    """The text that was agreed to, word for word as the page showed it; empty where none was shown."""
    source: str = ""
    """Where the reader came from, as the link said."""
    network: bytes | None = None
    """A keyed hash of the network address (`Keyring.network_hash`), never the address."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of a SignUp."""

    subscriber_id: int | None
    """None when the address is suppressed: nothing was written."""
    pending: tuple[str, ...] = ()
    """Names of the topics that wait for confirmation. Empty: there is nothing to confirm."""
    is_new: bool = False
    is_active: bool = False
    """Confirmed some time ago: keeps every choice, gains topics only."""


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
    is_first: bool = False
    """This confirmation made them a reader: the next digest is the first, and a welcome mail is due."""
    more: tuple[OwnTopic, ...] = ()
    """Of a confirmation: topics that wait on, because the page that was pressed did not show them."""


@dataclass(frozen=True, slots=True)
class Breaking:
    """When stories of a topic break, so that readers as it happens are told at once."""

    publishers: int = 0
    """So many independent publishers have to tell one; 0: none breaks."""
    minutes: int = 60
    """Within so many minutes."""
    a_day: int = 3
    """Who had so many breaking mails within 24 hours, of whatever topics, gets no more of this one."""

    def with_(self, *, publishers: int | None = None, minutes: int | None = None, a_day: int | None = None) -> Breaking:
        """The same with what is given. Raises BadTopic for what is out of BREAKING_BOUNDS."""
        given = {"publishers": publishers, "minutes": minutes, "a_day": a_day}
        for name, number in given.items():
            low, high = BREAKING_BOUNDS[name]
            if number is not None and not low <= number <= high and (name, number) != ("publishers", 0):
                never = ", or 0 for never" if name == "publishers" else ""
                raise BadTopic(f"breaking {_BREAKING_NAMES[name]} go from {low} to {high}{never}; {number} does not")
        return replace(self, **{name: number for name, number in given.items() if number is not None})


NEVER = Breaking()
"""As a topic is made: none of its stories breaks."""

BREAKING_BOUNDS = {"publishers": (2, 20), "minutes": (5, 1440), "a_day": (1, 24)}
"""One publisher alone is no sign of anything; in less than five minutes hardly anybody is asked twice; what takes a day
is what a digest is for, and so are more mails than one an hour."""
_BREAKING_NAMES = {"publishers": "publishers", "minutes": "minutes", "a_day": "mails a day"}


@dataclass(frozen=True, slots=True)
class TopicRow:
    id: int
    slug: str
    name: str
    description: str
    language: str
    public: bool = True
    readers: int = 0
    """Active readers; counted only where the function says so."""
    rule: str = ""
    """Which articles it takes, as the operator wrote it; empty for all of its sources."""
    breaking: Breaking = NEVER
    archived: bool = False
    """Whether everybody may read its past days."""


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
    format: str = "html"
    paused_until: datetime | None = None
    topics: tuple[str, ...] = ()
    """Slugs of the active topics in the reader's order."""
    pending: tuple[str, ...] = ()
    """Slugs that wait for confirmation."""
    all_quiet: bool = False
    """Whether a mail comes even when there is nothing new."""


@dataclass(frozen=True, slots=True)
class ConsentRow:
    """One line of the consent log."""

    at: datetime
    action: str
    topics: tuple[str, ...]
    form: str
    wording: str = ""
    """The text that was agreed to, word for word."""
    source: str = ""
    note: str = ""
    network: str = ""
    """The keyed hash of the network address in hexadecimal; empty when none was known."""


@dataclass(frozen=True, slots=True)
class OwnTopic:
    """A topic as one reader has it."""

    slug: str
    name: str
    language: str = "en"
    description: str = ""
    cadence: str | None = None
    """Its own cadence, or None for the reader's."""
    send_minute: int | None = None
    """Set exactly when `cadence` is."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What a reader has chosen, as the preferences page shows it. Neither address nor name: mails get forwarded."""

    subscriber_id: int
    topics: tuple[OwnTopic, ...]
    """The active ones, in the reader's order."""
    offered: tuple[OwnTopic, ...]
    """The public topics that the reader does not have, by name."""
    cadence: str
    send_minute: int
    timezone: str
    locale: str
    format: str
    max_stories: int
    paused_until: datetime | None
    """None when not paused now."""
    next_due_at: datetime | None
    """None without a topic."""
    voted: bool = False
    """Whether they asked for more or less of something below a story."""
    all_quiet: bool = False
    """Whether a mail comes even when there is nothing new."""


@dataclass(frozen=True, slots=True)
class Change:
    """What the preferences page was sent back with: all choices as they shall be."""

    topics: tuple[OwnTopic, ...]
    """In the order wanted; only slug, cadence and send_minute count. Empty is refused: leaving has its own page."""
    cadence: str
    send_minute: int
    timezone: str
    locale: str
    format: str
    max_stories: int
    all_quiet: bool = False
    """Whether a mail comes even when there is nothing new."""


@dataclass(frozen=True, slots=True)
class Mailing:
    """One digest of a reader's history."""

    edition_id: int
    at: datetime
    subject: str
    view: str
    """The token of its page in the browser; empty when it is kept no more."""


@dataclass(frozen=True, slots=True)
class Mailed:
    """One mail of a reader's whole history, whatever became of it, for them to take out."""

    edition_id: int
    at: datetime
    kind: str
    """digest, breaking, welcome, or the purpose of a system mail."""
    state: str
    reason: str
    message_id: str
    """The provider's number of the mail, if it gave one."""
    subject: str
    view: str
    """The token of its page in the browser; empty when it is kept no more."""
    stories: tuple[tuple[int, str], ...]
    """(number, title where it is kept) of the stories that it brought."""
    told: tuple[tuple[datetime, str, str], ...] = ()
    """What the provider told of it: when it happened, what, and in a server's words."""


@dataclass(frozen=True, slots=True)
class Account:
    """What only the holder of a mailbox may see: reached through a fresh link that was mailed there."""

    subscriber_id: int
    address: str
    name: str
    status: str
    locale: str
    timezone: str
    history: tuple[Mailing, ...]
    """Newest first, bounded."""
    consents: tuple[ConsentRow, ...]
    moving_to: str = ""
    """The new address whose confirmation is awaited, if any."""


_UNSEEN = re.compile(r"\s+")

_IGNORED = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks that show nothing: those with the property Default_Ignorable_Code_Point (Unicode,
DerivedCoreProperties.txt) in other categories than `_shown` drops, and the Braille pattern without a dot."""
STACKED, MARKS = 2, 4
"""Marks in a row that pile up on a letter (those with a combining class, of which a name needs two at most), and marks
of any kind (Burmese syllables have up to four)."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a page may know of somebody who holds a link of theirs."""

    state: Literal["active", "pending", "gone"]
    locale: str = ""
    """The language of their mails; empty for who is gone."""


Stoppable = Literal["waits", "stopped", "moved", "unknown"]
"""What became of a change of address: it waits for the new address, does not happen any more, has happened, or is so
old that nothing is known of it."""


def clean_name(name: str) -> str:
    """A name without anything that cannot be seen (controls, bidi overrides, zero width, fillers), on one line, 200 at
    most, and without piles of marks; empty when nothing of it can be seen.

    Unicode categories Cc, Cf, Co, Cs, Cn, Zl and Zp go; a bidi override in a name would turn the greeting around.
    The zero width joiners of Persian and Indic names go too: they shape letters but carry no meaning here.
    """
    # Cut before the work as well: a name of ten kilobytes is nobody's.
    kept = "".join(c for c in name[: NAME_LENGTH * 8] if _shown(c))
    # Composed only now: what was dropped may have stood between a letter and its mark.
    cleaned = _UNSEEN.sub(" ", _thinned(unicodedata.normalize("NFC", kept))).strip()[:NAME_LENGTH].strip()
    return cleaned if any(unicodedata.category(c)[0] in "LNPS" for c in cleaned) else ""


def _shown(character: str) -> bool:
    unseen = unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp")
    return character in "\t\n\r" or not (unseen or _IGNORED.match(character))


def _thinned(text: str) -> str:
    """The text with at most STACKED and MARKS marks in a row."""
    kept = []
    stacked = marks = 0
    for character in text:
        if unicodedata.category(character)[0] != "M":
            stacked = marks = 0
        else:
            stacked, marks = stacked + (unicodedata.combining(character) > 0), marks + 1
            if stacked > STACKED or marks > MARKS:
                continue
        kept.append(character)
    return "".join(kept)


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


def mailbox_of(address: str) -> str:
    """The mailbox that an address probably leads to, for caps only and never for identity: without its +tag (RFC 5233),
    and without what its provider ignores.

    Gmail ignores dots (https://support.google.com/mail/answer/7436150). Proton ignores dots, hyphens and underscores
    (https://proton.me/support/change-username) and gives one reader the same name at all its domains
    (https://proton.me/support/addresses-and-aliases).
    """
    local, _, domain = address_key(address).rpartition("@")
    plain = local.partition("+")[0] or local
    for domains, ignored in _IGNORING.items():
        if domain in domains:
            return f"{re.sub(ignored, '', plain) or plain}@{domains[0]}"
    return f"{plain}@{domain}"


_IGNORING = {
    ("gmail.com", "googlemail.com"): r"\.",
    ("proton.me", "protonmail.com", "pm.me", "protonmail.ch"): r"[._-]",
}
"""Domains that lead to the same mailboxes -> what they ignore in a name."""
