"""Who opens a file or a connection while a parser works: Python's own audit events (PEP 578) tell."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Self

_OPENING = (
    "open",
    "socket.",
    "subprocess.",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.listdir",
    "os.scandir",
    "urllib.",
    "http.",
)
"""The events (Python's documentation, "Audit events table") of what leaves the process or looks into its files."""
_MODULES = (".py", ".pyc", ".so")


class Watch:
    """`with watch:` notes what is opened meanwhile. A hook cannot be taken away again, so keep one a process.

    A module that is imported late (each encoding is one) is the program's own file and not counted.
    """

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._armed = False
        sys.addaudithook(self._hear)

    def __enter__(self) -> Self:
        self.seen = []
        self._armed = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._armed = False

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._armed or not event.startswith(_OPENING):
            return
        told = str(arguments[0]) if arguments else ""
        if not (event == "open" and told.endswith(_MODULES)) and event not in ("os.listdir", "os.scandir"):
            self.seen.append(f"{event} {told[:200]}")
