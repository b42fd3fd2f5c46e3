"""Editions: how they stand, and going on with one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.common import NOTHING, AsJson, moment, on_interrupt, plural, say, service, show, tell

if TYPE_CHECKING:
    from digest.store.standing import Standing

app = typer.Typer(help="Editions and how they stand.", no_args_is_help=True, rich_markup_mode=None)

Edition = Annotated[int, typer.Argument(help="The edition's number.", min=1)]
STATES = ("accepted", "rejected", "skipped", "unknown", "planned", "attempting", "retry")


def _row(edition: Standing) -> dict[str, object]:
    from digest.service.editions import finished

    return {
        "edition": edition.edition_id,
        "slot": edition.slot,
        "state": str(edition.state),
        "planned_at": edition.planned_at,
        "mails": edition.frozen_count,
        **{str(state): count for state, count in edition.mails.items()},
        "finished": finished(edition),
    }


@app.command("list")
def list_(
    unfinished: Annotated[bool, typer.Option("--unfinished", help="Only those that are not finished.")] = False,
    system: Annotated[bool, typer.Option("--system", help="Confirmations and the like, too.")] = False,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1)] = 20,
    as_json: AsJson = False,
) -> None:
    """List editions, the newest first. One is finished when every mail it was frozen with is settled."""
    with service() as opened:
        found = opened.editions.list(limit=limit, unfinished=unfinished, system=system)
    rows = [_row(each) for each in found]
    there = [state for state in STATES if as_json or any(state in row for row in rows)]
    columns = ["edition", "slot", "planned_at", "state", "mails", *there, "finished"]
    show(rows, columns, as_json=as_json, right=["edition", "mails", *there], clip=["slot", "finished"])
    if len(found) == limit and not as_json:
        tell(f"the newest {limit} only; --limit shows more")


@app.command("show")
def show_(edition: Edition, as_json: AsJson = False) -> None:
    """Show what became of an edition's mails so far, and whether it is finished."""
    with service() as opened:
        found = opened.editions.show(edition)
    told = _row(found) | {"frozen": moment(found.frozen_at), "open_chunks": found.chunks_open}
    if as_json:
        show([told], list(told), as_json=True)
    else:
        show([{"what": name.replace("_", " "), "value": value} for name, value in told.items()], ["what", "value"])


@app.command()
def resume(edition: Edition) -> None:
    """Go on with an edition at once, stopped or not: what waits in it is sent without waiting longer."""
    import threading

    stop = threading.Event()
    with service() as opened:
        found = opened.editions.show(edition)
        if not found.waiting:
            say(f"nothing waits in edition {edition}")
            raise typer.Exit(NOTHING)
        with on_interrupt(stop.set):
            report = opened.resume(edition, stop=stop, seen_to=True)
        left = opened.editions.show(edition)
    say(f"sent {plural(report.accepted, 'mail')}; {left.waiting} wait")
    if report.problem:
        tell(f"error: {report.problem}")
    if left.waiting or report.problem:
        raise typer.Exit(1)
