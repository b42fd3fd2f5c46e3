"""New articles find their stories: the store's articles through `stories.cluster` and back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from digest.store.db import reading, writing
from digest.store.stories import clustering_alone, join, open_tellings, unclustered
from digest.stories.cluster import cluster

AT_ONCE = 500
"""Articles per round: each round looks at all open stories, and a killed run loses no more than one."""


def cluster_new(engine: Engine, *, now: datetime) -> int:
    """Give every article that waits for one a story; returns how many were placed.

    Durable on return. A round reads and decides without holding anybody up (with twelve thousand open articles the
    deciding took 13 s, in which no reader could sign up), and writes in one short transaction. What another process
    placed meanwhile is left alone, so an article is never placed twice; a run that is killed leaves whole rounds or
    nothing: run it again.
    """
    placed = 0
    while True:
        with reading(engine) as session:
            waiting = unclustered(session, now, AT_ONCE)
            known = open_tellings(session, now) if waiting else []
        if not waiting:
            return placed
        verdicts = cluster(waiting, known, now=now)
        with writing(engine) as session:
            clustering_alone(session)
            joined = join(session, verdicts, now)
        placed += joined
        if len(waiting) < AT_ONCE or not joined:
            return placed
