"""Subscribers, from the operator's side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.common import AsJson, Yes, confirm, program, say, service, show

if TYPE_CHECKING:
    from subscribers.types import ReaderRow

app = typer.Typer(help="Readers.", no_args_is_help=True, rich_markup_mode=None)

Address = Annotated[str, typer.Argument(help="The reader's address.")]
COLUMNS = ["id", "address", "name", "status", "topics", "cadence", "at", "timezone", "language", "next"]
LISTED = ["id", "address", "status", "topics", "when", "next"]
"""What fits beside each other on 80 columns; `--json` and `show` tell the rest."""


@app.command("add")
def add(
    address: Address,
    topic: Annotated[list[str], typer.Option(help="A topic; repeatable, in the reader's order.")],
    name: Annotated[str, typer.Option(help="The reader's name.")] = "",
    timezone: Annotated[str, typer.Option(help="A zone such as Europe/Berlin; DEFAULT_TIMEZONE when left out.")] = "",
    language: Annotated[str, typer.Option(help="The language of the mail: en, de, ar.")] = "en",
    cadence: Annotated[str, typer.Option(help="daily, weekdays, or weekly:mon to weekly:sun.")] = "daily",
    at: Annotated[str, typer.Option(help="The local hour, on a quarter: 07:00.")] = "07:00",
) -> None:
    """Add a reader who has given their consent elsewhere; they are active at once."""
    with service() as opened:
        known = {each.address.lower() for each in opened.readers.find(address)}
        reader = opened.readers.add(
            address, topics=topic, name=name, timezone=timezone, locale=language, cadence=cadence, at=at
        )
    if known:
        held = ", ".join(reader.topics)
        say(f"{reader.address} is a reader already; topics now: {held}; hour and zone stay as they were")
    else:
        say(f"added {reader.address}; first digest {_local(reader)}")
    say(f"next: {program()} run")


@app.command("list")
def list_(
    topic: Annotated[str | None, typer.Option(help="Only this topic's readers.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 100,
    after: Annotated[int, typer.Option(help="Go on after this number.")] = 0,
    as_json: AsJson = False,
) -> None:
    """List readers."""
    with service() as opened:
        rows = [_row(reader) for reader in opened.readers.list(topic=topic, limit=limit, after_id=after)]
    show(rows, COLUMNS if as_json else LISTED, as_json=as_json, right=["id"])
    if len(rows) == limit and not as_json:
        say(f"there may be more; next: digest subscribers list --after {rows[-1]['id']}")


@app.command("show")
def show_(address: Address, as_json: AsJson = False) -> None:
    """Show one reader."""
    with service() as opened:
        reader = opened.readers.show(address)
        row = _row(reader)
    if as_json:
        show([row], COLUMNS, as_json=True)
    else:
        row["next"] = _local(reader)
        show([{"what": key, "value": row[key]} for key in COLUMNS], ["what", "value"])


@app.command("remove")
def remove(address: Address, yes: Yes = False) -> None:
    """Erase a reader."""
    with service() as opened:
        reader = opened.readers.show(address)
        if not yes:
            confirm(f"Erase {reader.address}?")
        opened.readers.remove(address)
    say(f"erased {address}")


def _row(reader: ReaderRow) -> dict[str, object]:
    at = f"{reader.send_minute // 60:02}:{reader.send_minute % 60:02}"
    return {
        "id": reader.id,
        "address": reader.address,
        "name": reader.name,
        "status": reader.status,
        "topics": reader.topics,
        "cadence": reader.cadence,
        "at": at,
        "timezone": reader.timezone,
        "language": reader.locale,
        "when": f"{reader.cadence} {at} {reader.timezone}",
        "next": reader.next_due_at,
    }


def _local(reader: ReaderRow) -> str:
    """When the next digest comes, by the reader's own clock."""
    from zoneinfo import ZoneInfo

    if reader.next_due_at is None:
        return "never, as things stand"
    return f"{reader.next_due_at.astimezone(ZoneInfo(reader.timezone)):%Y-%m-%d %H:%M} {reader.timezone}"
