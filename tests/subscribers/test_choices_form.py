"""The preferences form without a page: what is saved comes back as it was, and what is typed becomes a change."""

from __future__ import annotations

from datetime import UTC, datetime
from gettext import NullTranslations

import pytest
from hypothesis import given
from hypothesis import strategies as some
from starlette.datastructures import FormData

from subscribers.cadence import DAYS, clock, parse
from subscribers.choices_form import ChoicesForm, changed, days_cadence, in_order, own_words, shown, typed
from subscribers.errors import CadenceError
from subscribers.pages import Voice
from subscribers.types import Change, Choices, OwnTopic

VOICE = Voice("en", NullTranslations())
LANGUAGES = ("en", "de", "ar")

MINUTES = some.integers(0, 95).map(lambda quarter: quarter * 15)
CADENCES = some.one_of(
    some.sampled_from(["daily", "weekdays", "as-it-happens", *(f"weekly:{day}" for day in DAYS)]),
    some.sets(some.sampled_from(DAYS), min_size=2, max_size=6)
    .map(lambda days: days_cadence(tuple(days))),
    some.sets(MINUTES, min_size=1, max_size=5).map(lambda times: "several:" + ",".join(map(clock, sorted(times)))),
)  # fmt: skip
OWN = some.one_of(some.just((None, None)), some.tuples(CADENCES, MINUTES))


def made(*slugs: str, offered: tuple[str, ...] = (), **choices: object) -> Choices:
    ours: dict[str, object] = {
        "cadence": "daily",
        "send_minute": 420,
        "timezone": "Europe/Berlin",
        "locale": "en",
        "format": "html",
        "max_stories": 12,
        "paused_until": None,
        "next_due_at": datetime(2026, 3, 3, 6, 0, tzinfo=UTC),
        "topics": tuple(OwnTopic(slug, slug.title()) for slug in slugs),
        "offered": tuple(OwnTopic(slug, slug.title()) for slug in offered),
        **choices,
    }
    return Choices(subscriber_id=1, **ours)  # type: ignore[arg-type]


def posted(fields: ChoicesForm) -> FormData:
    """What a browser sends for a form that nobody touched."""
    pairs = [("cadence", fields.rhythm.kind), ("time", fields.rhythm.time), ("weekday", fields.rhythm.weekday)]
    pairs += [("day", day) for day in fields.rhythm.days] + [("also", time) for time in (*fields.rhythm.times, "")]
    for each in fields.topics:
        pairs += [("here", each.slug)] + [("topic", each.slug)] * each.chosen
        if each.had:
            pairs += [(f"place-{each.slug}", each.place), (f"own-{each.slug}", each.own)]
            pairs += [(f"own-{each.slug}-time", each.time)] + [(f"own-{each.slug}-day", day) for day in each.days]
    pairs += [("timezone", fields.timezone), ("locale", fields.locale)]
    pairs += [("format", fields.format), ("most", fields.most), ("quiet", "no")]
    return FormData([*pairs, *[("quiet", "yes")] * fields.all_quiet])


def change(choices: Choices, **others: str | list[str]) -> tuple[Change | None, dict[str, str]]:
    pairs = [pair for pair in posted(shown(choices)).multi_items() if pair[0].replace("-", "_") not in others]
    for name, value in others.items():
        pairs += [(name.replace("_", "-"), each) for each in ([value] if isinstance(value, str) else value)]
    done, errors = changed(typed(FormData(pairs), choices), choices, LANGUAGES, VOICE)
    return done, dict(errors)


@given(CADENCES, MINUTES, some.lists(OWN, min_size=1, max_size=5), some.sampled_from(["en", "de-AT", "fr"]))
def test_a_form_that_nobody_touched_changes_nothing(
    cadence: str, minute: int, own: list[tuple[str | None, int | None]], locale: str
) -> None:
    topics = tuple(OwnTopic(f"t{place}", f"T{place}", "en", "", *each) for place, each in enumerate(own))
    choices = made(cadence=cadence, send_minute=minute, topics=topics, locale=locale, offered=("more",))
    done, errors = change(choices)
    assert not errors
    assert done is not None
    assert (done.cadence, done.send_minute, done.locale) == (cadence, minute, locale)
    assert [(each.slug, each.cadence, each.send_minute) for each in done.topics] == [
        (each.slug, each.cadence, each.send_minute) for each in topics
    ]


