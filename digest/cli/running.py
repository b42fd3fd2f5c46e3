"""Running the service, its settings, its database."""

from __future__ import annotations

from typing import Annotated

import typer

from digest.cli.common import AsJson, load_settings, say, service, show

database = typer.Typer(help="The database.", no_args_is_help=True, rich_markup_mode=None)


@database.command("upgrade")
def upgrade_() -> None:
    """Bring the database's tables to this version."""
    from digest.store.db import open_database
    from digest.store.schema import upgrade

    upgrade(open_database(load_settings().settings.database_url))
    say("the database is current")


def config(as_json: AsJson = False) -> None:
    """Print the effective settings, secrets masked, and where each value came from."""
    from digest.settings import masked

    show(masked(load_settings()), ["setting", "value", "from"], as_json=as_json)


def run(
    host: Annotated[str, typer.Option(help="Listen here instead of HOST.")] = "",
    port: Annotated[
        int, typer.Option(help="Listen on this port instead of PORT; 0 takes any.", min=-1, max=65535)
    ] = -1,
) -> None:
    """Run everything: pages, clock and dispatch, until SIGTERM or Ctrl-C."""
    import logging
    from contextlib import closing

    from digest.cli.serving import listen, serve, settings_at

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", force=True)
    for chatty in ("httpx", "apscheduler", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    loaded = load_settings()
    host = host or loaded.settings.host
    # Before the service is opened: what it links to is where we listen, and port 0 is known only then.
    with (
        closing(listen(host, loaded.settings.port if port < 0 else port)) as listener,
        service(settings_at(loaded, host, listener)) as opened,
    ):
        serve(opened, listener)
