"""The console: the text of each mail on standard output, for trying things out. Nothing leaves this process.

Crash semantics. A mail is accepted when the stream has taken it; mail by mail, and what was printed before a stream
broke stays printed. There is no key: after a crash the mails of the last call are in doubt, like a network provider's.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Literal, TextIO

from digest.dispatch.mime import message_bytes
from digest.dispatch.proof import Written, read_message
from digest.errors import Refused, Unknowable
from digest.settings import Settings
from digest.types import Accepted, Envelope, ItemResult

_UNSEEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""What a terminal obeys instead of showing it: control characters, and those that turn the direction of text."""
_RULE = "-" * 72


def open_provider(settings: Settings) -> Console:
    """The console, on this process's standard output."""
    return Console()


class Console:
    """Prints one mail after the other; threads take turns. `stream` is standard output unless named."""

    name = "console"
    batch = 20
    encoding: Literal["json", "qp"] = "qp"
    key_lifetime: timedelta | None = None

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._turn = threading.Lock()

    def payload(self, envelope: Envelope) -> bytes:
        """The message itself; see `Provider.payload`."""
        return message_bytes(envelope)

    def read(self, payload: bytes) -> Written:
        """See `Provider.read`."""
        return read_message(payload)

    def send(self, payloads: Sequence[bytes], key: str) -> list[ItemResult]:
        """Print each mail. Raises Refused when the stream is closed, Unknowable when it breaks half-way."""
        shown = [printed(read_message(payload)) for payload in payloads]
        stream = self._stream or sys.stdout
        with self._turn:
            if stream is None or stream.closed:  # None: a process without a console, by Python's documentation
                raise Refused("the console is closed: nobody would see the mails")
            letters = stream.encoding or "utf-8"
            try:
                for mail in shown:
                    stream.write(mail.encode(letters, "replace").decode(letters))
                stream.flush()
            except OSError as error:
                raise Unknowable(f"the console broke off: {error.strerror}") from None
        return [Accepted(_message_id(payload)) for payload in payloads]

    def close(self) -> None:
        """The stream is not ours to close."""


def printed(mail: Written) -> str:
    """A mail as it is shown: whom it goes to, its subject and its text. Pure.

    What stands in it comes from strangers' feeds: signs by which a terminal is steered become visible ones.
    """
    to = f"{mail.name} <{mail.recipient}>" if mail.name else mail.recipient
    text = mail.text.replace("\r\n", "\n").strip("\n")
    return f"{_RULE}\nTo: {_seen(to)}\nSubject: {_seen(mail.subject)}\n\n{_seen(text)}\n{_RULE}\n"


def _seen(text: str) -> str:
    return _UNSEEN.sub("\ufffd", text)


def _message_id(payload: bytes) -> str:
    head = payload[: payload.find(b"\r\n\r\n")]
    return head.partition(b"\r\nMessage-ID: ")[2].partition(b"\r\n")[0].decode("ascii")
