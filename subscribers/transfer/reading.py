"""A file of rows, understood before anything is written: its encoding, its delimiter, its columns, its fingerprint.

The file is read twice: once in large pieces (is it text, how many lines, its hash), then record by record. Both passes
use the same memory for a file of any size and shape. A file that changes in between, or while it is read, ends the
reading, and so does a quotation mark that is out of place: whatever follows it could be the inside of somebody's note.
"""

from __future__ import annotations

import codecs
import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TextIO

from subscribers.errors import BadFile
from subscribers.types import clean_name

DELIMITERS = (",", ";", "\t")
LONGEST_RECORD = 100
"""Lines in one record. A note may have a few; more than this is a quotation mark that nobody closed, and readers'
lines in between."""
LONGEST_TEXT = 1 << 20
"""Characters in one line, and in one record of several lines. A cell may have 131,072 (`csv.field_size_limit`)."""
MOST_COLUMNS = 1000
"""A spreadsheet ends at 16,384 columns; an audience of any of the services we know has fewer than a hundred."""
_PIECE = 1 << 20

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_AS_UTF8 = "save it as UTF-8 (spreadsheets call it CSV UTF-8) and import that"
AGAIN = "mend it and import it again; readers who are here by then stay as they are"
"""The way out when a file cannot be read to its end."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file that can be read."""

    path: Path
    encoding: str
    delimiter: str
    columns: tuple[str, ...]
    """As the first record names them."""
    lines: int
    """Lines in the file: at least as many as records."""
    fingerprint: str
    """The hash of its bytes."""
    state: tuple[int, ...]
    """What tells whether it is still the same file (`_state`)."""

    def check(self) -> None:
        """Raises BadFile when the file was changed, replaced or removed since it was inspected."""
        try:
            same = _state(self.path.stat()) == self.state
        except OSError:
            same = False
        if not same:
            raise _changed(self.path)


class Record(NamedTuple):
    """One record. Lines are those of the file, counted from 1."""

    line: int
    """Where it begins."""
    until: int
    """Where it ends: a quoted cell may hold line breaks."""
    cells: list[str]


def inspect(path: Path) -> Sheet:
    """What kind of file this is. Raises BadFile, in one line, for what is no table of text in UTF-8 or UTF-16."""
    try:
        if path.is_dir():
            raise BadFile(f"{path} is a folder; name the file in it that is to be imported")
        if not path.is_file():
            raise BadFile(f"{path} is no file on this machine; an import reads a file twice, so a pipe will not do")
        state = _state(path.stat())
        encoding, lines, fingerprint = _survey(path)
        first = _first_lines(path, encoding)
        sheet = Sheet(path, encoding, "", (), lines, fingerprint, state)
        sheet.check()
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeError:
        raise _changed(path) from None
    tables = {delimiter: _header(first, delimiter) for delimiter in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda each: len(tables[each]))
    columns = tables[delimiter]
    if not any(columns):
        what = "begins with a line that cannot be read" if any(map(str.strip, first)) else "is empty"
        raise BadFile(f"{path} {what}; its first line must name its columns")
    if any("@" in each for each in columns):
        told = clean_name(next(each for each in columns if "@" in each))[:60]
        raise BadFile(f"the first line of {path} must name its columns, such as email, name; it holds {told!r}")
    if len(columns) > MOST_COLUMNS:
        raise BadFile(f"{path} has {len(columns):,} columns; a table of readers has {MOST_COLUMNS:,} at most")
    return replace(sheet, delimiter=delimiter, columns=columns)


def records(sheet: Sheet, after: int = 0) -> Iterator[Record]:
    """The records below the header that end behind line `after`; empty lines are passed over.

    Raises BadFile, naming the line, for a record that cannot be read: nothing behind it is looked at. Raises BadFile as
    well when the file is not the one that was inspected.
    """
    try:
        with sheet.path.open(encoding=sheet.encoding, newline="") as file:
            if _state(os.fstat(file.fileno())) != sheet.state:
                raise _changed(sheet.path)
            feed = _Feed(file, sheet.path)
            rows = _reader(feed.lines(), sheet.delimiter)
            is_header = True
            while True:
                try:
                    cells = next(rows)
                except StopIteration:
                    return
                except csv.Error as error:
                    raise feed.broken(str(error)) from None
                line, until = feed.next_record()
                if until > after and not is_header and any(cells):
                    yield Record(line, until, cells)
                is_header = is_header and not any(cells)
    except (OSError, UnicodeError) as error:
        raise BadFile(f"{sheet.path} cannot be read any more: {error}") from None


