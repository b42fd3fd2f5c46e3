"""Makes one call of the inbound API in a process of its own that kills itself before a named statement or commit.

python -m tests.crash.push    as tests.crash.worker, which has the nursery
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from digest.service.push import PushDesk
from digest.store.db import open_database
from tests.crash.children import killing
from tests.crash.worker import Killer, nursery

POINTS = {
    "INSERT INTO api_call ": "begin",
    "INSERT INTO article ": "articles",
    "INSERT INTO article_topic ": "topics",
    "UPDATE api_call ": "finish",
}


def push(job: dict[str, Any]) -> list[str]:
    """Make the call of the job; the points that were passed."""
    engine = open_database(job["database"])
    desk = PushDesk(engine, now=lambda: datetime.fromisoformat(job["now"]))
    killer = Killer(job.get("kill_at"))
    caller = desk.caller(job["key"])
    assert caller is not None

    killing(engine, POINTS, killer)

    desk.store(caller, job["body"].encode(), call=job["call"])
    killer("answer")
    engine.dispose()
    return killer.passed


if __name__ == "__main__":
    nursery(push)
