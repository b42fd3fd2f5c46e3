"""Topics: what readers subscribe to."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.common import (
    AsJson,
    Force,
    Yes,
    check_free,
    confirm,
    console,
    known_language,
    note_if_local,
    plural,
    program,
    say,
    service,
    show,
    tell,
)
from digest.errors import InputError

if TYPE_CHECKING:
    from segno import QRCode

    from digest.service.topicrules import Match
    from subscribers.types import Breaking, TopicRow

app = typer.Typer(help="Topics: what readers subscribe to.", no_args_is_help=True, rich_markup_mode=None)

Slug = Annotated[str, typer.Argument(help="The topic's short name in links, such as energy.")]
Publishers = Annotated[
    int | None,
    typer.Option(
        "--breaking-publishers", help="A story breaks when so many independent publishers tell it: 2 to 20; 0: never."
    ),
]
Minutes = Annotated[
    int | None, typer.Option("--breaking-minutes", help="They have to tell it within so many minutes: 5 to 1440.")
]
ADay = Annotated[
    int | None,
    typer.Option("--breaking-a-day", help="Who had so many breaking mails in 24 hours gets no more of it: 1 to 24."),
]
ARCHIVE = "Whether everybody may read its past days, as pages and feeds; a public topic only."
SHOWN = ["headline", "publisher", "published", "matched"]


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help='The name that readers see, such as "Energy".')],
    slug: Annotated[str, typer.Option(help="The short name in links; made from the name when left out.")] = "",
    description: Annotated[str, typer.Option(help="One sentence for the form.")] = "",
    language: Annotated[str, typer.Option(help="The language of its articles.")] = "en",
    public: Annotated[bool, typer.Option("--public/--private", help="Whether the form offers it.")] = True,
    from_: Annotated[
        list[str] | None, typer.Option("--from", help="A feed or site to take articles from; repeatable.")
    ] = None,
    match: Annotated[str, typer.Option(help="Take only articles that match this rule (docs/topics.md).")] = "",
    breaking_publishers: Publishers = None,
    breaking_minutes: Minutes = None,
    breaking_a_day: ADay = None,
    archive: Annotated[bool, typer.Option("--archive/--no-archive", help=ARCHIVE)] = False,
) -> None:
    """Add a topic, with its sources and its rule when they are known."""
    from digest.service.topicshelf import checked_rule
    from subscribers.types import NEVER

    rule = checked_rule(match)  # before anything is fetched
    breaking = NEVER.with_(publishers=breaking_publishers, minutes=breaking_minutes, a_day=breaking_a_day)
    with service() as opened:
        topic, sources = opened.sources.add_with_topic(
            from_ or [],
            name,
            slug=slug,
            description=description,
            language=language,
            public=public,
            rule=rule,
            breaking=breaking,
            archived=archive,
        )
        public_url = opened.settings.public_url
    say(f"added topic {topic.slug}")
    if archive:
        _archived(topic.slug, public_url)
    for added in sources:
        say(f"added source {added.id}: {added.name} ({added.url})")
    if rule:
        _understood(rule)
    following = "gather" if from_ else f"topics test {topic.slug}" if rule else f"sources add URL --topic {topic.slug}"
    say(f"next: {program()} {following}")


def _archived(slug: str, public_url: str) -> None:
    """Where the archive is, and what will be in it."""
    say(f"its archive, from the next digest on: {public_url}/archive/{slug}/")


def _understood(rule: str) -> None:
    """The rule with its joints written out, so that a misunderstanding is seen at once."""
    from digest.stories.rules import parse, unparse

    say(f"it takes: {unparse(parse(rule))}")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the topics."""
    with service() as opened:
        rows = [
            {
                "slug": t.slug,
                "name": t.name,
                "language": t.language,
                "public": t.public if as_json else _seen_by(t),
                "archived": t.archived,
                "readers": t.readers,
                **_breaking_of(t, as_json),
                "description": t.description,
                "rule": t.rule,
            }
            for t in opened.topics.list()
        ]
    terms = ["breaking_publishers", "breaking_minutes", "breaking_a_day"] if as_json else ["breaking"]
    archived = ["archived"] if as_json else []
    columns = ["slug", "name", "language", "public", *archived, "readers", *terms, "description", "rule"]
    show(rows, columns, as_json=as_json, right=["readers"])


def _seen_by(topic: TopicRow) -> str:
    return "archived" if topic.archived else "public" if topic.public else "private"


def _breaking_of(topic: TopicRow, as_json: bool) -> dict[str, object]:
    terms = topic.breaking
    if not as_json:
        return {"breaking": f"{terms.publishers} in {terms.minutes} min" if terms.publishers else "off"}
    return {
        "breaking_publishers": terms.publishers,
        "breaking_minutes": terms.minutes,
        "breaking_a_day": terms.a_day,
    }


