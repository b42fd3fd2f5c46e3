"""One drain of a sender: what it keeps in mind from batch to batch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from digest.dispatch.batch import Mail
from digest.store.attempts import Outcome, Retry, Unknown
from digest.types import Accepted, DispatchReport, RejectedItem


@dataclass(slots=True)
class Run:
    """One drain."""

    stop: threading.Event
    on_progress: Callable[[DispatchReport], None] | None
    any_edition: bool = True
    """Whether something more urgent may interrupt a chunk: not in a drain of one edition only."""
    report: DispatchReport = field(default_factory=DispatchReport)
    failures: int = 0
    idle: int = 0
    """Batches in a row of which nobody could be sent to and nobody was left out."""
    over: bool = False

    @property
    def ending(self) -> bool:
        return self.over or self.stop.is_set()

    def add(self, **counts: Any) -> None:
        self.report += DispatchReport(**counts)
        if self.on_progress is not None:
            self.on_progress(self.report)


@dataclass(frozen=True, slots=True)
class Call:
    """A call that the ledger knows of."""

    attempt_id: int
    key: str
    readers: tuple[int, ...]
    payloads: tuple[bytes, ...]
    tries_of: tuple[int, ...]
    """How often each of its mails was put off for a reason of its own."""
    tries: int
    before: float
    """Monotonic time after which the lease may have run out: then the call belongs to somebody else."""


def call_of(attempt_id: int, key: str, mails: Sequence[Mail], tries: int, before: float) -> Call:
    """The call that carries these mails."""
    return Call(
        attempt_id,
        key,
        tuple(mail.due.subscriber_id for mail in mails),
        tuple(mail.payload for mail in mails),
        tuple(mail.due.tries for mail in mails),
        tries,
        before,
    )


def counts(outcomes: dict[int, Outcome], readers: int) -> dict[str, int]:
    """The report of one call. Mails that go on at once, alone, are not counted yet; an open attempt is a retry."""
    if not outcomes:
        return {"retry": readers}
    found = list(outcomes.values())
    return {
        "accepted": sum(isinstance(each, Accepted) for each in found),
        "rejected": sum(isinstance(each, RejectedItem) for each in found),
        "unknown": sum(isinstance(each, Unknown) for each in found),
        "retry": sum(isinstance(each, Retry) and not each.alone for each in found),
    }
