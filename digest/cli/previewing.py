"""`digest preview`: the next digest of a reader or a topic, as a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.common import (
    AsJson,
    Force,
    check_free,
    known_language,
    load_settings,
    moment,
    plural,
    program,
    say,
    service,
    show,
    tell,
)
from digest.errors import InputError

if TYPE_CHECKING:
    from digest.service.core import DigestService
    from digest.service.previewing import Preview


def preview(
    to: Annotated[str, typer.Option(help="This reader's.", metavar="EMAIL")] = "",
    topic: Annotated[str, typer.Option(help="This topic's, for somebody who takes it now.", metavar="SLUG")] = "",
    lang: Annotated[str, typer.Option(help="In this language, such as de.")] = "",
    theme: Annotated[str, typer.Option(help="In this theme instead of THEME, such as letter.")] = "",
    text: Annotated[bool, typer.Option("--text", help="Also print the text part, and nothing else there.")] = False,
    output: Annotated[
        Path | None, typer.Option(help="Write it into this file instead of one in DATA_DIR.", metavar="FILE")
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Show the next digest of a reader or a topic. Nothing is sent and nothing is stored but the page."""
    if bool(to) == bool(topic):
        raise InputError("say whose digest: --to EMAIL or --topic SLUG")
    if output is not None:
        check_free(output, force=force)
    settings = load_settings().settings
    with service(settings.model_copy(update={"theme": theme}) if theme else settings) as opened:
        known_language(lang, opened.catalogues.languages)
        made = opened.previewer.reader(to, lang) if to else opened.previewer.topic(topic, lang)
        file = _written(made, output or _own_file(opened, made))
    if open_:
        import webbrowser

        webbrowser.open(file.resolve().as_uri())
    if as_json:
        row = _row(made, file) | ({"text": made.text} if text else {})
        show([row], list(row), as_json=True)
        return
    # The text part alone goes to standard output, so that it can be piped on.
    line = tell if text else say
    if text:
        say(made.text.rstrip("\n"))
    line(f"subject: {made.subject}")
    line(_facts(made))
    line(f"it is in {file}")
    line(f"next: {_hint(to, topic, made)}")


def _own_file(opened: DigestService, made: Preview) -> Path:
    return opened.settings.data_dir / f"preview-{made.name}{'.html' if made.html else '.txt'}"


def _written(made: Preview, file: Path) -> Path:
    """Raises InputError for a place that cannot be written to."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(made.html or made.text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write to {file} ({error.strerror}); name another file with --output") from None
    return file


def _facts(made: Preview) -> str:
    size = f"{made.size / 1000:.0f} KB of {'HTML' if made.html else 'plain text, as this reader wants it'}"
    since = " and ".join(moment(window) for window in made.windows)
    return f"{plural(made.stories, 'story', 'stories')}, {size}; news from {since} to {moment(made.until)}"


def _hint(to: str, topic: str, made: Preview) -> str:
    if to:
        return f"{program()} explain {to}, which explains their last digest"
    days = round((made.until - made.windows[0]).total_seconds() / 86_400)
    return f"{program()} topics explain {topic}" + (f" --days {days}" if days > 1 else "")


def _row(made: Preview, file: Path) -> dict[str, object]:
    return {
        "subject": made.subject,
        "stories": made.stories,
        "bytes": made.size,
        "format": "html" if made.html else "text",
        "windows": list(made.windows),
        "until": made.until,
        "file": str(file),
    }
