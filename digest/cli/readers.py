"""Subscribers, from the operator's side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.common import AsJson, Yes, confirm, known_language, note_if_local, program, say, service, show
from digest.errors import InputError

if TYPE_CHECKING:
    from datetime import date, datetime

    from subscribers.types import ReaderRow

app = typer.Typer(help="Readers.", no_args_is_help=True, rich_markup_mode=None)

CADENCES = "daily, weekdays, weekly:fri, days:mon,thu, several:12:00,18:00 or as-it-happens."
Address = Annotated[str, typer.Argument(help="The reader's address.")]
COLUMNS = [
    *("id", "address", "name", "status", "topics", "pending", "cadence", "at", "timezone", "language", "format"),
    *("stories", "all_quiet", "paused", "next"),
]
LISTED = ["id", "address", "status", "topics", "when", "next"]
"""What fits beside each other on 80 columns; `--json` and `show` tell the rest."""


@app.command("add")
def add(
    address: Address,
    topic: Annotated[list[str], typer.Option(help="A topic; repeatable, in the reader's order.")],
    name: Annotated[str, typer.Option(help="The reader's name.")] = "",
    timezone: Annotated[str, typer.Option(help="A zone such as Europe/Berlin; DEFAULT_TIMEZONE when left out.")] = "",
    language: Annotated[str, typer.Option(help="The language of the mail: en, de, ar.")] = "en",
    cadence: Annotated[str, typer.Option(help=CADENCES)] = "daily",
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
        row["all_quiet"] = "yes" if reader.all_quiet else "no"
        row["paused"] = f"until {_there(reader.paused_until, reader.timezone)}" if row["paused"] else ""
        show([{"what": key, "value": row[key]} for key in COLUMNS], ["what", "value"])


@app.command("remove")
def remove(address: Address, yes: Yes = False) -> None:
    """Erase a reader, as their own button does: a keyed hash stays, so that nobody else brings the address back."""
    with service() as opened:
        reader = opened.readers.show(address)
        if not yes:
            confirm(f"Erase {reader.address}?")
        opened.readers.remove(address)
    say(f"erased {reader.address}; a keyed hash stays, so that only the reader can bring the address back")


@app.command("edit")
def edit(
    address: Address,
    topic: Annotated[list[str] | None, typer.Option(help="The topics from now on, in order; repeatable.")] = None,
    cadence: Annotated[str | None, typer.Option(help=CADENCES)] = None,
    at: Annotated[str | None, typer.Option(help="The local hour, on a quarter: 07:00.")] = None,
    timezone: Annotated[str | None, typer.Option(help="A zone such as Europe/Berlin.")] = None,
    language: Annotated[str | None, typer.Option(help="The language of the mail: en, de, ar.")] = None,
    format_: Annotated[str | None, typer.Option("--format", help="html or text.")] = None,
    max_stories: Annotated[int | None, typer.Option(help="The most stories in one mail, 1 to 40.")] = None,
    all_quiet: Annotated[
        bool | None, typer.Option("--all-quiet/--no-all-quiet", help="A mail even when there is nothing new.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The reader's name; empty takes it away.")] = None,
    pause_until: Annotated[str | None, typer.Option(help="No digest before this day: 2026-08-24.")] = None,
    go_on: Annotated[bool, typer.Option("--go-on", help="End a pause.")] = False,
) -> None:
    """Change a reader's choices; what is not named stays."""
    until = _day(pause_until)
    if until is not None and go_on:
        raise InputError("--pause-until and --go-on exclude each other; give one of them")
    choices = {
        "topics": topic,
        "cadence": cadence,
        "at": at,
        "timezone": timezone,
        "locale": language,
        "format": format_,
        "max_stories": max_stories,
        "all_quiet": all_quiet,
        "name": name,
    }
    given: dict[str, Any] = {key: value for key, value in choices.items() if value is not None}
    if until is not None or go_on:
        given["pause"] = until
    if not given:
        raise InputError("nothing to change was named; `digest subscribers edit --help` lists what can be")
    with service() as opened:
        reader = opened.readers.edit(address, **given)
    say(f"changed {reader.address}; next digest {_local(reader)}")


def _day(typed: str | None) -> date | None:
    from datetime import date

    try:
        return None if typed is None else date.fromisoformat(typed)
    except ValueError:
        raise InputError(f"{typed!r:.40} is no day; use a date such as 2026-08-24") from None


@app.command("consents")
def consents(address: Address, as_json: AsJson = False) -> None:
    """Show what a reader agreed to, when and where, oldest first."""
    with service() as opened:
        told = opened.readers.consents(address)
    columns = ["at", "action", "topics", "form", "source", "note", "network", "wording"]
    rows = [{name: getattr(line, name) for name in columns} for line in told]
    # The sentence agreed to and the hash are long; a table shows that they are there.
    shown = [{**row, "network": row["network"][:8], "wording": row["wording"]} for row in rows]
    show(rows if as_json else shown, columns, as_json=as_json, clip=["wording"])


@app.command("embed")
def embed(
    topic: Annotated[list[str] | None, typer.Option(help="A topic it offers; all public ones when left out.")] = None,
    lang: Annotated[str, typer.Option(help="The form's language, whatever the browser says.")] = "",
    source: Annotated[str, typer.Option(help="Where readers come from, for the consent log.")] = "embed",
    plain: Annotated[bool, typer.Option("--plain", help="Without the script that fills in two fields.")] = False,
) -> None:
    """Print the sign-up form as HTML for another site."""
    from subscribers.embed import snippet
    from subscribers.i18n import ENGLISH
    from subscribers.links import check_source

    with service() as opened:
        known_language(lang, opened.catalogues.languages)
        rows = opened.topics.get(topic) if topic else [each for each in opened.topics.list() if each.public]
        if hidden := [each.slug for each in rows if not each.public]:
            raise InputError(f"topic {hidden[0]} is private; `digest topics edit {hidden[0]} --public` offers it")
        if not rows:
            raise InputError("there is no public topic to offer; `digest topics add` makes one")
        address, language = opened.settings.public_url, lang or ENGLISH
        html = snippet(
            address,
            rows,
            language,
            opened.catalogues.translations(language).gettext,
            ticked=topic or (),
            keep_language=bool(lang),
            source=check_source(source),
            script=not plain,
        )
    say(html.rstrip("\n"))
    note_if_local(address)


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
        "format": reader.format,
        "stories": reader.max_stories,
        "all_quiet": reader.all_quiet,
        "paused": reader.paused_until,
        "pending": reader.pending,
        "when": f"{reader.cadence} {at} {reader.timezone}",
        "next": reader.next_due_at,
    }


def _local(reader: ReaderRow) -> str:
    """When the next digest comes, by the reader's own clock."""
    return _there(reader.next_due_at, reader.timezone) or "never, as things stand"


def _there(moment: datetime | None, timezone: str) -> str:
    from zoneinfo import ZoneInfo

    return "" if moment is None else f"{moment.astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M} {timezone}"
