"""One row of a file made into a reader, or a reason why not. Pure.

A file may have a million rows, so what many rows share (zone, language, topics, hours) is checked once and kept, and
what nearly all rows pass at once (plain addresses and names) has a short way of its own, which gives the same result
as the long one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from babel import Locale, UnknownLocaleError
from email_validator import SPECIAL_USE_DOMAIN_NAMES

from subscribers.cadence import check_minute, minute_of, parse, zone
from subscribers.errors import BadAddress, CadenceError
from subscribers.transfer.formats import ENABLED, Fate, Layout, fate_of
from subscribers.types import FORMATS, MOST_STORIES, NAME_LENGTH, address_key, check_address, clean_name

KEPT = 20_000
"""Entries in each table of what was checked before; a full one is emptied, so memory stays bounded."""
NOTE_LENGTH = 200
ENGLISH = "en"

_LOCAL = re.compile(r"[A-Za-z0-9_+-]{1,64}(?:\.[A-Za-z0-9_+-]{1,64})*", re.ASCII)
_DOMAIN = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}", re.ASCII)
_SPECIAL = tuple(f".{each}" for each in SPECIAL_USE_DOMAIN_NAMES)
"""Domains that email-validator refuses because no mail can get there (RFC 6761 and others)."""
_SHIELDED = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")
_SHARED = ("cadence", "send_at", "max_stories", "format", "all_quiet", "paused_until")
"""Columns of ours that many rows have in common."""
_WISHES = ("yes", "no")
_LONE = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """What many rows share. Equal ones are one object most of the time, so they are compared by identity."""

    topics: tuple[tuple[int, str | None, int | None], ...]
    """Topic id, its own cadence and its own send minute (both None for the reader's), in order."""
    slugs: str
    """The topics' slugs, separated by spaces."""
    locale: str
    timezone: str
    cadence: str = "daily"
    send_minute: int = 420
    max_stories: int = 12
    format: str = "html"
    all_quiet: bool = False
    paused_until: datetime | None = None
    adjusted: str = ""
    """What the rows say that was not understood, and what was taken instead; one line."""


Kind = Literal["bad", "left out", "kept out", "adjusted"]
"""Not understood; right, but changes nothing, because its reader left or never confirmed; its reader is kept out from
now on, because they left or bounced there; a reader now, but not with everything the row says."""


class Incoming(NamedTuple):
    """A row that can be believed."""

    line: int
    fate: Fate
    address: str
    key: str
    name: str
    choice: Choice
    note: str
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row did not become a reader, or not the one it describes."""

    line: int
    address: str
    reason: str
    kind: Kind = "bad"


class BadRow(ValueError):
    """This row cannot be read."""


@dataclass
class Rows:
    """Reads the rows of one file. `topics` are all there are (slug -> id), `always` those that every row gets."""

    layout: Layout
    topics: Mapping[str, int]
    always: Sequence[str]
    default_timezone: str
    enabled_are_subscribed: bool = False
    """Whether the operator vouches that in this file "enabled" means a subscription."""
    _domains: dict[str, bool] = field(default_factory=dict)
    _choices: dict[tuple[str, ...], Choice] = field(default_factory=dict)
    _fates: dict[str, Fate] = field(default_factory=dict)

    def __post_init__(self) -> None:
        told = self.layout
        shared = [told.timezone, told.locale, told.topics]
        shared += [told.ours.get(name) for name in _SHARED]
        self._shared = [index for index in shared if index is not None]

    def read(self, line: int, cells: list[str]) -> Incoming | Problem:
        """What the row says. Never raises for what a row may hold."""
        told = self.layout
        try:
            if len(cells) != told.width:
                cells = self._fitted(cells)
            if told.ours:
                cells = [unshield(cell) for cell in cells]
            address = self._address(cells[told.email])
            key = address.lower() if address.isascii() else address_key(address)
            fate = self._fate(cells)
            shared = tuple([cells[index] for index in self._shared])
            choice = self._choices.get(shared) or self._choose(shared, cells)
            if fate == "active" and not choice.topics:
                raise BadRow("it names no topic; give one with --topic")
            name = tidy(" ".join([cells[index] for index in told.names]) if told.names else "")
            return Incoming(line, fate, address, key, name, choice, self._note(cells), self._confirmed(cells))
        except (BadRow, BadAddress, CadenceError) as error:
            typed = cells[told.email] if len(cells) > told.email else ""
            return Problem(line, clean_name(typed)[:80], str(error))

    def _fitted(self, cells: list[str]) -> list[str]:
        width = self.layout.width
        if len(cells) > width and not any(cells[width:]):
            return cells[:width]
        raise BadRow(f"it has {len(cells)} columns instead of {width}")

    def _address(self, typed: str) -> str:
        """As `check_address`; what takes the short way would be returned unchanged by it (tested with hypothesis).

        email-validator's rules for a domain do not depend on what stands before the @, so a domain is looked at once.
        """
        local, _, domain = typed.partition("@")
        plain = self._domains.get(domain)
        if plain is None:
            if len(self._domains) >= KEPT:
                self._domains.clear()
            plain = self._domains[domain] = is_plain_domain(domain)
        if plain and len(local) <= 64 and _LOCAL.fullmatch(local):
            return typed
        if not typed.strip():
            raise BadRow("it has no address")
        return check_address(typed)

    def _fate(self, cells: list[str]) -> Fate:
        told = self.layout
        if told.whole is not None:
            return told.whole
        if told.gone is not None and cells[told.gone].strip():
            return "left"
        if told.status is None:
            return "active"
        word = cells[told.status]
        fate = self._fates.get(word) or fate_of(word)
        if not word.strip():
            raise BadRow("it has no status; write active or left there")
        if fate is None:
            raise BadRow(f"its status {clean_name(word)[:40]!r} is not known")
        if not self.enabled_are_subscribed and word.strip().lower() == ENABLED:
            raise BadRow("its status 'enabled' is a person's, who may have left the list; see --enabled-are-subscribed")
        if len(self._fates) < KEPT:
            self._fates[word] = fate
        return fate

    def _choose(self, shared: tuple[str, ...], cells: list[str]) -> Choice:
        told, ours = self.layout, self.layout.ours
        topics, slugs = self._topics(cells[told.topics] if told.topics is not None else "")
        cadence, send_minute = _hours(cells[ours["cadence"]], cells[ours["send_at"]]) if ours else ("daily", 420)
        locale, no_language = self._locale(cells[told.locale].strip() if told.locale is not None else "")
        timezone, no_zone = self._timezone(cells[told.timezone].strip() if told.timezone is not None else "")
        choice = Choice(
            topics=topics,
            slugs=slugs,
            locale=locale,
            timezone=timezone,
            cadence=cadence,
            send_minute=send_minute,
            max_stories=_stories(cells[ours["max_stories"]]) if ours else 12,
            format=_one_of(cells[ours["format"]], FORMATS, "format") if "format" in ours else "html",
            all_quiet="all_quiet" in ours and _is_wanted(cells[ours["all_quiet"]], "all_quiet"),
            paused_until=_instant(cells[ours["paused_until"]]) if "paused_until" in ours else None,
            adjusted="; ".join(filter(None, (no_language, no_zone))),
        )
        if len(self._choices) >= KEPT:
            self._choices.clear()
        self._choices[shared] = choice
        return choice

    def _topics(self, cell: str) -> tuple[tuple[tuple[int, str | None, int | None], ...], str]:
        """Those of `always`, then the row's: slugs between spaces or commas, in our own export perhaps with hours."""
        wanted: dict[str, tuple[str | None, int | None]] = dict.fromkeys(self.always, (None, None))
        parts = cell.split() if self.layout.ours else cell.replace(",", " ").replace(";", " ").split()
        for part in parts:
            slug, own, hours = part.partition("=")
            if slug not in self.topics:
                raise BadRow(f"there is no topic {clean_name(slug)[:64]!r}")
            if own:
                cadence, _, time = hours.rpartition("@")
                wanted[slug] = _hours(cadence, time)
            else:
                wanted.setdefault(slug, (None, None))
        return tuple((self.topics[slug], *own_hours) for slug, own_hours in wanted.items()), " ".join(wanted)

    def _locale(self, typed: str) -> tuple[str, str]:
        """The language, and what is to be told of it."""
        if not typed:
            return ENGLISH, ""
        try:
            Locale.parse(typed.replace("_", "-"), sep="-")
        except (UnknownLocaleError, ValueError):
            if "locale" in self.layout.chosen or self.layout.ours:
                raise BadRow(f"{clean_name(typed)[:40]!r} is no language; use a code such as en, de or ar") from None
            return ENGLISH, f"{clean_name(typed)[:40]!r} is no language; {ENGLISH} instead"
        return typed.replace("_", "-")[:16], ""

    def _timezone(self, typed: str) -> tuple[str, str]:
        """The zone, and what is to be told of it."""
        if not typed:
            return self.default_timezone, ""
        try:
            zone(typed)
        except CadenceError:
            # Other services guess a zone from a network address; a guess that is no zone is no reason to refuse.
            if "timezone" in self.layout.chosen or self.layout.ours:
                raise
            told = f"{clean_name(typed)[:40]!r} is no time zone; {self.default_timezone} instead"
            return self.default_timezone, told
        return typed, ""

    def _note(self, cells: list[str]) -> str:
        """When they opted in there, in the file's own words. Not from where: we keep no network address, nor do we take
        over those that others kept."""
        at = next(filter(None, (cells[index] for index in self.layout.opted_at)), "")
        return tidy(f"opted in {at}"[: NOTE_LENGTH * 2])[:NOTE_LENGTH] if at else ""

    def _confirmed(self, cells: list[str]) -> datetime | None:
        index = self.layout.ours.get("confirmed_at")
        return _instant(cells[index]) if index is not None else None


def is_plain_domain(domain: str) -> bool:
    """Whether a domain is plain ASCII, of at least two labels, and surely fit for mail: never true of one that
    `check_address` refuses or changes. Two hyphens in a row may begin an encoded label (RFC 5890, 2.3.2.1): not plain.
    """
    is_usual = len(domain) <= 180 and "--" not in domain and _DOMAIN.fullmatch(domain) is not None
    return is_usual and not f".{domain.lower()}".endswith(_SPECIAL)


def tidy(text: str) -> str:
    """As `clean_name`; nearly every text takes the short way.

    `str.isprintable` is true exactly when there is no character of the categories that `clean_name` takes out, and no
    space but U+0020.
    """
    usual = text.isprintable() and len(text) <= NAME_LENGTH and "  " not in text
    if usual and (text.isascii() or unicodedata.is_normalized("NFC", text)):
        return text.strip()
    return clean_name(text)


def shield(text: str) -> str:
    """Text that no spreadsheet takes for a formula: ' before what begins with = + - @, a tab or a line break, or the
    full-width forms that some spreadsheets take as well (OWASP, CSV Injection; ASVS 5, 1.2.10).

    What begins with ' and then one of these gets one more, so that `unshield` gives back every text as it was.
    """
    return "'" + text if _LONE.match(text) else text


def unshield(text: str) -> str:
    """Undo `shield`."""
    return text[1:] if _SHIELDED.match(text) else text


def _hours(cadence: str, time: str) -> tuple[str, int]:
    parse(cadence)
    return cadence, check_minute(minute_of(time))


def _stories(typed: str) -> int:
    if not (typed.isascii() and typed.isdigit() and len(typed) < 4 and 1 <= int(typed) <= MOST_STORIES):
        raise BadRow(f"{clean_name(typed)[:20]!r} is no number of stories; it is 1 to {MOST_STORIES}")
    return int(typed)


def _one_of(typed: str, allowed: Sequence[str], what: str) -> str:
    if typed not in allowed:
        raise BadRow(f"{clean_name(typed)[:20]!r} is no {what}; it is {' or '.join(allowed)}")
    return typed


def _is_wanted(typed: str, what: str) -> bool:
    """A wish as our export writes it; an empty cell wishes nothing."""
    if typed not in (*_WISHES, ""):
        raise BadRow(f"{clean_name(typed)[:20]!r} says nothing of {what}; it is {' or '.join(_WISHES)}")
    return typed == _WISHES[0]


def _instant(typed: str) -> datetime | None:
    """An instant as our export writes it (ISO 8601 with an offset); None when empty."""
    if not typed:
        return None
    try:
        told = datetime.fromisoformat(typed)
    except ValueError:
        raise BadRow(f"{clean_name(typed)[:40]!r} is no time; it is written like 2026-03-01T06:00:00+00:00") from None
    if told.tzinfo is None:
        raise BadRow(f"{clean_name(typed)[:40]!r} is no time without its offset from UTC")
    return told.astimezone(UTC)
