"""The straightforward way to write readers' mails: the yardstick for speed, and for sameness.

Render one reader's whole document with Jinja2, every value in its place, and inline its CSS with premailer; render the
text; write both as JSON. Or inline with css-inline, and write a message with email.message. Which stories a reader
gets, and how dates and counts are said, is asked of the same functions as ours: that is not what is compared.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr
from itertools import count
from typing import Any

import css_inline
from premailer import Premailer

from digest.compose.assemble import Hands
from digest.compose.content import Card, Manifest, Site
from digest.compose.personal import QUESTIONS, Answers, answers_of
from digest.compose.select import select, topic_of
from digest.compose.theme import Theme, direction, shorten, variables, wrapped
from digest.compose.voice import Voice
from digest.types import Due, ReaderProfile, Recipient


class Values:
    """One reader's values where the compiled way leaves holes, and their answers to what templates may ask; `n` is set
    before each story."""

    own = own_end = n = ""

    def __init__(self, values: Mapping[str, str], times: Mapping[int, str], answers: Answers) -> None:
        self._values = dict(values)
        self._times = dict(times)
        self._answers = dict(answers)

    def __getattr__(self, name: str) -> str:
        return str(self._values[name])

    def time(self, story: Card) -> str:
        """The clock time of a telling, as the reader sees it."""
        return self._times[story.article_id]

    def _ways(self, asked: Sequence[str], tell: Callable[[Answers], str]) -> str:
        return tell({name: self._answers[name] for name in asked})


Part = tuple[str, Any, Sequence[tuple[str, Card, int]]]
"""A macro ("" for none) and its argument (None for none), and below it the stories: macro, card, number."""


@dataclass(frozen=True, slots=True)
class PlainPress:
    """A service that renders each reader's mail from its templates, whole: once as HTML, once as text."""

    theme: Theme
    manifest: Manifest
    cards: Mapping[tuple[int, int], Card]
    hands: Hands

    def mail(self, due: Due, profile: ReaderProfile, to: Recipient, inline: Callable[[str], str]) -> dict[str, Any]:
        """What a provider's API is given for one reader; `inline` puts the stylesheet into the elements."""
        site, theme, stories = self.manifest.site, self.theme, self.manifest.stories
        picks = select(self.manifest, due.since.isoformat(), profile, due.memory)
        told = [self.cards[pick.story_id, pick.from_version] for pick in picks]
        voice = Voice(theme, profile.language, profile.timezone, self.manifest.frozen_at)
        links = self.hands.links(to.subscriber_id)
        titles = [voice.update(one.title) if one.from_version else one.title for one in told]
        words = sum(stories[one.story_id].words for one in told[: profile.max_stories])
        stats = voice.stats(len(told), words)
        values = {
            **{name: getattr(links, name) for name in ("view", "leave", "manage", "tune")},
            "greeting": voice.greeting(to.name),
            "date": voice.date(),
            "stats": stats,
            "preheader": " · ".join(shorten(title, 70) for title in titles[1:3]) or stats,
            "next": voice.next(self.hands.next_due(profile, self.manifest.frozen_at)),
            "topics": voice.names([self.manifest.topics[each] for each in profile.topics]),
            "lang": profile.language,
            "dir": direction(profile.language),
        }
        times = {one.article_id: voice.clock(self.manifest.times[one.article_id]) for one in told}
        parts = self._parts(told, profile)
        answers = answers_of(profile, QUESTIONS)
        broken = {**values, **{name: wrapped(values[name]) for name in ("next", "topics")}}
        return {
            "to": [formataddr((to.name, to.address))],
            "subject": shorten(titles[0]),
            "headers": {
                "List-Unsubscribe": f"<{site.public_url}/leave/{links.leave}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
                "List-Id": f'"{site.name}" <digest.{site.list_domain}>',
                "Auto-Submitted": "auto-generated",
            },
            "tags": [{"name": "delivery", "value": f"{due.edition_id}-{to.subscriber_id}"}],
            "from": site.sender,
            "reply_to": site.reply_to,
            "html": inline(full_render(theme, site, profile.language, Values(values, times, answers), parts)),
            "text": full_text(theme, site, profile.language, Values(broken, times, answers), parts),
        }

    def _parts(self, told: Sequence[Card], profile: ReaderProfile) -> list[Part]:
        numbers = count(2)
        topic = {one.story_id: topic_of(self.manifest.stories[one.story_id], profile.topics) for one in told}
        parts: list[Part] = [("", None, [("lead", told[0], 1)])]
        for each in profile.topics:
            cards = [one for one in told[1 : profile.max_stories] if topic[one.story_id] == each]
            if cards:
                head = {"name": self.manifest.topics[each]}
                parts.append(("section", head, [("card", one, next(numbers)) for one in cards]))
        if len(told) > profile.max_stories:
            parts.append(("briefs", None, [("brief", one, next(numbers)) for one in told[profile.max_stories :]]))
        return parts


