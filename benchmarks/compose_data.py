"""A morning of a large town: an edition of many topics through the real compiler, and readers without end.

Texts are those of the bundled town. What a reader gets is always three topics of five stories each; in the last case
the window is wide and the reader's memory decides which five.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, permutations

from lxml import html

from digest.compose.assemble import Composer, Hands
from digest.compose.blocks import BlockCache, chrome_blocks, compile_blocks, story_blocks
from digest.compose.content import Card, Frozen, FrozenStory, Manifest, Site
from digest.compose.theme import Theme, direction
from digest.demo.content import load
from digest.service.hours import next_mail
from digest.service.places import templates_folder
from digest.types import Due, Pick, ReaderProfile, Recipient
from subscribers.i18n import Catalogues
from subscribers.tokens import Keyring

EDITION = 7
FROZEN_AT = datetime(2026, 11, 23, 6, tzinfo=UTC)
MORNING, WEEK = FROZEN_AT - timedelta(days=1), FROZEN_AT - timedelta(days=7)
"""The windows: news of a day holds five stories of each topic, of a week twelve."""
NAMES = ("Harbour", "Town", "Energy", "Science", "Culture", "Sport", "Schools", "Courts", "Weather", "Trade")
A_DAY, A_WEEK = 5, 12
SETS = 200
KEYRING = Keyring(["a-key-that-only-the-benchmark-knows-0001"])
SITE = Site(
    name="The Morning Tide",
    public_url="https://digest.example.org",
    sender="The Morning Tide <tide@example.org>",
    reply_to="desk@example.org",
    postal_address="4 Tallow Hill | 12345 Lanthorn",
    accent="#8a3324",
    accent_dark="#d4745f",
    list_domain="example.org",
)
PLACES = (("en", "Europe/London"), ("en", "America/New_York"), ("de", "Europe/Berlin"), ("en", "Asia/Kathmandu"))
"""Language and zone: all measured readers are in the first, for what is measured is another choice of stories; mails
of all four are compared."""

Reader = tuple[Due, ReaderProfile, Recipient]


@dataclass(frozen=True, slots=True)
class Morning:
    """An edition, and its cards by (story, from version) for whoever renders them the straightforward way."""

    theme: Theme
    frozen: Frozen
    cards: Mapping[tuple[int, int], Card]
    hands: Hands

    def composer(self, encoding: str) -> Composer:
        """One that has composed nothing yet."""
        return Composer(EDITION, self.frozen, self.theme, self.hands, encoding)


def morning() -> Morning:
    """The edition: every second story has a picture, most have several publishers, each knows an update."""
    folder = templates_folder()
    theme = Theme(folder, Catalogues(folder / "locale").translations)
    topics = dict(enumerate(NAMES, 1))
    full = _cards(len(topics) * A_WEEK)
    updates = [_update(card) for card in full]
    languages = sorted({language for language, _ in PLACES})
    blocks = [block for language in languages for block in chrome_blocks(topics, language)]
    blocks += [block for language in languages for block in story_blocks([*full, *updates], language)]
    compiled = compile_blocks(theme, SITE, blocks, BlockCache())
    assert not compiled.dropped
    manifest = Manifest(
        kind="digest",
        frozen_at=FROZEN_AT,
        site=SITE,
        topics=topics,
        stories={
            card.story_id: FrozenStory(
                card.version,
                (_topic(card.story_id),),
                card.title,
                len(f"{card.title} {card.summary}".split()),
                1 + len(card.also) + card.others,
                {update.from_version: update.title},
            )
            for card, update in zip(full, updates, strict=True)
        },
        orders={
            # Stories stand topic by topic: the first five of each are the day's. Best first runs across the topics.
            start.isoformat(): tuple(
                place + A_WEEK * topic for place in range(1, most + 1) for topic in range(len(topics))
            )
            for start, most in ((MORNING, A_DAY), (WEEK, A_WEEK))
        },
        parts={},
        times={card.article_id: FROZEN_AT - timedelta(minutes=37 * card.article_id) for card in [*full, *updates]},
        html=dict.fromkeys(compiled.html, ""),  # the composer asks under which names there is something, not where
        text=dict.fromkeys(compiled.text, ""),
    )
    cards = {(card.story_id, card.from_version): card for card in [*full, *updates]}
    hands = Hands(
        links=lambda reader: KEYRING.mail_links(reader, EDITION, KEYRING.key_id),
        letter_links=lambda reader: {},
        next_due=next_mail,
    )
    return Morning(theme, Frozen(manifest, compiled.html, compiled.text), cards, hands)


def _order(most: int) -> tuple[int, ...]:
    """The first so many stories of each topic, the topics by turns."""
    return tuple(place + A_WEEK * topic for place in range(1, most + 1) for topic in range(len(NAMES)))


def _topic(story_id: int) -> int:
    return (story_id - 1) // A_WEEK + 1


def _cards(count: int) -> list[Card]:
    town = load()
    told = [article for article in town.articles if article.language == "en"]
    papers = [publisher.name for publisher in town.publishers if publisher.language == "en"]
    found = []
    for number in range(1, count + 1):
        article, again = told[(number - 1) % len(told)], (number - 1) // len(told)
        words = " ".join(_plain(paragraph) for paragraph in article.body)
        also = tuple(papers[(number + step) % len(papers)] for step in range(1, 1 + number % 4))
        found.append(
            Card(
                story_id=number,
                version=2,
                from_version=0,
                article_id=number,
                title=_plain(article.title) if not again else f"{_plain(article.title)}, day {again + 1}",
                summary=words[:400].rpartition(" ")[0] + "…",
                url=f"https://{article.publisher}.example.org/{article.id}/{number}?from=feed&edition=morning",
                publisher=papers[number % len(papers)],
                language="en",
                direction=direction("en"),
                also=also,
                others=2 if len(also) == 3 else 0,
                image_url=f"https://{article.publisher}.example.org/pictures/{article.id}.jpg" if number % 2 else "",
                image_alt=article.picture.alt if article.picture else "",
                page=f"/story/{number}",
            )
        )
    return found


def _update(card: Card) -> Card:
    """What is new for whoever was told version 1."""
    return Card(
        story_id=card.story_id,
        version=card.version,
        from_version=1,
        article_id=card.article_id + 1000,
        title=f"{card.title}: what came of it",
        summary=card.summary[:200].rpartition(" ")[0] + "…",
        url=f"{card.url}&part=2",
        publisher=card.publisher,
        language="en",
        direction="ltr",
        also=card.also[:1],
        page=card.page,
    )


def _plain(markup: str) -> str:
    return " ".join(str(html.fragment_fromstring(markup, create_parent="div").text_content()).split())


# --- readers ----------------------------------------------------------------------------------------------------------


def one_set() -> Iterator[Reader]:
    """Readers who all chose the same three topics."""
    profile = _profile(1, (1, 2, 3), *PLACES[0])
    for number in range(1, 10**9):
        yield Due(EDITION, number, profile.id, MORNING), profile, _person(number)


def two_hundred_sets() -> Iterator[Reader]:
    """Readers of 200 different choices of topics, in no order."""
    chance = random.Random(6)  # noqa: S311 - a committed seed
    sets = chance.sample(list(permutations(range(1, len(NAMES) + 1), 3)), SETS)
    profiles = [_profile(number, topics, *PLACES[0]) for number, topics in enumerate(sets, 1)]
    for number in range(1, 10**9):
        profile = chance.choice(profiles)
        yield Due(EDITION, number, profile.id, MORNING), profile, _person(number)


def all_distinct(places: Sequence[tuple[str, str]] = PLACES[:1]) -> Iterator[Reader]:
    """Readers of every order of topics; of a week's twelve stories a topic each knows seven, and one of their first
    topic in an earlier version."""
    chance = random.Random(6)  # noqa: S311 - a committed seed
    sets = list(permutations(range(1, len(NAMES) + 1), 3))
    profiles = [
        _profile(number, topics, *place)
        for number, (topics, place) in enumerate(((topics, place) for topics in sets for place in places), 1)
    ]
    for number in range(1, 10**9):
        profile = chance.choice(profiles)
        memory: dict[int, tuple[Pick, ...]] = {}
        for topic in profile.topics:
            known = chance.sample(range(A_WEEK * (topic - 1) + 1, A_WEEK * topic + 1), A_WEEK - A_DAY)
            memory |= {story: (Pick(story, 2),) for story in known}
        first = A_WEEK * (profile.topics[0] - 1) + 1
        earlier = next(story for story in range(first, first + A_WEEK) if story not in memory)
        memory[earlier] = (Pick(earlier, 1),)
        yield Due(EDITION, number, profile.id, WEEK, memory=memory), profile, _person(number)


CASES: Mapping[str, Callable[[], Iterator[Reader]]] = {
    "one topic set": one_set,
    "200 topic sets": two_hundred_sets,
    "all distinct": all_distinct,
}


def batches(readers: Iterator[Reader], count: int, size: int) -> Iterator[list[Reader]]:
    """The first `count` readers, in lists of `size`."""
    mine = islice(readers, count)
    while batch := list(islice(mine, size)):
        yield batch


def _profile(number: int, topics: tuple[int, ...], language: str, zone: str) -> ReaderProfile:
    return ReaderProfile(number, topics, language, zone, "daily", 420, max_stories=3 * A_DAY)


def _person(number: int) -> Recipient:
    return Recipient(number, f"reader{number}@example.org", f"Ada Quill {number}")
