"""The public archive: what comes into it when an edition is frozen, and what of it is shown, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import Engine, delete, event, select

from digest.models import Edition, EditionStory, TopicDay, TopicDayStory
from digest.service.archive import DAYS_LISTED
from digest.settings import Settings
from digest.store import archive, rulings
from digest.store.db import reading, writing
from digest.store.placing import change
from digest.types import ArchivedStory, Placed, Ruling
from subscribers.errors import BadTopic, UnknownTopic
from subscribers.sql import table
from tests.service.town import NOW, Town

WEDNESDAY, THURSDAY = date(2026, 3, 4), date(2026, 3, 5)
DAY = timedelta(days=1)
FERRY = "The island ferry ran onto Cutler Bank in thick fog on Tuesday night. All passengers are safe."
FREED = "Two tugs pulled the Sandpiper free at high water. Divers had found a crack of three metres in her hull."


@pytest.fixture
def harbour(town: Town) -> Town:
    """A town with an archived topic that Ada reads."""
    town.service.topics.add("Harbour", archived=True)
    town.reader("ada@example.org", "harbour")
    return town


def told(town: Town, day: date = WEDNESDAY, slug: str = "harbour") -> Sequence[ArchivedStory]:
    page = town.service.readers.archived_day(slug, day)
    return page.told.stories if page else ()


def titles(town: Town, day: date = WEDNESDAY, slug: str = "harbour") -> list[str]:
    return [each.title for each in told(town, day, slug)]


def days(town: Town, slug: str = "harbour") -> list[date]:
    return [each.day for each in town.service.readers.archived_days(slug, None).days]


def test_a_day_holds_what_its_mail_told(harbour: Town) -> None:
    story = harbour.story("Ferry runs aground", "harbour", text=FERRY)
    harbour.story("Lamp is lit", "harbour", at=NOW - timedelta(hours=3))
    assert harbour.morning() == 1
    (delivery,) = harbour.deliveries()
    picks = harbour.told(delivery.edition_id, delivery.subscriber_id)
    shown = told(harbour)
    assert [each.story_id for each in shown] == [pick.story_id for pick in picks]
    (ferry,) = [each for each in shown if each.story_id == story]
    assert (ferry.title, ferry.publisher, ferry.language) == ("Ferry runs aground", "Quayside Wire", "en")
    assert ferry.summary == FERRY
    assert (ferry.version, ferry.from_version, ferry.at) == (1, 0, NOW - timedelta(hours=2))
    assert days(harbour) == [WEDNESDAY]
    (topic,) = harbour.service.readers.archives()
    assert (topic.slug, topic.last) == ("harbour", WEDNESDAY)


def test_the_next_day_repeats_nothing_and_tells_what_is_new_as_an_update(harbour: Town) -> None:
    story = harbour.story("Ferry runs aground", "harbour", text=FERRY)
    harbour.morning()
    harbour.story("Ferry is free", "harbour", at=NOW + timedelta(hours=5), into=story, text=FREED, publisher="Herald")
    harbour.story("Pier closes", "harbour", at=NOW + timedelta(hours=6))
    assert harbour.morning(NOW + DAY) == 1
    assert titles(harbour) == ["Ferry runs aground"], "what a day told stays as it was told"
    update = {each.title: each for each in told(harbour, THURSDAY)}
    assert update.keys() == {"Ferry is free", "Pier closes"}
    assert (update["Ferry is free"].from_version, update["Ferry is free"].version) == (1, 2)
    assert "tugs" in update["Ferry is free"].summary
    page = harbour.service.readers.archived_day("harbour", WEDNESDAY)
    assert page is not None
    assert (page.earlier, page.later) == (None, THURSDAY)
    assert days(harbour) == [THURSDAY, WEDNESDAY]


def test_a_weekly_readers_edition_does_not_bring_back_the_week(harbour: Town) -> None:
    harbour.reader("eve@example.org", "harbour", cadence="weekly:thu")
    harbour.story("Ferry runs aground", "harbour")
    harbour.morning()
    harbour.story("Pier closes", "harbour", at=NOW + timedelta(hours=6))
    assert harbour.morning(NOW + DAY) == 2
    assert titles(harbour, THURSDAY) == ["Pier closes"]


def test_a_topic_that_goes_out_once_a_week_has_an_archive_all_the_same(town: Town) -> None:
    town.service.topics.add("Harbour", archived=True)
    town.reader("eve@example.org", "harbour", cadence="weekly:wed")
    town.story("Ferry runs aground", "harbour", at=NOW - timedelta(days=5))
    assert town.morning() == 1
    assert titles(town) == ["Ferry runs aground"]


def test_later_editions_of_a_day_add_to_it(harbour: Town) -> None:
    """A full window ranks the day anew; who is told as it happens gets what comes behind."""
    harbour.story("Ferry runs aground", "harbour", text=FERRY)
    harbour.morning()
    before = harbour.service.readers.archive_feed("harbour").days[0]
    harbour.reader("eve@example.org", "harbour", cadence="as-it-happens", signed_up=NOW)
    at = NOW + timedelta(hours=2)
    assert harbour.morning(at) <= 1
    harbour.story("Pier closes", "harbour", at=at + timedelta(minutes=2))
    assert harbour.morning(at + timedelta(minutes=30)) == 1
    assert titles(harbour) == ["Ferry runs aground", "Pier closes"], "a short window does not reorder the day"
    after = harbour.service.readers.archive_feed("harbour").days[0]
    assert (after.opened_at, after.changed_at) == (before.opened_at, at + timedelta(minutes=30))
    harbour.reader("bob@example.org", "harbour", timezone="America/New_York")
    assert harbour.morning(NOW + timedelta(hours=6)) >= 1
    assert set(titles(harbour)) == {"Ferry runs aground", "Pier closes"}
    assert len(titles(harbour)) == 2, "nothing stands there twice"
    again = harbour.service.readers.archive_feed("harbour").days[0]
    assert again.changed_at == after.changed_at, "an edition without anything new changes no day"


def test_only_what_goes_to_all_readers(town: Town) -> None:
    """Neither a welcome mail, nor what an operator sends to one reader, nor a topic that nobody opened."""
    town.service.topics.add("Harbour", archived=True)
    town.topics("Sport")
    town.reader("ada@example.org", "harbour", "sport")
    town.story("Ferry runs aground", "harbour", "sport")
    _, topic_id, reader_id = town.service.audience("harbour", "ada@example.org")
    assert town.service.send_by_hand(topic_id, reader_id) is not None
    assert days(town) == []
    assert town.service.send_by_hand(topic_id, None) is not None
    assert titles(town) == ["Ferry runs aground"]
    with pytest.raises(UnknownTopic, match="topic sport has no archive"):
        town.service.readers.archived_days("sport", None)
    with reading(town.engine) as session:
        kept = set(session.connection().execute(select(table(TopicDayStory).c.topic_id)).scalars())
    assert len(kept) == 1, "what nobody opened is not kept either"


def test_what_a_private_topic_alone_tells_stays_private(harbour: Town) -> None:
    """An organisation's own article may lead a story in its readers' mails; the archive tells it by the others'."""
    harbour.service.topics.add("Board", public=False)
    story = harbour.story("Ferry runs aground", "harbour", text=FERRY, publisher="Herald")
    harbour.story(
        "Board knows why the ferry ran aground", "board", into=story, at=NOW - timedelta(hours=1), text=FREED * 3,
        publisher="The Board", rights="full",
    )  # fmt: skip
    harbour.morning()
    (shown,) = told(harbour)
    assert (shown.title, shown.summary, shown.also, shown.others) == ("Ferry runs aground", FERRY, (), 0)


