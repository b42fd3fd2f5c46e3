"""Topics: what readers subscribe to."""

from __future__ import annotations

from typing import Annotated

import typer

from digest.cli.common import AsJson, Yes, confirm, program, say, service, show

app = typer.Typer(help="Topics: what readers subscribe to.", no_args_is_help=True, rich_markup_mode=None)

Slug = Annotated[str, typer.Argument(help="The topic's short name in links, such as energy.")]


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help='The name that readers see, such as "Energy".')],
    slug: Annotated[str, typer.Option(help="The short name in links; made from the name when left out.")] = "",
    description: Annotated[str, typer.Option(help="One sentence for the form.")] = "",
    language: Annotated[str, typer.Option(help="The language of its articles.")] = "en",
    from_: Annotated[
        list[str] | None, typer.Option("--from", help="A feed or site to take articles from; repeatable.")
    ] = None,
) -> None:
    """Add a topic, with its sources when they are known."""
    with service() as opened:
        topic, sources = opened.sources.add_with_topic(
            from_ or [], name, slug=slug, description=description, language=language
        )
    say(f"added topic {topic.slug}")
    for added in sources:
        say(f"added source {added.id}: {added.name} ({added.url})")
    say(f"next: {program()} {'gather' if from_ else f'sources add URL --topic {topic.slug}'}")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the topics."""
    with service() as opened:
        rows = [
            {"slug": t.slug, "name": t.name, "language": t.language, "readers": t.readers, "description": t.description}
            for t in opened.topics.list()
        ]
    show(rows, ["slug", "name", "language", "readers", "description"], as_json=as_json, right=["readers"])


@app.command("edit")
def edit(
    slug: Slug,
    name: Annotated[str | None, typer.Option(help="A new name.")] = None,
    description: Annotated[str | None, typer.Option(help="A new sentence for the form.")] = None,
    language: Annotated[str | None, typer.Option(help="A new language.")] = None,
) -> None:
    """Change a topic's name, description or language."""
    with service() as opened:
        opened.topics.edit(slug, name=name, description=description, language=language)
    say(f"changed topic {slug}")


@app.command("remove")
def remove(slug: Slug, yes: Yes = False) -> None:
    """Remove a topic and its subscriptions; its sources and articles stay."""
    with service() as opened:
        readers, _, _ = opened.audience(slug, None)
        if not yes:
            confirm(f"Remove topic {slug} with {readers} readers?")
        opened.topics.remove(slug)
    say(f"removed topic {slug}")
