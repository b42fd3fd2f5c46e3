"""Fragments on their way to bytes: holes are filled as soon as somebody knows their value, and the rest is encoded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from json.encoder import encode_basestring
from typing import Any

from digest.compose.contexts import IN_URL, in_url
from digest.compose.fragments import Fragment
from digest.compose.qp import encode_qp
from digest.errors import TemplateError

Piece = bytes | str
"""Encoded bytes, or the name of a hole that is still open."""

ENCODERS: Mapping[str, Callable[[str], bytes]] = {
    "raw": lambda text: text.encode(),
    "json": lambda text: encode_basestring(text)[1:-1].encode(),
    "qp": encode_qp,
}
"""How a provider wants bodies. Each encodes a concatenation as the concatenation of the encoded."""


class Made(dict[Any, Any]):
    """A dict that makes what it lacks."""

    def __init__(self, make: Callable[[Any], Any]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: Any) -> Any:
        made = self[key] = self._make(key)
        return made


def fill(
    fragment: Fragment, known: Callable[[str], str | None], escape: Callable[[str], str], encode: Callable[[str], bytes]
) -> tuple[Piece, ...]:
    """Fill the holes that `known` can name, encode the rest, and leave the other holes open. A value is escaped, or
    percent-encoded where it stands in an address; what stays open is filled with tokens, which need neither."""
    pieces: list[Piece] = []
    open_text: list[str] = []
    for place, part in enumerate(fragment):
        name = part.removeprefix(IN_URL) if place % 2 else ""
        value = known(name) if name else part
        if value is None:
            pieces += [encode("".join(open_text)), name]
            open_text = []
        elif name:
            open_text.append(in_url(value) if name != part else escape(value))
        else:
            open_text.append(value)
    pieces.append(encode("".join(open_text)))
    return tuple(piece for piece in pieces if piece)


def glued(part: str, pieces: Sequence[Piece], values: Mapping[str, bytes]) -> bytes:
    """Pieces in a row, the holes that are still open filled with encoded `values`. Raises TemplateError."""
    try:
        return b"".join([piece if isinstance(piece, bytes) else values[piece] for piece in pieces])
    except KeyError as error:
        raise TemplateError(
            f"the {part} part asks for the personal value {error.args[0]!r}, which nobody gives"
        ) from None
