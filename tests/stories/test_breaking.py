"""When a story breaks: independent publishers, a sliding window, and only what is recent."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from digest.stories.breaking import LATE, Break, Threshold, Told, broke, told_at
from digest.types import Telling

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = Threshold(3, timedelta(hours=1))
TOPIC = 7
WORDS = ("ferry", "harbour", "rudder", "tugboat", "captain", "sandbank", "insurer", "passenger", "lighthouse", "pilot")


def telling(number: int, publisher: str, ago: float, **changed: object) -> Telling:
    """An article of `publisher`, `ago` minutes old, with a text of its own."""
    words = [f"{word}{number}" for word in WORDS]
    made = Telling(
        id=number,
        title=" ".join(words[:4]),
        text=" ".join(words) + ".",
        publisher=publisher,
        language="en",
        url=f"https://paper.example/{number}",
        published_at=NOW - ago * MINUTE,
        news_at=NOW - ago * MINUTE,
        story_version=number,
        topic_ids=(TOPIC,),
    )
    return replace(made, **changed)  # type: ignore[arg-type]


def papers(*ago: float) -> list[Telling]:
    """One article each of as many publishers."""
    return [telling(number, f"Paper {number}", each) for number, each in enumerate(ago, 1)]


def who(found: Break | None) -> tuple[str, ...] | None:
    return None if found is None else found.publishers


def test_three_within_the_hour() -> None:
    found = broke(papers(50, 30, 5), TOPIC, HOUR, now=NOW)
    assert found == Break(NOW - 5 * MINUTE, ("Paper 1", "Paper 2", "Paper 3"))


def test_two_are_not_three_and_three_are_enough_for_two() -> None:
    assert broke(papers(50, 30), TOPIC, HOUR, now=NOW) is None
    assert who(broke(papers(50, 30, 5), TOPIC, replace(HOUR, publishers=2), now=NOW)) == ("Paper 1", "Paper 2")


def test_the_window_slides() -> None:
    assert broke(papers(61, 30, 0), TOPIC, HOUR, now=NOW) is None
    assert who(broke(papers(61, 30, 1), TOPIC, HOUR, now=NOW)) == ("Paper 1", "Paper 2", "Paper 3")
    slow = papers(200, 130, 60, 30, 10)
    assert who(broke(slow, TOPIC, HOUR, now=NOW)) == ("Paper 3", "Paper 4", "Paper 5")


def test_zero_is_never() -> None:
    assert broke(papers(3, 2, 1), TOPIC, replace(HOUR, publishers=0), now=NOW) is None


def test_it_has_to_be_recent() -> None:
    """Switched on later, or started again after a night: old stories stay old."""
    last = (HOUR.within + LATE) / MINUTE
    assert broke(papers(last + 20, last + 10, last), TOPIC, HOUR, now=NOW) is not None
    assert broke(papers(last + 20, last + 10, last + 0.1), TOPIC, HOUR, now=NOW) is None


def test_what_is_gathered_late_counts_from_when_it_was_published() -> None:
    """After downtime everything becomes news at once."""
    gathered = [replace(each, news_at=NOW) for each in papers(300, 290, 280)]
    assert broke(gathered, TOPIC, HOUR, now=NOW) is None
    undated = [replace(each, published_at=None) for each in papers(3, 2, 1)]
    assert broke(undated, TOPIC, HOUR, now=NOW) is not None
    ahead = [replace(each, published_at=NOW + timedelta(days=1)) for each in papers(3, 2, 1)]
    assert broke(ahead, TOPIC, HOUR, now=NOW) is not None, "a publisher's clock that runs ahead"


def test_backlog_is_never_news() -> None:
    old = [replace(each, news_at=None) for each in papers(30, 20)]
    assert broke([*old, telling(3, "Paper 3", 5)], TOPIC, HOUR, now=NOW) is None
    again = telling(9, "Paper 1", 1)
    two = [telling(4, "Paper 4", 5), telling(5, "Paper 5", 4)]
    assert broke([*old, *two, again], TOPIC, HOUR, now=NOW) is None, "Paper 1 told it before we knew its source"
    assert told_at(replace(old[0], published_at=None)) < NOW - timedelta(days=3650)


def test_what_becomes_news_later_does_not_count_yet() -> None:
    assert broke([*papers(30, 20), telling(3, "Paper 3", -1)], TOPIC, HOUR, now=NOW) is None


def test_one_publisher_counts_once_by_its_first_telling() -> None:
    many = [telling(number, " the PAPER" if number % 2 else "The paper ", number) for number in range(1, 9)]
    assert broke(many, TOPIC, HOUR, now=NOW) is None
    early = [telling(1, "Paper 1", 100), telling(2, "Paper 1", 10), telling(3, "Paper 2", 8), telling(4, "Paper 3", 5)]
    assert broke(early, TOPIC, HOUR, now=NOW) is None, "its second article is not when it told it"


def test_copies_and_one_agencys_reports_are_one_voice() -> None:
    first, second, third = papers(30, 20, 10)
    copy = replace(third, title=first.title, text=first.text)
    assert broke([first, second, copy], TOPIC, HOUR, now=NOW) is None
    cut = [replace(each, credit="Sea Agency") for each in (second, third)]
    assert broke([first, *cut], TOPIC, HOUR, now=NOW) is None
    assert broke([replace(first, publisher="sea agency"), *cut], TOPIC, replace(HOUR, publishers=2), now=NOW) is None


def test_only_tellings_of_the_topic_count() -> None:
    first, second, third = papers(30, 20, 10)
    assert broke([first, second, replace(third, topic_ids=(8,))], TOPIC, HOUR, now=NOW) is None
    assert broke([first, second, replace(third, topic_ids=(8, TOPIC))], TOPIC, HOUR, now=NOW) is not None


def test_again_only_with_what_came_after() -> None:
    first = papers(50, 45, 40)
    before = Told(3, NOW - 39 * MINUTE)
    assert broke(first, TOPIC, HOUR, now=NOW, before=before) is None
    later = [telling(number, f"Paper {number - 3}", 12 - number) for number in (4, 5, 6)]
    assert broke([*first, *later[:2]], TOPIC, HOUR, now=NOW, before=before) is None
    assert who(broke([*first, *later], TOPIC, HOUR, now=NOW, before=before)) == ("Paper 1", "Paper 2", "Paper 3")
    late = [replace(each, published_at=NOW - 41 * MINUTE) for each in later]
    assert broke([*first, *late], TOPIC, HOUR, now=NOW, before=before) is None, "written before it was told"
    same = [replace(each, title=old.title, text=old.text) for each, old in zip(later, first, strict=True)]
    assert broke([*first, *same], TOPIC, HOUR, now=NOW, before=before) is None, "the same texts put out again"


TELLINGS = st.lists(
    st.tuples(
        st.integers(0, 4), st.integers(0, 150), st.sampled_from(["", "", "Agency"]), st.booleans(), st.booleans()
    ),
    max_size=12,
)


def made(drawn: list[tuple[int, int, str, bool, bool]]) -> list[Telling]:
    tellings = []
    for number, (paper, ago, credit, news, mine) in enumerate(drawn, 1):
        one = telling(number, f"Paper {paper}", ago, credit=credit, topic_ids=(TOPIC,) if mine else (8,))
        tellings.append(one if news else replace(one, news_at=None))
    return tellings


@given(TELLINGS, st.integers(2, 4), st.integers(5, 120), st.randoms(use_true_random=False))
def test_the_order_does_not_matter_and_the_answer_keeps_its_word(
    drawn: list[tuple[int, int, str, bool, bool]], publishers: int, minutes: int, order: random.Random
) -> None:
    threshold = Threshold(publishers, minutes * MINUTE)
    tellings = made(drawn)
    found = broke(tellings, TOPIC, threshold, now=NOW)
    shuffled = list(tellings)
    order.shuffle(shuffled)
    assert broke(shuffled, TOPIC, threshold, now=NOW) == found
    mine = [each for each in tellings if each.news_at is not None and TOPIC in each.topic_ids]
    if found is not None:
        assert len(found.publishers) == publishers
        assert found.at >= NOW - threshold.within - LATE
        inside = [each for each in mine if found.at - threshold.within <= told_at(each) <= found.at]
        assert len({each.credit or each.publisher for each in inside}) >= publishers
        assert found.at - threshold.reach + threshold.within + LATE <= min(map(told_at, inside))


@given(TELLINGS, st.integers(0, 11), st.integers(0, 150))
def test_a_copy_changes_nothing(drawn: list[tuple[int, int, str, bool, bool]], which: int, later: int) -> None:
    tellings = made(drawn)
    found = broke(tellings, TOPIC, HOUR, now=NOW)
    if which < len(tellings):
        one = tellings[which]
        at = min(NOW, told_at(one) + later * MINUTE) if one.news_at else NOW
        copy = replace(one, id=99, publisher="Copyist", credit="", published_at=at, news_at=at)
        assert broke([*tellings, copy], TOPIC, HOUR, now=NOW) == found


@given(TELLINGS, st.integers(0, 200))
def test_what_does_not_break_never_does_by_waiting(drawn: list[tuple[int, int, str, bool, bool]], wait: int) -> None:
    """What the planner remembers of a story that nothing is added to (`service.breaking`)."""
    tellings = made(drawn)
    if broke(tellings, TOPIC, HOUR, now=NOW) is None:
        assert broke(tellings, TOPIC, HOUR, now=NOW + wait * MINUTE) is None
