"""Plans the operator's report in a process of its own that kills itself before a named statement or commit.

python -m tests.crash.report    as tests.crash.worker, which has the nursery
"""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from typing import Any

from digest.service.core import DigestService
from digest.settings import Settings
from digest.store.db import open_database
from tests.crash.children import killing
from tests.crash.worker import Killer, nursery

POINTS = {"INSERT INTO edition ": "open", "INSERT INTO delivery ": "plan", "INSERT INTO blob ": "freeze"}


def report(job: dict[str, Any]) -> list[str]:
    """Plan as the job says; the points that were passed."""
    engine = open_database(job["database"])
    wanted = {"secret_keys": job["key"], "operator_email": "ops@example.org, boss@example.org"}
    settings = Settings.model_validate({"data_dir": Path(job["data_dir"]), **wanted})
    service = DigestService(settings, now=lambda: datetime.fromisoformat(job["now"]), engine=engine)
    killer = Killer(job.get("kill_at"))
    killing(engine, POINTS, killer)
    logging.disable(logging.INFO)
    service.reporter.plan_due()
    service.close()
    return killer.passed


if __name__ == "__main__":
    nursery(report)