def full_render(theme: Theme, site: Site, language: str, values: Values, parts: Sequence[Part]) -> str:
    """One reader's HTML document, its stylesheet not yet inlined."""
    given = {**variables(language, site), "p": values}
    environment = theme.environment(language)
    blocks: Any = environment.get_template("email/digest/body.html").make_module(given)
    called = [blocks.masthead()]
    for head, value, stories in parts:
        called += [getattr(blocks, head)(*(() if value is None else (value,)))] if head else []
        called += [getattr(blocks, kind)(card) for kind, card, _ in stories]
    body = "\n".join(str(each) for each in [*called, blocks.end(), blocks.footer()])
    page = environment.get_template("email/_base/shell.html")
    return page.render(given, content=environment.filters["safe"](body))


def full_text(theme: Theme, site: Site, language: str, values: Values, parts: Sequence[Part]) -> str:
    """One reader's text: below the stories of a part their links, by number."""
    given = {**variables(language, site), "p": values}
    blocks: Any = theme.environment(language).get_template("email/digest/body.txt").make_module(given)
    called = [blocks.masthead()]
    for head, value, stories in parts:
        called += [getattr(blocks, head)(*(() if value is None else (value,)))] if head else []
        for macros in ([kind for kind, _, _ in stories], ["link"] * len(stories)):
            for macro, (_, card, number) in zip(macros, stories, strict=True):
                values.n = str(number)
                called.append(getattr(blocks, macro)(card))
            called += ["\n"] if macros[0] != "link" else []
    text = "".join(str(each) for each in [*called, blocks.end(), blocks.footer()])
    return re.sub(r"^(?= |>|From )", " ", text, flags=re.MULTILINE)  # RFC 3676, section 4.4


def by_premailer(page: str) -> str:
    """The page with its stylesheet in its elements."""
    inlined: str = Premailer(
        page,
        allow_network=False,
        keep_style_tags=False,
        remove_classes=False,
        disable_validation=True,
        disable_basic_attributes=["height", "align"],  # as the product has it, and for its reasons
        cssutils_logging_level=logging.CRITICAL,
        method="html",
    ).transform()
    return inlined


def by_css_inline(page: str) -> str:
    """The same by the fastest inliner there is for Python. It drops the sheets of the head that it is told to leave
    alone, where premailer keeps them: so much less to write as MIME."""
    return css_inline.inline(page.replace('data-premailer="ignore"', 'data-css-inline="ignore"'))


def full_message(mail: Mapping[str, Any]) -> bytes:
    """A mail of `PlainPress` as a MIME message by the standard library."""
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Reply-To"] = mail["from"], mail["to"][0], mail["reply_to"]
    message["Subject"] = mail["subject"]
    for name, value in mail["headers"].items():
        message[name] = value
    message.set_content(mail["text"])
    message.add_alternative(mail["html"], subtype="html")
    return message.as_bytes()
