"""Planning: everybody once, whatever crashes, races or is called twice."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlmodel import Session

from digest.errors import DigestError, InputError, StaleFence, StoreError
from digest.service import planning
from digest.service.core import DigestService
from digest.settings import Settings
from digest.store import clock, editions, moving
from digest.store.db import open_database, writing
from digest.types import EditionState
from subscribers import due as roster_due
from tests.service.town import NOW, Town

TICK = NOW.replace(second=0)
NEXT_DAY = datetime(2026, 3, 5, 6, 0, tzinfo=UTC)


def free(_: Session) -> None:
    """A guard for tests that are not about the clock."""


def harbour(town: Town) -> list[int]:
    """Two topics, a story in each, three readers of whom two are due at NOW."""
    town.topics("Harbour", "Energy")
    town.story("Ferry aground", "harbour")
    town.story("Wind farm opens", "energy")
    return [
        town.reader("ada@example.org", "harbour"),
        town.reader("ben@example.org", "energy", "harbour"),
        town.reader("cleo@example.org", "harbour", at="09:00"),
    ]


def test_everybody_due_is_planned_once_and_moved_on(town: Town) -> None:
    ada, ben, _ = harbour(town)
    planned = town.service.plan()
    assert [(each.edition_id, each.deliveries) for each in planned] == [(town.editions()[0].id, 2)]
    assert [row.subscriber_id for row in town.deliveries()] == [ada, ben]
    assert town.due_at("ada@example.org") == NEXT_DAY
    assert town.due_at("cleo@example.org") == datetime(2026, 3, 4, 8, 0, tzinfo=UTC)
    assert town.service.plan() == []
    assert len(town.deliveries()) == 2
    (edition,) = town.editions()
    assert (edition.slot, edition.state, edition.frozen_count) == ("tick:2026-03-04T06:00Z", EditionState.FROZEN, 2)


def test_the_next_window_begins_where_this_one_ends(town: Town) -> None:
    harbour(town)
    town.service.plan()
    town.clock.at = NOW + timedelta(days=1)
    town.service.plan()
    first, second = (row for row in town.deliveries() if row.subscriber_id == 1)
    assert first.since == NOW - timedelta(days=1), "a first digest reaches back one day"
    assert second.since == NOW - editions.OVERLAP


def test_a_weekly_readers_first_digest_reaches_back_a_week(town: Town) -> None:
    town.topics("Harbour")
    weekly = town.reader("wim@example.org", "harbour", cadence="weekly:wed", signed_up=NOW - timedelta(days=2))
    old = town.story("Five days ago", "harbour", at=NOW - timedelta(days=5))
    town.service.plan()
    (row,) = town.deliveries()
    assert row.since == NOW - timedelta(days=7)
    town.service.dispatch()
    assert [pick.story_id for pick in town.told(row.edition_id, weekly)] == [old]


def test_after_days_of_silence_everybody_gets_one_mail(town: Town) -> None:
    harbour(town)
    town.clock.at = NOW + timedelta(days=3, minutes=7)
    town.service.plan()
    assert sorted(row.subscriber_id for row in town.deliveries()) == [1, 2, 3]
    assert town.due_at("ada@example.org") == NEXT_DAY + timedelta(days=3)


def test_who_becomes_due_after_the_freeze_gets_the_next_slot(town: Town) -> None:
    harbour(town)
    town.service.plan()
    with writing(town.engine) as session:
        session.connection().execute(
            text("UPDATE subscriber SET next_due_at = :at WHERE id = 3"), {"at": _stored(town, TICK)}
        )
    assert town.service.plan() == []
    town.clock.at = NOW + timedelta(minutes=15)
    assert [each.deliveries for each in town.service.plan()] == [1]
    assert [row.subscriber_id for row in town.deliveries()] == [1, 2, 3]


def test_more_readers_than_a_chunk(town: Town) -> None:
    town.topics("Harbour")
    town.story("Ferry aground", "harbour")
    town.crowd(1200, "harbour", TICK)
    (planned,) = town.service.plan()
    assert planned.deliveries == 1200
    chunks: dict[int, int] = {}
    for row in town.deliveries():
        chunks[row.chunk_id] = chunks.get(row.chunk_id, 0) + 1
    assert sorted(chunks.values()) == [200, editions.CHUNK, editions.CHUNK]
    assert len({row.subscriber_id for row in town.deliveries()}) == 1200
    assert town.service.plan() == []


def test_a_crash_before_the_freeze_is_finished_by_the_next_plan(town: Town) -> None:
    """Killed after one chunk: those in it get this edition, the others are still due and get the next."""
    town.topics("Harbour")
    town.story("Ferry aground", "harbour")
    town.crowd(700, "harbour", TICK)
    with writing(town.engine) as session:
        edition_id, planned_at, _ = editions.open_edition(
            session, "tick", "tick:2026-03-04T06:00Z", planned_at=NOW, key_id=town.service.keyring.key_id
        )
    planning.plan_next_chunk(town.service.shop, edition_id, planned_at, TICK, 0, free)
    assert town.service.dispatch().accepted == 0, "nothing leaves before the freeze"
    town.clock.at = NOW + timedelta(minutes=15)
    planned = town.service.plan()
    assert [each.deliveries for each in planned] == [500, 200]
    assert planned[0].edition_id == edition_id
    assert len({row.subscriber_id for row in town.deliveries()}) == len(town.deliveries()) == 700


def test_a_crash_before_the_first_chunk_leaves_nothing_behind(town: Town) -> None:
    harbour(town)
    with writing(town.engine) as session:
        editions.open_edition(session, "tick", "tick:2026-03-04T05:45Z", planned_at=NOW, key_id=0)
    assert [each.deliveries for each in town.service.plan()] == [2]
    assert [edition.state for edition in town.editions()] == [EditionState.DONE, EditionState.FROZEN]


def test_a_chunk_whose_readers_were_moved_meanwhile_is_undone(town: Town) -> None:
    harbour(town)
    with writing(town.engine) as session:
        edition_id, planned_at, _ = editions.open_edition(session, "tick", "tick:x", planned_at=NOW, key_id=0)

    def plan() -> None:
        with writing(town.engine) as session:
            due = roster_due.due(TICK)
            assert editions.plan_chunk(session, edition_id, due, after_id=0, planned_at=planned_at) == (2, 2)
            session.connection().execute(text("UPDATE subscriber SET next_due_at = NULL WHERE id = 2"))
            rhythms = dict.fromkeys(moving.rhythms(session, edition_id, 0, 2), NEXT_DAY)
            moving.move_due(session, (edition_id, 0, 2), TICK, planned_at, rhythms, 2)

    with pytest.raises(DigestError, match="nothing was changed"):
        plan()
    assert town.deliveries() == []
    assert town.due_at("ada@example.org") == TICK


def test_one_of_two_services_holds_the_clock(town: Town, settings: Settings) -> None:
    harbour(town)
    other = DigestService(settings, now=town.clock, engine=town.engine)
    assert len(town.service.plan()) == 1
    town.clock.at = NOW + timedelta(days=1)
    assert other.plan() == [], "the first one's lease has not run out"
    town.service.close()
    assert len(other.plan()) == 1, "an orderly end gives the clock back at once"
    other.close()


def test_a_stale_clock_writes_nothing(town: Town) -> None:
    harbour(town)
    with writing(town.engine) as session:
        fence = clock.take_clock(session, "frozen", seconds=-1)
    assert fence is not None
    with writing(town.engine) as session:
        assert clock.take_clock(session, "rival") == fence + 1

    def guard(session: Session) -> None:
        clock.keep_clock(session, "frozen", fence)

    with pytest.raises(StaleFence):
        planning.plan_tick(town.service.shop, now=NOW, key_id=0, guard=guard)
    assert (town.editions(), town.deliveries()) == ([], [])
    assert town.due_at("ada@example.org") == TICK


def test_a_clock_lost_between_chunks_keeps_what_was_planned_and_writes_no_more(town: Town) -> None:
    town.topics("Harbour")
    town.crowd(700, "harbour", TICK)
    calls = 0

    def guard(session: Session) -> None:
        nonlocal calls
        calls += 1
        if calls > 3:  # leftovers, the edition, its first chunk
            raise StaleFence

    with pytest.raises(StaleFence):
        planning.plan_tick(town.service.shop, now=NOW, key_id=town.service.keyring.key_id, guard=guard)
    assert len(town.deliveries()) == editions.CHUNK
    assert town.editions()[0].state == EditionState.PLANNING
    assert sum(each.deliveries for each in town.service.plan()) == editions.CHUNK


@pytest.mark.postgres
def test_racing_planners_never_plan_anybody_twice(postgres_url: str, settings: Settings) -> None:
    """Two machines whose clocks were both let through: the database alone keeps the promise."""
    engines = [open_database(postgres_url) for _ in range(2)]
    towns = [Town(engine, settings) for engine in engines]
    towns[0].topics("Harbour")
    towns[0].story("Ferry aground", "harbour")
    towns[0].crowd(700, "harbour", TICK)
    start = threading.Barrier(2)

    def race(town: Town) -> str:
        start.wait()
        try:
            planning.plan_tick(town.service.shop, now=NOW, key_id=town.service.keyring.key_id, guard=free)
        except DigestError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(race, towns))
    for later in range(1, 4):  # whoever lost the race leaves the rest to the next slots
        planning.plan_tick(
            towns[0].service.shop,
            now=NOW + timedelta(minutes=15 * later),
            key_id=towns[0].service.keyring.key_id,
            guard=free,
        )
    readers = [row.subscriber_id for row in towns[0].deliveries()]
    assert len(readers) == len(set(readers)) == 700
    assert all(edition.state != EditionState.PLANNING for edition in towns[0].editions())
    for town in towns:
        town.service.close()


# --- sends by hand ----------------------------------------------------------------------------------------------------


def test_a_send_by_hand_moves_no_due_time(town: Town) -> None:
    harbour(town)
    before = [town.due_at(each) for each in ("ada@example.org", "ben@example.org", "cleo@example.org")]
    planned = town.service.send_by_hand(None, None, key="extra")
    assert planned is not None
    assert planned.deliveries == 3
    assert town.service.dispatch(edition_id=planned.edition_id).accepted == 3
    assert [town.due_at(each) for each in ("ada@example.org", "ben@example.org", "cleo@example.org")] == before
    assert town.morning() == 0, "at their hour there is nothing new for anybody"


def test_the_same_key_sends_nothing_the_second_time(town: Town) -> None:
    harbour(town)
    first = town.service.send_by_hand(None, None, key="extra")
    assert first is not None
    assert town.service.unsent("extra").deliveries == 3
    assert town.service.dispatch().accepted == 3
    town.story("Storm breaks the wall", "harbour")
    assert town.service.send_by_hand(None, None, key="extra") is None
    assert town.service.unsent("extra") == planning.Planned(first.edition_id, 0)
    assert town.service.dispatch().accepted == 0


def test_an_interrupted_plan_by_hand_goes_on_under_its_key(town: Town) -> None:
    harbour(town)
    key_id = town.service.keyring.key_id
    with writing(town.engine) as session:
        edition_id, planned_at, _ = editions.open_edition(
            session, "manual", "manual:extra", planned_at=NOW, key_id=key_id
        )
        editions.plan_chunk(session, edition_id, roster_due.audience(None, 1), after_id=0, planned_at=planned_at)
    planned = town.service.send_by_hand(None, None, key="extra")
    assert planned == planning.Planned(edition_id, 3)


def test_an_abandoned_plan_by_hand_is_withdrawn(town: Town) -> None:
    harbour(town)
    with writing(town.engine) as session:
        edition_id, planned_at, _ = editions.open_edition(session, "manual", "manual:extra", planned_at=NOW, key_id=0)
        editions.plan_chunk(session, edition_id, roster_due.audience(None, None), after_id=0, planned_at=planned_at)
    town.service.plan()
    assert "manual:extra" in [edition.slot for edition in town.editions()], "it may still be under way"
    town.clock.at = NOW + timedelta(minutes=11)
    town.service.plan()
    assert "manual:extra" not in [edition.slot for edition in town.editions()]
    assert {row.edition_id for row in town.deliveries()} == {town.editions()[0].id}


def test_a_send_to_one_topic_tells_only_of_it(town: Town) -> None:
    _, ben, _ = harbour(town)
    count, topic_id, _ = town.service.audience("energy", None)
    planned = town.service.send_by_hand(topic_id, None, key="energy only")
    assert planned is not None
    assert (count, planned.deliveries) == (1, 1)
    town.service.dispatch()
    titles = [title for title, _ in town.service.press.told(planned.edition_id, ben).whys]  # type: ignore[union-attr]
    assert titles == ["Wind farm opens"]


@pytest.mark.parametrize("key", ["", "a" * 101, "line\nbreak", "tab\t"])
def test_a_key_that_cannot_name_a_slot(small_town: Town, key: str) -> None:
    with pytest.raises(InputError, match="a key has 1 to 100"):
        small_town.service.send_by_hand(None, None, key=key)
    assert small_town.editions() == []


def test_nothing_is_unsent_under_a_key_that_nobody_used(small_town: Town) -> None:
    with pytest.raises(InputError, match="nothing was ever sent"):
        small_town.service.unsent("what")


def test_who_was_away_for_long_gets_a_first_window_again(town: Town) -> None:
    harbour(town)
    with writing(town.engine) as session:
        session.execute(
            text("UPDATE subscriber SET window_from = :at WHERE id = 1"),
            {"at": _stored(town, NOW - timedelta(days=180))},
        )
    town.service.plan()
    assert [row.since for row in town.deliveries() if row.subscriber_id == 1] == [NOW - timedelta(days=1)]


def test_a_zone_that_nobody_knows_any_more_stops_nobody(town: Town) -> None:
    harbour(town)
    with writing(town.engine) as session:
        session.execute(text("UPDATE subscriber SET timezone = 'Mars/Olympus' WHERE id = 1"))
    assert [each.deliveries for each in town.service.plan()] == [2]
    assert town.due_at("ada@example.org") == datetime(2026, 3, 4, 7, 0, tzinfo=UTC), "07:00, counted in UTC"
    assert town.service.dispatch().accepted == 2


def test_a_frozen_edition_takes_no_further_chunk(town: Town) -> None:
    harbour(town)
    planned = town.service.send_by_hand(None, None, key="extra")
    assert planned is not None
    town.reader("dora@example.org", "harbour")
    with pytest.raises(StoreError, match="no longer being planned"), writing(town.engine) as session:
        editions.plan_chunk(
            session, planned.edition_id, roster_due.audience(None, None), after_id=0, planned_at=town.clock.at
        )
    assert len(town.deliveries()) == 3


def _stored(town: Town, at: datetime) -> object:
    return at if town.engine.dialect.name == "postgresql" else f"{at:%Y-%m-%d %H:%M:%S.%f}"
