"""Topics with hours of their own, several mails a day, as it happens, pauses: who gets what when, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from digest.errors import InputError
from digest.service.hours import due_groups, next_mail, next_slot, topic_starts
from digest.store import editions
from digest.store.db import reading, writing
from digest.types import DeliveryState, Due, Envelope, Pick, ReaderProfile
from subscribers.models import Subscriber, Subscription
from subscribers.profiles import intern_profile, profiles, settle
from subscribers.sql import table
from tests.service.town import NOW, Town

SUBSCRIBER, SUBSCRIPTION = table(Subscriber), table(Subscription)
WEEKLY = ("weekly:fri", 1080)
ALWAYS = ("as-it-happens", 0)
FRIDAY = datetime(2026, 3, 6, 17, 0, 5, tzinfo=UTC)
"""18:00 in Berlin, when weekly topics of these tests are due."""
DAY = timedelta(days=1)
QUARTER = timedelta(minutes=15)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def own(town: Town, subscriber_id: int, slug: str, rhythm: tuple[str, int], at: datetime = NOW - DAY) -> None:
    """Give one topic of a reader hours of its own, as the preferences page does."""
    topic = next(topic.id for topic in town.service.topics.list() if topic.slug == slug)
    with writing(town.engine) as session:
        mine = (SUBSCRIPTION.c.subscriber_id == subscriber_id, SUBSCRIPTION.c.topic_id == topic)
        values = {"cadence": rhythm[0], "send_minute": rhythm[1]}
        session.connection().execute(update(SUBSCRIPTION).where(*mine).values(values))
        settle(session, subscriber_id, now=at, anew=True)


def titles(town: Town, edition_id: int, subscriber_id: int) -> list[str]:
    told = town.service.press.told(edition_id, subscriber_id)
    return [title for title, _ in told.whys] if told else []


def topics_of(town: Town, subscriber_id: int) -> list[list[int]]:
    """The topics of each delivery of a reader, oldest first."""
    rows = [row for row in town.deliveries() if row.subscriber_id == subscriber_id]
    with reading(town.engine) as session:
        return [profiles(session, [row.profile_id])[row.profile_id]["topics"] for row in rows]


# --- hours of one's own -----------------------------------------------------------------------------------------------


def weekender(town: Town) -> int:
    """Ada reads of the harbour daily at 07:00 and of the garden on Fridays at 18:00."""
    town.topics("Harbour", "Garden")
    ada = town.reader("ada@example.org", "harbour", "garden")
    own(town, ada, "garden", WEEKLY)
    return ada


def test_each_topic_comes_at_its_own_hour(town: Town) -> None:
    ada = weekender(town)
    ferry = town.story("Ferry aground", "harbour")
    rose = town.story("Roses bloom early", "garden", at=NOW - 2 * DAY)
    assert town.morning() == 1
    assert town.told(town.editions()[-1].id or 0, ada) == (Pick(ferry, 1),), "the garden waits for Friday"
    assert town.due_at("ada@example.org") == utc("2026-03-05T06:00")
    assert (town.morning(utc("2026-03-05T06:00:10")), town.morning(utc("2026-03-06T06:00:10"))) == (0, 0)
    assert town.due_at("ada@example.org") == utc("2026-03-06T17:00")
    before = _window(town, ada)
    storm = town.story("Storm warning", "harbour", at=FRIDAY - timedelta(hours=1))
    assert town.morning(FRIDAY) == 1
    assert town.told(town.editions()[-1].id or 0, ada) == (Pick(rose, 1),)
    assert _window(town, ada) == before, "only the reader's own cadence moves the window of its topics"
    assert topics_of(town, ada) == [[1], [1], [1], [2]]
    assert town.morning(utc("2026-03-07T06:00:10")) == 1
    assert town.told(town.editions()[-1].id or 0, ada) == (Pick(storm, 1),)


def test_two_that_fall_due_at_once_share_one_mail(town: Town) -> None:
    town.topics("Harbour", "Garden")
    ada = town.reader("ada@example.org", "harbour", "garden")
    own(town, ada, "garden", ("weekly:wed", 420))
    old_ferry = town.story("Ferry aground five days ago", "harbour", at=NOW - 5 * DAY)
    ferry = town.story("Ferry aground", "harbour")
    rose = town.story("Roses bloom early", "garden", at=NOW - 5 * DAY)
    both = town.story("Harbour garden opens", "harbour", "garden", at=NOW - 4 * DAY)
    (planned,) = town.service.plan()
    assert (planned.deliveries, town.service.dispatch().accepted) == (1, 1)
    told = {pick.story_id for pick in town.told(planned.edition_id, ada)}
    assert told == {ferry, rose, both}, "each topic has its own window; the garden's reaches back a week"
    assert old_ferry not in told
    why = dict(town.service.press.told(planned.edition_id, ada).whys)  # type: ignore[union-attr]
    assert "rank" in why["Roses bloom early"]
    assert len(town.mails()) == 1


def test_downtime_over_both_brings_both_and_loses_nothing(town: Town) -> None:
    """Nobody plans from Thursday until Saturday noon: Friday's weekly slot and two mornings are made up for in one."""
    ada = weekender(town)
    assert town.morning() == 0
    ferry = town.story("Ferry aground", "harbour", at=NOW + DAY)
    rose = town.story("Roses bloom early", "garden", at=NOW - 4 * DAY)
    thorn = town.story("A rose has a thorn", "garden", at=utc("2026-03-07T08:00"))
    assert town.morning(utc("2026-03-07T11:00:10")) == 1
    told = {pick.story_id for pick in town.told(town.editions()[-1].id or 0, ada)}
    assert told == {ferry, rose, thorn}
    assert town.due_at("ada@example.org") == utc("2026-03-08T06:00")


