"""The intake under SIGKILL: a real process dies inside and between its transactions; every ask is worked off once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from digest.store.db import reading, writing
from digest.types import EditionState
from subscribers import asks
from subscribers.models import Intake
from subscribers.sql import table
from subscribers.types import SignUp
from tests.crash.children import Process, nursery_of
from tests.service.town import Town

KILLED = -9
INTAKE = table(Intake)
PURPOSES = {"sign_up": "confirm", "fresh": "fresh", "welcome": "welcome", "move": "moving", "goodbye": "goodbye"}


class Workers:
    """Processes that work the intake of a town off."""

    def __init__(self, town: Town, run: Process) -> None:
        self.town, self._run = town, run

    def work(self, kill_at: int | None = None) -> tuple[int, list[str]]:
        """One from birth to death: its exit code and the points that it passed."""
        settings = self.town.service.settings
        job: dict[str, Any] = {
            "database": self.town.engine.url.render_as_string(hide_password=False),
            "data_dir": str(settings.data_dir),
            "key": settings.secret_keys[0],
            "now": self.town.clock.at.isoformat(),
            "kill_at": kill_at,
        }
        ended = self._run(job)
        return ended["code"], ended["points"]


@contextmanager
def nurseries(town: Town, count: int = 1) -> Iterator[list[Workers]]:
    with ExitStack() as stack:
        yield [Workers(town, stack.enter_context(nursery_of("tests.crash.intake"))) for _ in range(count)]


def asked(town: Town, turn: int) -> dict[str, int]:
    """One ask of each kind, of readers of their own; kind -> the reader's number (0: made when it is worked off)."""
    people = {
        kind: town.reader(f"{kind}{turn}@example.org", "harbour") for kind in ("fresh", "welcome", "move", "goodbye")
    }
    mark = town.service.readers.leave(people["goodbye"], reason="page") or 0
    with writing(town.engine) as session:
        every: list[asks.Ask] = [
            asks.SignUpAsk(SignUp(f"new{turn}@example.org", ("harbour",), timezone="Europe/Berlin")),
            asks.FreshAsk("en", address=f"fresh{turn}@example.org"),
            asks.WelcomeAsk(people["welcome"]),
            asks.MoveAsk(people["move"], f"moved{turn}@example.com"),
            asks.GoodbyeAsk(people["goodbye"], mark),
        ]
        for ask in every:
            asks.drop_in(session, ask, now=town.clock.at)
    return {"sign_up": 0, **people}


def planned(town: Town, people: dict[str, int], turn: int) -> Counter[str]:
    """How many mails of each purpose were planned for the readers of a turn."""
    known = {reader.address: reader.id for reader in town.service.readers.list(limit=1000)}
    mine = {**people, "sign_up": known.get(f"new{turn}@example.org", 0)}
    found: Counter[str] = Counter()
    slots = {edition.id: edition.slot for edition in town.editions()}
    for row in town.deliveries():
        purpose = slots[row.edition_id].split(":")[1]
        if any(purpose == PURPOSES[kind] and row.subscriber_id == who for kind, who in mine.items()):
            found[purpose] += 1
    return found


def left(town: Town) -> set[str]:
    with reading(town.engine) as session:
        return set(session.connection().execute(select(INTAKE.c.kind)).scalars())


def test_a_kill_anywhere_leaves_the_row_or_the_whole_of_its_work(town: Town) -> None:
    town.topics("Harbour")
    town.story("Ferry aground", "harbour")
    with nurseries(town) as (workers,):
        asked(town, 0)
        code, points = workers.work()
        assert code == 0
        assert left(town) == set()
        assert points.count("commit") == 7, "one for each row, one that freezes the welcome, and a last look"
        several = 4 if town.engine.dialect.name == "postgresql" else 1  # the same statements: fewer deaths will do
        for turn, at in enumerate(range(0, len(points), several), 1):
            people = asked(town, turn)
            code, passed = workers.work(kill_at=at)
            assert (code, passed) == (KILLED, [])
            there = planned(town, people, turn)
            for kind in PURPOSES:
                done = there[PURPOSES[kind]]
                assert done == (0 if kind in left(town) else 1), (points[at], kind, done)
            assert workers.work()[0] == 0
            assert left(town) == set()
            assert planned(town, people, turn) == Counter(dict.fromkeys(PURPOSES.values(), 1)), points[at]
    assert all(edition.state == EditionState.FROZEN or edition.slot.startswith("system:welcome:")
               for edition in town.editions())  # fmt: skip
    town.clock.at += timedelta(minutes=11)
    town.service.plan()
    assert {edition.state for edition in town.editions()} == {EditionState.FROZEN}, "no welcome was lost"


def test_several_processes_never_do_one_row_twice(town: Town) -> None:
    town.topics("Harbour")
    with writing(town.engine) as session:
        for number in range(60):
            address = f"reader{number % 50}@example.org"
            asks.drop_in(session, asks.SignUpAsk(SignUp(address, ("harbour",))), now=town.clock.at)
    with nurseries(town, 3) as several, ThreadPoolExecutor(3) as pool:
        ended = list(pool.map(lambda workers: workers.work()[0], several))
    assert ended == [0, 0, 0]
    assert left(town) == set()
    slots = [edition.slot.rsplit("-", 1)[0] for edition in town.editions()]
    assert len(slots) == len(set(slots)) == 50
