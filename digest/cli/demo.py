"""`digest demo`: a fictional town, three mornings, then pages to click through."""

from __future__ import annotations

import logging
import secrets
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.common import explain, plural, say, show, tell

if TYPE_CHECKING:
    import socket

    from digest.demo.play import Counts, Morning
    from digest.settings import Settings


def demo(
    once: Annotated[bool, typer.Option("--once", help="Play the mornings and end, without serving pages.")] = False,
    feeds: Annotated[Path | None, typer.Option(help="Serve this folder of feed files instead of the town.")] = None,
    port: Annotated[
        int, typer.Option(help="Where the pages are served; 0 takes any free port.", min=0, max=65535)
    ] = 8080,
) -> None:
    """Play three mornings of a fictional town, from its feeds to its readers' mails, then serve the pages."""
    from digest.cli.serving import listen, listen_near

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    # The demo's own sources live on loopback; the warning about private networks would only frighten a newcomer.
    logging.getLogger("digest.service.core").setLevel(logging.ERROR)
    folder = Path(tempfile.mkdtemp(prefix="digest-demo-"))
    listener = listen("127.0.0.1", 0) if once else listen_near("127.0.0.1", port)
    try:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        fine = _folder(feeds, folder, url, once, listener) if feeds else _town(folder, url, once, listener)
    finally:
        listener.close()
        shutil.rmtree(folder, ignore_errors=True)
    if not fine:
        raise typer.Exit(1)


def _settings(folder: Path, url: str) -> Settings:
    from digest.settings import Settings

    return Settings(
        site_name="The Lanthorn Digest",
        public_url=url,
        from_="The Lanthorn Digest <digest@lanthorn.example>",
        postal_address="4 Tallow Hill | Lanthorn",
        database_url=f"sqlite:///{folder / 'digest.db'}",
        data_dir=folder,
        secret_keys=(secrets.token_urlsafe(48),),
        host="127.0.0.1",
        allow_private_networks=True,
    )


def _town(folder: Path, url: str, once: bool, listener: socket.socket) -> bool:
    from digest.cli.serving import serve_on
    from digest.demo.content import load
    from digest.demo.play import TOWN_MORNING, DemoClock, Play
    from digest.demo.site import Site
    from digest.service.core import DigestService
    from digest.service.schema import prepare

    settings = _settings(folder, url)
    town = load()
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = midnight - timedelta(days=2) + timedelta(hours=TOWN_MORNING)
    clock = DemoClock(first - timedelta(hours=10))
    service = DigestService(settings, now=clock, engine=prepare(settings))
    play = Play(service, clock, first)
    with Site(town, clock, first) as site:
        try:
            play.add_topics(town)
            play.sign_up(town.readers, folder / "outbox")
            say(f"{plural(len(town.readers), 'reader')} signed up and confirmed through the link in their mail")
            clock.put(first - timedelta(minutes=10))
            play.add_sources(site.feeds())
            say(f"{plural(len(town.publishers), 'publisher')} with {plural(len(site.feeds()), 'feed')} at {site.url}")
            mornings = []
            for morning in play.mornings():
                _report(morning)
                mornings.append(morning)
            problems = [problem for morning in mornings for problem in morning.problems]
            problems += play.final_problems(town, mornings)
            for problem in problems:
                tell(f"error: {problem}")
            counts = play.counts()
            if not once:
                clock.start()
                _where_to_click(url, site.url, town=True)
                serve_on(service, listener, with_clock=False)
            return _end(counts) and not problems
        finally:
            service.close()


def _folder(feeds: Path, folder: Path, url: str, once: bool, listener: socket.socket) -> bool:
    from digest.cli.serving import serve_on
    from digest.demo.play import DemoClock, Play, play_folder
    from digest.demo.site import FolderSite
    from digest.service.core import DigestService
    from digest.service.schema import prepare

    settings = _settings(folder, url)
    clock = DemoClock(datetime.now(UTC))
    service = DigestService(settings, now=clock, engine=prepare(settings))
    with FolderSite(feeds) as site:
        try:
            play = Play(service, clock, clock())
            played = play_folder(play, site.feeds())
            rows = [{"source": r.source, "status": r.status, "new": r.new, "reason": r.reason} for r in played.rows]
            rows += [
                {"source": name, "status": "refused", "new": 0, "reason": reason} for name, reason in played.refused
            ]
            show(rows, ["source", "status", "new", "reason"], right=["new"])
            counts = play.counts()
            if not once:
                clock.start()
                _where_to_click(url, site.url, town=False)
                serve_on(service, listener, with_clock=False)
            return _end(counts)
        finally:
            service.close()


def _report(morning: Morning) -> None:
    gathered = sum(row.new for row in morning.rows)
    failed = [row for row in morning.rows if row.status == "failed"]
    say("")
    say(f"Morning {morning.number}: gathered {plural(gathered, 'article')} from {plural(len(morning.rows), 'feed')}")
    for row in failed:
        say(f"  {row.source} failed: {row.reason}")
    rows = [
        {
            "reader": m.reader,
            "at": m.at,
            "stories": len(m.stories),
            "updates": len(m.updates) or "",
            "subject": m.subject,
        }
        for m in morning.mails
    ]
    show(rows, ["reader", "at", "stories", "updates", "subject"], right=["stories", "updates"], clip=["subject"])
    if morning.quiet:
        say(f"nothing new for {', '.join(morning.quiet)}: no mail")
    if morning.whys:
        say(f"why these, in the mail of {morning.watched}?")
    for headline, why in morning.whys:
        explain(f"“{headline}”", "  ")
        explain(why)


def _where_to_click(url: str, site_url: str, *, town: bool) -> None:
    say("")
    say(f"the mails          {url}/outbox")
    say(f"the sign-up form   {url}/subscribe")
    if town:
        say(f"past editions      {url}/archive/")
    say(f"the publishers     {site_url}/")
    say("When you sign up, your confirmation is among the mails. The town's clock stands")
    say("at the evening of the third day.")
    say("Ctrl-C ends the demo and removes what it made")


def _end(counts: Counts) -> bool:
    say(f"demo: {counts.articles} articles, {counts.stories} stories, {counts.mails} mails")
    return bool(counts.articles and counts.stories and counts.mails)
