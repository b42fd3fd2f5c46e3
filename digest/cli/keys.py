"""Keys of the inbound API, by which other programs push articles."""

from __future__ import annotations

from typing import Annotated

import typer

from digest.cli.common import AsJson, Yes, confirm, say, service, show, tell

app = typer.Typer(help="Keys of the inbound API: who may push articles.", no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="What the key is called, such as the program that uses it.")]


@app.command("add")
def add(
    name: Name,
    topic: Annotated[list[str] | None, typer.Option(help="A topic its articles belong to; repeatable.")] = None,
    source: Annotated[
        int | None, typer.Option(help="The push source of another key, to write to the same; instead of topics.")
    ] = None,
    publisher: Annotated[str, typer.Option(help="Whom all its articles are credited to.")] = "",
    language: Annotated[str, typer.Option(help="The language of articles that do not name theirs.")] = "",
    rights: Annotated[str, typer.Option(help="How much of them may be shown: title, excerpt or full.")] = "excerpt",
    scope: Annotated[list[str] | None, typer.Option(help="What the key may do; repeatable.")] = None,
) -> None:
    """Make a key and print it, this once."""
    with service() as opened:
        made = opened.push.add_key(
            name,
            topics=topic or (),
            source_id=source,
            publisher=publisher,
            language=language,
            rights=rights,
            scopes=scope or ("articles:write",),
        )
        address = f"{opened.settings.public_url}/api/v1/articles"
    tell(f"added key {made.name}, which writes to source {made.source_id}; send articles to {address}")
    tell("this is the key; it is kept nowhere and shown this once:")
    say(made.key)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the keys, revoked ones too; the keys themselves are kept nowhere."""
    with service() as opened:
        rows = [
            {
                "name": key.name,
                "hint": key.hint if as_json else f"{key.hint}...",
                "scopes": key.scopes,
                "source": key.source_id,
                "topics": key.topics,
                "created": key.created_at,
                "used": key.used_at,
                "revoked": key.revoked_at,
            }
            for key in opened.push.list_keys()
        ]
    columns = ["name", "hint", "scopes", "source", "topics", "created", "used", "revoked"]
    show(rows, columns, as_json=as_json, right=["source"])


@app.command("revoke")
def revoke(name: Name, yes: Yes = False) -> None:
    """Revoke a key for good; what was pushed with it stays."""
    with service() as opened:
        known = {key.name: key for key in opened.push.list_keys()}.get(name)
        if known is not None and known.revoked_at is None and not yes:
            confirm(f"Revoke key {name} ({known.hint}...)? It cannot be taken back.")
        done = opened.push.revoke_key(name)
    say(f"revoked key {name}" if done else f"key {name} was revoked before")
