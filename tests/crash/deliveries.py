"""Settles a delivery, or has it sent again, in a process of its own that kills itself before a named statement or
commit.

python -m tests.crash.deliveries    as tests.crash.worker, which has the nursery
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from digest.service.deliveries import DeliveryDesk
from digest.store.db import open_database
from subscribers.tokens import Keyring
from tests.crash.children import killing
from tests.crash.worker import Killer, nursery

POINTS = {
    "UPDATE chunk ": "chunk",
    "UPDATE edition ": "edition",
    "UPDATE delivery ": "delivery",
    "INSERT INTO delivery_change ": "line",
}


def act(job: dict[str, Any]) -> list[str]:
    """Do what the job says; the points that were passed."""
    engine = open_database(job["database"])
    now = datetime.fromisoformat(job["now"])
    desk = DeliveryDesk(engine, Keyring([job["key"]]), {}, now=lambda: now)
    mail = desk.one(job["edition"], str(job["reader"]))
    killer = Killer(job.get("kill_at"))
    killing(engine, POINTS, killer)
    if job["verb"] == "settle":
        desk.settle(mail, verdict="accepted", why="it is in their log")
    else:
        desk.send_again(mail, why="it never came")
    killer("done")
    engine.dispose()
    return killer.passed


if __name__ == "__main__":
    nursery(act)
