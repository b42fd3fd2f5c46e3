"""The clock with APScheduler's real threads: jobs fire, and none takes another down."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

import scheduler
from digest.settings import Settings
from scheduler import make_clock
from tests.gather.site import FEEDS, Reply, serving
from tests.service.breaking_news import feed, subjects, terms
from tests.service.town import Clock, Town


@pytest.fixture
def town(sqlite_database: Engine, settings: Settings) -> Iterator[Town]:
    """A town whose clock is right, on SQLite."""
    made = Town(sqlite_database, settings, Clock(datetime.now(UTC)))
    yield made
    made.service.close()


def test_the_clock_gathers_plans_and_sweeps(town: Town) -> None:
    """Within moments of a start: a due source is gathered, a due reader's mail planned, and the sender woken."""
    now = town.clock.at
    with serving() as site:
        site.pages["/feed"] = Reply((FEEDS / "rss2.xml").read_bytes(), headers={"Content-Type": "application/rss+xml"})
        town.topics("Harbour")
        town.service.sources.add(site["/feed"], topics=["harbour"])
        town.story("Ferry aground", "harbour", at=now - timedelta(minutes=5))
        town.reader("ada@example.org", "harbour", signed_up=now - timedelta(days=1, minutes=30), timezone="UTC")
        sent = threading.Event()

        woken: set[str] = set()

        def wake(name: str) -> None:
            woken.add(name)
            if name == "dispatch" and town.service.dispatch().accepted:
                sent.set()

        clock = make_clock(town.service, wake)
        clock.start()
        try:
            assert {job.id for job in clock.get_jobs()} == {"gather", "plan", "sweep", "settle", "tidy", "report"}
            assert sent.wait(60)
            end = time.monotonic() + 60
            while site.paths().count("/feed") < 2 and time.monotonic() < end:
                time.sleep(0.02)
        finally:
            clock.shutdown(wait=True)
        assert site.paths().count("/feed") == 2, "once to look at it, once by the clock"
        assert len(town.mails()) == 1
        assert woken == {"intake", "dispatch"}, "both are swept: a lost wake-up costs seconds only"


def test_breaking_news_leaves_soon_after_the_gather_that_brought_it(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three feeds, and a reader as it happens whose quarter hour has not come: nothing is due but the news itself."""
    monkeypatch.setattr(scheduler, "PLAN_SECONDS", 0.5)
    now = town.clock.at
    town.topics("Harbour")
    terms(town, "harbour")
    town.reader("ada@example.org", "harbour", cadence="as-it-happens", signed_up=now)
    with serving() as site:
        for paper in range(3):
            town.service.sources.add(feed(site, paper, now - timedelta(minutes=9 - paper)), topics=["harbour"])
        sent = threading.Event()

        def wake(name: str) -> None:
            if name == "dispatch" and town.service.dispatch().accepted:
                sent.set()

        clock = make_clock(town.service, wake)
        clock.start()
        try:
            assert sent.wait(60)
        finally:
            clock.shutdown(wait=True)
    assert subjects(town) == ["Breaking: Ferry Margarethe aground on sandbank at harbour"]


def test_the_operator_is_told_once_a_day(
    sqlite_database: Engine, make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the real clock, again and again within a moment: one mail to each address, and nobody is a reader."""
    monkeypatch.setattr(scheduler, "REPORT_SECONDS", 0.1)
    wanted = {"operator_email": "ops@example.org, boss@example.org", "report_at": "00:00"}
    town = Town(sqlite_database, make_settings(**wanted), Clock(datetime.now(UTC)))
    turns, looked = [], threading.Event()
    planned = town.service.reporter.planned

    def planned_once_more() -> int | None:
        turns.append(1)
        if len(turns) > 3:
            looked.set()
        return planned()

    monkeypatch.setattr(town.service.reporter, "planned", planned_once_more)

    def wake(name: str) -> None:
        if name == "dispatch":
            town.service.dispatch()

    clock = make_clock(town.service, wake)
    clock.start()
    try:
        assert looked.wait(60)
    finally:
        clock.shutdown(wait=True)
    assert subjects(town) == ["All well: 0 mails, 0 new readers"] * 2
    assert len(town.editions()) == 1
    assert town.service.readers.list() == []
    town.service.close()


def test_one_failing_job_does_not_end_the_others(
    town: Town, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("GATHER_SECONDS", "PLAN_SECONDS", "SWEEP_SECONDS"):
        monkeypatch.setattr(scheduler, name, 0.1)
    sweeps: list[int] = []

    def sweep(name: str) -> None:
        if name != "intake":
            return
        sweeps.append(1)
        if len(sweeps) == 1:
            raise ZeroDivisionError("a defect in the sweep")

    with town.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE clock_lease RENAME TO lost")  # planning fails from now on
    clock = make_clock(town.service, sweep)
    with caplog.at_level(logging.ERROR):
        clock.start()
        try:
            end = time.monotonic() + 60
            while time.monotonic() < end and (len(sweeps) < 4 or _plans(caplog) < 2):
                time.sleep(0.02)
        finally:
            clock.shutdown(wait=True)
    with town.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE lost RENAME TO clock_lease")
    assert len(sweeps) >= 4
    assert _plans(caplog) >= 2, "an operator's error is one line, again and again"
    assert any("defect in the sweep" in str(record.exc_info) for record in caplog.records)


def _plans(caplog: pytest.LogCaptureFixture) -> int:
    told = [record for record in caplog.records if record.name == "scheduler" and "plan:" in record.getMessage()]
    assert all(record.exc_info is None for record in told)
    return len(told)
