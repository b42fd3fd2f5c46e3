"""The intake's rows: each is worked off once, whole or not at all, and holds up no other."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import event, insert

from digest.models import Edition
from digest.service.intake import tidy, work_intake
from digest.store.db import reading, writing
from digest.types import EditionState
from subscribers import asks
from tests.service.asking import INTAKE, drop, sent, sign_up, slots, waiting, work
from tests.service.town import NOW, Town

# --- rows that cannot be worked off -----------------------------------------------------------------------------------


def test_a_row_that_cannot_be_done_is_dropped_without_a_word_about_who(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    town.topics("Harbour", "Energy")
    drop(town, sign_up("ada@example.org", "energy"), sign_up("ben@example.org"))
    town.service.topics.remove("energy")
    with caplog.at_level(logging.INFO):
        assert work(town) == 2
    assert [reader.address for reader in town.service.readers.list()] == ["ben@example.org"]
    assert "UnknownTopic" in caplog.text
    assert "ada" not in caplog.text


def test_a_row_of_an_unknown_kind_holds_up_nobody(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    town.topics("Harbour")
    with writing(town.engine) as session:
        for kind, data in (("greet", "{}"), ("sign_up", "no json"), ("fresh", '{"what": 1}')):
            session.connection().execute(insert(INTAKE).values(at=NOW, kind=kind, data=data))
    drop(town, sign_up())
    with caplog.at_level(logging.WARNING):
        assert work(town) == 1
    assert slots(town) == ["confirm"]
    assert caplog.text.count("cannot be read by this version") == 3
    assert waiting(town) == ["greet", "sign_up", "fresh"], "a newer version may be at work beside us"
    town.clock.at += timedelta(hours=25)
    with caplog.at_level(logging.ERROR):
        tidy(town.service.readers)
    assert waiting(town) == []
    assert "could not be worked off for a day" in caplog.text


def test_a_defect_keeps_its_row_and_holds_up_nobody(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    """A row whose work fails in an unforeseen way leaves no trace and waits; those behind it are worked off."""
    town.topics("Harbour")
    drop(town, sign_up("ada@example.org"), sign_up("ben@example.org"))

    @event.listens_for(town.engine, "before_cursor_execute")
    def fail(_c: object, _k: object, statement: str, *_: object) -> None:
        if "INSERT INTO consent" in statement and failing and not done:
            done.append(1)
            raise ZeroDivisionError(f"a defect that names {'@'.join(('ada', 'example.org'))}")

    failing, done = True, list[int]()
    with caplog.at_level(logging.ERROR):
        assert work(town) == 1
    assert [reader.address for reader in town.service.readers.list()] == ["ben@example.org"]
    assert "ZeroDivisionError" in caplog.text
    assert "ada@example.org" not in caplog.text
    failing = False
    assert work(town) == 1
    assert slots(town) == ["confirm", "confirm"]


def test_what_an_erasure_left_to_do_is_never_given_up(town: Town) -> None:
    town.topics("Harbour")
    reader = town.reader("ada@example.org", "harbour")
    town.story("Ferry aground", "harbour")
    town.morning()
    with writing(town.engine) as session:
        session.connection().exec_driver_sql("UPDATE delivery SET state = 'attempting'")
    drop(town, asks.ForgetAsk(reader))
    assert work(town) == 0
    town.clock.at += timedelta(days=2)
    tidy(town.service.readers)
    assert waiting(town) == ["forget"]
    with writing(town.engine) as session:
        session.connection().exec_driver_sql("UPDATE delivery SET state = 'accepted'")
    assert work(town) == 1
    assert waiting(town) == []


# --- several at once --------------------------------------------------------------------------------------------------


@pytest.fixture
def crowd(town: Town) -> Town:
    """Forty sign-ups that wait, some of one address."""
    town.topics("Harbour")
    drop(town, *[sign_up(f"reader{number % 30}@example.org") for number in range(40)])
    return town


def test_several_workers_never_do_one_row_twice(crowd: Town) -> None:
    with ThreadPoolExecutor(4) as pool:
        worked = list(pool.map(lambda _: work(crowd), range(4)))
    assert sum(worked) == 40
    assert waiting(crowd) == []
    assert len(crowd.service.readers.list()) == 30
    assert slots(crowd) == ["confirm"] * 30, "ten asked twice within ten minutes"
    assert len(sent(crowd)) == 30


def test_a_stop_is_obeyed_between_rows(small_town: Town) -> None:
    small_town.topics("Harbour")
    drop(small_town, sign_up("ada@example.org"), sign_up("ben@example.org"), sign_up("cy@example.org"))
    stop = threading.Event()
    small_town.service.readers.on_mail_planned = stop.set
    assert work_intake(small_town.service.readers, stop) == 1
    assert waiting(small_town) == ["sign_up", "sign_up"]


def test_an_idle_worker_writes_nothing(small_town: Town) -> None:
    statements: list[str] = []

    @event.listens_for(small_town.engine, "before_cursor_execute")
    def note(_c: object, _k: object, statement: str, *_: object) -> None:
        statements.append(statement)

    assert work(small_town) == 0
    assert [statement.split()[0] for statement in statements] == ["BEGIN", "SELECT"], "no write lock is taken"


def test_a_welcome_whose_freezing_was_cut_off_is_finished_by_the_planner(town: Town) -> None:
    """The crash between a welcome's two transactions: nothing is lost, nothing is doubled."""
    town.topics("Harbour")
    town.story("Ferry aground", "harbour", at=NOW - timedelta(hours=3))
    reader = town.reader("ada@example.org", "harbour", signed_up=NOW)
    drop(town, asks.WelcomeAsk(reader))

    @event.listens_for(town.engine, "before_cursor_execute")
    def cut_off(_c: object, _k: object, statement: str, *_: object) -> None:
        if cutting and "INSERT INTO edition_story" in statement:
            raise KeyboardInterrupt

    cutting = True
    with pytest.raises(KeyboardInterrupt):
        work(town)
    cutting = False
    (edition,) = town.editions()
    assert (edition.state, waiting(town)) == (EditionState.PLANNING, [])
    assert town.service.plan() == [], "it may still be at work"
    town.clock.at += timedelta(minutes=11)
    (planned,) = town.service.plan()
    assert planned.edition_id == edition.id
    assert town.service.dispatch().accepted == 1
    assert _state(town, edition.id or 0) == EditionState.DONE


def _state(town: Town, edition_id: int) -> str:
    with reading(town.engine) as session:
        found = session.get(Edition, edition_id)
        assert found is not None
        return found.state
