"""The reader's side: what issue 3 sets goals for."""

from __future__ import annotations

from benchmarks import pages, transfer
from benchmarks.report import Figure


def run(quick: bool) -> list[Figure]:
    """Both parts, one after the other: they would take the processor from each other."""
    return [*pages.run(quick), *transfer.run(quick)]
