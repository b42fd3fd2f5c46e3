"""Stories: what there is, and corrections of what belongs together, what stands first and what is not told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.common import (
    AsJson,
    Line,
    moment,
    narrow,
    plural,
    print_lines,
    say,
    service,
    show,
    tell,
)
from digest.errors import InputError

if TYPE_CHECKING:
    from digest.service.storylooks import Listed, Shown
    from digest.store.editing import Filed

app = typer.Typer(
    help="Stories: look at them, correct what belongs together, put one first or out of sight.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Number = Annotated[int, typer.Argument(help="The story's number.", metavar="STORY")]
TopicSlug = Annotated[str, typer.Option("--topic", help="Only in this topic; in all of them when left out.")]
Day = Annotated[str, typer.Option("--date", help="The readers' date, such as 2026-11-25.")]

COLUMNS = (
    "story", "headline", "articles", "publishers", "topics", "opened", "last", "version", "state", "ruled",
)  # fmt: skip
SHORT = ("story", "headline", "told by", "last (UTC)", "state")
"""What a window of eighty columns has room for: told by so many publishers in so many articles."""
FACTS = (*COLUMNS, "language", "asked", "merged_from", "members", "together", "apart", "related")
"""Of a story in JSON."""


# --- looking ----------------------------------------------------------------------------------------------------------


@app.command("list")
def list_(
    topic: Annotated[str, typer.Option(help="Only stories with an article of this topic.")] = "",
    days: Annotated[int | None, typer.Option(help="Only stories that were told in so many last days.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Closed ones and hidden ones, too.")] = False,
    after: Annotated[int | None, typer.Option(help="Go on after this story, the last one of the page before.")] = None,
    limit: Annotated[int, typer.Option(help="How many to show.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List stories, the one told last first."""
    with service() as opened:
        found = opened.stories.list(topic=topic, days=days, every=all_, after=after, limit=limit)
    rows = [_row(each) for each in found]
    if as_json or not narrow():
        show(
            rows,
            COLUMNS,
            as_json=as_json,
            right=["story", "articles", "publishers", "version"],
            clip=["headline", "ruled"],
        )
    else:
        show([_short(each) for each in found], SHORT, right=["story", "told by"], clip=["headline"])
    if as_json:
        return
    if not rows:
        tell("no story is to be shown" + ("" if all_ else "; --all shows closed and hidden ones, too"))
    elif len(rows) == limit:
        tell(f"there may be more: --after {found[-1].row.id}")


@app.command("show")
def show_(story: Number, as_json: AsJson = False) -> None:
    """Show one story: its articles and why they are there, and what was said of it by hand."""
    with service() as opened:
        shown = opened.stories.show(story)
    if as_json:
        show([_facts(shown)], FACTS, as_json=True)
        return
    if shown.asked != shown.story.row.id:
        tell(f"note: story {shown.asked} became story {shown.story.row.id}")
    print_lines([*_head(shown), *_members(shown), *_beside(shown)])


# --- corrections ------------------------------------------------------------------------------------------------------


@app.command("merge")
def merge(
    keep: Annotated[int, typer.Argument(help="The story that stays.", metavar="STORY")],
    others: Annotated[list[int], typer.Argument(help="Those that become part of it.", metavar="OTHER...")],
) -> None:
    """Make one story of several, which stays one. To take it back: `split`."""
    with service() as opened:
        merged = opened.stories.merge(keep, others)
    gone = ", ".join(map(str, merged.gone))
    many = plural(len(merged.gone), "story", "stories").split()[1]
    say(f"{many} {gone} became part of story {keep}, which has {plural(merged.articles, 'article')} now")


@app.command("split")
def split(
    story: Number,
    articles: Annotated[
        list[int], typer.Argument(help="Numbers of articles that tell another event.", metavar="ARTICLE...")
    ],
) -> None:
    """Let articles of a story open one of their own, and stay apart from it. To take it back: `merge`."""
    with service() as opened:
        done = opened.stories.split(story, articles)
    went = ", ".join(map(str, done.articles))
    say(
        f"{plural(len(done.articles), 'article')} ({went}) of story {story} opened story {done.new}; {done.left} stayed"
    )
    if copies := sorted(set(done.articles) - set(articles)):
        tell(f"note: {', '.join(map(str, copies))} went along, being copies of what you named")


# --- rulings ----------------------------------------------------------------------------------------------------------


@app.command("pin")
def pin(story: Number, topic: TopicSlug = "", day: Day = "") -> None:
    """Let a story stand first, today or on another date."""
    with service() as opened:
        ruling = opened.stories.pin(story, topic=topic, day=_date(day))
    say(f"story {story} stands first on {ruling.day} in {topic or 'all topics'}")


