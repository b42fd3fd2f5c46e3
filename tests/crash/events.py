"""Brings one event in a process of its own that kills itself before a named statement or commit.

python -m tests.crash.events    as tests.crash.worker, which has the nursery
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from digest.service.events import EventDesk
from digest.settings import Settings
from digest.store.db import open_database
from subscribers.tokens import Keyring
from tests.crash.children import killing
from tests.crash.worker import Killer, nursery

POINTS = {
    "INSERT INTO event ": "keep",
    "UPDATE subscriber ": "reader",
    "INSERT INTO suppression ": "suppress",
    "UPDATE delivery ": "settle",
    "UPDATE event ": "applied",
}


def bring(job: dict[str, Any]) -> list[str]:
    """Bring the event of the job; the points that were passed."""
    engine = open_database(job["database"])
    settings = Settings.model_validate({"secret_keys": job["key"], "resend_webhook_secret": job["secret"]})
    now = datetime.fromisoformat(job["now"])
    desk = EventDesk(engine, Keyring(settings.secret_keys), settings, now=lambda: now)
    killer = Killer(job.get("kill_at"))
    killing(engine, POINTS, killer)
    desk.receive("resend", job["headers"], job["body"].encode())
    killer("answer")
    engine.dispose()
    return killer.passed


if __name__ == "__main__":
    nursery(bring)
