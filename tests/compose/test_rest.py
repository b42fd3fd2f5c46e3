"""Stories that had no room in a mail: it says how many there are, and the page in the browser has them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.compose.assemble import Composer
from digest.compose.content import Frozen
from digest.compose.room import CHROME, WHOLE, all_fit, fitting, left_over
from digest.compose.select import BRIEFS
from digest.types import Due, Envelope, Pick, Recipient
from tests.compose.bench import built
from tests.compose.edition import EDITION, HANDS, SINCE, card, compose, decoded, freeze, profile, theme, tokens
from tests.compose.test_room import sized

ROOM = WHOLE - CHROME
LONG = ROOM // 3
READER = profile(max_stories=4)


def edition(count: int, size: int = LONG) -> Frozen:
    """Stories of that size, of which a mail has room for three if they are LONG."""
    frozen = freeze([(card(number, f"Story number {number}"), (1 + number % 3,), ()) for number in range(1, count + 1)])
    told = {number: replace(each, size=size, brief_size=size) for number, each in frozen.manifest.stories.items()}
    return replace(frozen, manifest=replace(frozen.manifest, stories=told))


def viewed(frozen: Frozen, picks: tuple[Pick, ...]) -> tuple[str, str]:
    page = Composer(EDITION, frozen, theme(), HANDS, "raw").view(picks, READER, SINCE)
    return page.html, page.text


def test_a_mail_says_how_many_had_no_room_and_where_they_are() -> None:
    frozen = edition(6)
    mail = compose(frozen, READER)
    html, text = mail.html.decode(), mail.text.decode()
    assert len(mail.picks) == 3
    for part in (html, text):
        assert "3 more stories have no room in this mail." in part
        assert part.index("Story number 3") < part.index("3 more stories") < part.index("That’s all.")
        assert [token for purpose, token in tokens(part.partition("3 more stories")[2]) if purpose == "view"]
        assert "Story number 4" not in part
    for part in viewed(frozen, mail.picks):
        assert [number for number in range(1, 7) if f"Story number {number}" not in part] == []
        assert "no room" not in part
        assert "6 stories" in part
        assert tokens(part) == []


def test_one_is_told_in_the_singular_and_a_mail_with_room_for_all_says_nothing() -> None:
    assert b"1 more story has no room in this mail." in compose(edition(4), READER).text
    for frozen in (edition(3), edition(6, 3000), edition(6, 0)):
        mail = compose(frozen, READER)
        assert b"no room" not in mail.html + mail.text
        assert viewed(frozen, mail.picks)[0].count("<h3") == mail.html.decode().count("<h3")


def test_the_page_ends_where_a_mail_would() -> None:
    frozen = edition(4 + BRIEFS + 3)
    mail = compose(frozen, READER)
    assert f"{4 + BRIEFS - 3} more stories" in mail.text.decode()
    html, _ = viewed(frozen, mail.picks)
    assert [number for number in range(1, 13) if f"Story number {number}" in html] == list(range(1, 5 + BRIEFS))


@pytest.mark.parametrize("encoding", ["raw", "json", "qp"])
def test_a_mail_that_is_made_again_says_the_same_whatever_was_sent_meanwhile(encoding: str) -> None:
    frozen, to = edition(6), Recipient(42, "reader42@example.org", "Ada")
    first = compose(frozen, READER, encoding=encoding)
    for part in (first.html, first.text):
        assert "3 more stories" in decoded(part, encoding)
        assert encoding != "qp" or max(map(len, part.split(b"\r\n"))) <= 76
    memory = {number: (Pick(number, 1),) for number in range(1, 7)}
    again = Due(EDITION, 42, READER.id, SINCE, picks=first.picks, memory=memory)
    other = Composer(EDITION, frozen, theme(), HANDS, encoding)
    assert isinstance(other.compose(again, READER, to), Envelope)
    assert other.compose(again, READER, to) == first


def test_an_edition_of_before_says_nothing_and_is_still_composed() -> None:
    frozen = edition(6)
    html = {key: part for key, part in frozen.html.items() if not key.startswith("rest/")}
    text = {key: part for key, part in frozen.text.items() if not key.startswith("rest/")}
    mail = compose(replace(frozen, html=html, text=text), READER)
    assert len(mail.picks) == 3
    assert b"no room" not in mail.html + mail.text


@pytest.mark.parametrize("look", ["paper", "compact", "letter"])
@pytest.mark.parametrize(
    ("language", "told", "leads"),
    [
        ("en", "4 more stories have no room in this mail.", "Read the rest in the browser"),
        ("de", "3 weitere Meldungen haben in dieser E-Mail keinen Platz.", "Den Rest im Browser lesen"),
        ("ar", "3 أخبار أخرى لم تتسع لها هذه الرسالة.", "اقرأ البقية في المتصفح"),
    ],
)
def test_every_theme_says_it_in_every_language(look: str, language: str, told: str, leads: str) -> None:
    mail = built("trimmed", language, look)
    for part in (mail.html, mail.text):
        assert part.count(told) == part.count(leads) == 1


@given(st.lists(st.integers(0, 90_000), max_size=25), st.integers(1, 12))
def test_what_a_reader_without_memory_misses_is_what_had_no_room(sizes: list[int], cards: int) -> None:
    stories = {number: sized(size, size) for number, size in enumerate(sizes)}
    wanted = [Pick(number, 1) for number in stories][: cards + BRIEFS]
    picks = fitting(stories, wanted, cards)
    left = left_over(stories, wanted, picks, cards, cards + BRIEFS)
    assert sorted(pick.story_id for pick in (*picks, *left)) == sorted(pick.story_id for pick in wanted)
    if left:
        assert not all_fit(stories.values(), cards, BRIEFS)
