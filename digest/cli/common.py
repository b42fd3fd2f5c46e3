"""What every command needs: the opened service, tables, progress, and errors as one line."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from rich.console import Console
    from rich.progress import Progress

    from digest.service.core import DigestService
    from digest.settings import Loaded, Settings

AsJson = Annotated[bool, typer.Option("--json", help="One JSON array on standard output, for scripts.")]
Force = Annotated[bool, typer.Option("--force", "-f", help="Write over a file that is there.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

NOTHING = 3
"""Exit code: there was nothing to do."""
INTERRUPTED = 130
"""Exit code: stopped by Ctrl-C or SIGTERM, with nothing half-done."""


def console(*, errors: bool = False) -> Console:
    """Rich's console; it honours NO_COLOR and leaves colour out when nobody watches."""
    from rich.console import Console

    return Console(stderr=errors, highlight=False, soft_wrap=True)


def program() -> str:
    """How this command was called, so that a hint can be pasted: `digest`, or a path when that is not in PATH."""
    import os
    import shutil

    called = sys.argv[0]
    if shutil.which("digest") or not called.endswith("digest"):
        return "digest"
    near = os.path.relpath(called)
    return called if near.startswith("..") else near


def say(line: str) -> None:
    """One plain line on standard output."""
    typer.echo(line)


def explain(text: str, indent: str = "    ") -> None:
    """A longer sentence, wrapped between words and indented."""
    import shutil
    import textwrap

    width = min(shutil.get_terminal_size().columns, 100)
    typer.echo(textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent))


def tell(line: str) -> None:
    """One plain line on standard error: notes and hints, out of the way of what a script reads."""
    typer.echo(line, err=True)


def confirm(question: str) -> None:
    """Ask before something cannot be taken back. A no, or nobody to ask, ends the command with NOTHING done."""
    try:
        agreed = typer.confirm(question)
    except typer.Abort:  # Ctrl-C, or nobody there to answer
        tell("")
        agreed = False
    if not agreed:
        tell("nothing was done; --yes answers for you")
        raise typer.Exit(NOTHING)


def check_free(file: Path, *, force: bool) -> None:
    """Raises InputError for a file that is there: no command writes over one unless it is told to."""
    from digest.errors import InputError

    if file.is_file() and not force:
        raise InputError(f"{file} is there already; name another one, or give --force")


def load_settings() -> Loaded:
    """Settings with a key; what start-up has to say goes to standard error."""
    from digest.settings import load, with_keys

    loaded = with_keys(load())
    for note in loaded.notes:
        tell(f"note: {note}")
    return loaded


class _Notes(logging.Handler):
    """Warnings as plain lines, through `sys.stderr` as it is then: a progress line redirects it to stay whole."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line; the traceback too, when there is one."""
        sys.stderr.write(f"{record.levelname.lower()}: {logging.Formatter().format(record)}\n")


def warnings_as_lines() -> None:
    """From now on what the log warns of is a line on standard error that begins with its level."""
    logging.basicConfig(level=logging.WARNING, handlers=[_Notes()])


@contextmanager
def service(settings: Settings | None = None) -> Iterator[DigestService]:
    """The service on the configured database. A SQLite database that is not there yet is made. `settings` replaces
    what is configured."""
    from digest.service.core import DigestService
    from digest.service.schema import prepare

    if settings is None:
        settings = load_settings().settings
    warnings_as_lines()
    engine = prepare(settings)
    try:
        opened = DigestService(settings, engine=engine)
    except BaseException:  # a setting that cannot be used: nobody else would close what is open by now
        engine.dispose()
        raise
    try:
        yield opened
    finally:
        opened.close()


