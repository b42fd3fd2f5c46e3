"""New articles find their stories: the store's articles through `stories.cluster` and back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from digest.store.db import writing
from digest.store.stories import clustering_alone, join, open_tellings, unclustered
from digest.stories.cluster import cluster

AT_ONCE = 2000
"""Articles per transaction: clustering so many takes a few seconds, and SQLite's other writers wait for 15."""


def cluster_new(engine: Engine, *, now: datetime) -> int:
    """Give every article that waits for one a story; returns how many were placed.

    Durable on return. Each round reads, decides and writes in one transaction that no other round can enter, so two
    processes never place an article twice, and a run that is killed leaves whole rounds or nothing: run it again.
    """
    placed = 0
    while True:
        with writing(engine) as session:
            clustering_alone(session)
            waiting = unclustered(session, now, AT_ONCE)
            if waiting:
                placed += join(session, cluster(waiting, open_tellings(session, now), now=now), now)
        if len(waiting) < AT_ONCE:
            return placed
