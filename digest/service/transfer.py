"""Readers from a file and into a file: the verbs behind `digest subscribers import` and `export`."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import TextIO

from sqlalchemy import Engine, delete, select, update

from digest.errors import InputError, Interrupted
from digest.store.db import reading, writing
from subscribers.models import ImportRun
from subscribers.sql import insert_new, table
from subscribers.topics import find_topics, get_topic, list_topics
from subscribers.transfer import exporting
from subscribers.transfer.formats import HOW_TO_EXPORT, WHO_IS_ENABLED, Layout, layout
from subscribers.transfer.importing import Importer
from subscribers.transfer.outcomes import Outcome
from subscribers.transfer.reading import Sheet, inspect, records
from subscribers.transfer.rehearsing import Rehearsal
from subscribers.transfer.rows import Incoming, Problem, Rows, tidy

RUN = table(ImportRun)

BATCH = 5000
"""Rows in one transaction: a tenth of a second of the write lock, and a few megabytes."""
SOURCE_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be imported, and how."""

    file: Path
    topics: Sequence[str] = ()
    """Slugs that every reader gets, in order."""
    mapping: Mapping[str, str] = field(default_factory=dict)
    """What we call it (email, name, timezone, locale, topics, status) -> the column."""
    source: str = ""
    """Where consent came from, for the log; the format's name when empty."""
    dry_run: bool = False
    again: bool = False
    """Import a file anew although it was imported before."""
    enabled_are_subscribed: bool = False
    """The operator vouches that whoever is "enabled" in the file is subscribed (`formats.WHO_IS_ENABLED`)."""


@dataclass(slots=True)
class Imported:
    """How an import ended. `counts` has the words of `outcomes.OUTCOMES`."""

    format: str
    lines: int
    """Lines of the file."""
    counts: Counter[str]
    notes: tuple[str, ...] = ()
    """What the operator must know of this kind of file."""
    begun_before: bool = False
    """Whether an earlier run began this very import and did not finish it."""
    resumed_after: int = 0
    """The last line of an earlier, interrupted run; 0 for a run from the start."""
    done_before: datetime | None = None
    """When this very import was finished before; then nothing was done now."""


