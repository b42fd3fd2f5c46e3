"""Gathering: what issue 4 sets goals for."""

from __future__ import annotations

from benchmarks import polling, reading, rules
from benchmarks.report import Figure


def run(quick: bool) -> list[Figure]:
    """The three parts, one after the other: they would take the processor from each other."""
    return [*reading.run(quick), *polling.run(quick), *rules.run(quick)]
