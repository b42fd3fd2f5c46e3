"""`digest report`: what the last day was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.common import NOTHING, AsJson, Line, plural, print_lines, service, tell

if TYPE_CHECKING:
    from digest.compose.report import Told
    from digest.types import Day, DispatchReport


def report(
    mail: Annotated[bool, typer.Option("--mail", help="Also send it to OPERATOR_EMAIL, once a day.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tell what the last 24 hours were: mails, readers, sources, topics, disk."""
    with service() as opened:
        day = opened.reporter.day()
        told = opened.reporter.told(day)
        if as_json:
            _as_json(day, told)
        else:
            print_lines(_lines(told))
        if not mail:
            return
        opened.sender()  # names what is still missing for a real send
        planned = opened.reporter.plan()
        done = opened.dispatch(edition_id=planned if planned is not None else opened.reporter.planned())
    raise typer.Exit(_sent(done, planned is not None))


def _sent(done: DispatchReport, is_new: bool) -> int:
    """Say on standard error, out of a script's way, what became of the mail; the exit code."""
    refused = done.rejected + done.unknown + done.retry + done.skipped
    if done.problem or refused:
        cause = done.problem or f"{plural(refused, 'address', 'addresses')} of OPERATOR_EMAIL cannot be mailed"
        tell(f"error: the report was not mailed everywhere: {cause}")
        return 1
    if done.accepted:
        tell(f"mailed to {plural(done.accepted, 'address', 'addresses')}")
    elif is_new:
        tell("today's report is planned; `digest run`, which is working, sends it")
    else:
        tell("today's report was mailed before; one goes out a day")
        return NOTHING
    return 0


def _lines(told: Told) -> list[Line]:
    lines = [Line(told.subject, style="bold"), Line(told.span)]
    for alarm in told.alarms:
        lines += [Line(""), Line(f"{alarm.label}.", style="bold"), Line(alarm.note, indent=2)]
    for section in told.sections:
        lines += [Line(""), Line(section.title, style="bold")]
        for line in section.lines:
            lines.append(
                Line(f"{line.label}: {line.figure}" if line.figure else line.label, indent=4 if line.part else 2)
            )
            lines += [Line(line.note, indent=4)] if line.note else []
    return lines


def _as_json(day: Day, told: Told) -> None:
    import json
    from dataclasses import asdict

    row: dict[str, Any] = {
        "well": told.well,
        "subject": told.subject,
        "alarms": [alarm.label for alarm in told.alarms],
        **asdict(day),
    }
    typer.echo(json.dumps([row], ensure_ascii=False, default=str))
