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

MARK = "zq5hole"
"""No text of ours contains it; `guard` takes it out of everybody else's."""

_MARKER = re.compile(MARK + r"x((?:[0-9a-f]{2})+)x")

Fragment = tuple[str, ...]


def hole(name: str) -> str:
    """The marker that becomes a hole of this name. The name travels as hex: letters and digits only."""
    return f"{MARK}x{name.encode().hex()}x"


def guard(text: str) -> str:
    """Text of a feed or a setting that can no longer be taken for a marker: nobody may write a hole but our
    templates."""
    while MARK in text.lower():
        text = re.sub(MARK, "", text, flags=re.IGNORECASE)
    return text


def cut(rendered: str) -> Fragment:
    """Cut rendered text at its markers."""
    parts = _MARKER.split(rendered)
    return tuple(bytes.fromhex(part).decode() if place % 2 else part for place, part in enumerate(parts))


def holes(fragment: Fragment) -> tuple[str, ...]:
    """The names of a fragment's holes, in order, with repeats."""
    return fragment[1::2]


def pack(fragment: Fragment) -> bytes:
    """The bytes under which a fragment is stored."""
    return json.dumps(fragment, ensure_ascii=False, separators=(",", ":")).encode()


def unpack(data: bytes) -> Fragment:
    """What `pack` packed."""
    return tuple(json.loads(data))


def address(data: bytes) -> str:
    """The content address of stored bytes: blake2b-256, hex."""
    return hashlib.blake2b(data, digest_size=32).hexdigest()
