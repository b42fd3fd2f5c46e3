"""Sources: where articles come from."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.common import NOTHING, AsJson, Yes, confirm, plural, program, progress, say, service, show, tell
from digest.cli.feeds import chooser, looking
from digest.errors import InputError

if TYPE_CHECKING:
    from digest.store.sources import SourceRow
    from digest.types import GatherRow

app = typer.Typer(help="Sources: where articles come from.", no_args_is_help=True, rich_markup_mode=None)

Id = Annotated[int, typer.Argument(help="The source's number, as `digest sources list` shows it.")]
RIGHTS = "How much of an article may be shown: title, excerpt (at most 60 words) or full."
FULL_TEXT = "Whether each new article's own page is fetched for its text."
SELECTOR = "Of a page: a CSS selector of the links to its articles; found when left out."
WEIGHT = "How much it counts in the order of stories and for who leads one: 0.1 to 10, usually 1."
LISTED = (
    *("id", "name", "url", "kind", "topics", "state", "problem", "gathered", "next", "interval"),
    *("rights", "full_text", "selector", "failing_since", "moved_to", "retired_at", "fallbacks", "weight"),
)


@app.command("add")
def add(
    url: Annotated[str, typer.Argument(help="A feed's address, or a site's: its feed is then looked for. Or a file.")],
    topic: Annotated[list[str], typer.Option(help="A topic it feeds; repeatable.")],
    name: Annotated[str, typer.Option(help="The publisher's name; taken from the feed when left out.")] = "",
    kind: Annotated[str, typer.Option(help="feed; or page, to watch a web page or a file that has none.")] = "feed",
    pick: Annotated[int | None, typer.Option(min=1, help="Take this one of several feeds, without asking.")] = None,
    rights: Annotated[str | None, typer.Option(help=RIGHTS)] = None,
    full_text: Annotated[bool | None, typer.Option("--full-text/--no-full-text", help=FULL_TEXT)] = None,
    selector: Annotated[str | None, typer.Option(help=SELECTOR)] = None,
    weight: Annotated[float | None, typer.Option(help=WEIGHT)] = None,
) -> None:
    """Add a source and link it to topics."""
    from digest.service.sourcing import Wishes

    with service() as opened, progress() as bar:
        added = opened.sources.add(
            url,
            topics=topic,
            name=name,
            kind=kind,
            wishes=Wishes(rights, full_text, selector, weight),
            choose=chooser(pick, bar),
            on_fetch=looking(bar),
        )
    done = "added source" if added.created else "there already, and feeds these topics too: source"
    say(f"{done} {added.id}: {added.name} ({added.url})")
    say(f"next: {program()} gather")


@app.command("list")
def list_(
    failing: Annotated[bool, typer.Option("--failing", help="Only those that fail, the longest first.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the sources."""
    with service() as opened:
        now = opened.now()
        sources = opened.sources.list()
    if failing:
        sources = sorted((s for s in sources if s.failing_since), key=lambda s: (s.failing_since or now, s.id))
    if as_json:
        show([_row(source) for source in sources], LISTED, as_json=True)
        return
    wide = sys.stdout.isatty()
    rows = [_line(source) for source in sources]
    columns = ["id", "name", "topics", "state", "next (UTC)", "every"]
    show(rows, columns if wide else [*columns, "url"], right=["every"], clip=["name", "topics"])
    for source in sources:
        if told := _remark(source, now):
            tell(f"{source.id}: {told}")


@app.command("edit")
def edit(
    source: Id,
    name: Annotated[str | None, typer.Option(help="A new publisher's name.")] = None,
    url: Annotated[str | None, typer.Option(help="A new address.")] = None,
    topic: Annotated[list[str] | None, typer.Option(help="The topics it feeds from now on; repeatable.")] = None,
    rights: Annotated[str | None, typer.Option(help=RIGHTS)] = None,
    full_text: Annotated[bool | None, typer.Option("--full-text/--no-full-text", help=FULL_TEXT)] = None,
    selector: Annotated[str | None, typer.Option(help=SELECTOR + ' "" takes it away.')] = None,
    weight: Annotated[float | None, typer.Option(help=WEIGHT)] = None,
) -> None:
    """Change a source's name, address, topics, weight, or how it is read."""
    from digest.service.sourcing import Wishes

    wishes = Wishes(rights, full_text, selector, weight)
    with service() as opened:
        opened.sources.edit(source, name=name, url=url, topics=topic, wishes=wishes)
    say(f"changed source {source}")


