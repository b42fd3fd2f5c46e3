"""`digest explain` and `digest topics explain`: why a story is in a mail, and why another is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.common import AsJson, Line, moment, plural, print_lines, program, say, service, show

if TYPE_CHECKING:
    from digest.types import Earlier, ExplainedMail, ExplainedStory, Membership
    from subscribers.types import Breaking

COLUMNS = (
    "story", "headline", "verdict", "told", "update", "why", "topic", "version", "publishers", "score", "parts",
    "window", "sent_before", "articles",
)  # fmt: skip
"""Of a story in JSON."""


def mail(
    address: Annotated[str, typer.Argument(help="The reader's address.", metavar="EMAIL")],
    edition: Annotated[
        int | None, typer.Option(help="The number of an edition; their last digest when left out.")
    ] = None,
    story: Annotated[int | None, typer.Option(help="Only this story, by its number, whatever kept it out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Explain one reader's digest: every story that it could have told, and why it did or did not."""
    with service() as opened:
        told = opened.explainer.mail(address, edition, story)
    if as_json:
        common = {"edition": told.edition_id, "planned_at": told.planned_at, "state": told.state}
        show([common | _row(each) for each in told.stories], (*common, *COLUMNS), as_json=True)
        return
    print_lines([*_head(address, told), *_body(told.stories, "told" if told.composed else "would be told")])


def topic(
    slug: Annotated[str, typer.Argument(help="The topic's short name in links, such as energy.")],
    days: Annotated[int, typer.Option(help="How many days the digest looks back.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Explain what a topic's next digest would hold now, for a reader who has seen nothing of it."""
    with service() as opened:
        told = opened.explainer.topic(slug, days=days)
        (about,) = opened.topics.get([slug])
    if as_json:
        show([_row(each) for each in told.stories], COLUMNS, as_json=True)
        return
    if not told.stories:
        say(f"no story of {slug} has an article of the last {plural(days, 'day')}")
        say(f"next: {program()} gather" if days > 1 else f"next: {program()} topics explain {slug} --days 7")
        return
    window = f"from {moment(told.since)} to {moment(told.until)}, {told.max_stories} stories at most"
    head = [Line(f"the next digest of {slug}", style="bold"), Line(window), Line(_breaking(about.breaking))]
    print_lines([*head, *_body(told.stories, "would be told")])


def _breaking(terms: Breaking) -> str:
    if not terms.publishers:
        return "breaking news: off; every story waits for the digest"
    return (
        f"breaking news: what {terms.publishers} independent publishers tell within {terms.minutes} minutes; "
        f"{terms.a_day} mails a reader and day at most"
    )


# --- JSON -------------------------------------------------------------------------------------------------------------


def _row(story: ExplainedStory) -> dict[str, object]:
    return {
        "story": story.story_id,
        "headline": story.headline,
        "verdict": story.verdict,
        "told": story.told,
        "update": story.update,
        "why": story.why,
        "topic": story.topic,
        "version": story.version,
        "publishers": story.publishers,
        "score": round(story.score, 4),
        "parts": dict(story.parts),
        "window": story.window,
        "sent_before": [_sent(each) for each in story.sent_before],
        "articles": [_article(each) for each in story.articles],
    }


def _sent(earlier: Earlier) -> dict[str, object]:
    return {
        "edition": earlier.edition_id,
        "planned_at": earlier.planned_at,
        "version": earlier.version,
        "update": earlier.update,
    }


def _article(article: Membership) -> dict[str, object]:
    return {
        "article": article.article_id,
        "title": article.title,
        "publisher": article.publisher,
        "url": article.url,
        "published_at": article.published_at,
        "news_at": article.news_at,
        "version": article.version,
        "opened": article.opened,
        "score": article.score,
        "terms": list(article.terms),
    }


# --- lines for a person -----------------------------------------------------------------------------------------------


def _head(address: str, told: ExplainedMail) -> Iterator[Line]:
    yield Line(f"edition {told.edition_id} for {address}, planned {moment(told.planned_at)}", style="bold")
    outcome = f"{told.state} ({told.reason})" if told.reason else told.state
    if not told.composed:
        outcome += "; what follows is how it would be composed from what is stored"
    yield Line(f"outcome: {outcome}")
    if told.composed and told.state != "skipped" and not any(story.told for story in told.stories):
        yield Line("a mail without stories, which says that there is nothing new")
    since = " and ".join(moment(window) for window in told.windows)
    yield Line(f"topics: {', '.join(told.topics) or 'none any more'}; news since {since}")
    yield Line(f"at most {plural(told.max_stories, 'story', 'stories')}, then one-liners")


def _body(stories: Sequence[ExplainedStory], told: str) -> Iterator[Line]:
    inside, outside = [each for each in stories if each.told], [each for each in stories if not each.told]
    for heading, group in ((told, inside), ("left out", outside)):
        if group:
            yield Line("")
            yield Line(f"{heading}: {plural(len(group), 'story', 'stories')}")
        for story in group:
            yield Line("")
            yield from _story(story)
    if not stories:
        yield Line("")
        yield Line("no story had news in this window")


def _story(story: ExplainedStory) -> Iterator[Line]:
    verdict = f"{story.verdict}, an update" if story.update else story.verdict
    yield Line(f"{verdict}: {story.headline or '(no article is kept)'}", 2, "bold" if story.told else "")
    place = f"story {story.story_id}, version {story.version}" + (f", in {story.topic}" if story.topic else "")
    yield Line(f"{place}, told by {plural(story.publishers, 'publisher')}", 4)
    yield Line(f"why: {story.why}", 4)
    if story.parts:
        parts = " + ".join(f"{name} {part:.2f}" for name, part in story.parts.items())
        yield Line(f"rank: {story.score:.2f} = {parts}", 4)
    for article in story.articles:
        yield Line(_joined(article), 4, "dim")


def _joined(article: Membership) -> str:
    """How one article came to its story."""
    if article.opened:
        how = "opened it"
    elif article.terms:
        how = f"joined with {article.score:.2f} ({', '.join(article.terms)})"
    else:
        how = f"joined with {article.score:.2f}"
    at = moment(article.published_at or article.news_at)
    backlog = "" if article.news_at else ", backlog"
    return f"{how}: {article.publisher}, {at}{backlog}, “{article.title}”"
