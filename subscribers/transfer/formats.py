"""Whose export a file is, told by its columns. A format is one entry of FORMATS. Pure.

Where the columns come from:

listmonk   cmd/subscribers.go writes uuid, email, name, attributes, status, created_at, updated_at; status is enabled,
           disabled or blocklisted (models/models.go): the person's, not that of their subscription to a list, so that
           who has unsubscribed from the list is "enabled" as well. https://github.com/knadh/listmonk, issues 2855, 863
           and 738; a list's own page filters by subscription_status=confirmed before it exports (issues 1241, 3028).
Mailchimp  three files (subscribed, unsubscribed, cleaned) with "Email Address", the audience's own columns ("First
           Name", "Last Name") and MEMBER_RATING, OPTIN_TIME, OPTIN_IP, CONFIRM_TIME, CONFIRM_IP, ... TIMEZONE; only the
           file of the unsubscribed has UNSUB_TIME, only that of the cleaned, which bounced, CLEAN_TIME.
           https://mailchimp.com/help/view-export-contacts/
Ghost      id, email, name, note, subscribed_to_emails, complimentary_plan, stripe_customer_id, created_at, deleted_at,
           labels, tiers (its own test of the export checks them). https://ghost.org/help/import-members/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from subscribers.errors import BadFile
from subscribers.types import clean_name

Fate = Literal["active", "left", "bounced", "unconfirmed"]
"""What a row says of the consent that was given there."""

FIELDS = ("email", "name", "timezone", "locale", "topics", "status")
"""What `--map` may name."""

OUR_COLUMNS = (
    "address",
    "name",
    "status",
    "topics",
    "pending",
    "cadence",
    "send_at",
    "timezone",
    "language",
    "format",
    "max_stories",
    "all_quiet",
    "paused_until",
    "created_at",
    "confirmed_at",
)
"""The columns of our own export."""

ENABLED = "enabled"
"""listmonk's word for a person who may subscribe: it says nothing of any list."""
_WORDS: Mapping[str, Fate] = {
    **dict.fromkeys(("active", "subscribed", ENABLED, "confirmed", "true", "yes", "1"), "active"),
    **dict.fromkeys(
        ("left", "unsubscribed", "disabled", "blocklisted", "blacklisted", "inactive", "opted out"), "left"
    ),
    **dict.fromkeys(("false", "no", "0", "archived", "deleted"), "left"),
    **dict.fromkeys(("bounced", "cleaned", "complained", "suppressed", "spam"), "bounced"),
    **dict.fromkeys(("pending", "unconfirmed"), "unconfirmed"),
}
"""The words of the services above and their likes. A word that is not here makes the row a bad one: guessing could
mail somebody who left."""


@dataclass(frozen=True, slots=True)
class Format:
    """How one kind of file names what we want. Column names in lower case; of several, the first that is there."""

    name: str
    marks: tuple[str, ...]
    """Columns that all must be there for a file to be of this kind."""
    email: tuple[str, ...]
    names: tuple[tuple[str, ...], ...] = (("name",),)
    """Each part of a name, joined by a space."""
    timezone: tuple[str, ...] = ()
    locale: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    """A row with something in this column has left."""
    whole: Mapping[str, Fate] = field(default_factory=dict)
    """A file that has this column holds only rows of this fate."""
    opted_at: tuple[str, ...] = ()
    is_ours: bool = False


FORMATS = (
    Format(
        "digest",
        marks=("address", "status", "topics", "cadence", "send_at", "max_stories"),
        email=("address",),
        timezone=("timezone",),
        locale=("language",),
        topics=("topics",),
        status=("status",),
        opted_at=("confirmed_at",),
        is_ours=True,
    ),
    Format(
        "listmonk",
        marks=("uuid", "email", "attributes", "status"),
        email=("email",),
        status=("status",),
        opted_at=("created_at",),
    ),
    Format(
        "mailchimp",
        marks=("member_rating", "optin_time"),
        email=("email address", "email"),
        names=(("first name", "fname", "name"), ("last name", "lname")),
        timezone=("timezone",),
        status=("status",),
        whole={"clean_time": "bounced", "unsub_time": "left"},
        opted_at=("confirm_time", "optin_time"),
    ),
    Format(
        "ghost",
        marks=("email", "subscribed_to_emails"),
        email=("email",),
        status=("subscribed_to_emails",),
        gone=("deleted_at",),
        opted_at=("created_at",),
    ),
)