@app.command("remove")
def remove(source: Id, yes: Yes = False) -> None:
    """Remove a source and its articles."""
    with service() as opened:
        known = next((each for each in opened.sources.list() if each.id == source), None)
        if known is None:
            raise InputError(f"there is no source {source}; `digest sources list` shows them")
        if not yes:
            confirm(f"Remove source {source}, {known.label}, and its articles?")
        opened.sources.remove(source)
    say(f"removed source {source}")


def gather(
    source: Annotated[list[int] | None, typer.Option(help="Only this source; repeatable.")] = None,
    due: Annotated[bool, typer.Option("--due", help="Only sources whose time has come.")] = False,
    as_json: AsJson = False,
) -> None:
    """Gather new articles from the sources and put them into stories."""
    from digest.service.sourcing import out_of_order

    with service() as opened:
        with progress() as bar:
            total = len(source) if source else len(opened.sources.list())
            task = bar.add_task("gathering", total=total)
            rows = opened.gather(only=source, due_only=due, on_row=lambda _: bar.advance(task))
        broken = sum(out_of_order(each, opened.now()) for each in opened.sources.list())
    columns = ["id", "source", "status", "new", "changed", "ms", "reason"]
    shown = [{"id": row.source_id, **{name: getattr(row, name) for name in columns[1:]}} for row in rows]
    show(shown, columns, as_json=as_json, right=["id", "new", "changed", "ms"])
    failed = sum(row.status == "failed" for row in rows)
    if not as_json:
        if broken:
            told = "1 source has failed" if broken == 1 else f"{broken} sources have failed"
            tell(f"{told} for 3 days or more: `{program()} sources list --failing`")
        if not rows:
            none = f"there is no source to gather; next: {program()} topics add NAME --from URL"
            passed = "what is retired or pushed to us is not fetched; `digest sources list` shows the sources"
            say("no source is due" if due else passed if source else none)
        else:
            say(closing(rows))
    if not rows:
        raise typer.Exit(NOTHING)
    if failed:
        raise typer.Exit(1)


def closing(rows: Sequence[GatherRow]) -> str:
    """What a gather did, in one line."""
    failed, fallbacks = sum(row.status == "failed" for row in rows), sum(row.fallback for row in rows)
    told = f"gathered {plural(sum(row.new for row in rows), 'article')} from {plural(len(rows), 'source')}"
    told += f", {failed} failed" if failed else ""
    return told + (f"; feedparser was needed for {fallbacks}" if fallbacks else "")


def _row(source: SourceRow) -> dict[str, Any]:
    """Everything about a source, for scripts."""
    told = {name: getattr(source, name, None) for name in LISTED}
    told |= {"state": _state(source).split(" ")[0], "gathered": source.gathered_at}
    return told | {"next": source.next_gather_at if _is_asked(source) else None}


def _line(source: SourceRow) -> dict[str, Any]:
    """What fits into a line of the table."""
    told = {"id": source.id, "name": source.label, "url": source.url, "topics": source.topics, "state": _state(source)}
    if _is_asked(source):
        told |= {"next (UTC)": f"{source.next_gather_at:%m-%d %H:%M}", "every": _span(source.interval)}
    return told


def _is_asked(source: SourceRow) -> bool:
    return source.retired_at is None and source.kind != "push"


def _state(source: SourceRow) -> str:
    """ok, new, moved, or since when it fails or is retired."""
    if source.retired_at is not None:
        return f"retired {source.retired_at:%Y-%m-%d}"
    if source.failing_since is not None:
        return f"failing since {source.failing_since:%m-%d}"
    if source.moved_to:
        return "moved"
    return "ok" if source.gathered_at else "new"


def _remark(source: SourceRow, now: datetime) -> str:
    """What somebody should know about a source, under the table; "" for nothing."""
    from digest.service.sourcing import out_of_order

    if out_of_order(source, now) and source.failing_since is not None:
        return f"has failed for {(now - source.failing_since).days} days: {source.problem}"
    return source.problem or (f"moved to {source.moved_to}" if source.moved_to else "")


def _span(seconds: int) -> str:
    """ "15 min", "6 h"."""
    minutes = seconds // 60
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.3g} h"
