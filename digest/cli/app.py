"""The tree of commands, and how errors end."""

from __future__ import annotations

import typer

from digest.cli import (
    checking,
    deliveries,
    demo,
    editions,
    explaining,
    feeds,
    golden,
    keys,
    outlines,
    previewing,
    readers,
    reporting,
    running,
    sending,
    sources,
    status,
    stories,
    suppressions,
    templates,
    topics,
    transfer,
)
from digest.cli.common import INTERRUPTED, tell
from digest.errors import DigestError, Interrupted

app = typer.Typer(
    help="One calm mail, no story twice, nothing lost.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    epilog="Exit codes: 0 done, 1 partly failed, 2 wrong input, 3 nothing to do, 130 interrupted.",
)
readers.app.command("import")(transfer.import_)
readers.app.command("export")(transfer.export)
topics.app.command("explain")(explaining.topic)
sources.app.command("find")(feeds.find)
sources.app.command("check")(checking.check)
sources.app.command("import")(outlines.import_)
sources.app.command("export")(outlines.export)
stories.app.command("golden")(golden.golden)
app.add_typer(topics.app, name="topics")
app.add_typer(sources.app, name="sources")
app.add_typer(stories.app, name="stories")
app.add_typer(keys.app, name="keys")
app.add_typer(readers.app, name="subscribers")
app.add_typer(editions.app, name="editions")
app.add_typer(deliveries.app, name="deliveries")
app.add_typer(suppressions.app, name="suppressions")
app.add_typer(templates.app, name="templates")
app.add_typer(running.database, name="db")
app.command("gather")(sources.gather)
app.command("try")(sending.try_)
app.command("send")(sending.send)
app.command("preview")(previewing.preview)
app.command("explain")(explaining.mail)
app.command("report")(reporting.report)
app.command("run")(running.run)
app.command("status")(status.status)
app.command("config")(running.config)
app.command("demo")(demo.demo)


def run(arguments: list[str]) -> int:
    """Run one command; what an operator can mend ends as one line on standard error and an exit code."""
    from subscribers.errors import RosterError

    try:
        app(args=arguments, prog_name="digest")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
        if code == INTERRUPTED:
            tell("interrupted; run the same command again to go on")
        return code
    except Interrupted as error:
        tell(str(error))
        return error.exit_code
    except DigestError as error:
        tell(f"error: {error}")
        return error.exit_code
    except RosterError as error:
        tell(f"error: {error}")
        return 2
    except OverflowError:  # beyond the 64 bits that a database keeps
        tell("error: one of these numbers is too large; `list` shows the numbers there are")
        return 2
    return 0
