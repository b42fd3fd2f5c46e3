"""How often to measure: a quick run must end in time on a machine that others use as well."""

from __future__ import annotations

import time
from collections.abc import Iterator


def turns(most: int, least: int, seconds: float) -> Iterator[int]:
    """0, 1, 2, ...: `least` times in any case, then on while another turn as long as the longest so far would still end
    within `seconds` of the first one's beginning; never more than `most` times."""
    started, longest = time.perf_counter(), 0.0
    for turn in range(most):
        begun = time.perf_counter()
        if turn >= least and begun - started + longest > seconds:
            return
        yield turn
        longest = max(longest, time.perf_counter() - begun)
