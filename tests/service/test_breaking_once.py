"""Breaking news, planned once: whatever dies, races or becomes another story on the way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlmodel import Session

from digest.errors import DigestError, StaleFence
from digest.models import Article, Story, StoryMerge
from digest.service.breaking import plan_breaking
from digest.service.core import DigestService
from digest.service.freezing import unguarded
from digest.settings import Settings
from digest.store import editions
from digest.store.db import database_time, open_database, writing
from digest.types import EditionState, Pick
from subscribers.due import at_once
from subscribers.models import Subscriber
from subscribers.sql import table
from tests.crash.children import Process, nursery_of
from tests.service.breaking_news import LATER, MINUTE, QUARTER, harbour, opened, slots, tell, terms
from tests.service.town import NOW, Town


def merged(town: Town, gone: int, kept: int, version: int) -> None:
    """`gone` becomes part of `kept`, as clustering writes it."""
    with writing(town.engine) as session:
        run = session.connection().execute
        run(
            update(table(Article)).where(table(Article).c.story_id == gone).values(story_id=kept, story_version=version)
        )
        run(update(table(Story)).where(table(Story).c.id == kept).values(version=version))
        session.add(StoryMerge(gone=gone, kept=kept, version=version, at=database_time(session)))


def test_a_story_that_broke_and_became_another_does_not_break_as_that(town: Town) -> None:
    harbour(town)
    kept = tell(town, [3], "harbour", about="Tugs called")
    gone = tell(town, [0, 1, 2], "harbour")
    assert town.morning() == 1
    merged(town, gone, kept, 2)
    town.clock.at += MINUTE
    assert town.service.plan() == []
    assert slots(town) == [f"breaking:{gone}:1"]


def test_a_story_that_becomes_another_before_the_freeze_is_told_as_that(town: Town) -> None:
    ada = harbour(town)
    kept = tell(town, [3], "harbour", about="Tugs called")
    gone = tell(town, [0, 1, 2], "harbour")
    edition_id = opened(town, gone, LATER)
    merged(town, gone, kept, 2)
    (planned,) = town.service.plan()
    assert (planned.edition_id, town.service.dispatch().accepted) == (edition_id, 1)
    assert town.told(edition_id, ada) == (Pick(kept, 2),)
    assert town.service.plan() == []


@pytest.mark.parametrize("chunks", [0, 1])
def test_killed_before_the_freeze_it_goes_on_with_the_same_edition(town: Town, chunks: int) -> None:
    town.topics("Harbour")
    terms(town, "harbour")
    town.clock.at = LATER
    for name in "abcde":
        town.reader(f"{name}@example.org", "harbour", cadence="as-it-happens", signed_up=LATER - 3 * MINUTE)
    ferry = tell(town, [0, 1, 2], "harbour")
    edition_id = opened(town, ferry, LATER)
    if chunks:
        with writing(town.engine) as session:
            some = at_once(1, LATER).where(table(Subscriber).c.id <= 2)
            editions.plan_chunk(session, edition_id, some, after_id=0, planned_at=LATER, since=NOW - QUARTER)
    assert town.service.dispatch().accepted == 0, "nothing leaves before the freeze"
    town.clock.at = LATER + MINUTE
    (planned,) = town.service.plan()
    assert (planned.edition_id, planned.deliveries) == (edition_id, 5)
    assert town.service.dispatch().accepted == 5
    assert slots(town) == [f"breaking:{ferry}:1"]
    assert town.service.plan() == []


def test_a_plan_that_dies_between_chunks_and_freeze(town: Town) -> None:
    harbour(town)
    tell(town, [0, 1, 2], "harbour")
    calls = 0

    def guard(_: Session) -> None:
        nonlocal calls
        calls += 1
        if calls > 3:  # the edition, its chunk, no further chunk
            raise StaleFence

    with pytest.raises(StaleFence):
        plan_breaking(town.service.shop, now=LATER, key_id=town.service.keyring.key_id, guard=guard)
    assert [edition.state for edition in town.editions()] == [EditionState.PLANNING]
    assert len(town.deliveries()) == 1
    (planned,) = town.service.plan()
    assert planned.deliveries == 1
    assert len(town.deliveries()) == 1
    assert town.service.dispatch().accepted == 1


@pytest.mark.parametrize("why", ["late", "off"])
def test_one_left_behind_too_late_or_switched_off_is_withdrawn(town: Town, why: str) -> None:
    ada = harbour(town)
    ferry = tell(town, [0, 1, 2], "harbour")
    edition_id = opened(town, ferry, LATER)
    if why == "late":
        town.clock.at = LATER + timedelta(hours=2)
    else:
        terms(town, "harbour", publishers=0)
    town.service.plan()
    assert edition_id not in [edition.id for edition in town.editions()]
    assert town.deliveries(edition_id) == []
    if why == "late":
        town.service.dispatch()
        (row,) = [row for row in town.deliveries() if row.subscriber_id == ada]
        assert town.told(row.edition_id, ada) == (Pick(ferry, 3),), "it came by the digest"


def test_only_who_holds_the_clock_plans_it(town: Town, settings: Settings) -> None:
    harbour(town)
    tell(town, [0, 1, 2], "harbour")
    other = DigestService(settings, now=town.clock, engine=town.engine)
    assert len(town.service.plan()) == 1
    assert other.plan() == []
    town.service.close()
    assert other.plan() == [], "the other process knows what was told"
    assert len(town.deliveries()) == 1
    other.close()


def test_a_stale_clock_opens_nothing(town: Town) -> None:
    harbour(town)
    tell(town, [0, 1, 2], "harbour")

    def lost(_: Session) -> None:
        raise StaleFence

    with pytest.raises(StaleFence):
        plan_breaking(town.service.shop, now=LATER, key_id=0, guard=lost)
    assert town.editions() == []


@pytest.mark.postgres
def test_racing_planners_tell_each_reader_once(postgres_url: str, settings: Settings) -> None:
    """Two machines whose clocks were both let through: the database alone keeps the promise."""
    engines = [open_database(postgres_url) for _ in range(2)]
    towns = [Town(engine, settings) for engine in engines]
    harbour(towns[0])
    for number in range(40):
        towns[0].reader(f"r{number}@example.org", "harbour", cadence="as-it-happens", signed_up=LATER - MINUTE)
    ferry = tell(towns[0], [0, 1, 2], "harbour")
    start = threading.Barrier(2)

    def race(town: Town) -> str:
        start.wait()
        try:
            plan_breaking(town.service.shop, now=LATER, key_id=town.service.keyring.key_id, guard=unguarded)
        except DigestError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(race, towns))
    towns[0].clock.at = LATER + MINUTE
    towns[0].service.plan()
    readers = [row.subscriber_id for row in towns[0].deliveries()]
    assert len(readers) == len(set(readers)) == 41
    assert slots(towns[0]) == [f"breaking:{ferry}:1"]
    assert towns[0].editions()[0].state == EditionState.FROZEN
    for town in towns:
        town.service.close()


@pytest.fixture
def process() -> Iterator[Process]:
    """A nursery of its own."""
    with nursery_of("tests.crash.breaking") as run:
        yield run


POINTS = ["open", "commit", "plan", "commit", "commit", "freeze", "commit", "done"]


def test_killed_anywhere_each_story_comes_once(town: Town, settings: Settings, process: Process) -> None:
    """A real process dies before every statement and commit that matters; the next plan ends what it began."""
    ada = harbour(town)
    terms(town, "harbour", a_day=24)
    job = {
        "database": town.engine.url.render_as_string(hide_password=False),
        "data_dir": str(settings.data_dir),
        "key": "a-key-that-only-the-tests-know-about-0001",
        "now": LATER.isoformat(),
    }
    stories = []
    for kill_at, point in enumerate(POINTS):
        stories.append(tell(town, [0, 1, 2], "harbour", about=f"Ferry number {kill_at} aground"))
        assert process({**job, "kill_at": kill_at}) == {"code": -9, "points": []}
        mine = {edition.id for edition in town.editions() if edition.slot == f"breaking:{stories[-1]}:1"}
        begun = (len(mine), sum(row.edition_id in mine for row in town.deliveries()))
        assert begun == (kill_at > 1, kill_at > 3), f"killed before {point}"
        town.service.plan()
        assert town.service.dispatch().accepted == 1, f"killed before {point}"
        assert town.service.plan() == []
    told = [pick for edition in town.editions() for pick in town.told(edition.id or 0, ada)]
    assert told == [Pick(story, 3) for story in stories]
    assert slots(town) == [f"breaking:{story}:1" for story in stories]
    stories.append(tell(town, [0, 1, 2], "harbour", about="Ferry at last afloat"))
    assert process({**job, "kill_at": None}) == {"code": 0, "points": POINTS}, "there is no other point to die at"
