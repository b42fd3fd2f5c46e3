"""Stories are listed and shown, and rulings about them are written down and taken back; both databases."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from digest.errors import InputError, NothingToDo
from digest.service.storylooks import Listed
from digest.store.db import reading
from digest.store.rulings import rulings
from digest.types import Ruling
from tests.service.newsroom import ENGLISH, MARLOW, NOW, TESSIN, Newsroom, story_of


def ruled(room: Newsroom, story: int) -> tuple[Ruling, ...]:
    with reading(room.engine) as session:
        return rulings(session, [story])


def test_pins_and_hides_are_written_down_and_taken_back(room: Newsroom) -> None:
    room.gather(*MARLOW, *TESSIN)
    story, other = story_of(room, 1), story_of(room, 4)
    room.now = NOW.replace(hour=23, minute=30)  # in Berlin it is the next day by now

    room.desk.pin(story)
    room.now += timedelta(minutes=1)
    room.desk.pin(story, topic="news", day=date(2026, 3, 9))
    room.now += timedelta(minutes=1)
    assert ruled(room, story) == (Ruling(story, "pin", 0, "2026-03-05"), Ruling(story, "pin", 1, "2026-03-09"))
    with pytest.raises(NothingToDo, match="is pinned there already"):
        room.desk.pin(story)
    room.desk.hide(story, topic="news")
    with pytest.raises(InputError, match=f"digest stories unhide {story}"):
        room.desk.pin(story, topic="news")
    assert room.desk.show(story).story.rulings == (
        "pinned on 2026-03-05",
        "pinned in news on 2026-03-09",
        "hidden in news",
    )
    room.desk.hide(story, topic="news", day=date(2026, 3, 6))
    assert (room.desk.unpin(story), room.desk.unhide(story)) == (2, 2)
    assert ruled(room, story) == ()

    room.desk.hide(other)
    with pytest.raises(InputError, match=f"story {other} is hidden"):
        room.desk.pin(other, topic="news")
    assert [each.row.id for each in room.desk.list()] == [story]
    assert {each.row.id for each in room.desk.list(every=True)} == {story, other}


def test_stories_are_listed_page_by_page_the_one_told_last_first(room: Newsroom) -> None:
    room.gather(*ENGLISH)
    every = room.desk.list(limit=200)
    assert len(every) == len(set(room.stories.values()))
    assert sorted(every, key=lambda each: (each.row.last_at, each.row.id), reverse=True) == every

    pages: list[Listed] = []
    last = None
    while page := room.desk.list(limit=5, after=last):
        pages += page
        last = page[-1].row.id
    assert pages == every
    assert room.desk.list(topic="sport") == []
    assert len(room.desk.list(topic="news", limit=200)) == len(every)
    day_old = {each.row.id for each in room.desk.list(days=1, limit=200)}
    assert day_old == {each.row.id for each in every if each.row.last_at > NOW - timedelta(days=1)}
    assert 0 < len(day_old) < len(every)
    (ferry,) = [each for each in every if each.row.id == story_of(room, 1)]
    assert (ferry.articles, ferry.publishers, ferry.topics, ferry.open) == (3, 3, ("news",), True)


def test_a_story_is_shown_with_what_was_said_of_it(room: Newsroom) -> None:
    room.gather(*MARLOW, *TESSIN, 24)
    ferry, other, museum = story_of(room, 1), story_of(room, 4), story_of(room, 24)
    room.desk.merge(ferry, [museum, other])
    new = room.desk.split(ferry, [24]).new

    shown = room.desk.show(other)

    assert (shown.asked, shown.story.row.id, shown.merged_from) == (other, ferry, (other, museum))
    assert [each.id for each in shown.members] == [*MARLOW, *TESSIN]
    assert shown.together == (*MARLOW, *TESSIN)
    assert [(each.story.story_id, each.pairs) for each in shown.apart] == [(new, 6)]
    assert shown.apart[0].story.headline.startswith("Museum of clocks")
    assert any(each.score > 0.2 and "ferry" in each.terms for each in shown.members)


def test_the_golden_set_has_the_words_of_both_sides_and_what_was_said_last(room: Newsroom) -> None:
    room.gather(*MARLOW, *TESSIN, 24)
    ferry, other, museum = story_of(room, 1), story_of(room, 4), story_of(room, 24)
    room.desk.merge(ferry, [other, museum])
    room.desk.split(ferry, [24])

    lines = room.desk.golden()

    assert [line.verdict for line in lines] == ["together", "apart"]
    one, two = lines[0].articles
    assert ({each["article"] for each in one}, {each["article"] for each in two}) == (set(MARLOW), set(TESSIN))
    assert set(one[0]) == {"article", "title", "text", "publisher", "language", "published_at"}
    assert [each["article"] for each in lines[1].articles[0]] == [24]
