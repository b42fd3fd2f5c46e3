"""One of every mail that the service can send, made of invented news by the machinery that makes the real ones.

Nothing is read from a database and nothing is stored: what a mail looks like depends on templates, languages and
settings.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Any

from digest.compose.assemble import Composer, Hands
from digest.compose.blocks import BlockCache, chrome_blocks, compile_blocks, story_blocks
from digest.compose.content import ALL_QUIET, BREAKING, WELCOME, Card, Frozen, FrozenStory, Manifest, Site
from digest.compose.fragments import Fragment
from digest.compose.personal import QUESTIONS, Answer, Answers, answers_of, asked_by, chosen
from digest.compose.report import tell
from digest.compose.room import WHOLE
from digest.compose.select import BRIEFS
from digest.compose.theme import Theme, direction
from digest.compose.voice import Voice
from digest.dispatch.mime import message_bytes
from digest.errors import TemplateError
from digest.service.freezing import WELCOMING
from digest.service.hours import next_mail
from digest.service.letters import LETTERS, REPORT, compile_letter, subject_of
from digest.service.specimendays import DAYS, FROZEN
from digest.types import Due, Envelope, Pick, ReaderProfile, Recipient
from subscribers.roster import MAX_STORIES

LEADS_NOWHERE = "o" + "A" * 36
"""In the place of a link's token, and as long as one."""

READER = Recipient(1, "reader@example.org", "")
OTHER = {"en": "de"}
"""The language of a digest's foreign story; English for every other language."""

LONGEST_SUMMARY, LONG_TITLE = 360, 140
"""Characters of the texts in the largest digest: a summary's most (`digest.stories.summary`), and twice a usual
title."""


@dataclass(frozen=True, slots=True)
class Specimen:
    """A mail in a language. `envelope` holds both parts as they are, `message` the whole as it travels."""

    mail: str
    language: str
    envelope: Envelope
    message: bytes
    is_digest: bool
    reader: str = ""
    """Who reads it so, where its templates ask: "cadence weekly"; empty for a daily reader of all topics."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What specimens are made with. `cache` is shared, so that blocks are compiled once for all of them."""

    theme: Theme
    site: Site
    cache: BlockCache


def specimens(bench: Bench, mails: Sequence[str], languages: Sequence[str]) -> Iterator[Specimen]:
    """These mails in these languages, as a daily reader of all topics gets them. Raises TemplateError, one line, for a
    template that cannot be rendered, naming mail and language."""
    for language in languages:
        for mail in mails:
            yield next(readings(bench, mail, language))


def readings(bench: Bench, mail: str, language: str) -> Iterator[Specimen]:
    """A mail in every way it may read ({% personal %}), that of `specimens` first; ways that read the same are one.
    Raises as `specimens`."""
    try:
        frozen, memory = DIGESTS[mail](bench, language) if mail in DIGESTS else (_letter(bench, mail, language), {})
        parts = [each for part in (frozen.html, frozen.text) for each in part.values() if asked_by(each)]
        asked = sorted({name for fragment in parts for name in asked_by(fragment)})
        usual = _reader(mail, language, tuple(frozen.manifest.topics), {})
        seen: set[tuple[Fragment, ...]] = set()
        for told in [answers_of(usual, asked), *_answers(asked)]:
            reads = tuple(chosen(fragment, told) for fragment in parts)
            if reads in seen:
                continue
            name = ", ".join(f"{question} {_told(answer)}" for question, answer in told.items()) if seen else ""
            seen.add(reads)
            reader = _reader(mail, language, usual.topics, told)
            raw, travels = (_made(bench, mail, frozen, memory, reader, encoding) for encoding in ("raw", "qp"))
            yield Specimen(mail, language, raw, message_bytes(travels), mail in DIGESTS, name)
    except TemplateError as error:
        raise TemplateError(f"{mail} ({language}): {error}") from error


def _answers(asked: Sequence[str]) -> Iterator[Answers]:
    for answers in product(*(QUESTIONS[name].answers for name in asked)):
        yield dict(zip(asked, answers, strict=True))


def _told(answer: Answer) -> str:
    return answer if isinstance(answer, str) else {True: "yes", False: "no"}[answer]


