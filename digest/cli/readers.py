"""Subscribers, from the operator's side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.common import AsJson, Yes, confirm, say, service, show

if TYPE_CHECKING:
    from subscribers.types import ReaderRow

app = typer.Typer(help="Readers.", no_args_is_help=True, rich_markup_mode=None)

Address = Annotated[str, typer.Argument(help="The reader's address.")]
COLUMNS = ["id", "address", "name", "status", "topics", "cadence", "at", "timezone", "language", "next"]


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
        reader = opened.readers.add(
            address, topics=topic, name=name, timezone=timezone, locale=language, cadence=cadence, at=at
        )
    say(f"added {reader.address}; first digest at {reader.next_due_at:%Y-%m-%d %H:%M} UTC")


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
    show(rows, COLUMNS, as_json=as_json, right=["id"])
    if len(rows) == limit and not as_json:
        say(f"there may be more; next: digest subscribers list --after {rows[-1]['id']}")


@app.command("show")
def show_(address: Address, as_json: AsJson = False) -> None:
    """Show one reader."""
    with service() as opened:
        row = _row(opened.readers.show(address))
    if as_json:
        show([row], COLUMNS, as_json=True)
    else:
        show([{"what": key, "value": value} for key, value in row.items()], ["what", "value"])


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
    return {
        "id": reader.id,
        "address": reader.address,
        "name": reader.name,
        "status": reader.status,
        "topics": reader.topics,
        "cadence": reader.cadence,
        "at": f"{reader.send_minute // 60:02}:{reader.send_minute % 60:02}",
        "timezone": reader.timezone,
        "language": reader.locale,
        "next": reader.next_due_at,
    }
