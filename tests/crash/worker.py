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
import ssl
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy import Engine

from digest.dispatch.providers import Provider
from digest.dispatch.providers.resend import Resend
from digest.dispatch.providers.smtp import Smtp
from digest.dispatch.sender import Sender
from digest.dispatch.smtpline import Server
from digest.store import attempts, ledger
from digest.store.db import open_database, reading, writing
from digest.types import Accepted, ItemResult, Pick
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


class BySmtp(Smtp):
    """In batches of two, and a point after each mail that the server has confirmed: `mail`."""

    batch = BATCH
    killer: Callable[[str], None]

    def send(self, payloads: Sequence[bytes], key: str) -> list[ItemResult]:
        results: list[ItemResult] = []
        for payload in payloads:  # over one kept connection, as in one call
            results += super().send([payload], key)
            self.killer("mail")
        return results


def opened(job: dict[str, Any], killer: Callable[[str], None]) -> Resend | Smtp:
    """The provider that the job names, talking to the job's sink."""
    if job["provider"] == "smtp":
        there = Server("127.0.0.1", int(job["sink"]), "none", ssl.create_default_context(), "", "", "x.example", 5.0)
        mailing = BySmtp(there)
        mailing.killer = killer
        return mailing
    kind = WithKeys if job["provider"] == "with keys" else WithoutKeys
    return kind(f"http://127.0.0.1:{job['sink']}", "re_key", httpx.Timeout(5.0))


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

    def __init__(self, engine: Engine, provider: Provider, kitchen: Kitchen, killer: Killer) -> None:
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
                    told = zip(opened.readers, results, strict=True)
                    outcomes = {reader: result for reader, result in told if isinstance(result, Accepted)}
                    attempts.settle(session, lease, opened.attempt_id or 0, outcomes, 60.0)
                self.killer("settled")
            with writing(self.engine) as session:
                ledger.close_chunk(session, lease)
            self.killer("closed")


def send(job: dict[str, Any]) -> list[str]:
    """Drain as the job says; the points that were passed."""
    engine = open_database(job["database"])
    killer = Killer(job.get("kill_at"))
    provider = opened(job, (lambda _: None) if job.get("broken") else killer)
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
