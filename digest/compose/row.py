"""The links of a mail as holes: a body that is finished but for its reader's tokens. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Protocol

from digest.compose.fragments import MARK

LINKS = ("view", "leave", "manage", "tune")
_MARKS = {name: f"{MARK}{name}z".encode() for name in LINKS}
_MARK = re.compile(f"{MARK}({'|'.join(LINKS)})z".encode())
"""Stand in for tokens while a row is made: nobody's text holds MARK (`fragments.guard`)."""

Tokens = Mapping[str, bytes]
"""The tokens of LINKS, encoded."""


class Links(Protocol):
    """The link tokens of one reader for one edition of a digest."""

    @property
    def leave(self) -> str: ...
    @property
    def view(self) -> str: ...
    @property
    def manage(self) -> str: ...
    @property
    def tune(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Row:
    """A body whose holes are tokens: literals and holes take turns."""

    literals: list[bytes | None]
    holes: Callable[[Sequence[bytes]], Sequence[bytes]] | None

    def filled(self, tokens: Sequence[bytes]) -> bytes:
        """The body with these tokens, in the order of LINKS."""
        row = self.literals.copy()
        if self.holes is not None:
            row[1::2] = self.holes(tokens)
        return b"".join(row)  # type: ignore[arg-type]  # no hole is left


def row_of(body: bytes) -> Row:
    """A row from a body in which marks stand in the place of tokens."""
    parts = _MARK.split(body)
    wanted = [LINKS.index(part.decode()) for part in parts[1::2]]
    literals: list[bytes | None] = [None if place % 2 else part for place, part in enumerate(parts)]
    if len(wanted) == 1:
        only = wanted[0]
        return Row(literals, lambda tokens: (tokens[only],))
    return Row(literals, itemgetter(*wanted) if wanted else None)


def marked() -> Tokens:
    """Marks in the place of tokens, for `row_of`."""
    return _MARKS


def nobodys() -> Tokens:
    """No tokens: a personal link stays empty."""
    return dict.fromkeys(LINKS, b"")
