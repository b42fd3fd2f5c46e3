"""Deliveries: what became of single mails, and what operators do about those in doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.common import (
    NOTHING,
    AsJson,
    Yes,
    confirm,
    on_interrupt,
    plural,
    progress,
    say,
    service,
    show,
    tell,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from digest.service.core import DigestService
    from digest.service.deliveries import Mail

app = typer.Typer(help="What became of single mails.", no_args_is_help=True, rich_markup_mode=None)

Reader = Annotated[str, typer.Argument(help="A reader: the number or the address.", metavar="READER")]
Unknown = Annotated[bool, typer.Option("--unknown", help="All mails of the edition that are unknown.")]
SHOWN_FAILURES = 10


@app.command("list")
def list_(
    edition: Annotated[int | None, typer.Option(help="Only mails of this edition.")] = None,
    reader: Annotated[str, typer.Option(help="Only mails to this reader: the number or the address.")] = "",
    state: Annotated[
        str,
        typer.Option(help="Only these: planned, attempting, accepted, rejected, retry, unknown or skipped."),
    ] = "",
    reason: Annotated[str, typer.Option(help="Only those whose reason holds these words.")] = "",
    addresses: Annotated[bool, typer.Option("--addresses", help="Name addresses, in reasons too.")] = False,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1)] = 100,
    as_json: AsJson = False,
) -> None:
    """List mails, those of the newest edition first."""
    with service() as opened:
        found = opened.deliveries.list(
            edition_id=edition, reader=reader, state=state, reason=reason, with_addresses=addresses, limit=limit
        )
    rows = [
        {
            "edition": each.mail.edition_id,
            "reader": each.mail.subscriber_id,
            "address": each.address or None,
            "state": str(each.mail.state),
            "provider": each.mail.provider,
            "message_id": each.mail.message_id,
            "tries": each.mail.tries,
            "called": each.mail.called_at,
            "reason": each.reason,
            "by_hand": each.mail.by_hand,
        }
        for each in found
    ]
    columns = ["edition", "reader", *["address"] * addresses, "state", "called", "tries", "provider", "message_id"]
    show(
        rows,
        [*columns, "reason", "by_hand"],
        as_json=as_json,
        right=["edition", "reader", "tries"],
        clip=["message_id", "reason", "by_hand"],
    )
    if len(found) == limit and not as_json:
        tell(f"the newest {limit} only; --limit shows more")


NEXT = {
    "unknown": "`digest deliveries settle` or `resend`; they are never sent again by themselves",
    "attempting": "`digest run` repeats the call while its key lives, or says that they are unknown",
    "waiting": "`digest run` sends them; `digest status` says what holds it up",
    "leased": "no worker goes on with them: see that `digest run` runs",
}
"""What is stuck -> the way out."""


@app.command()
def stuck(as_json: AsJson = False) -> None:
    """Show what does not move, by edition and reason. Exits with 1 when anything does not."""
    with service() as opened:
        found = opened.deliveries.stuck()
    rows = [
        {"what": each.what, "edition": each.edition_id, "mails": each.mails, "since": each.since, "reason": each.reason}
        for each in found
    ]
    show(
        rows,
        ["what", "edition", "mails", "since", "reason"],
        as_json=as_json,
        right=["edition", "mails"],
        clip=["reason"],
    )
    if not found:
        if not as_json:
            say("nothing is stuck")
        return
    for what, way_out in NEXT.items():
        if any(each.what == what for each in found):
            tell(f"{what}: {way_out}")
    raise typer.Exit(1)


@app.command()
def settle(
    which: Annotated[str, typer.Argument(help="An edition's number, or a provider's message id.", metavar="WHICH")],
    as_: Annotated[str, typer.Option("--as", help="What became of it: accepted or rejected.")],
    why: Annotated[str, typer.Option(help="How you know; kept with it.")],
    reader: Reader = "",
    unknown: Unknown = False,
    yes: Yes = False,
) -> None:
    """Say what became of a mail of which nobody knew: EDITION READER, or the provider's MESSAGE_ID."""
    with service() as opened:
        desk = opened.deliveries
        mails = [desk.of_message(which)] if not reader and not unknown else _named(opened, which, reader, unknown)
        if len(mails) > 1 and not yes:
            confirm(f"Settle {plural(len(mails), 'mail')} as {as_}?")
        done = _each(opened, mails, lambda mail: desk.settle(mail, verdict=as_, why=why))
    said = {"rejected": "; what they told counts as not told"}
    say(f"{plural(done, 'mail')} settled as {as_}{said.get(as_, '')}")
    _end(done, len(mails))


@app.command()
def resend(
    edition: Annotated[str, typer.Argument(help="The edition's number.", metavar="EDITION")],
    reader: Reader = "",
    why: Annotated[str, typer.Option(help="Your reason, kept with it.")] = "",
    unknown: Unknown = False,
    yes: Yes = False,
) -> None:
    """Send a mail once more that is unknown, rejected or accepted; never to who has left or is kept from mail."""
    with service() as opened:
        desk = opened.deliveries
        mails = _named(opened, edition, reader, unknown)
        for mail in mails:
            desk.check_again(mail)
        if not yes:
            states = ", ".join(sorted({str(mail.state) for mail in mails}))
            confirm(f"Send {plural(len(mails), 'mail')} again ({states})? Who has the first one gets a second.")
        done = _each(opened, mails, lambda mail: desk.send_again(mail, why=why))
    say(f"{plural(done, 'mail')} to be sent again: `digest run` does within seconds, `digest editions resume` at once")
    _end(done, len(mails))


def _named(opened: DigestService, edition: str, reader: str, unknown: bool) -> Sequence[Mail]:
    """The mails that a command means. Raises InputError; ends with NOTHING when none is in doubt."""
    from digest.errors import InputError

    if not edition.isdecimal():
        raise InputError(f"{edition[:40]!r} is no edition's number; see `digest deliveries list`")
    if bool(reader) == unknown:
        raise InputError("name a reader, or give --unknown for all mails of the edition that are unknown")
    if reader:
        return [opened.deliveries.one(int(edition), reader)]
    found = opened.deliveries.in_doubt(int(edition))
    if not found:
        say(f"no mail of edition {edition} is unknown")
        raise typer.Exit(NOTHING)
    return found


def _each(opened: DigestService, mails: Sequence[Mail], do: Callable[[Mail], None]) -> int:
    """Do it to every mail; how many it was done to. One alone that cannot be ends the command with its reason; of
    several, those that cannot are told. Raises Interrupted when it was asked to stop."""
    from digest.errors import InputError, Interrupted

    done, failures = 0, []
    with progress() as bar, on_interrupt(opened.stopping.set):
        task = bar.add_task("mails", total=len(mails))
        for mail in mails:
            if opened.stopping.is_set():
                told = f"interrupted after {done} of {plural(len(mails), 'mail')}; the same command takes the others"
                raise Interrupted(told)
            try:
                do(mail)
                done += 1
            except InputError as error:
                if len(mails) == 1:
                    raise
                failures.append(str(error))
            bar.advance(task)
    for each in failures[:SHOWN_FAILURES]:
        tell(each)
    if len(failures) > SHOWN_FAILURES:
        tell(f"and {len(failures) - SHOWN_FAILURES} more")
    return done


def _end(done: int, wanted: int) -> None:
    if done < wanted:
        raise typer.Exit(1)
