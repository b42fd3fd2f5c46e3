"""`digest templates`: the mails' templates, and whether what they make is right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.common import AsJson, Force, clip, known_language, plural, program, progress, say, show

if TYPE_CHECKING:
    from digest.service.linting import Linted, Report

app = typer.Typer(help="The templates of mails.", no_args_is_help=True)

COLUMNS = ("severity", "what", "mail", "theme", "language", "where", "clients", "cure")
JSON_COLUMNS = ("mail", "reader", "theme", "language", "severity", "check", "what", "where", "line", "clients", "cure")

PORT = 8090
"""Of the gallery: beside that of `digest run`."""

SHOWN = 3
"""Mails, places and families of mail programs that a row names; the others are counted."""
LONGEST = 40
"""Characters of one of these, such as the selector of a rule."""


@app.callback()
def templates() -> None:
    """The templates of mails."""


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the templates of mails, and which of them are your own."""
    from digest.service.owntemplates import listed
    from digest.settings import load

    rows = [{"template": each.name, "origin": each.origin} for each in listed(load().settings)]
    show(rows, ["template", "origin"], as_json=as_json)


@app.command("copy")
def copy(
    names: Annotated[list[str], typer.Argument(help="Mails such as digest, or files such as email/digest/body.html.")],
    force: Force = False,
) -> None:
    """Copy shipped templates into TEMPLATES_DIR, to be changed there."""
    from digest.service.owntemplates import copied
    from digest.settings import load

    settings = load().settings
    for name in copied(settings, names, force=force):
        say(f"copied {name} to {settings.templates_dir}")
    say(f"check what you change: {program()} templates lint")


@app.command("lint")
def lint(
    mails: Annotated[
        list[str] | None, typer.Argument(help="Mails such as digest or confirm; all when left out.")
    ] = None,
    theme: Annotated[str, typer.Option(help="One theme, such as letter; all when left out.")] = "",
    lang: Annotated[str, typer.Option(help="One language, such as de; all when left out.")] = "",
    strict: Annotated[bool, typer.Option("--strict", help="Fail for warnings too.")] = False,
    notes: Annotated[bool, typer.Option("--notes", help="Also show what has a fallback or no data.")] = False,
    as_json: AsJson = False,
) -> None:
    """Build every mail in every theme and language from invented news, and check what would be sent: that all mail
    programs know its HTML and CSS (caniemail), contrast, pictures, links, sizes, the text part and the headers."""
    report = _report(mails or [], theme, lang)
    from digest.compose.lint import Severity

    if as_json:
        show([_row(each) for each in report.rows], JSON_COLUMNS, as_json=True)
    else:
        shown = [row for row in report.rows if notes or row.finding.severity != Severity.NOTE]
        show(_gathered(shown), COLUMNS)
        say(_summary(report, notes=notes))
    if report.fails(strict=strict):
        raise typer.Exit(1)


@app.command("preview")
def preview(
    port: Annotated[
        int | None,
        typer.Option(help="Listen on this port; 8090, or any that is free, when left out.", min=0, max=65535),
    ] = None,
    host: Annotated[str, typer.Option(help="Listen on this address instead of loopback.")] = "127.0.0.1",
) -> None:
    """Serve every mail in every dress, and show what you change as soon as it is saved, until Ctrl-C."""
    from contextlib import closing

    from digest.cli.serving import listen, listen_near, serve_gallery
    from digest.settings import load

    settings = load().settings
    with closing(listen_near(host, PORT) if port is None else listen(host, port)) as listener:
        serve_gallery(settings, host, listener)


def _report(mails: Sequence[str], theme: str, lang: str) -> Report:
    from digest.compose.theme import theme_names
    from digest.service.core import site_of
    from digest.service.linting import lint_mails
    from digest.service.owntemplates import chosen_theme, own_folder
    from digest.service.places import templates_folder
    from digest.settings import load
    from subscribers.i18n import Catalogues

    settings = load().settings
    catalogues = Catalogues(templates_folder() / "locale")
    known_language(lang, catalogues.languages)
    languages = (lang,) if lang else catalogues.languages
    names = (theme,) if theme else theme_names(templates_folder(), own_folder(settings))
    themes = [chosen_theme(settings, catalogues.translations, name) for name in names]
    with progress() as bar:
        task = bar.add_task("checking mails", total=None)
        return lint_mails(
            themes,
            site_of(settings),
            languages,
            mails,
            on_mail=lambda done, total: bar.update(task, completed=done, total=total),
        )


def _row(each: Linted) -> dict[str, Any]:
    found = each.finding
    return {
        "mail": each.mail,
        "reader": each.reader or None,
        "theme": each.theme,
        "language": each.language,
        "severity": str(found.severity),
        "check": found.check,
        "what": found.what,
        "where": found.where,
        "line": found.line or None,
        "clients": list(found.clients),
        "cure": found.cure,
    }


def _gathered(rows: Sequence[Linted]) -> list[dict[str, Any]]:
    """A row for each thing found, however many mails, languages and places have it; the gravest first."""
    from digest.compose.lint import Severity

    found: dict[tuple[Any, ...], list[Linted]] = {}
    for each in rows:
        one = each.finding
        found.setdefault((one.severity, one.check, one.what, one.clients, one.cure), []).append(each)
    order = list(Severity)
    gathered = sorted(found.values(), key=lambda same: order.index(same[0].finding.severity))
    return [_together(same) for same in gathered]


def _together(same: Sequence[Linted]) -> dict[str, Any]:
    first = same[0].finding
    places = {
        f"{each.finding.where}, line {each.finding.line}" if each.finding.line else each.finding.where: each
        for each in same
    }
    wheres = list(dict.fromkeys(each.finding.where for each in same))
    return {
        **_row(same[0]),
        "mail": _some([f"{each.mail} ({each.reader})" if each.reader else each.mail for each in same]),
        "theme": _some([each.theme for each in same]),
        "language": _some([each.language for each in same]),
        "where": clip(next(iter(places)), 2 * LONGEST) if len(places) == 1 else _some(wheres),
        "clients": _some([client.split(" (")[0] for client in first.clients]),
    }


def _some(names: Sequence[str]) -> str:
    every = list(dict.fromkeys(names))
    more = len(every) - SHOWN
    return ", ".join(clip(name, LONGEST) for name in every[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _summary(report: Report, *, notes: bool) -> str:
    from digest.compose.lint import Severity

    gathered = [row["severity"] for row in _gathered(report.rows)]
    counts = [plural(gathered.count(str(severity)), severity.value) for severity in Severity]
    hidden = not notes and str(Severity.NOTE) in gathered
    told = ", ".join(counts) + (" (--notes shows them)" if hidden else "")
    return f"checked {plural(report.built, 'mail')}: {told}"