def show(
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    *,
    as_json: bool = False,
    right: Sequence[str] = (),
    clip: Sequence[str] = (),
) -> None:
    """Rows as a table on a terminal, as aligned plain lines elsewhere, as JSON when asked.

    Columns in `clip` are cut where the terminal ends; the others are folded.
    """
    if as_json:
        typer.echo(
            json.dumps([{name: row.get(name) for name in columns} for row in rows], ensure_ascii=False, default=str)
        )
        return
    if not rows:
        return
    cells = [[_cell(row.get(name)) for name in columns] for row in rows]
    if not sys.stdout.isatty():
        widths = [max(len(line[at]) for line in [list(columns), *cells]) for at in range(len(columns))]
        for line in [list(columns), *cells]:
            padded = (c.rjust(w) if n in right else c.ljust(w) for c, w, n in zip(line, widths, columns, strict=True))
            typer.echo("  ".join(padded).rstrip())
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(
            name,
            justify="right" if name in right else "left",
            overflow="fold",
            # Where columns may be cut, room is taken from these alone: Rich narrows what may wrap.
            no_wrap=bool(clip) and name not in clip,
        )
    for line in cells:
        texts = [Text(cell) for cell in line]  # Text: brackets in a headline are no markup
        for text, name in zip(texts, columns, strict=True):
            text.no_wrap, text.overflow = name in clip, "ellipsis" if name in clip else "fold"
        table.add_row(*texts)
    console().print(table, soft_wrap=False)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return ", ".join(str(part) for part in value)
    if hasattr(value, "isoformat"):
        return str(value.isoformat(sep=" ", timespec="minutes")).replace("+00:00", " UTC")
    return str(value)


@contextmanager
def progress() -> Iterator[Progress]:
    """A progress line on standard error with done/total, rate and time left; silent when nobody watches."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    err = console(errors=True)
    with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as bar:
        yield bar


@contextmanager
def on_interrupt(stop: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C and SIGTERM ask for an orderly end instead of cutting the work off."""
    import signal

    before = {each: signal.signal(each, lambda *_: stop()) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def note_if_local(public_url: str) -> None:
    """Say on standard error that a link to this machine is of no use elsewhere."""
    from urllib.parse import urlsplit

    if urlsplit(public_url).hostname in ("127.0.0.1", "::1", "localhost"):
        tell("note: this leads to this machine only; set PUBLIC_URL to where readers reach the pages")


def known_language(code: str, languages: Sequence[str]) -> None:
    """Raises InputError, naming those there are, for a language that the pages do not speak; "" is the reader's own."""
    from digest.errors import InputError

    if code and code not in languages:
        raise InputError(f"{code[:40]!r} is no language of the pages; there are {', '.join(languages)}")


def plural(count: int, one: str, many: str | None = None) -> str:
    """ "1 article", "2 articles"."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def width() -> int:
    """Columns to write in: the window's, but no more than are easy to read."""
    import shutil

    return min(shutil.get_terminal_size().columns, 100)


def narrow() -> bool:
    """Whether this is a terminal without room for a table of ten columns."""
    import shutil

    return sys.stdout.isatty() and shutil.get_terminal_size().columns < 160


def clip(text: str, room: int = 0) -> str:
    """One line of at most `room` columns (the window's when left out), counting wide characters as two."""
    from rich.cells import cell_len, set_cell_size

    room = room or width()
    return text if cell_len(text) <= room else set_cell_size(text, room - 1).rstrip() + "…"


def moment(value: datetime | None) -> str:
    """A point in time for a person, in UTC; "" for none."""
    return f"{value:%Y-%m-%d %H:%M} UTC" if value else ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line for a person."""

    text: str
    indent: int = 0
    style: str = ""


def print_lines(lines: Sequence[Line]) -> None:
    """Wrapped and set by Rich on a terminal; one line each, indented, elsewhere."""
    if not sys.stdout.isatty():
        for line in lines:
            say(" " * line.indent + line.text)
        return
    from rich.text import Text

    screen = console()
    for line in lines:
        # Text: brackets in a headline are no markup. What a long line goes on with stands two columns further in.
        room = max(width() - line.indent - 2, 20)
        folded = Text(line.text, style=line.style).wrap(screen, room) or [Text()]
        for place, part in enumerate(folded):
            part.rstrip()
            screen.print(Text(" " * (line.indent + 2 * bool(place))) + part)
