"""What tests need of processes that kill themselves: the points at which they may, and a nursery to send jobs to."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event

from tests.parts import ROOT

Process = Callable[[dict[str, Any]], dict[str, Any]]
"""Runs a job in a process of its own and tells how that ended."""


def killing(engine: Engine, points: Mapping[str, str], killer: Callable[[str], None]) -> None:
    """Call `killer` with the name of a point before each statement that begins in one of these ways, and with "commit"
    before each commit."""

    @event.listens_for(engine, "before_cursor_execute")
    def statement(_c: object, _k: object, sql: str, *_: object) -> None:
        for start, point in points.items():
            if sql.startswith(start):
                killer(point)

    @event.listens_for(engine, "commit")
    def commit(_: object) -> None:
        killer("commit")


@contextmanager
def nursery_of(module: str) -> Iterator[Process]:
    """A nursery (`tests.crash.worker`) that runs the jobs of that module."""
    command = [sys.executable, "-m", module]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as nursery:
        stdin, stdout = nursery.stdin, nursery.stdout
        assert stdin is not None
        assert stdout is not None

        def run(job: dict[str, Any]) -> dict[str, Any]:
            stdin.write(json.dumps(job) + "\n")
            stdin.flush()
            ended: dict[str, Any] = json.loads(stdout.readline())
            return ended

        yield run
        nursery.kill()