@app.command("edit")
def edit(
    slug: Slug,
    name: Annotated[str | None, typer.Option(help="A new name.")] = None,
    description: Annotated[str | None, typer.Option(help="A new sentence for the form.")] = None,
    language: Annotated[str | None, typer.Option(help="A new language.")] = None,
    public: Annotated[
        bool | None, typer.Option("--public/--private", help="Whether the form offers it; its readers stay.")
    ] = None,
    match: Annotated[
        str | None, typer.Option(help='Take only articles that match this rule; "" for all of its sources.')
    ] = None,
    breaking_publishers: Publishers = None,
    breaking_minutes: Minutes = None,
    breaking_a_day: ADay = None,
    archive: Annotated[bool | None, typer.Option("--archive/--no-archive", help=ARCHIVE)] = None,
) -> None:
    """Change a topic's name, description, language, rule, when its stories break, or who may see it."""

    def terms(known: Breaking) -> Breaking:
        return known.with_(publishers=breaking_publishers, minutes=breaking_minutes, a_day=breaking_a_day)

    with service() as opened:
        edited = opened.topics.edit(
            slug,
            name=name,
            description=description,
            language=language,
            public=public,
            rule=match,
            breaking=terms,
            archived=archive,
        )
        public_url = opened.settings.public_url
    say(f"changed topic {slug}")
    if archive:
        _archived(slug, public_url)
    if edited.rematched is None:
        return
    if edited.topic.rule:
        _understood(edited.topic.rule)
    entered = plural(edited.rematched.entered, "article")
    say(f"of the last 14 days, {entered} entered and {edited.rematched.left} left")


@app.command("test")
def try_(
    slug: Slug,
    match: Annotated[str | None, typer.Option(help="Try this rule instead of the topic's own.")] = None,
    days: Annotated[int, typer.Option(help="How many days to look back.")] = 7,
    as_json: AsJson = False,
) -> None:
    """Show what the last days would have matched, and why. Nothing is changed."""
    with service() as opened:
        trial = opened.topics.try_rule(slug, rule=match, days=days)
    rows = [_shown(each, as_json) for each in trial.matches]
    show(rows, ["article", "url", *SHOWN] if as_json else SHOWN, as_json=as_json, clip=["headline"])
    looked_at = plural(trial.looked_at, "article")
    told = f"matched {len(trial.matches)} of {looked_at} of the last {plural(days, 'day')}"
    (tell if as_json else say)(told)


def _shown(match: Match, as_json: bool) -> dict[str, object]:
    raw = match.article.raw
    matched: object = [{"term": reason.term, "fields": reason.fields} for reason in match.reasons]
    if not as_json:
        told = [f"{reason.term} ({', '.join(reason.fields)})" for reason in match.reasons]
        matched = "; ".join(told) or "nothing that the rule excludes"
    return {
        "article": match.article.id,
        "url": raw.url,
        "headline": raw.title,
        "publisher": raw.publisher,
        "published": raw.published_at,
        "matched": matched,
    }


@app.command("remove")
def remove(slug: Slug, yes: Yes = False) -> None:
    """Remove a topic and its subscriptions; its sources and articles stay."""
    with service() as opened:
        readers, _, _ = opened.audience(slug, None)
        if not yes:
            confirm(f"Remove topic {slug} with {plural(readers, 'reader')}?")
        opened.topics.remove(slug)
    say(f"removed topic {slug}")


@app.command("link")
def link(
    slug: Slug,
    source: Annotated[str, typer.Option(help="Where the link will stand, for the consent log.")] = "",
    email: Annotated[str, typer.Option(help="Fill in this address.")] = "",
    lang: Annotated[str, typer.Option(help="Show the form in this language.")] = "",
    qr: Annotated[Path | None, typer.Option(help="Write a QR code of the link into this .svg or .png.")] = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Print the link to the sign-up form with this topic chosen; on a terminal, as a QR code too."""
    import segno

    from subscribers.links import sign_up_link

    with service() as opened:
        (topic,) = opened.topics.get([slug])
        known_language(lang, opened.catalogues.languages)
        address = sign_up_link(opened.settings.public_url, [slug], source=source, email=email, language=lang)
    if not topic.public:
        raise InputError(
            f"topic {slug} is private, so the form does not offer it; `digest topics edit {slug} --public`"
        )
    # Level M restores 15 % of the code (ISO/IEC 18004): enough for a fold in a poster.
    code = segno.make_qr(address, error="m")
    if qr is not None:
        _write(code, qr, force=force)
    if as_json:
        show([{"topic": slug, "link": address, "qr": qr}], ["topic", "link", "qr"], as_json=True)
        return
    say(address)
    if qr is not None:
        say(f"its QR code is in {qr}")
    elif sys.stdout.isatty():
        _draw(code)
    note_if_local(address)


def _write(code: QRCode, file: Path, *, force: bool) -> None:
    """The code as a picture, with the quiet zone of four modules that ISO/IEC 18004 asks for."""
    if file.suffix.lower() not in (".svg", ".png"):
        raise InputError(f"{file} is neither .svg nor .png; those are the pictures that can be written")
    check_free(file, force=force)
    try:
        code.save(str(file), border=4, scale=8)
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}") from None


def _draw(code: QRCode) -> None:
    """The code in half blocks, always dark on light: not every telephone reads it the other way round."""
    from io import StringIO

    from rich.text import Text

    drawn = StringIO()
    code.terminal(drawn, border=4, compact=True)
    lines = drawn.getvalue().splitlines()
    screen = console()
    if len(lines[0]) > screen.width:
        tell("note: the window is too narrow for the QR code; --qr FILE.svg writes it")
        return
    screen.print(Text("\n".join(lines), style="bright_white on black"))