CADENCES = {"weekly": "weekly:fri", "days": "days:mon,thu", "several": "several:12:00"}
"""Of the kinds of a cadence, those that say more than their name."""


def _reader(mail: str, language: str, topics: tuple[int, ...], answers: Answers) -> ReaderProfile:
    """A reader who answers so, else a daily one of all topics."""
    cadence = str(answers.get("cadence", "daily"))
    return ReaderProfile(
        1,
        topics if answers.get("several_topics", True) else topics[:1],
        language,
        "Europe/Berlin",
        CADENCES.get(cadence, cadence),
        420,
        CAPS.get(mail, MAX_STORIES),
        format=str(answers.get("format", "html")),
        own={topics[0]: ("weekly:sun", 600)} if answers.get("own_hours") and topics else {},
        all_quiet=True,
    )


def _made(bench: Bench, mail: str, frozen: Frozen, memory: Memory, reader: ReaderProfile, encoding: str) -> Envelope:
    links = {LETTERS[mail]: LEADS_NOWHERE} if mail in LETTERS else {}
    hands = Hands(links=lambda _: Nowhere(), letter_links=lambda _: links, next_due=next_mail)
    due = Due(1, 1, 1, FROZEN, memory=memory)
    made = Composer(1, frozen, bench.theme, hands, encoding).compose(due, reader, READER)
    if not isinstance(made, Envelope):
        raise TemplateError(f"the specimen was not composed: {made.reason}")
    return made


class Nowhere:
    """Link tokens of a reader that open nothing."""

    leave = view = manage = tune = LEADS_NOWHERE


# --- digests ----------------------------------------------------------------------------------------------------------

Memory = Mapping[int, tuple[Pick, ...]]
_Digest = Callable[[Bench, str], tuple[Frozen, Memory]]


def _digest(
    bench: Bench, language: str, cards: Sequence[Card], values: Mapping[str, str] | None = None
) -> tuple[Frozen, Memory]:
    """`values` as for `digest.service.freezing.freeze_digest`."""
    values = values or {}
    topics = dict(enumerate(_content()["topics"].get(language, _content()["topics"]["en"]), 1))
    greets = {"welcome": WELCOME in values, "all_quiet": ALL_QUIET in values}
    blocks = [*chrome_blocks(topics, language, **greets), *story_blocks(cards, language)]
    compiled = compile_blocks(bench.theme, bench.site, blocks, bench.cache)
    if compiled.dropped:
        raise TemplateError(next(iter(compiled.dropped.values())))
    manifest = Manifest(
        kind="digest",
        frozen_at=FROZEN,
        site=bench.site,
        topics=topics,
        stories={card.story_id: _facts(card, len(topics)) for card in cards},
        orders={FROZEN.isoformat(): tuple(card.story_id for card in cards)},
        parts={},
        times={card.article_id: FROZEN - timedelta(hours=1 + 3 * place) for place, card in enumerate(cards)},
        html=dict.fromkeys(compiled.html, ""),  # asked for by name only: the fragments are at hand
        text=dict.fromkeys(compiled.text, ""),
        values=values,
    )
    memory = {card.story_id: (Pick(card.story_id, card.from_version),) for card in cards if card.from_version}
    return Frozen(manifest, compiled.html, compiled.text), memory


def _without_room(frozen: Frozen, memory: Memory) -> tuple[Frozen, Memory]:
    """The same, as if every story were so long that a mail has room for three."""
    long = WHOLE // 5
    told = {number: replace(story, size=long, brief_size=long) for number, story in frozen.manifest.stories.items()}
    return replace(frozen, manifest=replace(frozen.manifest, stories=told)), memory


def _facts(card: Card, topics: int) -> FrozenStory:
    updates = {card.from_version: card.title} if card.from_version else {}
    words = len(f"{card.title} {card.summary}".split())
    return FrozenStory(card.version, (1 + card.story_id % topics,), card.title, words, 1 + len(card.also), updates)


