"""Whether an edition has to stop, looked at while it is sent.

Crash semantics. Stopping is one transaction, by compare-and-set: of several workers one stops an edition, and it alone
tells of it. Who dies before it leaves the edition as it was, and the next worker looks again.
"""

from __future__ import annotations

import time

from sqlalchemy import Engine

from digest.dispatch.flow import Limits, too_many
from digest.store import flow as store
from digest.store.db import reading, writing

SPARING = 20
"""A look counts the edition's deliveries: nothing for a few, a good part of a second for a million. So the next one
comes after twenty times as long as the last one took."""


class Watch:
    """One sender's look at the editions that it sends. Threads may share it."""

    def __init__(self, engine: Engine, limits: Limits) -> None:
        self._engine = engine
        self._limits = limits
        self._not_before: dict[int, float] = {}

    def judge(self, edition_id: int) -> str:
        """Stop the edition when too many of its mails are rejected or bounce; why, if this call stopped it."""
        began = time.monotonic()
        if self._limits.percent <= 0 or began < self._not_before.get(edition_id, began):
            return ""
        with reading(self._engine) as session:
            if store.size(session, edition_id) < self._limits.least:
                return ""
            sent, bad = store.answered(session, edition_id)
        now = time.monotonic()
        self._not_before = {edition_id: now + SPARING * (now - began)}
        if not too_many(sent, bad, percent=self._limits.percent, least=self._limits.least):
            return ""
        why = f"{bad} of {sent} mails were rejected or bounced"
        with writing(self._engine) as session:
            return why if store.stop(session, edition_id, why) else ""
