"""Addresses kept from mail."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.common import NOTHING, AsJson, Yes, confirm, on_interrupt, plural, progress, say, service, show, tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digest.service.suppressing import Shown

app = typer.Typer(help="Addresses kept from mail.", no_args_is_help=True, rich_markup_mode=None)

Address = Annotated[str, typer.Argument(help="An address.")]


@app.command("list")
def list_(
    address: Annotated[str, typer.Option(help="Only what keeps this address out.")] = "",
    reason: Annotated[str, typer.Option(help="Only these: bounced, complained, operator, left or erased.")] = "",
    addresses: Annotated[
        bool, typer.Option("--addresses", help="Name the address where a reader's row still holds it.")
    ] = False,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1)] = 100,
    as_json: AsJson = False,
) -> None:
    """List them, the newest first. Only a keyed hash of each is kept."""
    with service() as opened:
        desk = opened.suppressions
        found = (
            desk.find(address) if address else desk.list(reason=reason or None, with_addresses=addresses, limit=limit)
        )
    _show(found, as_json=as_json, with_addresses=addresses or bool(address))
    if address and not found and not as_json:
        say("nothing keeps this address from mail")
    elif len(found) == limit and not as_json:
        tell(f"the newest {limit} only; --limit shows more")


def _show(found: Sequence[Shown], *, as_json: bool, with_addresses: bool) -> None:
    rows = [
        {
            "address": each.address or None,
            "hash": each.held.address_hash.hex() if as_json else each.held.address_hash.hex()[:12],
            "reason": each.held.reason,
            "source": each.held.source,
            "since": each.held.at,
            "note": each.held.note,
        }
        for each in found
    ]
    columns = ["address"] * with_addresses + ["hash", "reason", "source", "since", "note"]
    show(rows, columns, as_json=as_json, clip=["note"])


@app.command("add")
def add(
    address: Address,
    why: Annotated[str, typer.Option(help="Your reason, kept with it.")] = "",
) -> None:
    """Keep an address from mail for good; its reader gets none any more."""
    with service() as opened:
        done = opened.suppressions.add(address, why=why)
    if not done:
        say(f"{address} was kept from mail before")
        raise typer.Exit(NOTHING)
    say(f"{address} is kept from mail")


@app.command("remove")
def remove(
    address: Address,
    why: Annotated[str, typer.Option(help="Why it may be mailed again; kept in the log.")],
    yes: Yes = False,
) -> None:
    """Let an address be mailed again, for a reason."""
    with service() as opened:
        found = opened.suppressions.find(address)
        if any(each.held.reason == "complained" for each in found) and not yes:
            confirm(f"{address} called our mail spam. Let it be mailed again all the same?")
        gone, status = opened.suppressions.remove(address, why=why)
    if not gone:
        say("nothing keeps this address from mail")
        raise typer.Exit(NOTHING)
    reasons = ", ".join(sorted({each.reason for each in gone}))
    after = {"active": "; its reader gets mail again", "left": "; its reader has left and may sign up again"}
    say(f"{address} may be mailed again (it was kept out: {reasons}){after.get(status, '')}")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A CSV file with a column for addresses, as other services export it.")],
    reason: Annotated[
        str, typer.Option(help="For rows that give no reason we know: bounced, complained, operator or left.")
    ] = "bounced",
    as_json: AsJson = False,
) -> None:
    """Keep out the addresses that another service mails no more."""
    with service() as opened, progress() as bar:
        work = bar.add_task("addresses", total=None)
        with on_interrupt(opened.stopping.set):
            done = opened.suppressions.import_file(
                file,
                reason=reason,
                on_progress=lambda line: bar.update(work, completed=line),
                stopping=opened.stopping.is_set,
            )
    counts = {
        "kept_out": done.kept_out,
        "readers": done.readers,
        "known": done.known,
        "reading": done.reading,
        "bad": done.bad,
    }
    if as_json:
        show([counts], list(counts), as_json=True)
    else:
        say(f"{plural(done.kept_out, 'address', 'addresses')} kept from mail, {done.known} were before")
        if done.readers:
            say(f"{plural(done.readers, 'reader')} here get{'s' if done.readers == 1 else ''} no mail any more")
        if done.reading:
            say(f"{plural(done.reading, 'address', 'addresses')} left there and read here on: they asked for it here")
    for each in done.problems:
        tell(each)
    if done.bad > len(done.problems):
        tell(f"and {done.bad - len(done.problems)} more rows without an address that can be mailed")
    if done.bad:
        raise typer.Exit(1)
