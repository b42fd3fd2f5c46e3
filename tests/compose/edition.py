"""A small frozen edition for the tests of composing: real templates, real compiler, real keys."""

from __future__ import annotations

import json
import quopri
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from lxml import html as lxml_html

from digest.compose.assemble import Composer, Hands
from digest.compose.blocks import BlockCache, chrome_blocks, compile_blocks, story_blocks
from digest.compose.content import Card, Frozen, FrozenStory, Manifest, Site
from digest.compose.fragments import guard
from digest.compose.theme import Theme
from digest.types import Due, Envelope, Pick, ReaderProfile, Recipient
from subscribers.cadence import next_due
from subscribers.i18n import Catalogues
from subscribers.tokens import Keyring, MailLinks
from tests import parts

FROZEN_AT = datetime(2026, 3, 4, 6, 0, tzinfo=UTC)
SINCE = FROZEN_AT - timedelta(days=1)
EDITION = 7
TEMPLATES = parts.ROOT / "templates"
KEYRING = Keyring(["a-key-that-only-these-tests-know-about-1"])
SITE = Site(
    name='The "Tide" & Co <daily>',
    public_url="https://news.example.org",
    sender="The Tide <tide@example.org>",
    reply_to="desk@example.org",
    postal_address="4 Tallow Hill | Lanthorn",
    accent="#8a3324",
    accent_dark="#d9806f",
    list_domain="example.org",
)
TOPICS = {1: "Harbour & Town", 2: "Energy <new>", 3: "Kultur"}
HANDS = Hands(
    links=lambda subscriber_id: KEYRING.mail_links(subscriber_id, EDITION),
    letter_links=lambda subscriber_id: {},
    next_due=lambda profile, after: next_due(profile.cadence, profile.send_minute, profile.timezone, after=after),
)


@cache
def theme(name: str = "paper") -> Theme:
    """A theme of the repository."""
    return Theme(TEMPLATES, Catalogues(TEMPLATES / "locale").translations, name=name)


def card(story_id: int, title: str = "", **values: Any) -> Card:
    """A telling whose article has the story's number, guarded as freezing does."""
    told = {
        "title": title or f"Headline number {story_id}",
        "summary": f"What happened in case {story_id}. It was seen by many.",
        "url": f"https://paper.example/{story_id}?a=1&b=2",
        "publisher": f"Paper {story_id}",
        "language": "en",
        "image_alt": "",
        "image_url": "",
        **values,
    }
    texts = {
        name: guard(value) if isinstance(value, str) and name != "direction" else value for name, value in told.items()
    }
    defaults: dict[str, Any] = {"version": 1, "from_version": 0, "article_id": story_id, "direction": "ltr"}
    return Card(story_id=story_id, **{**defaults, **texts})


def facts(full: Card, topics: Sequence[int], updates: Sequence[Card] = ()) -> FrozenStory:
    """What selection knows of a story."""
    words = len(f"{full.title} {full.summary}".split())
    return FrozenStory(
        full.version, tuple(topics), full.title, words, 1, {update.from_version: update.title for update in updates}
    )


def freeze(
    stories: Sequence[tuple[Card, Sequence[int], Sequence[Card]]],
    *,
    languages: Sequence[str] = ("en",),
    site: Site = SITE,
    cache: BlockCache | None = None,
    look: str = "paper",
) -> Frozen:
    """An edition of these stories, best first: (full telling, topics, updates)."""
    blocks = [block for language in languages for block in chrome_blocks(TOPICS, language)]
    told = [each for full, _, updates in stories for each in (full, *updates)]
    blocks += [block for language in languages for block in story_blocks(told, language)]
    compiled = compile_blocks(theme(look), site, blocks, cache or BlockCache())
    assert not compiled.dropped
    manifest = Manifest(
        kind="digest",
        frozen_at=FROZEN_AT,
        site=site,
        topics=TOPICS,
        stories={full.story_id: facts(full, topics, updates) for full, topics, updates in stories},
        orders={SINCE.isoformat(): tuple(full.story_id for full, _, _ in stories)},
        parts={},
        times={each.article_id: FROZEN_AT - timedelta(hours=each.article_id) for each in told},
        html=dict.fromkeys(compiled.html, "stored"),
        text=dict.fromkeys(compiled.text, "stored"),
    )
    return Frozen(manifest, compiled.html, compiled.text)


def profile(**values: Any) -> ReaderProfile:
    """An English reader in Berlin who takes every topic at 07:00."""
    ours = {
        "id": 1,
        "topics": (1, 2, 3),
        "language": "en",
        "timezone": "Europe/Berlin",
        "cadence": "daily",
        "send_minute": 420,
        "max_stories": 12,
    }
    return ReaderProfile(**{**ours, **values})


def compose(
    frozen: Frozen,
    reader: ReaderProfile,
    *,
    subscriber_id: int = 42,
    encoding: str = "raw",
    memory: Mapping[int, tuple[Pick, ...]] | None = None,
) -> Envelope:
    """One reader's mail by a composer of its own."""
    due = Due(EDITION, subscriber_id, reader.id, SINCE, memory=memory or {})
    to = Recipient(subscriber_id, f"reader{subscriber_id}@example.org", "Ada")
    mail = Composer(EDITION, frozen, theme(), HANDS, encoding).compose(due, reader, to)
    assert isinstance(mail, Envelope), mail
    return mail


def decoded(body: bytes, encoding: str) -> str:
    """What a provider's encoding stands for."""
    if encoding == "json":
        return str(json.loads(b'"' + body + b'"'))
    return (quopri.decodestring(body) if encoding == "qp" else body).decode().replace("\r\n", "\n")


def parsed(page: str) -> Any:
    """The document, for XPath."""
    return lxml_html.document_fromstring(page)


def visible(page: str) -> str:
    """What can be read of a page, white space folded; the hidden line that an inbox previews is left out."""
    body = parsed(page).find("body")
    for hidden in body.xpath("//div[@class='preheader']"):
        hidden.drop_tree()
    return " ".join(str(body.text_content()).split())


def hrefs(page: str) -> list[str]:
    """Where a page leads."""
    return [str(each) for each in parsed(page).xpath("//a/@href")]


def tokens(text: str) -> list[tuple[str, str]]:
    """(purpose, token) of every personal link in a text."""
    found = re.findall(r"/(leave|view|confirm|preferences|why)/([\w-]{38})", text)
    return [({"preferences": "manage", "why": "tune"}.get(where, where), token) for where, token in found]


def own_tokens(subscriber_id: int) -> MailLinks:
    """The tokens of one reader for this edition."""
    return KEYRING.mail_links(subscriber_id, EDITION)