def test_the_mail_of_one_topic_tells_when_the_next_of_any_comes(town: Town) -> None:
    ada = weekender(town)
    town.story("Roses bloom early", "garden", at=FRIDAY - DAY)
    for day in range(3):
        town.morning(NOW + day * DAY)
    assert town.morning(FRIDAY) == 1
    view = town.service.press.view(town.editions()[-1].id or 0, ada)
    assert view is not None
    assert "Next: tomorrow 07:00." in view.text, "the harbour's hour, though this mail is the garden's"


def test_a_mail_of_two_windows_composed_again_is_the_same(town: Town) -> None:
    town.topics("Harbour", "Garden")
    ada = town.reader("ada@example.org", "harbour", "garden")
    own(town, ada, "garden", ("weekly:wed", 420))
    town.story("Ferry aground", "harbour")
    town.story("Roses bloom early", "garden", at=NOW - 5 * DAY)
    (planned,) = town.service.plan()
    row = town.deliveries()[0]
    due = Due(planned.edition_id, ada, row.profile_id, row.since, due_at=row.due_at)
    (first,) = town.service.press.compose(planned.edition_id, [due], "json")
    assert isinstance(first, Envelope)
    assert len(first.picks) == 2
    other = Town(town.engine, town.service.settings)
    for again in (due, replace(due, picks=first.picks)):
        assert other.service.press.compose(planned.edition_id, [again], "json") == [first]


def test_readers_of_one_rhythm_are_planned_beside_them(town: Town) -> None:
    ada = weekender(town)
    others = [town.reader(f"r{number}@example.org", "harbour", "garden") for number in range(3)]
    twin = town.reader("twin@example.org", "harbour", "garden")
    own(town, twin, "garden", WEEKLY)
    rose = town.story("Roses bloom early", "garden")
    (planned,) = town.service.plan()
    assert planned.deliveries == 5
    rows = {row.subscriber_id: row for row in town.deliveries()}
    assert rows[ada].profile_id == rows[twin].profile_id != rows[others[0]].profile_id
    assert [rows[each].due_at is None for each in (ada, twin, *others)] == [False, False, True, True, True]
    town.service.dispatch()
    assert [town.told(planned.edition_id, each) for each in (ada, others[0])] == [(), (Pick(rose, 1),)]


def test_a_send_by_hand_holds_all_topics(town: Town) -> None:
    ada = weekender(town)
    rose = town.story("Roses bloom early", "garden")
    due = town.due_at("ada@example.org")
    planned = town.service.send_by_hand(None, None, key="extra")
    assert planned is not None
    town.service.dispatch()
    assert town.told(planned.edition_id, ada) == (Pick(rose, 1),)
    assert town.due_at("ada@example.org") == due


def test_a_zone_that_nobody_knows_any_more_stops_nobody(town: Town) -> None:
    ada = weekender(town)
    town.reader("ben@example.org", "harbour")
    town.story("Ferry aground", "harbour")
    with writing(town.engine) as session:
        session.connection().execute(update(SUBSCRIBER).where(SUBSCRIBER.c.id == ada).values(timezone="Mars/Olympus"))
        intern_profile(session, ada)
    (planned,) = town.service.plan()
    assert planned.deliveries == 2
    assert town.service.dispatch().accepted == 1
    assert town.due_at("ada@example.org") == utc("2026-03-04T07:00"), "07:00, counted in UTC"