PLAIN = Format(
    "csv",
    marks=(),
    email=("email", "e-mail", "email address", "e-mail address", "address", "mail"),
    names=(("name", "full name"),),
    timezone=("timezone", "time zone", "time_zone"),
    locale=("language", "locale"),
    status=("status",),
)
"""Any other table."""


WHO_IS_ENABLED = (
    "listmonk writes 'enabled' for a person, also for one who has unsubscribed from the list or never confirmed it"
)
"""What its operator must know before a file of listmonk is imported."""
HOW_TO_EXPORT = (
    "export the list's confirmed subscribers only (in listmonk, its page with ?subscription_status=confirmed), "
    "then import that file with --enabled-are-subscribed"
)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where in a row of one file each thing stands; None where the file does not have it."""

    format: str
    width: int
    email: int
    names: tuple[int, ...]
    timezone: int | None
    locale: int | None
    topics: int | None
    status: int | None
    gone: int | None
    whole: Fate | None
    opted_at: tuple[int, ...]
    chosen: frozenset[str]
    """What `--map` named: a value there that we do not understand is an error in the row, not a blank."""
    ours: Mapping[str, int]
    """The columns of our own export; empty for the files of others."""

    @property
    def is_of_people(self) -> bool:
        """Whether its status may say "enabled" of who has left: a file of listmonk."""
        return self.format == "listmonk" and self.status is not None and "status" not in self.chosen


def layout(columns: Sequence[str], mapping: Mapping[str, str]) -> Layout:
    """How to read a file with these columns; `mapping` (of FIELDS to columns) wins over what is recognised.

    Raises BadFile when there is no column for the address, or a mapped one does not exist.
    """
    at: dict[str, int] = {}
    for index, column in enumerate(columns):
        at.setdefault(column.strip().lower(), index)
    kind = next((each for each in FORMATS if all(mark in at for mark in each.marks)), PLAIN)
    named = {key: _column(at, key, column, columns) for key, column in mapping.items()}
    found = {key: named[key] if key in named else _first(at, getattr(kind, key)) for key in FIELDS if key != "name"}
    names = (named["name"],) if "name" in named else tuple(_each(at, kind.names))
    email = found["email"]
    if email is None:
        raise BadFile(
            f"no column is known to hold addresses; name it with --map email=COLUMN; there is {_list(columns)}"
        )
    return Layout(
        format=kind.name,
        width=len(columns),
        email=email,
        names=names,
        timezone=found["timezone"],
        locale=found["locale"],
        topics=found["topics"],
        status=found["status"],
        gone=_first(at, kind.gone),
        whole=next((fate for column, fate in kind.whole.items() if column in at), None),
        opted_at=tuple(at[each] for each in kind.opted_at if each in at),
        chosen=frozenset(named),
        ours={each: at[each] for each in OUR_COLUMNS if each in at} if kind.is_ours else {},
    )


def fate_of(word: str) -> Fate | None:
    """What a status word of any of these services means; None for one that we do not know."""
    return _WORDS.get(word.strip().lower())


def _first(at: Mapping[str, int], wanted: Sequence[str]) -> int | None:
    return next((at[each] for each in wanted if each in at), None)


def _each(at: Mapping[str, int], wanted: Sequence[Sequence[str]]) -> list[int]:
    return [index for index in (_first(at, each) for each in wanted) if index is not None]


def _column(at: Mapping[str, int], key: str, column: str, columns: Sequence[str]) -> int:
    if key not in FIELDS:
        raise BadFile(f"--map takes {', '.join(FIELDS)}; {clean_name(key)[:40]!r} is none of them")
    index = at.get(column.strip().lower())
    if index is None:
        raise BadFile(f"there is no column {clean_name(column)[:60]!r}; there is {_list(columns)}")
    return index


def _list(columns: Sequence[str]) -> str:
    told = [clean_name(each)[:40] for each in columns[:20]]
    return ", ".join(told) + (" and more" if len(columns) > 20 else "")
