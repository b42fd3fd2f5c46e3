"""`digest stories golden`: corrections with the words of their articles, for the benchmark of stories."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.common import AsJson, Force, check_free, plural, service, tell
from digest.errors import InputError

if TYPE_CHECKING:
    from digest.store.golden import Line


def golden(
    output: Annotated[Path | None, typer.Option(help="Write them into this file.")] = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Print every merge and split with the words of its articles, one JSON object a line, for the benchmark."""
    if output is not None:
        check_free(output, force=force)
    with service() as opened:
        lines = opened.stories.golden()
    text = _array(lines) if as_json else "".join(f"{_json(line)}\n" for line in lines)
    if output is None:
        typer.echo(text, nl=False)
    else:
        _write(output, text)
        tell(f"{plural(len(lines), 'correction')} in {output}")


def _json(line: Line) -> str:
    return json.dumps(
        {"verdict": line.verdict, "at": line.at.isoformat(), "articles": line.articles}, ensure_ascii=False
    )


def _array(lines: Sequence[Line]) -> str:
    return "[" + ", ".join(map(_json, lines)) + "]\n"


def _write(output: Path, text: str) -> None:
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{output} cannot be written: {error.strerror}") from None
