"""The tree of commands, and how errors end."""

from __future__ import annotations

import typer
from typer.exceptions import TyperException

from digest.cli import demo, readers, running, sending, sources, topics
from digest.cli.common import INTERRUPTED, tell
from digest.errors import DigestError

app = typer.Typer(
    help="One calm mail, no story twice, nothing lost.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 done, 1 partly failed, 2 wrong input, 3 nothing to do, 130 interrupted.",
)
app.add_typer(topics.app, name="topics")
app.add_typer(sources.app, name="sources")
app.add_typer(readers.app, name="subscribers")
app.add_typer(running.database, name="db")
app.command("gather")(sources.gather)
app.command("try")(sending.try_)
app.command("send")(sending.send)
app.command("run")(running.run)
app.command("config")(running.config)
app.command("demo")(demo.demo)


def run(arguments: list[str]) -> int:
    """Run one command; what an operator can mend ends as one line on standard error and an exit code."""
    try:
        result = app(args=arguments, standalone_mode=False)
    except typer.Exit as end:
        return end.exit_code
    except (typer.Abort, KeyboardInterrupt) as end:
        cut_off = isinstance(end, KeyboardInterrupt) or isinstance(end.__cause__, KeyboardInterrupt)
        tell("interrupted; run the same command again to go on" if cut_off else "nothing was done")
        return INTERRUPTED
    except TyperException as error:
        tell(f"error: {error} See `digest {' '.join(_words(arguments))} --help`.".replace("  ", " "))
        return 2
    except DigestError as error:
        tell(f"error: {error}")
        return error.exit_code
    except ValueError as error:
        from subscribers.errors import RosterError

        if not isinstance(error, RosterError):
            raise
        tell(f"error: {error}")
        return 2
    return result if isinstance(result, int) else 0


def _words(arguments: list[str]) -> list[str]:
    """The words of a command line that may name a command: what stands before the first option or value."""
    groups = {group.name for group in app.registered_groups}
    return arguments[: 2 if arguments and arguments[0] in groups else 1]