def test_a_private_topic_has_none_and_loses_it_at_once(harbour: Town) -> None:
    harbour.story("Ferry runs aground", "harbour")
    harbour.morning()
    shelf, desk = harbour.service.topics, harbour.service.readers
    shelf.edit("harbour", public=False)
    for ask in (
        lambda: desk.archived_days("harbour", None),
        lambda: desk.archived_day("harbour", WEDNESDAY),
        lambda: desk.archive_feed("harbour"),
    ):
        with pytest.raises(UnknownTopic):
            ask()
    assert desk.archives() == ()
    for private in (
        lambda: shelf.edit("harbour", archived=True),
        lambda: shelf.edit("harbour", public=False, archived=True),
        lambda: shelf.add("Board", public=False, archived=True),
    ):
        with pytest.raises(BadTopic, match="is private, and only a public one has an archive"):
            private()
    shelf.edit("harbour", public=True)
    with pytest.raises(UnknownTopic):
        desk.archived_days("harbour", None)  # nothing comes back by itself
    shelf.edit("harbour", archived=True)
    assert titles(harbour) == ["Ferry runs aground"]
    shelf.edit("harbour", archived=False)
    assert desk.archives() == ()


@pytest.mark.parametrize(
    ("topic", "day", "hidden"),
    [
        (False, "", True), (True, "", True), (False, "2026-03-04", True), (True, "2026-03-04", True),
        (False, "2026-03-05", False), (True, "2026-03-05", False), (None, "", False),
    ],
)  # fmt: skip
def test_what_an_editor_hides_is_gone(harbour: Town, topic: bool | None, day: str, hidden: bool) -> None:
    """`topic`: hidden in all topics (False), in this one (True), in another one (None)."""
    harbour.topics("Sport")
    story = harbour.story("Ferry runs aground", "harbour", "sport")
    harbour.story("Pier closes", "harbour")
    harbour.morning()
    ids = {each.slug: each.id for each in harbour.service.topics.list()}
    before = harbour.service.readers.archive_feed("harbour").changed_at
    harbour.clock.at += timedelta(hours=1)
    where = {False: 0, True: ids["harbour"], None: ids["sport"]}[topic]
    rule(harbour, Ruling(story, "hide", where, day))
    assert ("Ferry runs aground" not in titles(harbour)) is hidden
    assert "Pier closes" in titles(harbour)
    feed = harbour.service.readers.archive_feed("harbour")
    assert len(feed.days[0].stories) == (1 if hidden else 2)
    assert feed.changed_at > before, "who asks whether it was modified is told so"


