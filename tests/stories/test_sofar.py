"""Chapters of a story: what each version added, in the order of the clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.stories.sofar import chapters_of, publishers_of
from digest.stories.summary import Heard, news_since
from digest.types import Telling

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no failure."""
FIRST = "The ferry Petrel sank in the harbour basin on Monday evening. All forty passengers were brought ashore."
SECOND = "Divers raised the wreck on Tuesday with two cranes. The owner blames a valve that was left open."


def telling(number: int, version: int, text: str, **told: object) -> Telling:
    base = Telling(
        id=number,
        title=f"Title {number}",
        text=text,
        publisher=f"Paper {number}",
        language="en",
        url=f"https://paper.example/{number}",
        news_at=NOON + timedelta(hours=version),
        published_at=NOON + timedelta(hours=version, minutes=-5),
        story_id=1,
        story_version=version,
    )
    return replace(base, **told)  # type: ignore[arg-type]


def test_no_tellings_no_chapters() -> None:
    assert chapters_of([]) == ()
    assert publishers_of([]) == 0


def test_a_sentence_is_news_once() -> None:
    told = [telling(1, 1, FIRST), telling(2, 2, f"{FIRST} {SECOND}"), telling(3, 3, f"{SECOND} {FIRST}")]
    third, second, first = chapters_of(told)
    assert [quote.text for quote in first.news] == [FIRST]
    assert [quote.text for quote in second.news] == [SECOND]
    assert third.news == ()
    assert [chapter.version for chapter in (third, second, first)] == [3, 2, 1]


def test_a_chapter_found_late_stands_where_its_time_is() -> None:
    late = telling(3, 3, SECOND, published_at=NOON + timedelta(minutes=70))
    told = [telling(1, 1, FIRST), telling(2, 2, FIRST), late]
    assert [chapter.version for chapter in chapters_of(told)] == [2, 3, 1]


def test_backlog_and_articles_without_a_date_have_their_place() -> None:
    dateless = telling(2, 1, "", published_at=None, news_at=None)
    (chapter,) = chapters_of([telling(1, 1, FIRST, news_at=None), dateless])
    assert [each.at for each in chapter.coverage] == [None, NOON + timedelta(minutes=55)]
    assert [quote.publisher for quote in chapter.news] == ["Paper 1"]


def test_a_copy_is_no_publisher() -> None:
    copy = telling(2, 1, FIRST, title="Title 1")
    assert publishers_of([telling(1, 1, FIRST), copy, telling(3, 2, SECOND)]) == 2


SENTENCES = st.lists(st.sampled_from([*FIRST.split(". "), *SECOND.split(". "), "Read more here", "3.5", "🚢", ""]))


@CALM
@given(st.lists(SENTENCES, min_size=1, max_size=6))
def test_hearing_version_by_version_is_hearing_it_all(texts: list[list[str]]) -> None:
    told = [telling(number, number, ". ".join(text), title="Petrel") for number, text in enumerate(texts, 1)]
    heard = Heard()
    for each in told[:-1]:
        heard.hear([each])
    assert heard.news(told[-1:]) == news_since(told[:-1], told[-1:])
    assert len(chapters_of(told)) == len(told)