class Transfer:
    """Imports and exports on one database."""

    def __init__(
        self,
        engine: Engine,
        hashes: Callable[[str], Sequence[bytes]],
        *,
        now: Callable[[], datetime],
        default_timezone: str,
        batch: int = BATCH,
    ) -> None:
        """`hashes` are the Keyring's keyed hashes of an address; `batch` is how many rows are durable together."""
        self._engine = engine
        self._hashes = hashes
        self._now = now
        self._default_timezone = default_timezone
        self._batch = batch

    def import_readers(
        self,
        wanted: Wanted,
        *,
        on_start: Callable[[Imported], None] = lambda _: None,
        on_progress: Callable[[int], None] = lambda _: None,
        on_problem: Callable[[Problem], None] = lambda _: None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> Imported:
        """Import a file. After every batch its rows and how far the file is read are durable together, so the same
        import begun again goes on behind the last durable line, and a finished one does nothing.

        `on_start` hears the format and where the run begins, before anything is written; `on_progress` the last line
        read; `on_problem` each row that did not become a reader, or not the one it describes, before its batch is
        durable. Raises RosterError (BadFile, UnknownTopic) and InputError before anything is written; BadFile for a
        record that cannot be read, and for a file that changes meanwhile, with whole batches before it durable; and
        Interrupted when `stopping` says so, after a whole batch.
        """
        sheet = inspect(wanted.file)
        told = layout(sheet.columns, wanted.mapping)
        always, topics = self._topics(wanted, told)
        rows = Rows(told, topics, always, self._default_timezone, wanted.enabled_are_subscribed)
        done = Imported(told.format, sheet.lines, Counter())
        if told.is_of_people:
            if not wanted.enabled_are_subscribed:
                raise InputError(f"{wanted.file} is no list of subscribers: {WHO_IS_ENABLED}; {HOW_TO_EXPORT}")
            done.notes = (f"{WHO_IS_ENABLED}; everybody enabled in this file becomes a reader",)
        source = tidy(wanted.source or told.format)[:SOURCE_LENGTH]
        if wanted.dry_run:
            return self._rehearse(sheet, rows, done, on_start, on_progress, on_problem, stopping)
        mark = self._fingerprint(sheet, wanted, always, source)
        if not wanted.again:
            self._look_back(mark, done)
        on_start(done)
        if done.done_before is None:
            self._begin(mark, again=wanted.again)
            self._work(sheet, rows, mark, done, Importer(self._hashes, source), on_progress, on_problem, stopping)
        return done

    def _topics(self, wanted: Wanted, told: Layout) -> tuple[list[str], dict[str, int]]:
        """Slugs that every reader gets, and all there are (slug -> id)."""
        with reading(self._engine) as session:
            always = [topic.slug for topic in find_topics(session, wanted.topics)] if wanted.topics else []
            topics = {topic.slug: topic.id for topic in list_topics(session)}
        if not always and told.topics is None and told.whole is None:
            raise InputError("name at least one --topic for these readers")
        return always, topics

    def _work(
        self,
        sheet: Sheet,
        rows: Rows,
        mark: str,
        done: Imported,
        importer: Importer,
        on_progress: Callable[[int], None],
        on_problem: Callable[[Problem], None],
        stopping: Callable[[], bool],
    ) -> None:
        at = done.resumed_after
        for until, incoming, problems in _batches(sheet, rows, at, self._batch):
            sheet.check()
            with writing(self._engine) as session:
                outcome = importer.write(session, incoming, now=self._now())
                _note(outcome, problems, done, on_problem)
                step = update(RUN).where(RUN.c.fingerprint == mark, RUN.c.line == at, RUN.c.done_at.is_(None))
                values = {"line": until, "counts": json.dumps(done.counts)}
                if session.connection().execute(step.values(values)).rowcount != 1:
                    raise InputError(f"another process is importing {sheet.path}; nothing of this batch was written")
            at = until
            on_progress(at)
            if stopping():
                raise Interrupted(f"stopped after line {at}; the same command goes on from there")
        sheet.check()
        with writing(self._engine) as session:
            session.connection().execute(update(RUN).where(RUN.c.fingerprint == mark).values(done_at=self._now()))

    def _rehearse(
        self,
        sheet: Sheet,
        rows: Rows,
        done: Imported,
        on_start: Callable[[Imported], None],
        on_progress: Callable[[int], None],
        on_problem: Callable[[Problem], None],
        stopping: Callable[[], bool],
    ) -> Imported:
        on_start(done)
        rehearsal = Rehearsal(self._hashes)
        try:
            for until, incoming, problems in _batches(sheet, rows, 0, self._batch):
                sheet.check()
                with reading(self._engine) as session:
                    outcome = rehearsal.look(session, incoming)
                _note(outcome, problems, done, on_problem)
                on_progress(until)
                if stopping():
                    raise Interrupted("stopped; a dry run writes nothing")
            sheet.check()
        finally:
            rehearsal.close()
        return done

    def _look_back(self, mark: str, done: Imported) -> None:
        """Find out how far this import came before."""
        with reading(self._engine) as session:
            known = session.connection().execute(select(RUN).where(RUN.c.fingerprint == mark)).one_or_none()
        if known is not None:
            done.counts, done.begun_before = Counter(json.loads(known.counts)), known.done_at is None
            done.resumed_after, done.done_before = known.line, known.done_at

    def _begin(self, mark: str, *, again: bool) -> None:
        """Note that this import begins. Of two processes that do so at once, one loses at the first batch."""
        with writing(self._engine) as session:
            connection = session.connection()
            if again:
                connection.execute(delete(RUN).where(RUN.c.fingerprint == mark))
            values = {"fingerprint": mark, "line": 0, "counts": "{}", "started_at": self._now()}
            insert_new(connection, RUN, values)

    def _fingerprint(self, sheet: Sheet, wanted: Wanted, always: Sequence[str], source: str) -> str:
        """The file and everything that decides what its rows become."""
        told: list[object] = [sheet.fingerprint, list(always), sorted(wanted.mapping.items()), source]
        told += [self._default_timezone, wanted.enabled_are_subscribed]
        return blake2b(json.dumps(told).encode(), digest_size=32).hexdigest()

    def export_readers(
        self,
        to: Path | None,
        *,
        topic: str | None = None,
        status: str | None = None,
        form: str = "csv",
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> int:
        """Write readers as CSV or JSON, to standard output when `to` is None; returns how many.

        A file appears under its name when it is complete and on the disk, readable only by its owner, for it holds
        personal data. Raises UnknownTopic, and InputError for a place that cannot be written to.
        """
        if status is not None and status not in exporting.STATUSES:
            raise InputError(f"{status!r} is no status; it is {', '.join(exporting.STATUSES)}")
        if form not in ("csv", "json"):
            raise InputError(f"{form!r} is no format; it is csv or json")
        with reading(self._engine) as session:
            topic_id = get_topic(session, topic).id if topic else None
        count = 0
        with _complete(to) as file:
            file.write(exporting.csv_header() if form == "csv" else "[")
            for rows in self._pages(topic_id, status):
                if form == "csv":
                    file.write(exporting.csv_text(rows))
                else:
                    lines = ",\n".join(exporting.json_items(rows))
                    file.write(f"{',' if count else ''}\n{lines}")
                count += len(rows)
                on_progress(count)
            if form == "json":
                file.write("\n]\n")
        return count

    def _pages(self, topic_id: int | None, status: str | None) -> Iterator[list[dict[str, str]]]:
        after: int | None = 0
        while after is not None:
            with reading(self._engine) as session:
                rows, after = exporting.page(session, after_id=after, topic_id=topic_id, status=status)
            if rows:
                yield rows


def _batches(sheet: Sheet, rows: Rows, after: int, size: int) -> Iterator[tuple[int, list[Incoming], list[Problem]]]:
    """(last line, rows, problems) of each batch behind line `after`."""
    lines = records(sheet, after)
    while True:
        good: list[Incoming] = []
        problems: list[Problem] = []
        until = 0
        for line, until, cells in islice(lines, size):  # noqa: B007 - the last one's end is the batch's
            read = rows.read(line, cells)
            if isinstance(read, Incoming):
                good.append(read)
            else:
                problems.append(read)
        if not until:
            return
        yield until, good, problems


def _note(outcome: Outcome, problems: Sequence[Problem], done: Imported, on_problem: Callable[[Problem], None]) -> None:
    done.counts.update(outcome.counts)
    done.counts["bad"] += len(problems)
    for problem in sorted([*problems, *outcome.problems], key=lambda each: each.line):
        on_problem(problem)


@contextmanager
def _complete(to: Path | None) -> Iterator[TextIO]:
    """A file that is there whole or not at all. `tempfile` gives it mode 0600."""
    if to is None:
        yield sys.stdout
        return
    if to.exists() and not to.is_file():  # a device or a pipe would be replaced by a file
        raise InputError(f"{to} cannot be written: it is there and is no file; - is standard output")
    try:
        handle, name = tempfile.mkstemp(dir=to.parent, prefix=f".{to.name}.")
    except OSError as error:
        raise InputError(f"{to} cannot be written: {error.strerror}") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(to)
    except OSError as error:
        raise InputError(f"{to} cannot be written: {error.strerror or error}") from None
    finally:
        Path(name).unlink(missing_ok=True)