def rule(town: Town, ruling: Ruling) -> None:
    with writing(town.engine) as session:
        assert rulings.rule(session, ruling, town.clock())


def test_a_day_of_which_everything_is_hidden_is_no_day(harbour: Town) -> None:
    story = harbour.story("Ferry runs aground", "harbour")
    harbour.morning()
    harbour.story("Pier closes", "harbour", at=NOW + timedelta(hours=6))
    harbour.morning(NOW + DAY)
    rule(harbour, Ruling(story, "hide"))
    assert days(harbour) == [THURSDAY]
    assert harbour.service.readers.archived_day("harbour", WEDNESDAY) is None
    page = harbour.service.readers.archived_day("harbour", THURSDAY)
    assert page is not None
    assert page.earlier is None, "no link leads nowhere"


def test_stories_that_became_one_stand_there_once(harbour: Town) -> None:
    one = harbour.story("Ferry runs aground", "harbour", text=FERRY)
    two = harbour.story("Sandpiper on the bank", "harbour", at=NOW - timedelta(hours=3))
    harbour.morning()
    first = titles(harbour)[0]
    assert len(titles(harbour)) == 2
    with writing(harbour.engine) as session:
        change(session, Placed((), (), {two: one}, {}, {}), NOW + timedelta(hours=1))
    assert titles(harbour) == [first], "the better placed one"
    rule(harbour, Ruling(one, "hide"))
    assert titles(harbour) == []
    assert harbour.morning(NOW + DAY) == 0
    assert days(harbour) == [], "and what became part of a told story is not news"


def test_the_archive_outlives_its_editions_and_goes_with_its_topic(harbour: Town) -> None:
    harbour.story("Ferry runs aground", "harbour")
    harbour.morning()
    with writing(harbour.engine) as session:
        for gone in (EditionStory, Edition):
            session.connection().execute(delete(table(gone)))
    assert titles(harbour) == ["Ferry runs aground"]
    harbour.service.topics.remove("harbour")
    with reading(harbour.engine) as session:
        for kept in (TopicDay, TopicDayStory):
            assert session.connection().execute(select(table(kept))).all() == []


