"""Sources: where articles come from."""

from __future__ import annotations

from typing import Annotated

import typer

from digest.cli.common import NOTHING, AsJson, Yes, confirm, plural, program, progress, say, service, show
from digest.errors import InputError

app = typer.Typer(help="Sources: where articles come from.", no_args_is_help=True, rich_markup_mode=None)

Id = Annotated[int, typer.Argument(help="The source's number, as `digest sources list` shows it.")]
COLUMNS = ["id", "name", "url", "topics", "gathered", "problem"]


@app.command("add")
def add(
    url: Annotated[str, typer.Argument(help="A feed's address, or a site's: its feed is then looked for.")],
    topic: Annotated[list[str], typer.Option(help="A topic it feeds; repeatable.")],
    name: Annotated[str, typer.Option(help="The publisher's name; taken from the feed when left out.")] = "",
) -> None:
    """Add a source and link it to topics."""
    with service() as opened:
        added = opened.sources.add(url, topics=topic, name=name)
    say(f"added source {added.id}: {added.name} ({added.url})")
    say(f"next: {program()} gather")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the sources."""
    with service() as opened:
        rows = [
            {
                "id": s.id,
                "name": s.name,
                "url": s.url,
                "topics": s.topics,
                "gathered": s.gathered_at,
                "problem": s.problem,
            }
            for s in opened.sources.list()
        ]
    show(rows, COLUMNS, as_json=as_json, right=["id"])


@app.command("edit")
def edit(
    source: Id,
    name: Annotated[str | None, typer.Option(help="A new publisher's name.")] = None,
    url: Annotated[str | None, typer.Option(help="A new address.")] = None,
    topic: Annotated[list[str] | None, typer.Option(help="The topics it feeds from now on; repeatable.")] = None,
) -> None:
    """Change a source's name, address or topics."""
    with service() as opened:
        opened.sources.edit(source, name=name, url=url, topics=topic)
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


@app.command("check")
def check(
    where: Annotated[str, typer.Argument(help="An address or a file.")],
    as_json: AsJson = False,
) -> None:
    """Show what would be gathered, without storing anything."""
    with service() as opened:
        feed = opened.sources.check(where)
    rows = [
        {
            "published": item.published_at,
            "title": item.title,
            "url": item.url,
            "author": item.author,
            "publisher": item.publisher,
            "language": item.language,
            "image": item.image_url,
            "text": item.text if as_json else item.text[:80],
        }
        for item in feed.items
    ]
    columns = ["published", "title", "url", "author", "publisher", "language", "image", "text"]
    show(rows, columns if as_json else ["published", "title", "publisher"], as_json=as_json)
    if not as_json:
        say(f"{feed.title}: {plural(len(rows), 'article')}" + (f", {feed.dropped} unusable" if feed.dropped else ""))


def gather(
    source: Annotated[list[int] | None, typer.Option(help="Only this source; repeatable.")] = None,
    due: Annotated[bool, typer.Option("--due", help="Only sources whose time has come.")] = False,
    as_json: AsJson = False,
) -> None:
    """Gather new articles from the sources and put them into stories."""
    with service() as opened, progress() as bar:
        total = len(source) if source else len(opened.sources.list())
        task = bar.add_task("gathering", total=total)
        rows = opened.gather(only=source, due_only=due, on_row=lambda _: bar.advance(task))
    columns = ["id", "source", "status", "new", "changed", "ms", "reason"]
    shown = [{"id": row.source_id, **{name: getattr(row, name) for name in columns[1:]}} for row in rows]
    show(shown, columns, as_json=as_json, right=["id", "new", "changed", "ms"])
    failed = sum(row.status == "failed" for row in rows)
    if not rows:
        if not as_json:
            none = f"there is no source to gather; next: {program()} topics add NAME --from URL"
            say("no source is due" if due else none)
        raise typer.Exit(NOTHING)
    if not as_json:
        articles = plural(sum(row.new for row in rows), "article")
        say(f"gathered {articles} from {plural(len(rows), 'source')}" + (f", {failed} failed" if failed else ""))
    if failed:
        raise typer.Exit(1)
