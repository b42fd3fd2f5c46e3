"""Readers from a file and into a file."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.common import (
    NOTHING,
    AsJson,
    Force,
    check_free,
    on_interrupt,
    plural,
    program,
    progress,
    say,
    service,
    show,
    tell,
)

if TYPE_CHECKING:
    from digest.service.core import DigestService
    from digest.service.transfer import Imported, Transfer
    from subscribers.transfer.rows import Problem

SHOWN = 20
"""Rows that the terminal names; the report has all of them."""

TOLD = {
    "added": ("new reader", "new readers"),
    "adjusted": (
        "of them with a default instead of what the row says",
        "of them with a default instead of what rows say",
    ),
    "widened": ("reader who gained topics", "readers who gained topics"),
    "unchanged": ("reader as before", "readers as before"),
    "kept_out": ("kept out for good: left or bounced there",) * 2,
    "taken_out": (
        "reader here no more: left or bounced there, and never confirmed here",
        "readers here no more: left or bounced there, and never confirmed here",
    ),
    "refused": ("refused: left or is suppressed here", "refused: left or are suppressed here"),
    "unconfirmed": ("left out: never confirmed there",) * 2,
    "bad": ("bad row", "bad rows"),
}
"""What became of one row and of several."""


def import_(
    file: Annotated[Path, typer.Argument(help="A CSV file: UTF-8 or UTF-16; commas, semicolons or tabs.")],
    topic: Annotated[list[str] | None, typer.Option(help="A topic for all of them; repeatable, in order.")] = None,
    map_: Annotated[
        list[str] | None,
        typer.Option("--map", help="WHAT=COLUMN; WHAT is email, name, timezone, locale, topics or status; repeatable."),
    ] = None,
    source: Annotated[str, typer.Option(help="Where their consent came from, for the consent log.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; write nothing.")] = False,
    report: Annotated[
        Path | None, typer.Option(help="Write every row that was left out or adjusted, and why, to this CSV.")
    ] = None,
    force: Force = False,
    again: Annotated[bool, typer.Option("--again", help="Import a file that was imported before once more.")] = False,
    enabled_are_subscribed: Annotated[
        bool,
        typer.Option("--enabled-are-subscribed", help="A file of listmonk holds nobody who left or never confirmed."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Import readers who consented elsewhere; exports of listmonk, Mailchimp and Ghost are recognised.

    Nobody who left or bounced, here or there, becomes a reader. Interrupted, the same command goes on where it was.
    """
    from digest.cli.rowreport import Report
    from digest.service.transfer import Wanted

    told = tuple(topic or ()), _mapping(map_ or []), source, dry_run, again, enabled_are_subscribed
    wanted = Wanted(file, *told)
    shown: list[Problem] = []
    named = 0
    with service() as opened, closing(Report(report, file, force=force)) as rows, progress() as bar:
        work = bar.add_task("readers", total=None)

        def start(done: Imported) -> None:
            if done.done_before is None:
                rows.begin(goes_on=done.begun_before)
            bar.update(work, total=done.lines, completed=done.resumed_after)
            _tell_of_start(done)

        def problem(found: Problem) -> None:
            nonlocal named
            rows.write(found)
            if found.kind == "kept out":  # as it should be, and perhaps most of the file: counted on the terminal
                return
            named += 1
            if len(shown) < SHOWN:
                shown.append(found)

        with on_interrupt(opened.stopping.set):
            done = _transfer(opened).import_readers(
                wanted, on_start=start, on_problem=problem, stopping=opened.stopping.is_set,
                on_progress=lambda line: bar.update(work, completed=line),
            )  # fmt: skip
    _tell(done, wanted.file, shown, named, report, dry_run=dry_run, as_json=as_json)
    if done.done_before is not None:
        raise typer.Exit(NOTHING)
    if done.counts["bad"]:
        raise typer.Exit(1)


def export(
    file: Annotated[str, typer.Argument(help="The file to write; - for standard output.")] = "-",
    topic: Annotated[str | None, typer.Option(help="Only this topic's readers.")] = None,
    status: Annotated[str | None, typer.Option(help="Only these: active, pending, left or suppressed.")] = None,
    format_: Annotated[str, typer.Option("--format", help="csv or json.")] = "csv",
    force: Force = False,
) -> None:
    """Export readers with all their choices, as `import` takes them back."""
    to = None if file == "-" else Path(file)
    if to is not None:
        check_free(to, force=force)
    with service() as opened, progress() as bar:
        work = bar.add_task("readers", total=None)
        count = _transfer(opened).export_readers(
            to,
            topic=topic,
            status=status,
            form=format_,
            on_progress=lambda done: bar.update(work, completed=done),
        )
    tell(f"{plural(count, 'reader')}{f' in {to}, which only you can read' if to else ''}")


def _transfer(opened: DigestService) -> Transfer:
    from digest.service.transfer import Transfer

    return Transfer(
        opened.engine,
        opened.keyring.address_hashes,
        now=opened.now,
        default_timezone=opened.settings.default_timezone,
    )


def _mapping(typed: list[str]) -> Mapping[str, str]:
    from digest.errors import InputError

    pairs: dict[str, str] = {}
    for each in typed:
        what, is_one, column = each.partition("=")
        if not is_one or not column:
            raise InputError(f"--map is written WHAT=COLUMN, such as email=Mail; {each[:60]!r} is not")
        pairs[what.strip()] = column
    return pairs


def _tell_of_start(done: Imported) -> None:
    for note in done.notes:
        tell(f"note: {note}")
    if done.resumed_after and done.done_before is None:
        tell(f"going on after line {done.resumed_after}, where an earlier run of this import ended")


def _tell(
    done: Imported, file: Path, shown: list[Problem], named: int, report: Path | None, *, dry_run: bool, as_json: bool
) -> None:
    counts = {name: done.counts[name] for name in TOLD}
    problems = [{"line": each.line, "address": each.address, "reason": each.reason} for each in shown]
    if as_json:
        row = {"file": str(file), "format": done.format, "dry_run": dry_run, **counts, "problems": problems}
        row |= {"notes": list(done.notes), "resumed_after": done.resumed_after, "done_before": done.done_before}
        show([row], list(row), as_json=True)
        return
    if done.done_before is not None:
        say(f"{file} was imported already on {done.done_before:%Y-%m-%d %H:%M} UTC; --again imports it once more")
        return
    say(f"{file} is {_kind(done.format)}; {'a dry run would give' if dry_run else 'now there are'}")
    rows = [{"rows": counts[name], "of": one if counts[name] == 1 else more} for name, (one, more) in TOLD.items()]
    show([each for each in rows if each["rows"]], ["rows", "of"], right=["rows"])
    if not any(counts.values()):
        say("no row at all")
    if problems:
        say("")
        show(problems, ["line", "address", "reason"], right=["line"])
    if named > len(problems):
        where = f"all are in {report}" if report else "--report FILE.csv has all"
        say(f"and {named - len(problems)} more; {where}")
    if dry_run:
        say("nothing was written; next: the same without --dry-run")
    elif counts["added"]:
        say(f"next: {program()} subscribers list")


def _kind(name: str) -> str:
    kinds = {"csv": "a table of readers", "digest": "an export of this service"}
    return kinds.get(name, f"an export of {name.capitalize() if name != 'listmonk' else name}")
