"""Plans breaking news in a process of its own that kills itself before a named statement or commit.

python -m tests.crash.breaking    as tests.crash.worker, which has the nursery
"""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from typing import Any

from digest.service.breaking import plan_breaking
from digest.service.core import DigestService
from digest.service.freezing import unguarded
from digest.settings import Settings
from digest.store.db import open_database
from tests.crash.children import killing
from tests.crash.worker import Killer, nursery

POINTS = {
    "INSERT INTO edition ": "open",
    "INSERT INTO delivery ": "plan",
    "INSERT INTO edition_story ": "freeze",
}


def plan(job: dict[str, Any]) -> list[str]:
    """Plan as the job says; the points that were passed. Without the clock, whose lease would outlive the process."""
    engine = open_database(job["database"])
    settings = Settings.model_validate({"data_dir": Path(job["data_dir"]), "secret_keys": job["key"]})
    now = datetime.fromisoformat(job["now"])
    service = DigestService(settings, now=lambda: now, engine=engine)
    killer = Killer(job.get("kill_at"))

    killing(engine, POINTS, killer)

    logging.disable(logging.INFO)
    plan_breaking(service.shop, now=now, key_id=service.keyring.key_id, guard=unguarded)
    killer("done")
    service.close()
    return killer.passed


if __name__ == "__main__":
    nursery(plan)
