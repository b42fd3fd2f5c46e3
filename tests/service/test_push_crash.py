"""A call of the inbound API under SIGKILL: a real process dies inside and between its transactions. Nothing of the call
is stored, or everything with its answer; and a repeat ends it, once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from digest.service.push import CallInFlight
from digest.store import calls
from tests.crash.children import Process, nursery_of
from tests.service.town import Town

KILLED = -9
POINTS = ["begin", "commit", "articles", "topics", "finish", "commit", "answer"]


@pytest.fixture
def process() -> Iterator[Process]:
    """A nursery of its own."""
    with nursery_of("tests.crash.push") as run:
        yield run


def count(town: Town, query: str, **named: Any) -> int:
    with town.engine.connect() as connection:
        return int(connection.execute(text(query), named).scalar_one())


def test_a_call_that_dies_left_nothing_or_everything(town: Town, process: Process) -> None:
    town.topics("Harbour")
    desk = town.service.push
    key = desk.add_key("gull", topics=["harbour"]).key
    caller = desk.caller(key)
    assert caller is not None
    for kill_at, point in enumerate(POINTS):
        body = json.dumps({"articles": [{"id": f"{kill_at}-{n}", "title": f"{point} {n}"} for n in range(20)]})
        call = f"call-{kill_at}"
        job = {"database": town.engine.url.render_as_string(hide_password=False), "key": key, "kill_at": kill_at}
        ended = process({**job, "body": body, "call": call, "now": town.clock.at.isoformat()})
        assert ended["code"] == KILLED
        status = [row[0] for row in rows(town, call)]
        mine = count(town, "SELECT count(*) FROM article WHERE guid LIKE :mine", mine=f"{kill_at}-%")
        done = point == "answer"
        assert (mine, status) == ((20, [200]) if done else (0, [0] if kill_at > 1 else [])), point
        if status == [0]:
            with pytest.raises(CallInFlight):
                desk.store(caller, body.encode(), call=call)
            town.clock.at += calls.DEAD_AFTER
        again = desk.store(caller, body.encode(), call=call)
        assert (again.status, again.replayed) == (200, done)
        assert json.loads(again.body)["new"] == 20
        assert desk.store(caller, body.encode(), call=call).body == again.body
        town.clock.at += timedelta(minutes=1)
    whole = process({**job, "kill_at": None, "body": body, "call": "whole", "now": town.clock.at.isoformat()})
    assert whole["code"] == 0
    assert [point for point in whole["points"] if point not in ("articles", "topics")] == [
        *("begin", "commit", "finish", "commit", "answer"),
    ], "there is no further point at which to die"
    assert count(town, "SELECT count(*) FROM article") == 20 * len(POINTS)
    assert count(town, "SELECT count(*) FROM article_topic") == 20 * len(POINTS)


def rows(town: Town, call: str) -> list[tuple[Any, ...]]:
    with town.engine.connect() as connection:
        found = connection.execute(text("SELECT status FROM api_call WHERE name = :name"), {"name": call})
        return [tuple(row) for row in found]
