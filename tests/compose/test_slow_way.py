"""Joining fragments says what rendering each mail by itself says (`benchmarks.baselines_mail`): the slow way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.baselines_mail import PlainPress, by_premailer
from digest.compose.assemble import Composer
from digest.compose.content import Card, Frozen
from digest.compose.fragments import guard
from digest.compose.select import select
from digest.types import Due, LeftOut, Pick, ReaderProfile, Recipient
from tests.compose.edition import (
    EDITION,
    HANDS,
    SINCE,
    card,
    compose,
    decoded,
    freeze,
    hrefs,
    parsed,
    profile,
    theme,
    visible,
)
from tests.compose.test_assemble import HOSTILE, NASTY, Story, stories

Memory = Mapping[int, tuple[Pick, ...]]
Cards = Mapping[tuple[int, int], Card]


def baseline(frozen: Frozen, cards: Cards, reader: ReaderProfile, memory: Memory) -> dict[str, Any]:
    """The same reader's mail as a naive service would make it."""
    due, to = Due(EDITION, 42, reader.id, SINCE, memory=memory), Recipient(42, "reader42@example.org", "Ada")
    return PlainPress(theme(), frozen.manifest, cards, HANDS).mail(due, reader, to, by_premailer)


def the_same(told: list[Story], frozen: Frozen, reader: ReaderProfile, memory: Memory) -> None:
    """Everything that a reader sees, follows or hears of is the same, in each encoding."""
    cards = {(one.story_id, one.from_version): one for full, _, updates in told for one in (full, *updates)}
    plain = baseline(frozen, cards, reader, memory)
    for encoding in ("raw", "json", "qp"):
        mail = compose(frozen, reader, memory=memory, encoding=encoding)
        assert decoded(mail.text, encoding) == plain["text"]
        assert mail.subject == plain["subject"]
        if reader.format == "text":
            assert mail.html == b""
            continue
        page = decoded(mail.html, encoding)
        assert visible(page) == visible(plain["html"])
        assert hrefs(page) == hrefs(plain["html"])
        root, expected = parsed(page), parsed(plain["html"])
        for what in ("//img/@src", "//img/@alt", "//@lang", "//@dir"):
            assert root.xpath(what) == expected.xpath(what)
        assert sorted(root.xpath("//@style")) == sorted(expected.xpath("//@style"))


@pytest.mark.parametrize("language", ["en", "de", "ar"])
def test_the_compiled_way_says_what_the_straightforward_way_says(language: str) -> None:
    update = card(2, "What is new of two", version=2, from_version=1, summary="The new part.", article_id=50)
    many: list[Story] = [
        (card(1, NASTY, also=("Paper & Sons", "<Other>"), others=3, image_url="https://paper.example/1.jpg"), (1,), ()),
        (card(2, version=2), (2, 3), (update,)),
        (card(3, "جنوح العبّارة", language="ar", direction="rtl", also=("رصيف",)), (3,), ()),
        *stories(12)[3:],
    ]
    frozen = freeze(many, languages=(language,))
    for reader in (profile(language=language, max_stories=5), profile(language=language, topics=(3, 1), id=2)):
        the_same(many, frozen, reader, {2: (Pick(2, 1),)})


# Texts leave `gather.plain` on one line, in NFC and without control characters.
LINES = st.one_of(
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn", "Co", "Zl", "Zp"]), min_size=1, max_size=120),
    st.sampled_from([*HOSTILE, "> quoted", "From me", "https://a.example/?x=1&y=2", "كلام " * 30, "w" * 200]),
).map(lambda text: " ".join(guard(text).split()) or "x")
NAMES = LINES.map(lambda text: text[:30].strip() or "x")


@st.composite
def tellings(draw: st.DrawFn, number: int) -> Story:
    language, direction = draw(st.sampled_from([("en", "ltr"), ("ar", "rtl"), ("de-AT", "ltr")]))
    values: dict[str, Any] = {
        "language": language,
        "direction": direction,
        "publisher": draw(NAMES),
        "also": tuple(draw(st.lists(NAMES, max_size=3))),
        "others": draw(st.integers(0, 12)),
        "image_url": draw(st.sampled_from(["", f"https://paper.example/{number}.jpg?a=1&b='2'"])),
        "image_alt": draw(st.sampled_from(["", NASTY])),
        "machine": draw(st.booleans()),
        "page": draw(st.sampled_from(["", f"/story/{number}"])),
    }
    values["others"] = values["others"] if values["also"] else 0
    topics = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3, unique=True))
    summary = draw(st.one_of(st.just(""), LINES))
    if not draw(st.booleans()):
        return card(number, draw(LINES), summary=summary, **values), topics, ()
    news = {**values, "version": 2, "from_version": 1, "article_id": 100 + number}
    update = card(number, draw(LINES), summary=draw(LINES), **news)
    return card(number, draw(LINES), summary=summary, version=2, **values), topics, (update,)


READERS = st.builds(
    profile,
    id=st.just(1),
    topics=st.permutations([1, 2, 3]).flatmap(lambda order: st.integers(1, 3).map(lambda size: tuple(order[:size]))),
    language=st.sampled_from(["en", "de", "ar"]),
    timezone=st.sampled_from(["Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "Pacific/Chatham"]),
    cadence=st.sampled_from(["daily", "weekdays", "weekly:fri", "days:mon", "days:mon,thu", "several:12:00"]),
    send_minute=st.integers(0, 95).map(lambda quarter: 15 * quarter),
    max_stories=st.integers(1, 6),
    format=st.sampled_from(["html", "text"]),
    own=st.sampled_from([{}, {1: ("weekly:sun", 600)}]),
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data(), st.integers(1, 8), READERS, st.sets(st.integers(1, 8)), st.sets(st.integers(1, 8)))
def test_any_articles_for_any_reader(
    data: st.DataObject, many: int, reader: ReaderProfile, had: set[int], knows: set[int]
) -> None:
    """`had` are stories that the reader was sent as they stand, `knows` those that they were sent when new."""
    told = [data.draw(tellings(number)) for number in range(1, many + 1)]
    frozen = freeze(told, languages=(reader.language,))
    memory: dict[int, tuple[Pick, ...]] = {number: (Pick(number, 1),) for number in knows}
    memory |= {full.story_id: (Pick(full.story_id, full.version),) for full, _, _ in told if full.story_id in had}
    if select(frozen.manifest, SINCE.isoformat(), reader, memory):
        the_same(told, frozen, reader, memory)
        return
    due, to = Due(EDITION, 42, reader.id, SINCE, memory=memory), Recipient(42, "a@b.example", "")
    assert Composer(EDITION, frozen, theme(), HANDS, "raw").compose(due, reader, to) == LeftOut(42, "skipped", "empty")
