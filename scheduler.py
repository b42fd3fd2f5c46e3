"""When things happen: a handful of timed calls on the service, by APScheduler. No logic lives here.

Every job is coalesced (a backlog of missed runs becomes one), runs once at a time, and asks the service, which asks the
database: a second scheduler, a restart or a step of the clock cannot make anything be stored or sent twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from digest.errors import DigestError
from digest.service.core import DigestService
from digest.service.intake import tidy

log = logging.getLogger("scheduler")

GATHER_SECONDS = 60
PLAN_SECONDS = 20
"""Often, because it is cheap when nobody is due: a reader's mail leaves within seconds of the quarter hour, and what is
breaking within seconds of the gather that brought it."""
SWEEP_SECONDS = 15
"""A lost wake-up, a waiting retry and what an interrupted intake left are picked up after at most this long."""
SETTLE_SECONDS = 60
"""What a provider told us is applied as it comes; only what a crash left, or a call under way held up, waits so
long."""
TIDY_SECONDS = 3600
REPORT_SECONDS = 300
"""The operator's report is made at most this long after its hour; while its template is broken, that is said as
often."""


def make_clock(service: DigestService, wake: Callable[[str], None]) -> BackgroundScheduler:
    """A scheduler, not yet started, of all timed calls: gather, plan, sweep, settle, tidy, report. `wake` makes other
    threads work: "intake" and "dispatch"."""

    def gather() -> None:
        rows = service.gather(due_only=True)
        failed = [row for row in rows if row.status == "failed"]
        if any(row.new or row.changed for row in rows) or failed:
            log.info(
                "gathered: %s new, %s sources asked, %s failed", sum(row.new for row in rows), len(rows), len(failed)
            )

    def plan() -> None:
        for planned in service.plan():
            log.info("planned edition %s for %s readers", planned.edition_id, planned.deliveries)
            wake("dispatch")

    def sweep() -> None:
        wake("intake")
        wake("dispatch")

    def report() -> None:
        if service.reporter.plan_due() is not None:
            wake("dispatch")

    def settle() -> None:
        if done := service.events.settle():
            log.info("applied %s events that waited", done)

    clock = BackgroundScheduler(
        timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    )
    now = datetime.now(UTC)
    for name, job, seconds in (
        ("gather", gather, GATHER_SECONDS),
        ("plan", plan, PLAN_SECONDS),
        ("sweep", sweep, SWEEP_SECONDS),
        ("settle", settle, SETTLE_SECONDS),
        ("tidy", lambda: tidy(service.readers), TIDY_SECONDS),
        ("report", report, REPORT_SECONDS),
    ):
        clock.add_job(_reported(name, job), IntervalTrigger(seconds=seconds, timezone=UTC), id=name, next_run_time=now)
    return clock


def _reported(name: str, job: Callable[[], None]) -> Callable[[], None]:
    """What an operator can mend becomes one line; APScheduler logs everything else with its traceback and goes on."""

    def run() -> None:
        try:
            job()
        except DigestError as error:
            log.error("%s: %s", name, error)

    return run
