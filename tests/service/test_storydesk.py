"""Corrections of stories: they hold at once, and when new articles arrive; refusals; both databases."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest

from digest.errors import InputError, NothingToDo
from digest.models import Story
from digest.service.storydesk import StoryDesk
from digest.store.db import reading, writing
from digest.store.ties import ties
from subscribers.errors import UnknownTopic
from tests.service.newsroom import CHIP, ENGLISH, MARLOW, NOW, TESSIN, Newsroom, story_of

# --- what was said holds ----------------------------------------------------------------------------------------------


def test_a_split_holds_at_once_and_when_new_articles_arrive(room: Newsroom) -> None:
    room.gather(1, 2)
    whole = story_of(room, 1)
    assert room.together(1, 2)

    done = room.desk.split(whole, [2])

    assert (done.articles, done.left) == ((2,), 1)
    assert room.stories == {1: whole, 2: done.new}
    room.gather(3, 4, 5)  # 3 is near to both
    assert not room.together(1, 2)
    room.restart()
    room.gather(6)
    assert not room.together(1, 2)
    assert story_of(room, 3) in (whole, done.new)


def test_without_the_word_of_an_operator_they_would_come_together_again(room: Newsroom) -> None:
    """The test above would say nothing otherwise."""
    room.gather(1, 2)
    whole = story_of(room, 1)
    new = room.desk.split(whole, [2]).new
    with writing(room.engine) as session:
        session.execute(Story.__table__.metadata.tables["story_tie"].delete())  # type: ignore[attr-defined]
    room.restart()
    room.gather(3)
    assert room.together(1, 2, 3)
    assert story_of(room, 2) == min(whole, new)


def test_a_merge_holds_at_once_and_when_new_articles_arrive(room: Newsroom) -> None:
    room.gather(1, 2, 4)
    ferry, other = story_of(room, 1), story_of(room, 4)
    assert ferry != other

    done = room.desk.merge(other, [ferry])

    assert (done.story_id, done.gone, done.articles) == (other, (ferry,), 3)
    assert set(room.stories.values()) == {other}
    room.gather(3, 5)
    assert room.together(1, 2, 4)
    room.restart()
    room.gather(6, 19, 20)
    assert room.together(1, 2, 4)
    assert not room.together(4, 19)


@pytest.mark.parametrize("seed", range(6))
def test_corrections_are_obeyed_in_any_order_of_arrival(small_room: Newsroom, seed: int) -> None:
    """A third arrives, a story is split and two others are merged; then the rest arrives in portions of any size."""
    room, order = small_room, random.Random(seed)  # noqa: S311 - an order, not a secret
    first = [1, 2, 4, 5, 19, 20]
    rest = [number for number in ENGLISH if number not in first]
    order.shuffle(rest)
    room.gather(*first)
    off = room.desk.split(story_of(room, 1), [order.choice((1, 2))]).articles
    room.desk.merge(story_of(room, 4), [story_of(room, 19)])
    stays = {1, 2} - set(off)

    while rest:
        size = order.randint(1, 9)
        room.gather(*rest[:size])
        rest = rest[size:]
        if order.random() < 0.3:
            room.restart()
        assert room.together(4, 5, 19, 20)
        assert not any(room.together(one, two) for one in off for two in stays)


def test_what_is_split_off_together_stays_together(room: Newsroom) -> None:
    """A museum and the central bank: nothing but the word of the operator holds these two."""
    room.gather(24, 25, *MARLOW)
    ferry = story_of(room, 1)
    room.desk.merge(ferry, [story_of(room, 24), story_of(room, 25)])
    new = room.desk.split(ferry, [24, 25]).new

    room.restart()
    room.gather(*TESSIN, 26, 27, 28)

    assert room.stories[24] == room.stories[25] == new
    assert room.together(*MARLOW)
    assert story_of(room, 1) == ferry


def test_a_split_takes_a_merge_back_and_a_merge_a_split(room: Newsroom) -> None:
    room.gather(*MARLOW, *TESSIN)
    ferry, other = story_of(room, 1), story_of(room, 4)
    room.desk.merge(ferry, [other])
    new = room.desk.split(ferry, TESSIN).new
    room.gather(19)
    assert room.stories | {19: 0} == dict.fromkeys(MARLOW, ferry) | dict.fromkeys(TESSIN, new) | {19: 0}

    room.desk.merge(ferry, [new])
    with reading(room.engine) as session:
        _, apart = ties(session)
    assert apart == frozenset()
    room.restart()
    room.gather(20)
    assert room.together(*MARLOW, *TESSIN)
    assert [line.verdict for line in room.desk.golden()] == ["together"]


def test_the_rest_of_a_story_that_was_merged_by_hand_stays_one_when_its_centre_is_split_off(room: Newsroom) -> None:
    room.gather(24, 25, *CHIP)
    museum, bank, chip = story_of(room, 24), story_of(room, 25), story_of(room, 19)
    room.desk.merge(museum, [bank, chip])
    room.desk.split(museum, [24])

    room.restart()
    room.gather(22, 23)

    assert room.together(25, *CHIP)
    assert not room.together(24, 25)


def test_a_closed_story_can_be_corrected(room: Newsroom) -> None:
    room.gather(*MARLOW, *TESSIN)
    ferry, other = story_of(room, 1), story_of(room, 4)
    room.now = NOW + timedelta(days=40)
    assert room.desk.list() == []

    room.desk.merge(ferry, [other])
    assert room.together(*MARLOW, *TESSIN)
    room.desk.split(ferry, [4])
    assert not room.together(4, 5)


# --- copies -----------------------------------------------------------------------------------------------------------


def wired(room: Newsroom, *copies: int) -> int:
    """Article 1 and copies of it, with article 2, in one story."""
    room.write(1)
    for copy in copies:
        room.write(copy, like=1, publisher=f"Paper {copy}")
    room.gather(2)
    assert room.together(1, 2, *copies)
    return story_of(room, 1)


def copies_of(desk: StoryDesk, story: int) -> dict[int, int]:
    return {each.id: each.original for each in desk.show(story).members if each.original != each.id}


def test_copies_go_where_their_original_goes(room: Newsroom) -> None:
    story = wired(room, 101, 102)
    assert copies_of(room.desk, story) == {101: 1, 102: 1}

    done = room.desk.split(story, [1])

    assert done.articles == (1, 101, 102)
    room.restart()
    room.gather(3)
    assert room.together(1, 101, 102)
    assert not room.together(1, 2)


def test_copies_that_are_named_alone_are_none_of_it_from_there_on(room: Newsroom) -> None:
    story = wired(room, 101, 102, 103)

    new = room.desk.split(story, [102, 103]).new

    assert copies_of(room.desk, new) == {103: 102}
    assert copies_of(room.desk, story) == {101: 1}
    for number in (3, 5):
        room.restart()
        room.gather(number)
        assert room.together(102, 103)
        assert room.together(1, 101)
        assert not room.together(1, 102)


def test_copies_that_were_split_off_can_be_merged_again(room: Newsroom) -> None:
    story = wired(room, 101, 102, 103)
    new = room.desk.split(story, [102, 103]).new
    room.desk.merge(story, [new])
    with reading(room.engine) as session:
        assert ties(session)[1] == frozenset()
    for number in (3, 5):
        room.restart()
        room.gather(number)
        assert room.together(1, 2, 101, 102, 103)


def test_copies_that_were_merged_by_hand_come_along(room: Newsroom) -> None:
    story = wired(room, 101)
    room.gather(4, 5)
    room.desk.merge(story_of(room, 4), [story])
    room.restart()
    room.gather(3, 6)
    assert room.together(1, 2, 101, 4, 5)


# --- refusals ---------------------------------------------------------------------------------------------------------

REFUSED: list[tuple[str, Callable[[StoryDesk, Newsroom], object], type[Exception], str]] = [
    ("no such story", lambda desk, _: desk.merge(1, [99]), InputError, "there is no story 99"),
    ("itself", lambda desk, _: desk.merge(1, [2, 1]), InputError, "cannot be merged with itself"),
    ("languages", lambda desk, room: desk.merge(story_of(room, 1), [story_of(room, 33)]), InputError, "is in en and"),
    ("all of it", lambda desk, room: desk.split(story_of(room, 1), MARLOW), InputError, "these are all articles"),
    ("strange", lambda desk, room: desk.split(story_of(room, 1), [1, 4]), InputError, "article 4 is not in story"),
    ("no article", lambda desk, room: desk.split(story_of(room, 1), [999]), InputError, "there is no article 999"),
    ("split none", lambda desk, _: desk.split(99, [1]), InputError, "there is no story 99"),
    ("pin none", lambda desk, _: desk.pin(99), InputError, "there is no story 99"),
    ("topic", lambda desk, room: desk.pin(story_of(room, 1), topic="nix"), UnknownTopic, "nix"),
    ("no such topic", lambda desk, room: desk.hide(story_of(room, 1), topic="sport"), InputError, "belongs to topic"),
    ("over", lambda desk, room: desk.pin(story_of(room, 1), day=date(2026, 3, 3)), InputError, "2026-03-03 is over"),
    ("unpin", lambda desk, room: desk.unpin(story_of(room, 1)), NothingToDo, "is not pinned"),
    ("unhide", lambda desk, room: desk.unhide(story_of(room, 1)), NothingToDo, "is not hidden"),
    ("limit", lambda desk, _: desk.list(limit=0), InputError, "--limit from 1 to 200"),
    ("days", lambda desk, _: desk.list(days=0), InputError, "--days from 1 to 366"),
    ("after", lambda desk, _: desk.list(after=99), InputError, "there is no story 99"),
]  # fmt: skip


@pytest.mark.parametrize(("ask", "kind", "told"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED])
def test_refusals_are_one_line_and_change_nothing(
    small_room: Newsroom, ask: Callable[[StoryDesk, Newsroom], object], kind: type[Exception], told: str
) -> None:
    small_room.gather(*MARLOW, *TESSIN, 33)
    before = small_room.stories
    with pytest.raises(kind, match=told) as refused:
        ask(small_room.desk, small_room)
    assert len(str(refused.value).splitlines()) == 1
    assert small_room.stories == before
    assert small_room.desk.golden() == []


def test_what_is_typed_twice_does_no_harm_and_says_so(room: Newsroom) -> None:
    room.gather(*MARLOW, *TESSIN)
    ferry, other = story_of(room, 1), story_of(room, 4)
    new = room.desk.split(ferry, [3]).new
    with pytest.raises(NothingToDo, match=f"are story {new} now"):
        room.desk.split(ferry, [3])
    room.desk.merge(ferry, [other])
    with pytest.raises(NothingToDo, match=f"story {other} is part of story {ferry} already"):
        room.desk.merge(ferry, [other])
    with pytest.raises(InputError, match=f"story {other} became story {ferry}; name that one"):
        room.desk.merge(other, [new])
    with pytest.raises(InputError, match=f"story {other} became story {ferry}; name that one"):
        room.desk.hide(other)
    assert [line.verdict for line in room.desk.golden()] == ["apart", "together"]


def test_of_three_who_merge_the_same_at_once_one_does(room: Newsroom) -> None:
    room.gather(*MARLOW, *TESSIN)
    ferry, other = story_of(room, 1), story_of(room, 4)

    def merge(_: int) -> str:
        try:
            return f"merged {room.desk.merge(ferry, [other]).gone}"
        except NothingToDo:
            return "nothing to do"

    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(merge, range(3)))

    assert sorted(done) == [f"merged ({other},)", "nothing to do", "nothing to do"]
    assert len(room.desk.golden()) == 1
    assert room.desk.show(ferry).story.row.version == 2


def test_what_only_copies_would_be_left_of_is_not_split(room: Newsroom) -> None:
    room.write(1)
    room.write(101, like=1, publisher="Paper 101")
    room.gather()
    with pytest.raises(InputError, match="are copies of what you named; name the copies instead"):
        room.desk.split(story_of(room, 1), [1])


def test_more_pairs_than_can_be_looked_at_are_refused(small_room: Newsroom) -> None:
    room = small_room
    with writing(room.engine) as session:
        session.add(Story(id=7, opened_at=NOW, last_at=NOW, language="en"))
    for number in range(1001, 1123):
        room.write(number, like=1 + number % 3)
    with writing(room.engine) as session:
        article = Story.metadata.tables["article"]
        session.execute(article.update().values(story_id=7, story_version=1))
    with pytest.raises(InputError, match="3,721 pairs of articles, and 3,600 is the most"):
        room.desk.split(7, range(1001, 1062))
    assert len(room.desk.split(7, range(1001, 1031)).articles) == 30
