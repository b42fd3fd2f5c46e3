"""Sends under a rate in a process of its own that kills itself before a named statement or commit.

python -m tests.crash.flow    as tests.crash.worker, which has the nursery
"""

from __future__ import annotations

import os
from typing import Any

import httpx

from digest.dispatch.flow import Limits
from digest.dispatch.sender import Sender
from digest.store.db import open_database
from tests.crash.children import killing
from tests.crash.worker import Killer, WithKeys, nursery
from tests.dispatch.ledger_rows import Kitchen, address_hashes

POINTS = {
    "INSERT INTO provider_flow ": "row",
    "UPDATE provider_flow ": "flow",
    "INSERT INTO attempt ": "attempt",
    "UPDATE edition SET stopped_at": "stop",
}


def send(job: dict[str, Any]) -> list[str]:
    """Drain as the job says; the points that were passed."""
    engine = open_database(job["database"])
    provider = WithKeys(job["sink"], "re_key", httpx.Timeout(5.0))
    killer = Killer(job.get("kill_at"))
    sender = Sender(
        engine,
        provider,
        Kitchen(engine, stories=()),
        holder=f"worker-{os.getpid()}",
        address_hashes=address_hashes,
        limits=Limits(rate=job["rate"], percent=job["percent"], least=2),
    )
    killing(engine, POINTS, killer)
    sender.drain()
    killer("end")
    provider.close()
    engine.dispose()
    return killer.passed


if __name__ == "__main__":
    nursery(send)