class _Feed:
    """Hands lines to csv.reader and ends what would become too long a record, before it is in memory."""

    def __init__(self, file: TextIO, path: Path) -> None:
        self._file, self._path = file, path
        self._before = self._count = self._size = 0

    def lines(self) -> Iterator[str]:
        """Every line of the file."""
        for line in self._file:
            self._count += 1
            self._size += len(line)
            if self._count > LONGEST_RECORD or self._size > LONGEST_TEXT:
                raise self.broken(f"it is not over in line {self._before + self._count}")
            yield line

    def next_record(self) -> tuple[int, int]:
        """The first and the last line of the record that was read; the next one begins."""
        first, last = self._before + 1, self._before + self._count
        self._before, self._count, self._size = last, 0, 0
        return first, last

    def broken(self, why: str) -> BadFile:
        """What to raise for the record under way."""
        return BadFile(
            f"line {self._before + 1} of {self._path} begins a record that cannot be read ({why}); a quotation mark "
            f"may be open or out of place: {AGAIN}"
        )


def _state(told: os.stat_result) -> tuple[int, ...]:
    """Changes with every write to a file and with every other file in its place, as far as file systems tell."""
    return told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns


def _changed(path: Path) -> BadFile:
    return BadFile(f"{path} changed while it was read; import it again when it is complete")


def _survey(path: Path) -> tuple[str, int, str]:
    """Encoding, number of lines, fingerprint; the whole file, in pieces."""
    digest = blake2b(digest_size=32)
    lines, open_line = 1, 0
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        encoding = next((name for mark, name in _MARKS if start.startswith(mark)), "utf-8")
        decoder = codecs.getincrementaldecoder(encoding)()
        while True:
            piece = file.read(_PIECE)
            digest.update(piece)
            try:
                text = decoder.decode(piece, final=not piece)
            except UnicodeDecodeError as error:
                broken = error.object[error.start]
                at = lines + error.object[: error.start].count(b"\n")
                kind = "UTF-8" if encoding.startswith("utf-8") else "UTF-16"
                raise BadFile(f"line {at} of {path} has the byte 0x{broken:02X}, no {kind}; {_AS_UTF8}") from None
            if "\0" in text:
                raise BadFile(f"{path} holds zero bytes, so it is no text in UTF-8; {_AS_UTF8}")
            begin, end = _line_ends(text)
            if max(open_line + begin, end) > LONGEST_TEXT:
                raise BadFile(
                    f"line {lines} of {path} is longer than a million characters; this is no table of readers"
                )
            open_line = open_line + begin if begin == len(text) else end
            lines += text.count("\n")
            if not piece:
                return encoding, lines, digest.hexdigest()


def _line_ends(text: str) -> tuple[int, int]:
    """How many characters stand before the first line break of a piece and behind its last; all of them when there is
    none."""
    breaks = [at for at in (text.find("\n"), text.find("\r")) if at >= 0]
    first = min(breaks, default=len(text))
    return first, len(text) - 1 - max(text.rfind("\n"), text.rfind("\r"))


def _first_lines(path: Path, encoding: str) -> list[str]:
    """Enough for a header: as many lines as a record may have, no longer together than a record may be."""
    found: list[str] = []
    with path.open(encoding=encoding, newline="") as file:
        for line in islice(file, LONGEST_RECORD):
            found.append(line)
            if sum(map(len, found)) > LONGEST_TEXT:
                break
    return found


def _header(lines: list[str], delimiter: str) -> tuple[str, ...]:
    """The cells of the first record that is not empty."""
    try:
        for row in _reader(iter(lines), delimiter):
            if any(row):
                return tuple(cell.strip() for cell in row)
    except csv.Error:
        pass
    return ()


def _reader(lines: Iterator[str], delimiter: str) -> csv._reader:  # type: ignore[name-defined]
    # strict: a cell such as "a "b" c" is an error. Read leniently, the inside and the outside of marks may swap places.
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
