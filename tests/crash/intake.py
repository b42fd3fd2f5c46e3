"""Works the intake off in a process of its own that kills itself before a named statement or commit.

python -m tests.crash.intake    as tests.crash.worker, which has the nursery
"""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from typing import Any

from digest.service.core import DigestService
from digest.service.intake import work_intake
from digest.settings import Settings
from digest.store.db import open_database
from tests.crash.children import killing
from tests.crash.worker import Killer, nursery

POINTS = {
    "SELECT intake.id, ": "take",  # the one before it has just been committed
    "INSERT INTO edition ": "plan",
    "INSERT INTO edition_story ": "freeze",
}


def work(job: dict[str, Any]) -> list[str]:
    """Work the intake off as the job says; the points that were passed."""
    engine = open_database(job["database"])
    settings = Settings.model_validate({"data_dir": Path(job["data_dir"]), "secret_keys": job["key"]})
    service = DigestService(settings, now=lambda: datetime.fromisoformat(job["now"]), engine=engine)
    killer = Killer(job.get("kill_at"))

    killing(engine, POINTS, killer)

    logging.disable(logging.INFO)
    work_intake(service.readers)
    service.close()
    return killer.passed


if __name__ == "__main__":
    nursery(work)
