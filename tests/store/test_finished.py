"""An edition is finished when every delivery is terminal and their number is the frozen one, whatever came before."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from digest.errors import InputError
from digest.store import attempts, byhand, ledger, standing
from digest.store.attempts import Outcome, Retry, Unknown
from digest.store.db import reading, writing
from digest.store.deliveries import state_of
from digest.store.ledger import TERMINAL
from digest.types import Accepted, DeliveryState, Lease, LeftOut, RejectedItem
from tests.dispatch.ledger_rows import NOW, add_readers, address_hashes, plan, run, states, value
from tests.store import ledger_steps as steps

READERS = 6
STEPS = ("lease", "open", "open", "open", "settle", "settle", "settle", "give up", "close", "close", "expire")
BY_HAND = ("settle by hand", "send again")
_slots = count(1)


@dataclass
class Worker:
    """Makes one legal step after the other on one edition, as a sender and an operator would."""

    engine: Engine
    edition: int
    chance: random.Random
    held: list[Lease] = field(default_factory=list)
    opened: list[tuple[Lease, int, tuple[int, ...]]] = field(default_factory=list)

    def step(self, name: str) -> None:
        getattr(self, name.replace(" ", "_"))()

    def lease(self) -> None:
        found = steps.lease(self.engine, edition_id=self.edition)
        if found is not None:
            self.held.append(found)

    def open(self) -> None:
        if not self.held:
            return
        lease = self.chance.choice(self.held)
        due = steps.due(self.engine, lease, 2)
        if not due:
            return
        out = due[1:] if self.chance.random() < 0.2 else []
        left_out = [LeftOut(each.subscriber_id, "skipped", "empty") for each in out]
        mails = steps.composed([each for each in due if each not in out])
        with writing(self.engine) as session:
            opened = attempts.open_attempt(
                session, lease, mails, left_out, provider="outbox", address_hashes=address_hashes, seconds=60.0
            )
        if opened.attempt_id is not None:
            self.opened.append((lease, opened.attempt_id, opened.readers))

    def settle(self) -> None:
        self._settle(lambda: self.chance.choice([Accepted("m"), RejectedItem("no"), Retry(0.0, "later"), Unknown("?")]))

    def give_up(self) -> None:
        self._settle(lambda: Unknown("?"))

    def _settle(self, verdict: object) -> None:
        if self.opened:
            lease, attempt_id, readers = self.opened.pop(self.chance.randrange(len(self.opened)))
            outcomes: dict[int, Outcome] = {reader: verdict() for reader in readers}  # type: ignore[operator]
            steps.settled(self.engine, lease, attempt_id, outcomes)

    def close(self) -> None:
        """As senders do: not while a call of the chunk is in doubt."""
        free = [each for each in self.held if all(each is not lease for lease, _, _ in self.opened)]
        if free:
            lease = self.chance.choice(free)
            self.held.remove(lease)
            steps.closed(self.engine, lease)

    def expire(self) -> None:
        """The worker dies: its leases run out, its calls are taken over and given up."""
        run(self.engine, "UPDATE chunk SET until = 0 WHERE state = 'leased' AND edition_id = :e", e=self.edition)
        self.held, doubtful, self.opened = [], self.opened, []
        while doubtful:
            lease = steps.lease(self.engine, "b", edition_id=self.edition)
            assert lease is not None
            self.held.append(lease)
            mine = [each for each in doubtful if each[0].chunk_id == lease.chunk_id]
            doubtful = [each for each in doubtful if each[0].chunk_id != lease.chunk_id]
            for _, attempt_id, readers in mine:
                with writing(self.engine) as session:
                    attempts.adopt(session, lease, attempt_id)
                    attempts.settle(session, lease, attempt_id, dict.fromkeys(readers, Unknown("?")), 60.0)

    def settle_by_hand(self) -> None:
        self._by_hand(settle=True)

    def send_again(self) -> None:
        self._by_hand(settle=False)

    def _by_hand(self, *, settle: bool) -> None:
        reader = self.chance.randint(1, READERS)
        try:
            with writing(self.engine) as session:
                was = state_of(session, self.edition, reader)
                if settle:
                    byhand.settle(session, self.edition, reader, DeliveryState.ACCEPTED, why="log", now=NOW)
                else:
                    byhand.send_again(
                        session, self.edition, reader, was, why="lost", now=NOW, address_hashes=address_hashes
                    )
        except InputError:  # not in a state for it: what the operator is told
            pass

    def finish(self) -> None:
        """Workers go on until nothing is left to do."""
        self.expire()
        for _ in range(200):
            while self.opened:
                lease, attempt_id, readers = self.opened.pop()
                steps.settled(self.engine, lease, attempt_id, dict.fromkeys(readers, Accepted("m")))
            for lease in list(self.held):
                if not steps.due(self.engine, lease, 1):
                    self.held.remove(lease)
                    steps.closed(self.engine, lease)
            self.lease()
            self.open()
            if not self.held:
                return
        raise AssertionError("it does not end")


def check(engine: Engine, edition: int) -> None:
    """Done exactly when everything is: never early, and not left open once the last chunk is closed."""
    state = value(engine, "SELECT state FROM edition WHERE id = :e", e=edition)
    open_chunks = value(engine, "SELECT count(*) FROM chunk WHERE state <> 'done' AND edition_id = :e", e=edition)
    waiting = [each for each in states(engine, edition).values() if each not in TERMINAL]
    assert (state == "done") == (open_chunks == 0)
    assert not (state == "done" and waiting)
    with reading(engine) as session:
        (told,) = standing.newest(session, limit=1, edition_id=edition)
        assert (told.waiting, told.missing, told.chunks_open) == (len(waiting), 0, open_chunks)
        assert standing.ajar(session) == []


@pytest.fixture
def ledger_of(database: Engine) -> Engine:
    add_readers(database, READERS)
    run(database, "INSERT INTO blob (key, data) VALUES ('b', '')")
    return database


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32),
    names=st.lists(st.sampled_from(STEPS + BY_HAND), min_size=5, max_size=40),
    chunk_size=st.integers(1, READERS),
)
def test_an_edition_is_done_exactly_when_all_of_it_is(
    ledger_of: Engine, seed: int, names: list[str], chunk_size: int
) -> None:
    readers = list(range(1, READERS + 1))
    run(ledger_of, "UPDATE delivery SET picks = NULL")
    edition = plan(ledger_of, readers, kind="system", slot=f"system:word:{next(_slots)}", chunk_size=chunk_size)
    run(ledger_of, "UPDATE edition SET blob = 'b' WHERE id = :e", e=edition)
    worker = Worker(ledger_of, edition, random.Random(seed))  # noqa: S311 - a test's own dice
    for name in names:
        worker.step(name)
        check(ledger_of, edition)
    worker.finish()
    check(ledger_of, edition)
    assert value(ledger_of, "SELECT state FROM edition WHERE id = :e", e=edition) == "done"


@pytest.mark.parametrize("frozen", [READERS - 1, READERS + 1])
def test_counts_that_do_not_match_leave_an_edition_open_and_in_sight(ledger_of: Engine, frozen: int) -> None:
    edition = plan(ledger_of, list(range(1, READERS + 1)))
    run(ledger_of, "UPDATE edition SET frozen_count = :n WHERE id = :e", n=frozen, e=edition)
    run(ledger_of, "UPDATE delivery SET state = 'accepted'")
    lease = steps.taken(ledger_of)
    steps.closed(ledger_of, lease)
    assert value(ledger_of, "SELECT state FROM edition") == "frozen"
    with writing(ledger_of) as session:
        assert not ledger.finish_edition(session, edition)
        (told,) = standing.ajar(session)
    assert (told.edition_id, told.missing, told.waiting) == (edition, frozen - READERS, 0)
