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
    program,
    progress,
    say,
    service,
    show,
    tell,
    warnings_as_lines,
)
from digest.errors import InputError, Interrupted

if TYPE_CHECKING:
    from digest.service.core import DigestService
    from digest.settings import Settings
    from digest.types import DispatchReport


def send(
    topic: Annotated[str | None, typer.Option(help="Only this topic's readers and stories.")] = None,
    to: Annotated[str | None, typer.Option(help="Only this reader.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say who would be looked at; write nothing.")] = False,
    key: Annotated[str | None, typer.Option(help="The same key never sends twice; for scripts.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with earlier sends that still wait.")] = False,
    new: Annotated[bool, typer.Option("--new", help="Make another, although an earlier send still waits.")] = False,
    yes: Yes = False,
) -> None:
    """Send a digest now of what each reader has not been sent yet."""
    with service() as opened:
        if resume:
            raise typer.Exit(_resume(opened))
        count, topic_id, reader_id = opened.audience(topic, to)
        whom = plural(count, "reader") + (f" of {topic}" if topic else "")
        if not count:
            say(f"nobody to send to; next: {program()} subscribers add ADDRESS --topic SLUG")
            raise typer.Exit(NOTHING)
        opened.sender()  # names what is still missing for a real send
        if dry_run:
            say(f"would look at {whom} and send through {_carrier(opened)}; who has nothing new gets no mail")
            say("nothing was written or sent")
            return
        if key is None and not new:
            _nothing_waits(opened)
        if not yes:
            confirm(f"Send to {whom} through {_carrier(opened)}?")
        planned = opened.send_by_hand(topic_id, reader_id, key=key)
        if planned is None:
            planned = opened.unsent(key or "")  # an interrupted send goes on where it was
            if not planned.deliveries:
                say(f"key {key} was sent before; nothing was sent")
                raise typer.Exit(NOTHING)
        raise typer.Exit(_dispatch(opened, planned.edition_id, planned.deliveries))


def _carrier(opened: DigestService) -> str:
    settings = opened.settings
    return f"the local outbox in {settings.data_dir / 'outbox'}" if settings.provider == "outbox" else settings.provider


def _nothing_waits(opened: DigestService) -> None:
    """A send that is repeated because it failed should go on, not make a second mail of the next stories."""
    waiting = opened.unfinished()
    if waiting:
        raise InputError(
            f"{plural(sum(waiting.values()), 'mail')} of an earlier send still waiting; `digest send --resume` goes on "
            "with it now, `digest run` in its time, `--new` makes another"
        )


def _resume(opened: DigestService) -> int:
    waiting = opened.unfinished()
    if not waiting:
        say("no earlier send is waiting")
        return NOTHING
    return max(_dispatch(opened, edition_id, count) for edition_id, count in waiting.items())


def _dispatch(opened: DigestService, edition_id: int, deliveries: int) -> int:
    """Send an edition, with a progress line and a summary; the exit code."""
    import threading

    stop = threading.Event()
    with progress() as bar, on_interrupt(stop.set):
        task = bar.add_task("sending", total=deliveries)

        def moved(report: DispatchReport) -> None:
            done = report.accepted + report.rejected + report.skipped + report.unknown
            bar.update(task, completed=done)

        report = opened.resume(edition_id, stop=stop, on_progress=moved)
    if stop.is_set():
        left = deliveries - report.accepted - report.rejected - report.skipped - report.unknown
        raise Interrupted(
            f"interrupted after {plural(report.accepted, 'mail')}; `digest send --resume` sends the other {left}"
        )
    code = _summary(report, deliveries, opened.waits(edition_id))
    if why := opened.editions.show(edition_id).stopped:
        tell(f"edition {edition_id} is stopped: {why}; next: `digest editions resume {edition_id}`, once you know why")
        code = 1
    if report.accepted and opened.settings.provider == "outbox":
        say(f"next: {program()} run, which shows the outbox at {opened.settings.public_url}/outbox")
    return code


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
        say(f"next: `digest run` tries the rest again in {waits:.0f} s, `digest send --resume` at once")
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

    warnings_as_lines()
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
    say(f"keep it: {program()} topics add {shlex.quote(tried.name)} {' '.join(kept)}")
    if tried.failed or (to and not tried.accepted):
        raise typer.Exit(1)


def _unconfigured() -> Settings:
    """The settings as they are, but without a key on disk: a first look leaves nothing behind."""
    from digest.settings import load

    return load().settings
