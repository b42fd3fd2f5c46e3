"""Sends in a process of its own that kills itself at a named point, and the nursery that it is forked from.

    python -m tests.crash.worker    reads one job a line (JSON), forks a child for each, prints how it ended

The nursery imports everything once and then only forks, so no child pays for imports or starts with threads or open
files of another. A child ends by SIGKILL from its own hand (nothing is flushed, closed or rolled back) or by itself.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy import Engine

from digest.dispatch.providers.resend import Resend
from digest.dispatch.sender import Sender
from digest.store import attempts, ledger
from digest.store.db import open_database, reading, writing
from digest.types import Pick
from tests.dispatch.ledger_rows import Kitchen, address_hashes

BATCH = 2


class WithKeys(Resend):
    """In batches of two."""

    batch = BATCH


class WithoutKeys(WithKeys):
    """The same API without idempotency keys, as most are."""

    key_lifetime: timedelta | None = None

    def _key(self, key: str) -> dict[str, str]:
        return {}


@dataclass
class Killer:
    """Counts the points as they are passed and dies at one of them."""

    at: int | None
    passed: list[str] = field(default_factory=list)

    def __call__(self, point: str) -> None:
        self.passed.append(point)
        if self.at is not None and len(self.passed) > self.at:
            os.kill(os.getpid(), signal.SIGKILL)


class SendThenMark:
    """A sender as it must not be: it calls the provider first and writes down afterwards."""

    def __init__(self, engine: Engine, provider: Resend, kitchen: Kitchen, killer: Killer) -> None:
        self.engine, self.provider, self.kitchen, self.killer = engine, provider, kitchen, killer

    def drain(self) -> None:
        while True:
            with writing(self.engine) as session:
                lease = ledger.lease_chunk(session, "broken", 60.0)
            if lease is None:
                return
            self.killer("leased")
            while True:
                with reading(self.engine) as session:
                    due = ledger.due(session, lease, BATCH)
                if not due:
                    break
                made = self.kitchen(lease.edition_id, due, "json")
                results = self.provider.send([self.provider.payload(mail) for mail in made], os.urandom(8).hex())  # type: ignore[arg-type]
                self.killer("sent")
                mails = [
                    attempts.Composed(
                        each.subscriber_id,
                        mail.recipient.address,  # type: ignore[union-attr]
                        mail.picks,  # type: ignore[union-attr]
                        each.memory,
                        b"",
                        each.profile_id,
                    )
                    for each, mail in zip(due, made, strict=True)
                ]
                with writing(self.engine) as session:
                    opened = attempts.open_attempt(
                        session, lease, mails, [], provider="resend", address_hashes=address_hashes, seconds=60.0
                    )
                    outcomes = dict(zip(opened.readers, results, strict=True))
                    attempts.settle(session, lease, opened.attempt_id or 0, outcomes, 60.0)
                self.killer("settled")
            with writing(self.engine) as session:
                ledger.close_chunk(session, lease)
            self.killer("closed")


def send(job: dict[str, Any]) -> list[str]:
    """Drain as the job says; the points that were passed."""
    engine = open_database(job["database"])
    killer = Killer(job.get("kill_at"))
    kind = WithKeys if job["keys"] else WithoutKeys
    provider = kind(job["sink"], "re_key", httpx.Timeout(5.0))
    kitchen = Kitchen(engine, stories=(Pick(job["story"], 1),))
    if job.get("broken"):
        SendThenMark(engine, provider, kitchen, killer).drain()
    else:
        Sender(
            engine,
            provider,
            kitchen,
            holder=f"worker-{os.getpid()}",
            address_hashes=address_hashes,
            lease_seconds=job.get("lease", 60.0),
            trace=killer,
        ).drain()
    provider.close()
    engine.dispose()
    return killer.passed


def nursery(work: Callable[[dict[str, Any]], list[str]] = send) -> None:
    httpx.Client().close()  # imports what httpx would import late, in every child again
    gc.freeze()  # or every child's first collection copies the memory it shares with us
    for line in sys.stdin:
        told, tell = os.pipe()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.write(tell, json.dumps(work(json.loads(line))).encode())
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        os.close(tell)
        _, status = os.waitpid(child, 0)
        with os.fdopen(told, "rb") as report:
            points = json.loads(report.read() or b"[]")
        sys.stdout.write(json.dumps({"code": os.waitstatus_to_exitcode(status), "points": points}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    nursery()
