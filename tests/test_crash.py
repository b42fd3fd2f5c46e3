"""Nothing twice, nothing lost, under SIGKILL: a real process dies between every two commits of a send and is resumed.

What happened is counted at the other side: a separate process that speaks as the email API does and forces its log to
disk before it answers. The ledger's word is only compared with it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from digest.store.db import open_database
from tests.crash.worker import BATCH
from tests.dispatch.ledger_rows import add_readers, plan, run, states, value
from tests.parts import ROOT

READERS = 3
KILLED = -9


def started(*command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )


@dataclass
class Harness:
    """One database, one sink, one nursery, and an edition for each scenario."""

    url: str
    engine: Engine
    nursery: subprocess.Popen[str]
    sink: str
    """The port of the sink."""
    log: Path
    provider: str
    readers: list[int]
    editions: int = 0

    @property
    def keys(self) -> bool:
        return self.provider == "with keys"

    def work(self, **job: Any) -> tuple[int, list[str]]:
        """One worker from birth to death: its exit code and the points that it passed."""
        told = {"database": self.url, "sink": self.sink, "provider": self.provider, "story": self.editions, **job}
        assert self.nursery.stdin is not None
        assert self.nursery.stdout is not None
        self.nursery.stdin.write(json.dumps(told) + "\n")
        self.nursery.stdin.flush()
        ended = json.loads(self.nursery.stdout.readline())
        return ended["code"], ended["points"]

    def new_edition(self, readers: int = READERS) -> int:
        self.editions += 1
        return plan(self.engine, self.readers[:readers], slot=f"tick:{self.editions}")

    def time_passes(self) -> None:
        """Leases of the dead run out."""
        run(self.engine, "UPDATE chunk SET until = 0, ready_at = 0 WHERE state <> 'done'")

    def arrivals(self, edition: int) -> Counter[int]:
        """How many mails of the edition the sink accepted for each reader."""
        mails = [json.loads(line) for line in self.log.read_text().splitlines()]
        told = [mail["headers"]["Feedback-ID"].split(":") for mail in mails]
        return Counter(int(reader) for of, reader in told if int(of) == edition)

    def violations(self, edition: int) -> list[str]:
        """What the promise forbids, in words; empty when it was kept."""
        arrived, ledger = self.arrivals(edition), states(self.engine, edition)
        found = [f"reader {reader} got {count} mails" for reader, count in arrived.items() if count > 1]
        for reader in ledger:
            count, state = arrived[reader], ledger[reader]
            if state not in ("accepted", "unknown"):
                found.append(f"reader {reader} is {state}")
            if state == "accepted" and count == 0:
                found.append(f"reader {reader} is lost: accepted in the ledger, never at the sink")
            if self.keys and (count == 0 or state != "accepted"):
                found.append(f"reader {reader} is {state} with {count} mails, though keys were there")
        if value(self.engine, "SELECT state FROM edition WHERE id = :id", id=edition) != "done":
            found.append("the edition is not done")
        return found


SINKS = {
    "with keys": "tests.dispatch.resend_sink",
    "without keys": "tests.dispatch.resend_sink",
    "smtp": "tests.dispatch.smtp_sink",
}


@pytest.fixture(params=SINKS)
def harness(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[Harness]:
    engine = open_database(database_url)
    log = tmp_path / "sink.log"
    with ExitStack() as stack:
        stack.callback(engine.dispose)
        processes = [started(SINKS[request.param], str(log)), started("tests.crash.worker")]
        for process in processes:
            stack.callback(end, process)
        sink, nursery = processes
        assert sink.stdout is not None
        port = sink.stdout.readline().strip()
        yield Harness(database_url, engine, nursery, port, log, request.param, add_readers(engine, READERS))


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_kill_between_any_two_commits_of_a_send(harness: Harness) -> None:
    edition = harness.new_edition()
    code, points = harness.work()
    assert code == 0
    assert [point for point in points if point != "mail"] == [
        *["leased"],
        *["composed", "opened", "sent", "settled"] * 2,
        *["closed"],
    ]
    assert points.count("mail") == (READERS if harness.provider == "smtp" else 0)
    assert harness.violations(edition) == []
    assert set(states(harness.engine, edition).values()) == {"accepted"}
    for at, point in enumerate(points):
        edition = harness.new_edition()
        code, _ = harness.work(kill_at=at)
        assert code == KILLED
        harness.time_passes()
        code, _ = harness.work()
        assert code == 0
        assert (at, point, harness.violations(edition)) == (at, point, [])
        unknown = list(states(harness.engine, edition).values()).count("unknown")
        in_doubt = not harness.keys and point in ("opened", "mail", "sent")
        assert 0 < unknown <= BATCH if in_doubt else unknown == 0


def test_a_kill_inside_the_recovery_from_a_kill(harness: Harness) -> None:
    recovery = ["leased", "composed", "repeated", "sent", "settled", "closed"]
    recovery = recovery if harness.keys else ["leased", "given up", "closed"]
    for at, point in enumerate(recovery):
        edition = harness.new_edition(readers=BATCH)
        assert harness.work(kill_at=3)[0] == KILLED
        harness.time_passes()
        assert harness.work(kill_at=at)[0] == KILLED
        harness.time_passes()
        code, points = harness.work()
        assert (point, code, harness.violations(edition)) == (point, 0, [])
        assert at > 0 or points == recovery


def test_a_short_lease_runs_out_by_itself(harness: Harness) -> None:
    edition = harness.new_edition()
    assert harness.work(kill_at=3, lease=1.0)[0] == KILLED
    deadline = time.monotonic() + 60
    while value(harness.engine, "SELECT state FROM edition WHERE id = :id", id=edition) != "done":
        assert time.monotonic() < deadline
        assert harness.work()[0] == 0
    assert harness.violations(edition) == []


def test_the_harness_catches_a_sender_that_sends_before_it_marks(harness: Harness) -> None:
    edition = harness.new_edition()
    assert harness.work(broken=True) == (0, ["leased", *["sent", "settled"] * 2, "closed"])
    assert harness.violations(edition) == []
    edition = harness.new_edition()
    assert harness.work(broken=True, kill_at=1)[0] == KILLED
    harness.time_passes()
    assert harness.work(broken=True)[0] == 0
    assert harness.violations(edition) == ["reader 1 got 2 mails", "reader 2 got 2 mails"]
