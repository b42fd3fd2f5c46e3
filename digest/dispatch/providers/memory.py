"""Memory: mails stay in this process, for tests of your own code around the digest. Nothing leaves it.

    settings = Settings(provider="memory", ...)
    ...                                    # sign somebody up, gather, plan, dispatch
    (mail,) = memory.mails()
    assert mail.recipient == "ada@example.org"

Every provider that is opened in a process puts its mails into the same box, because a test rarely holds the provider
itself. Begin a test with `memory.forget()`.

Crash semantics. The box dies with its process, and its mails with it: what a later process is asked to repeat, it has
not seen. Within the process a call that is repeated under its key adds nothing and gets the first call's results.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from digest.dispatch.mime import message_bytes
from digest.dispatch.proof import Written, read_message
from digest.errors import Unknowable
from digest.settings import Settings
from digest.types import Accepted, Envelope, ItemResult


class Box:
    """Accepted mails in their order. Threads may share it."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._mails: list[Written] = []
        self._calls: dict[str, tuple[tuple[bytes, ...], list[ItemResult]]] = {}

    def take(self, payloads: Sequence[bytes], key: str) -> list[ItemResult]:
        """Keep the mails unless this call was made before. Raises Unknowable for another batch under a used key."""
        read = [read_message(payload) for payload in payloads]
        with self._turn:
            if key in self._calls:
                stored, results = self._calls[key]
                if stored != tuple(payloads):
                    raise Unknowable("another batch came under a key that was used before")
                return list(results)
            made: list[ItemResult] = [
                Accepted(f"memory-{len(self._mails) + number}") for number in range(1, len(read) + 1)
            ]
            self._mails += read
            self._calls[key] = (tuple(payloads), made)
            return list(made)

    def mails(self) -> list[Written]:
        """Every mail since `forget`, oldest first: recipient, name, subject, headers, text and HTML as they read."""
        with self._turn:
            return list(self._mails)

    def forget(self) -> None:
        """Empty the box, and forget every key."""
        with self._turn:
            self._mails.clear()
            self._calls.clear()


BOX = Box()
"""This process's box."""
mails, forget = BOX.mails, BOX.forget


def open_provider(settings: Settings) -> Memory:
    """A provider that puts its mails into this process's box."""
    return Memory(BOX)


class Memory:
    """Puts mails into a box. Closing it leaves them there."""

    name = "memory"
    batch = 100
    encoding: Literal["json", "qp"] = "qp"
    key_lifetime: timedelta | None = timedelta(days=36500)

    def __init__(self, box: Box) -> None:
        self.box = box

    def payload(self, envelope: Envelope) -> bytes:
        """The message itself; see `Provider.payload`."""
        return message_bytes(envelope)

    def read(self, payload: bytes) -> Written:
        """See `Provider.read`."""
        return read_message(payload)

    def send(self, payloads: Sequence[bytes], key: str) -> list[ItemResult]:
        """Keep the mails; see `Box.take`."""
        return self.box.take(payloads, key)

    def close(self) -> None:
        """The mails stay in their box."""
