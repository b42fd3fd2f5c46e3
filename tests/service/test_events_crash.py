"""An event under SIGKILL: a real process dies before it is kept, between keeping and applying, and inside applying.
Nothing is half done, and what was kept is applied by the sweep, once; on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from digest.types import delivery_mark
from tests.crash.children import Process, nursery_of
from tests.dispatch.resend_calls import SECRET
from tests.service.telling import ADA, Teller, run

KILLED = -9
POINTS = ["keep", "commit", "reader", "suppress", "reader", "settle", "applied", "commit", "answer"]


@pytest.fixture
def process() -> Iterator[Process]:
    """A nursery of its own."""
    with nursery_of("tests.crash.events") as run_job:
        yield run_job


def test_an_event_that_was_kept_is_applied_whatever_dies(told: Teller, process: Process) -> None:
    edition = told.morning()
    service = told.town.service
    mark: dict[str, Any] = {"tags": {"delivery": delivery_mark(edition, told.ada)}}

    def job(kill_at: int | None) -> dict[str, Any]:
        run(told.town, "DELETE FROM event")
        if told.why(ADA):
            service.suppressions.remove(ADA, why="once more")
            run(told.town, "UPDATE subscriber SET status = 'active' WHERE id = :ada", ada=told.ada)
        run(told.town, "DELETE FROM consent WHERE action = 'left'")
        told.doubt(edition, told.ada)
        headers, body = told.call("email.complained", message="msg_1", **mark)
        return {
            "database": told.town.engine.url.render_as_string(hide_password=False),
            "key": service.settings.secret_keys[0],
            "secret": SECRET,
            "now": told.town.clock.at.isoformat(),
            "headers": headers,
            "body": body.decode(),
            "kill_at": kill_at,
        }

    whole = process(job(None))
    assert (whole["code"], whole["points"]) == (0, POINTS)
    for kill_at, point in enumerate(POINTS):
        ended = process(job(kill_at))
        assert ended["code"] == KILLED
        kept, done = kill_at > 1, point == "answer"
        assert told.count() == kept, point
        assert (told.why(ADA) is not None, told.states(edition)[0][0]) == (done, "accepted" if done else "unknown")
        assert told.town.service.readers.show(ADA).status == ("suppressed" if done else "active")
        assert service.events.settle() == (1 if kept and not done else 0), point
        if not kept:  # the provider got no answer, and tries again
            told.tell("email.complained", message="msg_1", **mark)
        assert told.why(ADA) == ("complained", "resend")
        assert told.states(edition)[0] == ("accepted", f"m-{told.ada}")
        assert [each.form for each in service.readers.consents(ADA) if each.action == "left"] == ["complaint"]
        assert told.count() == 1
