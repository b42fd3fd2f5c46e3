"""The feeds of a site: looked for, shown, and one of them chosen."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.common import NOTHING, AsJson, clip, moment, plural, progress, say, service, show, tell
from digest.errors import InputError

if TYPE_CHECKING:
    from rich.progress import Progress

    from digest.gather.discover import Candidate
    from digest.service.finding import OnFetch
    from digest.service.sourcing import Choose


def find(
    url: Annotated[str, typer.Argument(help="A site's address, or a feed's.")],
    as_json: AsJson = False,
) -> None:
    """Show the feeds of a site with their last headlines, the most wanted first; nothing is stored."""
    with service() as opened, progress() as bar:
        found = opened.sources.find(url, on_fetch=looking(bar))
    if as_json:
        rows = [_told(number, each) for number, each in enumerate(found, 1)]
        show(rows, list(rows[0]), as_json=True)
        return
    _list(found)


def looking(bar: Progress) -> OnFetch:
    task = bar.add_task("looking for feeds", total=None)
    return lambda done, known: bar.update(task, completed=done, total=known)


def chooser(pick: int | None, bar: Progress) -> Choose:
    """By number when one was given; otherwise a person is asked, and without a terminal the most wanted is taken."""

    def choose(found: Sequence[Candidate]) -> Candidate:
        bar.stop()
        if pick is not None:
            if pick > len(found):
                raise InputError(f"there is no feed {pick} to pick; {plural(len(found), 'feed')} found")
            return found[pick - 1]
        if len(found) == 1:
            return found[0]
        if sys.stdin.isatty() and sys.stdout.isatty():
            _list(found)
            return found[_ask(len(found)) - 1]
        tell(f"note: {len(found)} feeds found, the first is taken; --pick NUMBER takes another:")
        for number, each in enumerate(found, 1):
            tell(f"  {number}  {each.url}  {each.title}".rstrip())
        return found[0]

    return choose


def _ask(count: int) -> int:
    """The number a person chooses. Ctrl-C and an end of input choose nothing."""
    while True:
        try:
            told = typer.prompt(f"Which one? 1 to {count}", default="1")
        except typer.Abort:
            tell("")
            tell("nothing was done; --pick NUMBER chooses without asking")
            raise typer.Exit(NOTHING) from None
        if told.strip().isdecimal() and 1 <= int(told) <= count:
            return int(told)
        tell(f"{told[:20]!r} is none of them")


def _list(found: Sequence[Candidate]) -> None:
    for number, each in enumerate(found, 1):
        facts = [each.format, plural(len(each.feed.items), "article"), *(["full texts"] if each.full_text else [])]
        say(clip(f"{number:>3}  {each.title or '(no title)'}"))
        say(f"     {each.url}")
        say(clip(f"     {', '.join(facts)}; {each.how.told}"))
        for item in each.latest:
            say(clip(f"       {moment(item.published_at) or 'no date':20}  {item.title}"))
        for other in each.also:
            say(f"     the same articles: {other}")


def _told(number: int, each: Candidate) -> dict[str, Any]:
    return {
        "pick": number,
        "url": each.url,
        "title": each.title,
        "format": each.format,
        "found": each.how.name.lower(),
        "articles": len(each.feed.items),
        "full_text": each.full_text,
        "language": each.feed.language,
        "latest": [{"published": _iso(item.published_at), "title": item.title} for item in each.latest],
        "also": list(each.also),
    }


def _iso(value: datetime | None) -> str | None:
    return None if value is None else str(value)
