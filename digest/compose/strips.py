"""Strips: fragments whose known holes are filled and the rest encoded. What is still open is the reader's own. Pure.

Strips of a mail are put one behind the other and joined once, by whoever writes the whole payload.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring
from operator import itemgetter
from typing import Any

from digest.compose.contexts import IN_URL, in_url
from digest.compose.fragments import MARK, Fragment
from digest.compose.qp import encode_qp
from digest.errors import TemplateError

ENCODERS: Mapping[str, Callable[[str], bytes]] = {
    "raw": lambda text: text.encode(),
    "json": lambda text: encode_basestring(text)[1:-1].encode(),
    "qp": encode_qp,
}
"""How a provider wants bodies. Each encodes a concatenation as the concatenation of the encoded."""

LINKS = ("view", "leave", "manage", "tune")
"""The tokens of a reader's links."""
GREETING = "greeting"
OWN = (*LINKS, GREETING, IN_URL + GREETING)
"""What is one reader's own, in the order in which strips are given it."""
TUNE, NUMBER = "tune", "n"

_MARKS = tuple(f"{MARK}{place}z".encode() for place in range(len(OWN)))
_MARK = re.compile(f"{MARK}([0-9])z".encode())
"""Stand in for values of OWN while a strip is made of a whole body: nobody's text holds MARK (`fragments.guard`)."""


class Made(dict[Any, Any]):
    """A dict that makes what it lacks."""

    def __init__(self, make: Callable[[Any], Any]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: Any) -> Any:
        made = self[key] = self._make(key)
        return made


@dataclass(frozen=True, slots=True)
class Strip:
    """Literals and holes take turns."""

    row: list[bytes | None]
    """The literals, and None for each hole."""
    picked: Callable[[Sequence[bytes]], Sequence[bytes]] | None
    """From all of a reader's values those for the holes; None where there is no hole."""

    def filled(self, values: Sequence[bytes]) -> Sequence[bytes]:
        """In pieces to be joined, with the values whose names the strip was made for, in their order."""
        if self.picked is None:
            return self.row  # type: ignore[return-value]  # no hole is open
        row = self.row.copy()
        row[1::2] = self.picked(values)
        return row  # type: ignore[return-value]  # no hole is left


def strip(literals: Sequence[bytes], names: Sequence[str], order: Sequence[str]) -> Strip:
    """A strip of these literals with holes of these names between them, for values that come in this order. Raises
    TemplateError for a name that is not among them."""
    row: list[bytes | None] = [None] * (2 * len(literals) - 1)
    row[::2] = literals
    plain = [name if name in order else name.removeprefix(IN_URL) for name in names]
    for name in plain:
        if name not in order:
            raise TemplateError(f"a template asks for the personal value {name!r}, which nobody gives")
    places = [order.index(name) for name in plain]
    if len(places) == 1:
        (only,) = places
        return Strip(row, lambda values: (values[only],))
    return Strip(row, itemgetter(*places) if places else None)


def strip_of(body: bytes) -> Strip:
    """A strip from a whole body that was put together with `marks`: for readers who share all but their own values."""
    parts = _MARK.split(body)
    return strip(parts[::2], [OWN[int(part)] for part in parts[1::2]], OWN)


def marks() -> tuple[bytes, ...]:
    """Marks in the place of the values of OWN, for `strip_of`."""
    return _MARKS


def cut_open(
    fragment: Fragment, known: Callable[[str], str | None], escape: Callable[[str], str], encode: Callable[[str], bytes]
) -> tuple[list[bytes], list[str]]:
    """Fill the holes that `known` can name and encode the rest: literals, and the names of the holes between them that
    stay open. A value is escaped, or percent-encoded where it stands in an address; what stays open is filled with
    bytes that need neither."""
    literals: list[bytes] = []
    names: list[str] = []
    open_text: list[str] = []
    for place, part in enumerate(fragment):
        name = part.removeprefix(IN_URL) if place % 2 else ""
        value = known(name) if name else part
        if value is None:
            literals.append(encode("".join(open_text)))
            names.append(part)
            open_text = []
        elif name:
            open_text.append(in_url(value) if name != part else escape(value))
        else:
            open_text.append(value)
    return [*literals, encode("".join(open_text))], names


def joined(strips: Iterable[Strip], values: Sequence[bytes]) -> bytes:
    """Strips end to end."""
    return b"".join([piece for each in strips for piece in each.filled(values)])
