"""Sends by hand, and a first look at a feed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.common import (
    NOTHING,
    Yes,
    confirm,
    load_settings,
    on_interrupt,
    plural,
    progress,
    say,
    service,
    show,
    tell,
)
from digest.errors import Interrupted

if TYPE_CHECKING:
    from digest.service.core import DigestService
    from digest.settings import Settings
    from digest.types import DispatchReport


def send(
    topic: Annotated[str | None, typer.Option(help="Only this topic's readers and stories.")] = None,
    to: Annotated[str | None, typer.Option(help="Only this reader.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say who would get it; write and send nothing.")] = False,
    key: Annotated[str | None, typer.Option(help="The same key never sends twice; for scripts.")] = None,
    yes: Yes = False,
) -> None:
    """Send a digest now of what each reader has not been sent yet."""
    with service() as opened:
        count, topic_id, reader_id = opened.audience(topic, to)
        whom = plural(count, "reader") + (f" of {topic}" if topic else "")
        if not count:
            say("nobody to send to; next: digest subscribers add ADDRESS --topic SLUG")
            raise typer.Exit(NOTHING)
        if dry_run:
            opened.sender()  # names what is still missing for a real send
            say(f"would send to {whom} through {opened.settings.provider}; nothing was written or sent")
            return
        opened.sender()
        if not yes:
            confirm(f"Send to {whom} through {opened.settings.provider}?")
        planned = opened.send_by_hand(topic_id, reader_id, key=key)
        if planned is None:
            planned = opened.unsent(key or "")  # an interrupted send goes on where it was
            if not planned.deliveries:
                say(f"key {key} was sent before; nothing was sent")
                raise typer.Exit(NOTHING)
        report = _dispatch(opened, planned.edition_id, planned.deliveries)
        waits = opened.waits(planned.edition_id)
    raise typer.Exit(_summary(report, planned.deliveries, waits))


def _dispatch(opened: DigestService, edition_id: int, deliveries: int) -> DispatchReport:
    import threading

    stop = threading.Event()
    with progress() as bar, on_interrupt(stop.set):
        task = bar.add_task("sending", total=deliveries)

        def moved(report: DispatchReport) -> None:
            done = report.accepted + report.rejected + report.skipped + report.unknown
            bar.update(task, completed=done)

        report = opened.dispatch(stop=stop, on_progress=moved, edition_id=edition_id)
    if stop.is_set():
        left = deliveries - report.accepted - report.rejected - report.skipped - report.unknown
        raise Interrupted(
            f"interrupted after {plural(report.accepted, 'mail')}; `digest run` sends the {left} that are left"
        )
    return report


def _summary(report: DispatchReport, deliveries: int, waits: float) -> int:
    names = {
        "accepted": "sent",
        "skipped": "nothing new for them",
        "rejected": "rejected",
        "retry": "to be tried again",
        "unknown": "in doubt",
    }
    rows = [
        {"outcome": text, "readers": getattr(report, name)} for name, text in names.items() if getattr(report, name)
    ]
    show(rows, ["outcome", "readers"], right=["readers"])
    if report.problem:
        tell(f"error: {report.problem}")
    say(f"sent {plural(report.accepted, 'mail')} of {deliveries}")
    if report.retry:
        say(f"next: digest run, which tries the rest again in {waits:.0f} s")
    if report.unknown:
        say("those in doubt may have been accepted; they are never sent again by themselves")
    if report.problem or report.rejected or report.retry or report.unknown:
        return 1
    return 0 if report.accepted else NOTHING


def try_(
    urls: Annotated[list[str], typer.Argument(help="Feeds, or sites that have one.", metavar="URL...")],
    to: Annotated[str | None, typer.Option(help="Also mail it there, through the configured PROVIDER.")] = None,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open it in the browser.")] = True,
) -> None:
    """Show the digest that these feeds would make. Needs no configuration; all that stays is the page."""
    import shlex
    import webbrowser

    from digest.service.trying import try_feeds

    settings = load_settings().settings if to else _unconfigured()
    with progress() as bar:
        task = bar.add_task("reading feeds", total=len(urls))
        tried = try_feeds(settings, urls, to=to, on_row=lambda _: bar.advance(task))
    for row in tried.failed:
        tell(f"{row.source}: {row.reason}")
    say(f"{plural(tried.stories, 'story', 'stories')} from {plural(tried.articles, 'article')}: {tried.subject}")
    say(f"the mail is in {tried.page}")
    if open_:
        webbrowser.open(tried.page.as_uri())
    if to:
        say(f"mailed to {to} through {settings.provider}" if tried.accepted else f"not mailed to {to}: {tried.problem}")
    kept = [f"--from {shlex.quote(url)}" for url in tried.urls]
    say(f"keep it: digest topics add {shlex.quote(tried.name)} {' '.join(kept)}")
    if tried.failed or (to and not tried.accepted):
        raise typer.Exit(1)


def _unconfigured() -> Settings:
    """The settings as they are, but without a key on disk: a first look leaves nothing behind."""
    from digest.settings import load

    return load().settings