def _cards(language: str) -> list[Card]:
    """The stories of a language, and one from abroad; the third is an update, the fourth summed up by a machine, the
    fifth is told by so many that not all are named."""
    own = language if language in _content()["stories"] else "en"
    abroad = OTHER.get(own, "en")
    told = [(own, each) for each in _content()["stories"][own]]
    told.insert(3, (abroad, _content()["stories"][abroad][0]))
    return [
        Card(
            story_id=place,
            version=2,
            from_version=1 if place == 3 else 0,
            article_id=place,
            title=story["title"],
            summary=story["summary"],
            url=f"https://news.example.org/{spoken}/{place}?from=digest&part=2",
            publisher=story["publisher"],
            language=spoken,
            direction=direction(spoken),
            also=tuple(story["also"]),
            others=4 if place == 5 else 0,
            image_url=f"https://pictures.example.org/{story['picture']}.jpg" if story["picture"] else "",
            image_alt=story["shows"],
            machine=place == 4,
            page=f"/story/{place}",
        )
        for place, (spoken, story) in enumerate(told, 1)
    ]


def _many(language: str) -> list[Card]:
    """As many stories as a mail holds, each as long as they get."""
    some = [card for card in _cards(language) if card.summary and not card.from_version]
    pictured = next(card for card in some if card.image_url)
    return [
        replace(
            some[place % len(some)],
            story_id=place + 1,
            article_id=place + 1,
            title=_filled(some[place % len(some)].title, LONG_TITLE),
            summary=_filled(some[place % len(some)].summary, LONGEST_SUMMARY),
            also=(some[0].publisher, some[-1].publisher, pictured.publisher),
            others=12,
            image_url=pictured.image_url,
            image_alt=pictured.image_alt,
            page=f"/story/{place + 1}",
        )
        for place in range(MAX_STORIES + BRIEFS)
    ]


def _filled(text: str, size: int) -> str:
    said = " ".join([text] * (1 + size // len(text)))[: size + 1]
    return said[: said.rfind(" ")]


DIGESTS: Mapping[str, _Digest] = {
    "digest": lambda bench, language: _digest(bench, language, _cards(language)),
    "bare": lambda bench, language: _digest(
        bench, language, [replace(card, image_url="") for card in _cards(language)]
    ),
    "one": lambda bench, language: _digest(bench, language, _cards(language)[:1]),
    "largest": lambda bench, language: _digest(bench, language, _many(language)),
    "trimmed": lambda bench, language: _without_room(*_digest(bench, language, _cards(language))),
    "welcome": lambda bench, language: _digest(bench, language, _cards(language), WELCOMING),
    "quiet": lambda bench, language: _digest(bench, language, [], WELCOMING),
    "all-quiet": lambda bench, language: _digest(bench, language, [], {ALL_QUIET: "1"}),
    "breaking": lambda bench, language: _digest(bench, language, _cards(language)[:1], {BREAKING: "1"}),
}
"""The digest as it may come: with everything, without pictures, one story only, as large as it gets, without room for
all, a reader's first with and without stories, of a day without anything new, and breaking news."""

CAPS = {"digest": 5}
"""How many stories come in full, where that is fewer than usual: the rest are one-liners, which are looked at too."""

MAILS = (*DIGESTS, *LETTERS, *DAYS)


@cache
def _content() -> dict[str, Any]:
    return dict(json.loads(files(__package__).joinpath("specimens.json").read_text(encoding="utf-8")))


# --- letters ----------------------------------------------------------------------------------------------------------


def _letter(bench: Bench, mail: str, language: str) -> Frozen:
    if mail in DAYS:
        told = tell(DAYS[mail], bench.theme, language, "Europe/Berlin")
        return _frozen(bench, REPORT, language, {"subject": told.subject}, report=told)
    names = _content()["topics"].get(language, _content()["topics"]["en"])
    values = {"topics": Voice(bench.theme, language, "UTC", FROZEN).names(names)}
    return _frozen(bench, mail, language, values)


def _frozen(bench: Bench, mail: str, language: str, values: Mapping[str, str], **more: object) -> Frozen:
    parts = compile_letter(bench.theme, bench.site, mail, language, **more)
    subject = subject_of(bench.theme, bench.site, mail, language, values)
    known = {**values, "subject": subject, "language": language}
    manifest = Manifest(mail, FROZEN, bench.site, {}, {}, {}, {}, {}, {}, {}, known)
    return Frozen(manifest, {key: part for key, part in parts.items() if key != "text"}, {"body": parts["text"]})
