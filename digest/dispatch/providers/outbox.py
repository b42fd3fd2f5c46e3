"""The local outbox: mails as `.eml` files in a maildir (https://cr.yp.to/proto/maildir.html). Nothing leaves this host.

Crash semantics. A batch is first written whole into `tmp`, each file forced to disk; then each is renamed into `new`
and the folder is forced to disk. A file is named after its Message-ID, so a repeated call puts the same bytes under the
same name: the outbox is its own idempotency key, for ever. A mail that a mail reader has moved to `cur` stays there.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Literal

from digest.dispatch.mime import message_bytes
from digest.dispatch.proof import Written, read_message
from digest.errors import BadBatch, Refused, Unclear
from digest.settings import Settings
from digest.types import Accepted, Envelope, ItemResult

FOLDERS = ("tmp", "new", "cur")
_MESSAGE_ID = re.compile(rb"^Message-ID: <([^>\r\n]+)>\r\n", re.MULTILINE)
_UNFIT = re.compile(r"[^A-Za-z0-9.@_+-]")


def open_provider(settings: Settings) -> Outbox:
    """The outbox under DATA_DIR; its folders are made by the first mail."""
    return Outbox(settings.data_dir / "outbox")


class Outbox:
    """A maildir. `provider_message_id` of an accepted mail is its file name."""

    name = "outbox"
    batch = 100
    encoding: Literal["json", "qp"] = "qp"
    key_lifetime: timedelta | None = timedelta(days=36500)

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def payload(self, envelope: Envelope) -> bytes:
        """The message itself; see `Provider.payload`."""
        return message_bytes(envelope)

    def read(self, payload: bytes) -> Written:
        """See `Provider.read`."""
        return read_message(payload)

    def send(self, payloads: Sequence[bytes], key: str) -> list[ItemResult]:
        """Put the mails into `new`, durable on return. Raises Refused when the disk refuses, Unclear half-way."""
        names = [file_name(payload) for payload in payloads]
        tmp, new, cur = (self.folder / each for each in FOLDERS)
        written: list[Path] = []
        try:
            for folder in (tmp, new, cur):
                folder.mkdir(parents=True, exist_ok=True)
            seen = {file.name.split(":")[0] for file in cur.iterdir()}
            for name, payload in zip(names, payloads, strict=True):
                if name not in seen:
                    written.append(tmp / name)
                    _write(written[-1], payload)
        except OSError as error:
            for file in written:
                file.unlink(missing_ok=True)
            raise Refused(f"the outbox {self.folder} cannot be written: {error.strerror}") from None
        try:
            for file in written:
                file.replace(new / file.name)
            _force(new)
        except OSError as error:
            raise Unclear(f"the outbox {self.folder} failed half-way: {error.strerror}") from None
        return [Accepted(name) for name in names]

    def close(self) -> None:
        """Nothing is held open."""


def file_name(payload: bytes) -> str:
    """The file of a message: its Message-ID made fit for a file system, and a hash that keeps different ones apart."""
    found = _MESSAGE_ID.search(payload[: payload.find(b"\r\n\r\n") + 2])
    if found is None:
        raise BadBatch("a mail for the outbox has no Message-ID")
    told = found.group(1)
    digest = hashlib.blake2b(told, digest_size=6).hexdigest()
    return f"{_UNFIT.sub('_', told.decode('ascii', 'replace')).lstrip('.')[:120]}.{digest}.eml"


def _write(file: Path, data: bytes) -> None:
    with file.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())


def _force(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
