"""A parser in a process of its own: a hang ends the test and not the run, and what it opens is heard.

`multiprocessing` starts a fresh interpreter, so that the audit hook, which cannot be taken away again, stays there.
"""

from __future__ import annotations

import multiprocessing
import socket
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from digest.errors import DigestError
from tests.fuzz.watch import Watch

PATIENCE = 15.0
"""Seconds. What we promise is one for each document; the machine of a test run has other things to do."""
START = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call came to."""

    value: Any
    refused: str
    """The error's line, when it was one of ours."""
    opened: tuple[str, ...]
    """Files and connections that were opened meanwhile."""


class Guarded:
    """`call(function, ...)` runs it in the other process; function, arguments and result must be picklable."""

    def __init__(self) -> None:
        self._process: SpawnProcess | None = None
        self._ours: Connection | None = None

    def call(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Outcome:
        """Raises TimeoutError when there is no outcome within PATIENCE, and whatever the function raises that is none
        of our errors."""
        ours = self._ours or self._start()
        ours.send((function, arguments, named))
        if not ours.poll(PATIENCE):
            self.close()
            raise TimeoutError(f"{function.__name__} did not end within {PATIENCE} s")
        outcome = ours.recv()
        if isinstance(outcome, BaseException):
            raise outcome
        assert isinstance(outcome, Outcome)
        return outcome

    def close(self) -> None:
        """End the other process."""
        if self._process is not None and self._ours is not None:
            self._ours.close()
            self._process.kill()
            self._process.join()
            self._process.close()
        self._process = self._ours = None

    def _start(self) -> Connection:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        if not ours.poll(START) or ours.recv() != "ready":
            raise TimeoutError("the other process does not start")
        self._ours = ours
        return ours


def _serve(calls: Connection) -> None:
    import feedparser  # noqa: F401 - it is imported when first needed, and is not what is listened for

    watch = Watch()
    calls.send("ready")
    while True:
        try:
            function, arguments, named = calls.recv()
        except EOFError:
            return
        calls.send(_outcome(watch, function, arguments, named))


def _outcome(watch: Watch, function: Callable[..., Any], arguments: Any, named: Any) -> Outcome | BaseException:
    value, refused = None, ""
    try:
        with watch:
            value = function(*arguments, **named)
    except DigestError as error:
        refused = str(error)
    except Exception as error:  # it goes to the test, which fails with it
        return error
    return Outcome(value, refused, tuple(watch.seen))


def open_a_file(name: str) -> str:
    """For the test of the guard itself."""
    with open(name, encoding="utf-8") as file:  # noqa: PTH123 - the plainest opening there is
        return file.read(1)


def hang() -> None:
    """For the test of the guard itself."""
    while True:
        pass


def look_up(port: int) -> None:
    """For the test of the guard itself."""
    socket.create_connection(("127.0.0.1", port)).close()