def _window(town: Town, subscriber_id: int) -> datetime | None:
    with reading(town.engine) as session:
        found = session.get(Subscriber, subscriber_id)
        assert found is not None
        return found.window_from


# --- several, as it happens -------------------------------------------------------------------------------------------


def test_several_mails_a_day_each_with_what_is_new_since_the_last(town: Town) -> None:
    town.topics("Harbour")
    ada = town.reader("ada@example.org", "harbour", cadence="several:12:00,18:00")
    ferry = town.story("Ferry aground", "harbour")
    told = []
    for hour, title in ((6, ""), (11, "Ferry afloat again, says port"), (17, "")):
        at = NOW.replace(hour=hour)
        if title:
            town.story(title, "harbour", at=at - timedelta(minutes=30))
        town.morning(at)
        told.append([pick.story_id for pick in town.told(town.editions()[-1].id or 0, ada)])
    assert told == [[ferry], [ferry + 1], []]
    assert town.due_at("ada@example.org") == utc("2026-03-05T06:00")


def test_as_it_happens_plans_only_when_something_has(town: Town) -> None:
    town.topics("Harbour", "Garden")
    ada = town.reader("ada@example.org", "harbour", cadence="as-it-happens")
    at = NOW
    for _ in range(8):  # two hours without news
        assert town.morning(at) == 0
        at += QUARTER
    assert (town.editions(), town.deliveries()) == ([], [])
    assert town.due_at("ada@example.org") == at.replace(second=0)
    town.story("Roses bloom early", "garden", at=at - timedelta(minutes=1))
    assert town.morning(at) == 0, "not of her topics"
    ferry = town.story("Ferry aground", "harbour", at=at)
    assert town.morning(at + QUARTER) == 1
    assert town.told(town.editions()[-1].id or 0, ada) == (Pick(ferry, 1),)
    for step in range(2, 12):
        assert town.morning(at + step * QUARTER) == 0
    assert len(town.deliveries()) <= 3, "what was committed late is looked for once more, and that is all"
    storm = town.story("Storm warning", "harbour", at=at + 12 * QUARTER)
    assert town.morning(at + 13 * QUARTER) == 1
    assert town.told(town.editions()[-1].id or 0, ada) == (Pick(storm, 1),)
    view = town.service.press.view(town.editions()[-1].id or 0, ada)
    assert view is not None
    assert "Next: as soon as there is news." in view.text


def test_one_topic_as_it_happens_beside_a_daily_one(town: Town) -> None:
    town.topics("Harbour", "Storms")
    ada = town.reader("ada@example.org", "harbour", "storms")
    own(town, ada, "storms", ALWAYS, at=NOW - timedelta(minutes=1))
    ferry = town.story("Ferry aground", "harbour")
    assert town.morning() == 1
    assert town.told(town.editions()[-1].id or 0, ada) == (Pick(ferry, 1),)
    ship = town.story("A ship has come", "harbour", at=NOW + QUARTER)
    for step in range(1, 6):
        assert town.morning(NOW + step * QUARTER) == 0
    assert len(town.deliveries()) == 1
    storm = town.story("Storm warning", "storms", at=NOW + 6 * QUARTER)
    assert town.morning(NOW + 6 * QUARTER) == 1
    assert town.told(town.editions()[-1].id or 0, ada) == (Pick(storm, 1),)
    assert "Next: tomorrow 07:00." in town.service.press.view(town.editions()[-1].id or 0, ada).text  # type: ignore[union-attr]
    town.clock.at = NOW + DAY
    assert town.morning() == 1
    assert town.told(town.editions()[-1].id or 0, ada) == (Pick(ship, 1),)


def test_a_tick_that_is_missed_loses_nothing_that_happened(town: Town) -> None:
    town.topics("Harbour", "Storms")
    ada = town.reader("ada@example.org", "harbour", "storms")
    own(town, ada, "storms", ALWAYS, at=NOW - timedelta(minutes=1))
    assert town.morning() == 0
    storm = town.story("Storm warning", "storms", at=NOW + timedelta(minutes=20))
    assert town.morning(NOW + timedelta(hours=5)) == 1
    assert town.told(town.editions()[-1].id or 0, ada) == (Pick(storm, 1),)