@pytest.mark.parametrize(
    ("places", "order"),
    [
        ({}, "abcd"),
        ({"d": "1"}, "dabc"),
        ({"a": "4"}, "bcda"),
        ({"a": "2", "b": "1"}, "bacd"),
        ({"c": "1", "d": "1"}, "dcab"),
        ({"a": "0", "b": "-1", "c": "x", "d": "²"}, "abcd"),
        ({"b": "99"}, "acdb"),
    ],
)
def test_a_topic_goes_where_its_number_says(places: dict[str, str], order: str) -> None:
    done, _ = change(made(*"abcd"), **{f"place_{slug}": place for slug, place in places.items()})
    assert done is not None
    assert "".join(each.slug for each in done.topics) == order


def test_topics_go_and_come() -> None:
    choices = made("a", "b", "c", offered=("x", "y"))
    done, _ = change(choices, topic=["y", "b", "nonsense"])
    assert done is not None
    assert [each.slug for each in done.topics] == ["b", "y"]
    assert "topics" in change(choices, topic="nonsense")[1]
    unlisted = typed(FormData([("topic", "a"), ("here", "a")]), choices)
    assert [each.slug for each in in_order([each for each in unlisted.topics if each.chosen])] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("days", "cadence"),
    [
        (DAYS, "daily"),
        (("fri", "mon", "tue", "wed", "thu"), "weekdays"),
        (("sun",), "weekly:sun"),
        (("fri", "mon"), "days:mon,fri"),
    ],
)
def test_days_in_the_plainest_words(days: tuple[str, ...], cadence: str) -> None:
    assert days_cadence(days) == cadence
    parse(cadence)


def test_no_day_and_unknown_days() -> None:
    for days in ((), ("someday",), ("mon", "someday")):
        with pytest.raises(CadenceError):
            days_cadence(days)


@pytest.mark.parametrize(
    ("typed_in", "wrong"),
    [
        ({"cadence": "days", "day": []}, "cadence"),
        ({"cadence": "several", "also": ["", " "]}, "cadence"),
        ({"cadence": "several", "also": "12:07"}, "cadence"),
        ({"cadence": "weekly", "weekday": "someday"}, "cadence"),
        ({"cadence": "hourly"}, "cadence"),
        ({"time": "7"}, "time"),
        ({"time": "07:01"}, "time"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"locale": "xx"}, "locale"),
        ({"format": "pdf"}, "format"),
        ({"most": "0"}, "most"),
        ({"most": "41"}, "most"),
        ({"most": "²"}, "most"),
        ({"most": "9" * 5000}, "most"),
        ({"own_a": "hourly"}, "own-a"),
        ({"own_a": "days"}, "own-a"),
        ({"own_a": "daily", "own_a_time": "x"}, "own-a"),
    ],
)
def test_what_is_wrong_is_named_where_it_stands(typed_in: dict[str, str | list[str]], wrong: str) -> None:
    done, errors = change(made("a", "b"), **typed_in)
    assert done is None
    assert list(errors) == [wrong]
    assert errors[wrong].endswith(".")


def test_several_times_are_set_in_order_and_once() -> None:
    done, _ = change(made("a"), cadence="several", also=["18:00", "12:00", "", "12:00"])
    assert done is not None
    assert done.cadence == "several:12:00,18:00"


def test_own_hours_in_words() -> None:
    topics = (OwnTopic("a", "A", "en", "", "days:mon,fri", 1080), OwnTopic("b", "B", "en", "", "as-it-happens", 0))
    first, second = shown(made(topics=topics)).topics
    assert own_words(first, VOICE) == "Monday and Friday, 18:00"
    assert own_words(second, VOICE) == "As it happens"
