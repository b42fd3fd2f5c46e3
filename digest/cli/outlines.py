"""Sources from a feed reader's list (OPML) and into one."""

from __future__ import annotations

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
from digest.errors import InputError, Interrupted

if TYPE_CHECKING:
    from digest.service.outlines import ImportRow, Plan

SHOWN = 20
"""Failures that the terminal names; --json has all of them."""


def import_(
    file: Annotated[Path, typer.Argument(help="A list of feeds: OPML, as feed readers export it.")],
    topic: Annotated[str, typer.Option(help="One topic for all of them, whatever their folders.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; write and fetch nothing.")] = False,
    fetch: Annotated[
        bool, typer.Option("--fetch/--no-fetch", help="Whether each feed is fetched and read before it is added.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Import sources from a feed reader's list; its folders become topics.

    One that fails never stops the others. Interrupted, or after a failure, the same command goes on: what is there is
    only linked to its topics.
    """
    from digest.gather.opml import MAX_BYTES
    from digest.service import outlines
    from digest.service.watching import read_bytes

    with service() as opened:
        planned = outlines.plan(opened.engine, read_bytes(file, MAX_BYTES), topic=topic)
        if not planned.sound:
            tell(f"note: {file.name} is not well-formed; something of it may be missing")
        if dry_run:
            _foretell(planned, as_json=as_json)
            return
        with progress() as bar, on_interrupt(opened.stopping.set):
            work = bar.add_task("feeds", total=len(planned.wanted))
            rows = outlines.bring_in(
                opened.engine,
                opened.door,
                planned,
                now=opened.now,
                fetch=fetch,
                on_row=lambda _: bar.advance(work),
                stop=opened.stopping,
            )
    _tell(planned, rows, as_json=as_json)


def export(
    file: Annotated[str, typer.Argument(help="The file to write; - for standard output.")] = "-",
    force: Force = False,
) -> None:
    """Export the sources as a feed reader's list (OPML); topics become folders."""
    from digest.service import outlines

    if file != "-":
        check_free(Path(file), force=force)
    with service() as opened:
        body, feeds, others = outlines.export(opened.engine, title=opened.settings.site_name, now=opened.now())
    if file == "-":
        typer.echo(body.decode(), nl=False)
    else:
        try:
            Path(file).write_bytes(body)
        except OSError as error:
            raise InputError(f"{file} cannot be written: {error.strerror}") from None
    tell(f"{plural(feeds, 'feed')}{f' in {file}' if file != '-' else ''}")
    if others:
        tell(f"note: {plural(others, 'source')} left out: pages and what is pushed have no feed")


COLUMNS = ["line", "became", "name", "url", "topics", "reason"]


def _foretell(planned: Plan, *, as_json: bool) -> None:
    rows = [{"line": w.outline.line, "name": w.outline.title, "url": w.outline.url} for w in planned.wanted]
    topics = [[slug for slug, _ in wanted.topics] for wanted in planned.wanted]
    rows = [{**row, "topics": into} for row, into in zip(rows, topics, strict=True)]
    show(rows, ["line", "name", "url", "topics"], as_json=as_json, right=["line"], clip=["name", "url"])
    if as_json:
        return
    _problems(planned, [])
    new = f", new topics: {', '.join(planned.new_topics)}" if planned.new_topics else ""
    say(f"{plural(len(rows), 'feed')}{new}; nothing was written")


def _tell(planned: Plan, rows: list[ImportRow], *, as_json: bool) -> None:
    from digest.service.outlines import Became

    count = {became: sum(row.became == became for row in rows) for became in Became}
    failed = count[Became.FAILED] + len(planned.problems)
    if as_json:
        told = [{name: getattr(row, name) for name in COLUMNS} for row in rows]
        told += [{"line": p.line, "became": "failed", "name": p.name, "reason": p.reason} for p in planned.problems]
        show(sorted(told, key=lambda row: int(row["line"])), COLUMNS, as_json=True)
    else:
        _problems(planned, rows)
        say(
            f"added {plural(count[Became.ADDED], 'source')}, {count[Became.LINKED]} gained topics, "
            f"{count[Became.KNOWN]} there already, {failed} failed"
        )
    if alone := sum(not row.topics and row.became == Became.ADDED for row in rows):
        tell(f"note: {plural(alone, 'source')} in no folder feed no topic yet; --topic SLUG names one")
    if len(rows) < len(planned.wanted):
        raise Interrupted("interrupted; the same command goes on with the rest")
    if failed:
        raise typer.Exit(1)
    if not count[Became.ADDED] + count[Became.LINKED]:
        raise typer.Exit(NOTHING)
    if not as_json and count[Became.ADDED]:
        say(f"next: {program()} gather")


def _problems(planned: Plan, rows: list[ImportRow]) -> None:
    """What failed, by line."""
    found = [(p.line, p.name, p.reason) for p in planned.problems]
    found += [(row.line, row.name or row.url, row.reason) for row in rows if row.reason]
    for line, name, reason in sorted(found)[:SHOWN]:
        tell(f"line {line}: {name}: {reason}" if name else f"line {line}: {reason}")
    if len(found) > SHOWN:
        tell(f"and {len(found) - SHOWN} more; --json shows all")