# --- pauses -----------------------------------------------------------------------------------------------------------


def test_who_pauses_after_planning_gets_nothing(town: Town) -> None:
    town.topics("Harbour")
    ada, ben = town.reader("ada@example.org", "harbour"), town.reader("ben@example.org", "harbour")
    town.story("Ferry aground", "harbour")
    town.service.plan()
    _pause(town, ada, datetime.now(UTC) + DAY)  # pauses end by the database's clock
    report = town.service.dispatch()
    assert (report.accepted, report.skipped) == (1, 1)
    told = {row.subscriber_id: (row.state, row.reason) for row in town.deliveries()}
    assert told == {ada: (DeliveryState.SKIPPED, "paused"), ben: (DeliveryState.ACCEPTED, None)}


def test_who_pauses_is_not_planned_and_not_sent_to_by_hand(town: Town) -> None:
    town.topics("Harbour")
    ada = town.reader("ada@example.org", "harbour")
    town.reader("ben@example.org", "harbour")
    _pause(town, ada, NOW.replace(second=0) + DAY)
    assert town.service.audience(None, None)[0] == 1
    planned = town.service.send_by_hand(None, None, key="extra")
    assert planned is not None
    assert planned.deliveries == 1
    (tick,) = town.service.plan()
    assert tick.deliveries == 1
    town.clock.at = NOW + DAY
    assert town.service.plan()[0].deliveries == 2, "the day after, both"
    with reading(town.engine) as session:
        assert editions.delivery(session, town.editions()[-1].id or 0, ada) is not None


def test_a_pause_is_said_to_whoever_sends_by_hand(small_town: Town) -> None:
    small_town.topics("Harbour")
    _pause(small_town, small_town.reader("ada@example.org", "harbour"), NOW + DAY)
    with pytest.raises(InputError, match="pauses until 2026-03-05 06:00 UTC"):
        small_town.service.audience(None, "ada@example.org")


def _pause(town: Town, subscriber_id: int, until: datetime) -> None:
    with writing(town.engine) as session:
        mine = SUBSCRIBER.c.id == subscriber_id
        session.connection().execute(update(SUBSCRIBER).where(mine).values(paused_until=until))


# --- pure -------------------------------------------------------------------------------------------------------------


def profile(**values: object) -> ReaderProfile:
    ours = {
        "id": 1,
        "topics": (1, 2),
        "language": "en",
        "timezone": "Europe/Berlin",
        "cadence": "daily",
        "send_minute": 420,
        "max_stories": 12,
        "own": {2: WEEKLY},
    }
    return ReaderProfile(**{**ours, **values})  # type: ignore[arg-type]


def test_which_groups_are_due() -> None:
    seven, eighteen = utc("2026-03-06T06:00"), utc("2026-03-06T17:00")
    assert due_groups(profile(), seven, seven) == {("daily", 420): (1,)}
    assert due_groups(profile(), eighteen, eighteen) == {WEEKLY: (2,)}
    assert due_groups(profile(), seven, eighteen) == {("daily", 420): (1,), WEEKLY: (2,)}
    assert due_groups(profile(), seven, seven - QUARTER) == {}


def test_a_topics_window_begins_at_its_last_hour() -> None:
    due = utc("2026-03-06T17:00")
    assert topic_starts(profile(), due, due) == {2: due - timedelta(days=7) - editions.OVERLAP}
    assert topic_starts(profile(), None, due) == {}
    assert topic_starts(profile(own={2: ("daily", 420)}), due, due) == {}, "the reader's own rhythm, said twice"
    months_later = due + timedelta(days=90)
    assert topic_starts(profile(), due, months_later) == {2: months_later - timedelta(days=7)}


def test_the_next_slot_and_the_next_mail() -> None:
    friday = utc("2026-03-06T06:00")
    assert next_slot(profile(), friday) == utc("2026-03-06T17:00")
    assert next_slot(profile(topics=()), friday) == utc("2026-03-07T06:00")
    alarmed = profile(own={2: ("as-it-happens", 15)})
    assert (next_slot(alarmed, friday), next_mail(alarmed, friday)) == (friday + QUARTER, utc("2026-03-07T06:00"))
    assert next_mail(profile(topics=(2,), own={2: ALWAYS}), friday) is None
    part = profile(topics=(2,), rhythms=(("daily", 420), WEEKLY))
    assert next_mail(part, utc("2026-03-06T17:00")) == utc("2026-03-07T06:00")
