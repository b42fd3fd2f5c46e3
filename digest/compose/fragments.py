"""Fragments: rendered text with holes where personal values go.

A fragment is a tuple that alternates literal, hole name, literal, ..., literal: odd in length, holes at odd places.
Holes
are made while Jinja2 renders by printing a marker of ASCII letters and digits, which survives escaping, attribute
values
and premailer unchanged (other characters get percent-encoded in links; docs/design.md, section 6).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable

MARK = "zq5hole"
"""No text of ours contains it; `guard` takes it out of everybody else's."""

OWN, OWN_END = "own", "own_end"
"""The holes around what only the reader of a mail gets to see: the page that shows it in the browser leaves it out."""

PART, CASE, PART_END = "part:", "case:", "part_end"
"""The holes around what reads differently for some readers (`compose.personal`): the part, with the names that it asks;
each way to read it, with the answers for which it is meant; its end."""

MARKER = re.compile(MARK + r"x((?:[0-9a-f]{2})+)x")
"""A hole in rendered text; its group is the name in hex."""

Fragment = tuple[str, ...]


def hole(name: str) -> str:
    """The marker that becomes a hole of this name. The name travels as hex: letters and digits only."""
    return f"{MARK}x{name.encode().hex()}x"


def is_border(name: str) -> bool:
    """Whether a hole is no value at all: it leaves nothing behind where it stood."""
    return name in (OWN, OWN_END) or is_of_part(name)


def guard(text: str) -> str:
    """Text of a feed or a setting that can no longer be taken for a marker: nobody may write a hole but our
    templates."""
    while MARK in text.lower():
        text = re.sub(MARK, "", text, flags=re.IGNORECASE)
    return text


def cut(rendered: str) -> Fragment:
    """Cut rendered text at its markers."""
    parts = MARKER.split(rendered)
    return tuple(unhex(part) if place % 2 else part for place, part in enumerate(parts))


def unhex(found: str) -> str:
    """The name of a hole, from the group of MARKER."""
    return bytes.fromhex(found).decode()


def is_of_part(name: str) -> bool:
    """Whether a hole is no value but the border of a part or of one of its ways."""
    return name == PART_END or name.startswith((PART, CASE))


def holes(fragment: Fragment) -> tuple[str, ...]:
    """The names of a fragment's holes, in order, with repeats."""
    return fragment[1::2]


def owned(fragment: Fragment, *, keep: bool) -> Fragment:
    """A fragment whose parts for the reader alone (between the holes OWN and OWN_END) are kept, or left out where
    anybody may see the mail. The two holes themselves go either way."""
    parts = [""]
    inside = False
    for place, part in enumerate(fragment):
        if place % 2 and part in (OWN, OWN_END):
            inside = part == OWN
        elif inside and not keep:
            continue
        elif place % 2:
            parts += [part, ""]
        else:
            parts[-1] += part
    return tuple(parts)


def is_paired(names: Iterable[str]) -> bool:
    """Whether OWN and OWN_END take turns among the names of a fragment's holes, beginning with OWN and ending with
    OWN_END."""
    marks = [name for name in names if name in (OWN, OWN_END)]
    return marks == [OWN, OWN_END] * (len(marks) // 2)


def pack(fragment: Fragment) -> bytes:
    """The bytes under which a fragment is stored."""
    return json.dumps(fragment, ensure_ascii=False, separators=(",", ":")).encode()


def unpack(data: bytes) -> Fragment:
    """What `pack` packed."""
    return tuple(json.loads(data))


def address(data: bytes) -> str:
    """The content address of stored bytes: blake2b-256, hex."""
    return hashlib.blake2b(data, digest_size=32).hexdigest()
