"""`digest sources check`: what would be gathered, every field of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.common import AsJson, clip, console, moment, plural, progress, say, service, show, width
from digest.cli.feeds import looking

if TYPE_CHECKING:
    from digest.service.sourceshelf import Checked
    from digest.types import Pace, RawArticle

TEXT_LINES = 3
"""Of each article's text; --json has the whole."""
LABEL = 11
"""Columns of a field's name."""
WHOLE = ("url", "guid", "image")
"""Fields that are no use when they are cut."""


def check(
    where: Annotated[str, typer.Argument(help="An address or a file.")],
    kind: Annotated[str, typer.Option(help="feed, or page.")] = "feed",
    selector: Annotated[str, typer.Option(help="Of a page: a CSS selector of the links to its articles.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show what would be gathered, every field of it, without storing anything."""
    with service() as opened, progress() as bar:
        checked = opened.sources.check(where, kind=kind, selector=selector, on_fetch=looking(bar))
    rows = [fields_of(item) for item in checked.feed.items]
    if as_json:
        show(rows, list(rows[0]) if rows else [], as_json=True)
        return
    for number, row in enumerate(rows, 1):
        _block(number, row)
    for line in _summary(checked):
        say(line)


def fields_of(item: RawArticle) -> dict[str, Any]:
    """Every field of an article, in the order in which a person looks for them."""
    from digest.gather.refine import reading_minutes, words

    count = words(item.text, item.language)
    return {
        "title": item.title,
        "url": item.url,
        "guid": item.guid,
        "published": item.published_at,
        "updated": item.updated_at,
        "author": item.author,
        "publisher": item.publisher,
        "credit": item.credit,
        "language": item.language,
        "image": item.image_url,
        "image_alt": item.image_alt,
        "words": count,
        "minutes": reading_minutes(count),
        "summary": item.summary,
        "text": item.text,
        "html": item.html,
    }


def _block(number: int, row: dict[str, Any]) -> None:
    from rich.text import Text

    say(clip(f"{number}. {row['title'] or '(no title)'}"))
    for name, value in row.items():
        if name in ("title", "html") or not value or (name == "guid" and value == row["url"]):
            continue
        told = moment(value) if isinstance(value, datetime) else " ".join(str(value).split())
        if name in WHOLE:
            say(f"   {name:{LABEL}}{told}")
            continue
        lines = TEXT_LINES if name == "text" else 1
        _wrapped(name, Text(told), lines)
    absent = [name for name, value in row.items() if not value and name not in ("title", "html", "image_alt")]
    if absent:
        say(clip(f"   {'none':{LABEL}}{', '.join(absent)}"))
    say("")


def _wrapped(name: str, value: Any, lines: int) -> None:
    """The first lines of a value, broken where a person would; a cut is marked."""
    room = width() - 3 - LABEL
    broken = list(value.wrap(console(), room))
    for at, line in enumerate(broken[:lines]):
        more = at == lines - 1 and len(broken) > lines
        told = line.plain.rstrip()
        say(f"   {name if at == 0 else '':{LABEL}}{clip(told + ' …', room) if more else told}")


def _summary(checked: Checked) -> list[str]:
    feed = checked.feed
    facts = [checked.format, feed.language or "no language", plural(len(feed.items), "article")]
    facts += [f"{feed.dropped} unusable"] if feed.dropped else []
    lines = [clip(f"{feed.title or '(no title)'}: {', '.join(facts)}"), f"read at {checked.url}"]
    lines += [f"its site is {feed.site_url}"] if feed.site_url.startswith("http") else []
    lines += ["our own reader could not read it; feedparser did"] if feed.fallback else []
    return lines + [told for told in [_pace(feed.pace)] if told]


def _pace(pace: Pace) -> str:
    days = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
    told = []
    if pace.ttl is not None:
        told.append(f"every {pace.ttl.total_seconds() / 60:g} min at most")
    if pace.skip_hours:
        told.append(f"not at {', '.join(f'{hour:02}' for hour in sorted(pace.skip_hours))} h UTC")
    if pace.skip_days:
        told.append(f"not on {', '.join(days[day] for day in sorted(pace.skip_days))}")
    return f"it asks to be read {', '.join(told)}" if told else ""
