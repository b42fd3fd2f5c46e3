"""The report of an import: a CSV of every row that was left out or adjusted, and why. It harms no file that is there,
unless the operator says so."""

from __future__ import annotations

import csv
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from digest.errors import InputError

if TYPE_CHECKING:
    from subscribers.transfer.rows import Problem

COLUMNS = ("line", "kind", "address", "reason")
HEADER = ",".join(COLUMNS).encode() + b"\r\n"


class Report:
    """Rows of one import on their way into a file; nothing at all without a path."""

    def __init__(self, path: Path | None, source: Path, *, force: bool = False) -> None:
        """`source` is the file that is imported; with `force` another file may be written over."""
        self._path, self._source, self._force = path, source, force
        self._file: TextIO | None = None
        self._rows: Any = None

    def begin(self, *, goes_on: bool) -> None:
        """Open the file: a new one that only its owner can read, or, when the import goes on where an earlier run of it
        ended, the report of that run. Raises InputError for every other file that is there, without touching it."""
        if self._path is None:
            return
        with self._one_line(self._path):
            handle = self._old(self._path) if goes_on and self._path.exists() else self._new(self._path)
            self._file = os.fdopen(handle, "a", encoding="utf-8", newline="")
            self._rows = csv.writer(self._file)

    def write(self, found: Problem) -> None:
        """One row, in the file on return: before the batch it belongs to is durable, so that a crash may name some rows
        twice and loses none. Raises InputError."""
        if self._path is None or self._file is None:
            return
        from subscribers.transfer.rows import shield

        with self._one_line(self._path):
            self._rows.writerow((found.line, found.kind, shield(found.address), shield(found.reason)))
            self._file.flush()

    def close(self) -> None:
        """Every row is in the file already; without an error, therefore."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()

    def _new(self, path: Path) -> int:
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        except FileExistsError:
            if self._source.samefile(path):
                raise InputError(f"the report {path} is the file to import; name another one") from None
            if not path.is_file():
                raise InputError(f"the report {path} cannot be written: it is there and is no file") from None
            if not self._force:
                raise InputError(f"the report {path} is there already; name another one, or give --force") from None
            path.unlink()  # a name of its own then, so that what is linked elsewhere, or was readable, stays so
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        os.write(handle, HEADER)
        return handle

    def _old(self, path: Path) -> int:
        """The report of the run before. O_NONBLOCK: opening a pipe would wait for its other end."""
        if not path.is_file():
            raise InputError(f"the report {path} cannot be written: it is there and is no file")
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NONBLOCK)
        told = os.fstat(handle)
        begins = os.pread(handle, len(HEADER), 0) if stat.S_ISREG(told.st_mode) else b""
        if begins != HEADER or os.path.samestat(told, self._source.stat()):
            os.close(handle)
            raise InputError(f"{path} is no report of an import; name another file for the report")
        if os.pread(handle, 1, told.st_size - 1) != b"\n":  # cut off by a crash
            os.write(handle, b"\r\n")
        return handle

    @staticmethod
    @contextmanager
    def _one_line(path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(f"the report {path} cannot be written: {error.strerror or error}") from None
