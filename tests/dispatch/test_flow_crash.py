"""A worker that dies while it takes its turn, tells of a failure or stops an edition: whatever it leaves behind, the
others go on, and everybody gets one mail. On both databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from digest.store.db import writing
from digest.store.flow import go_on
from tests.crash.children import Process, nursery_of
from tests.dispatch.ledger_rows import add_readers, plan, run, states, value
from tests.dispatch.resend_sink import Sink, answering
from tests.dispatch.sending import rest_is_over

KILLED = -9
READERS = [1, 2, 3]


@pytest.fixture
def process() -> Iterator[Process]:
    with nursery_of("tests.crash.flow") as run_job:
        yield run_job


def over(engine: Engine) -> None:
    """Time passes, for breakers too."""
    rest_is_over(engine)
    run(engine, "UPDATE provider_flow SET open_until = 1, probe_until = 0, mails_at = 0 WHERE open_until > 0")


def arrivals(sink: Sink, edition: int) -> Counter[int]:
    told = [mail["headers"]["Feedback-ID"].split(":") for mail in sink.mails()]
    return Counter(int(reader) for of, reader in told if int(of) == edition)


@pytest.mark.parametrize("down", [False, True], ids=["under a rate", "at a broken provider"])
def test_a_kill_at_any_statement_about_the_provider_loses_and_doubles_nothing(
    database: Engine, database_url: str, sink: Sink, process: Process, down: bool
) -> None:
    add_readers(database, len(READERS))
    job = {"database": database_url, "sink": sink.url, "rate": 0.0 if down else 200.0, "percent": 0.0}

    def prepare(number: int) -> int:
        run(database, "DELETE FROM provider_flow")
        sink.script.clear()
        if down:  # the next failure opens the breaker
            run(database, "INSERT INTO provider_flow (provider, failures) VALUES ('resend', 4)")
            sink.script.append(answering(503))
        return plan(database, READERS, slot=f"tick:{number}")

    edition = prepare(0)
    whole = process(job)
    assert whole["code"] == 0
    points = whole["points"]
    assert {"flow", "attempt"} <= set(points)
    for kill_at in range(len(points)):
        if down:
            over(database)
            assert process(job)["code"] == 0
        edition = prepare(kill_at + 1)
        assert process({**job, "kill_at": kill_at})["code"] == KILLED
        for _ in range(2):
            over(database)
            assert process(job)["code"] == 0
        assert (kill_at, arrivals(sink, edition)) == (kill_at, Counter(dict.fromkeys(READERS, 1)))
        assert set(states(database, edition).values()) == {"accepted"}
        assert value(database, "SELECT state FROM edition WHERE id = :e", e=edition) == "done"


def test_a_kill_before_an_edition_is_stopped_leaves_that_to_the_next(
    database: Engine, database_url: str, sink: Sink, process: Process
) -> None:
    readers = add_readers(database, 6)
    run(database, "UPDATE subscriber SET address = 'invalid' || CAST(id AS text) || '@example.org' WHERE id <= 4")
    job = {"database": database_url, "sink": sink.url, "rate": 0.0, "percent": 60.0}

    def stand(edition: int) -> tuple[object, list[str]]:
        why = value(database, "SELECT stopped_why FROM edition WHERE id = :e", e=edition)
        return why, [state for _, state in sorted(states(database, edition).items())]

    edition = plan(database, readers, slot="tick:whole", chunk_size=2)
    points = process(job)["points"]
    stopped = points.index("stop")
    assert points[stopped:] == ["stop", "commit", "commit", "end"], "the last commit finds nothing more to lease"
    assert stand(edition) == ("2 of 2 mails were rejected or bounced", ["rejected"] * 2 + ["planned"] * 4)
    for kill_at in (stopped, stopped + 1, stopped + 2):
        run(database, "UPDATE edition SET state = 'done'")
        edition = plan(database, readers, slot=f"tick:{kill_at}", chunk_size=2)
        assert process({**job, "kill_at": kill_at})["code"] == KILLED
        durable = kill_at == stopped + 2
        assert (stand(edition)[0] is not None) == durable
        rest_is_over(database)
        assert process(job)["code"] == 0
        bad = 2 if durable else 4
        why = f"{bad} of {bad} mails were rejected or bounced"
        assert stand(edition) == (why, ["rejected"] * bad + ["planned"] * (6 - bad))
        with writing(database) as session:
            assert go_on(session, edition)
        assert process({**job, "percent": 0.0})["code"] == 0
        assert stand(edition) == (None, ["rejected"] * 4 + ["accepted"] * 2)