def test_days_are_those_of_the_default_zone(honolulu: Town) -> None:
    town = honolulu
    town.service.topics.add("Harbour", archived=True)
    town.reader("ada@example.org", "harbour")
    town.story("Ferry runs aground", "harbour")
    town.morning()
    assert days(town) == [date(2026, 3, 3)], "06:00 UTC is still Tuesday evening in Honolulu"


@pytest.fixture
def honolulu(database: Engine, make_settings: Callable[..., Settings]) -> Iterator[Town]:
    made = Town(database, make_settings(default_timezone="Pacific/Honolulu"))
    yield made
    made.service.close()


def test_a_list_is_paged_and_reads_no_more_than_it_shows(harbour: Town) -> None:
    (topic,) = harbour.service.topics.list()
    first = date(2025, 1, 1)
    with writing(harbour.engine) as session:
        for number in range(DAYS_LISTED + 5):
            day = (first + number * DAY).isoformat()
            at = datetime.fromisoformat(f"{day}T06:00:00+00:00")
            archive.keep(session, topic.id, day, [a_story(number, day)], edition_id=number, at=at)
    page = harbour.service.readers.archived_days("harbour", None)
    assert [each.day for each in page.days] == [first + n * DAY for n in range(DAYS_LISTED + 4, 4, -1)]
    assert page.more == first + 5 * DAY
    rest = harbour.service.readers.archived_days("harbour", page.more)
    assert [each.day for each in rest.days] == [first + n * DAY for n in range(4, -1, -1)]
    assert rest.more is None
    sent: list[str] = []
    event.listen(harbour.engine, "before_cursor_execute", lambda *told: sent.append(told[2]))
    harbour.service.readers.archived_days("harbour", None)
    harbour.service.readers.archived_day("harbour", first)
    harbour.service.readers.archive_feed("harbour")
    asked = [each for each in sent if each.startswith("SELECT")]
    assert not [each for each in asked if "FROM delivery" in each or "FROM edition" in each]
    assert len(asked) < 40


def a_story(number: int, title: str) -> ArchivedStory:
    return ArchivedStory(number, 1, 0, title, "en", "Said.", "https://paper.example/1", "Wire", (), 0, False, NOW)


def test_a_crash_while_archiving_leaves_nothing_and_the_next_plan_goes_on(harbour: Town) -> None:
    """The archive is written in the transaction that opens the edition: both are there, or neither is."""
    harbour.story("Ferry runs aground", "harbour")

    def fail(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO topic_day_story"):
            raise KeyboardInterrupt

    event.listen(harbour.engine, "before_cursor_execute", fail)
    with pytest.raises(KeyboardInterrupt):
        harbour.morning()
    event.remove(harbour.engine, "before_cursor_execute", fail)
    assert days(harbour) == []
    assert [each.state for each in harbour.editions()] == ["planning"]
    assert harbour.morning() == 1
    assert titles(harbour) == ["Ferry runs aground"]


def test_two_editions_that_are_frozen_at_once_take_turns(harbour: Town) -> None:
    """By the clock and by hand, on two machines: the day has what both told, and none waits for ever."""
    (topic,) = harbour.service.topics.list()
    both = threading.Barrier(2)

    def freeze(edition: int, numbers: Sequence[int]) -> None:
        both.wait(timeout=30)
        told = [a_story(number, f"{number} by {edition}") for number in numbers]
        with writing(harbour.engine) as session:
            archive.keep(session, topic.id, "2026-03-04", told, edition_id=edition, at=NOW)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(freeze, 1, range(20)), pool.submit(freeze, 2, range(29, 9, -1))]:
            done.result(timeout=60)
    two = [f"{number} by 2" for number in range(29, 9, -1)]
    one = [f"{number} by 1" for number in range(20)]
    assert titles(harbour) in (two + one[:10], two[:10] + one), "whoever came last told what both know"