@app.command("unpin")
def unpin(story: Number) -> None:
    """Take all pins of a story back."""
    with service() as opened:
        count = opened.stories.unpin(story)
    say(f"story {story} is pinned no longer ({plural(count, 'pin')} taken back)")


@app.command("hide")
def hide(story: Number, topic: TopicSlug = "", day: Day = "") -> None:
    """Let nobody be told of a story, for good or on one date."""
    with service() as opened:
        ruling = opened.stories.hide(story, topic=topic, day=_date(day))
    say(f"story {story} is hidden {f'on {ruling.day}' if ruling.day else 'for good'} in {topic or 'all topics'}")


@app.command("unhide")
def unhide(story: Number) -> None:
    """Show a hidden story again."""
    with service() as opened:
        opened.stories.unhide(story)
    say(f"story {story} is hidden no longer")


def _date(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text[:40]!r} is no date; write it as 2026-11-25") from None


# --- rows and lines ---------------------------------------------------------------------------------------------------


def _row(each: Listed) -> dict[str, object]:
    return {
        "story": each.row.id,
        "headline": each.headline,
        "articles": each.articles,
        "publishers": each.publishers,
        "topics": list(each.topics),
        "opened": each.row.opened_at,
        "last": each.row.last_at,
        "version": each.row.version,
        "state": "open" if each.open else "closed",
        "ruled": list(each.rulings),
    }


def _short(each: Listed) -> dict[str, object]:
    ruled = dict.fromkeys(said.split()[0] for said in each.rulings)  # `show` says where and when
    return {
        "story": each.row.id,
        "headline": each.headline,
        "told by": f"{each.publishers} in {each.articles}",
        "last (UTC)": f"{each.row.last_at:%m-%d %H:%M}",
        "state": ", ".join(["open" if each.open else "closed", *ruled]),
    }


def _facts(shown: Shown) -> dict[str, object]:
    return _row(shown.story) | {
        "language": shown.story.row.language,
        "asked": shown.asked,
        "merged_from": list(shown.merged_from),
        "members": [_member(each) for each in shown.members],
        "together": list(shown.together),
        "apart": [{"story": each.story.story_id, "pairs": each.pairs} for each in shown.apart],
        "related": [{"story": each.story_id, "value": each.value} for each in shown.related],
    }


def _member(each: Filed) -> dict[str, object]:
    telling = each.telling
    return {
        "article": each.id,
        "title": telling.title,
        "publisher": telling.publisher,
        "url": telling.url,
        "published_at": telling.published_at,
        "version": telling.story_version,
        "copy_of": each.original if each.original != each.id else None,
        "score": each.score,
        "terms": list(each.terms),
    }


def _head(shown: Shown) -> Iterator[Line]:
    story = shown.story
    yield Line(f"story {story.row.id}: {story.headline}", style="bold")
    told = f"told by {plural(story.publishers, 'publisher')} in {plural(story.articles, 'article')}"
    yield Line(f"version {story.row.version}, {told}, {'open' if story.open else 'closed'}")
    yield Line(f"opened {moment(story.row.opened_at)}, told last {moment(story.row.last_at)}")
    yield Line(f"topics: {', '.join(story.topics) or 'none'}; language: {story.row.language or 'unknown'}")
    if story.rulings:
        yield Line(f"by hand: {', '.join(story.rulings)}")
    if shown.merged_from:
        many = "story" if len(shown.merged_from) == 1 else "stories"
        yield Line(f"merged from {many} {', '.join(map(str, shown.merged_from))}")


def _members(shown: Shown) -> Iterator[Line]:
    yield Line("")
    held = set(shown.together)
    for each in shown.members:
        telling = each.telling
        at = moment(telling.published_at or telling.news_at)
        yield Line(f"article {each.id}: {telling.publisher}, {at}, “{telling.title}”", 2)
        yield Line(f"{_why(each)}{'; tied by hand' if each.id in held else ''}", 4, "dim")


def _why(each: Filed) -> str:
    if each.original != each.id:
        return f"a copy of article {each.original}"
    if each.score == 0:
        return "opened a story"
    terms = f" ({', '.join(each.terms)})" if each.terms else ""
    return f"joined with {each.score:.2f}{terms}"


def _beside(shown: Shown) -> Iterator[Line]:
    if shown.apart or shown.related:
        yield Line("")
    for each in shown.apart:
        yield Line(f"kept apart by hand from story {each.story.story_id}: {each.story.headline}")
    for other in shown.related:
        yield Line(f"related, {other.value:.2f}: story {other.story_id}, {other.headline}")
