"""What providers say in headers about how fast they may be called; for a provider's `pace` (`digest.dispatch.gate`)."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping

from digest.types import ProviderPace


class Heard:
    """What the last answer to each thread said. `window` is the span of the provider's limit, in seconds."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._local = threading.local()

    def hear(self, headers: Mapping[str, str]) -> None:
        """Keep what an answer's headers say: RateLimit-Limit, -Remaining and -Reset, the last in seconds
        (draft-ietf-httpapi-ratelimit-headers-06). What is no number is not there. Names with X- before them are not
        looked at: their reset is a point in time with some (SendGrid) and a span with others."""
        limit, remaining, reset = (_number(headers, name) for name in ("limit", "remaining", "reset"))
        self._local.pace = ProviderPace(
            rate=limit / self._window if limit else None,
            remaining=None if remaining is None else int(remaining),
            reset=reset,
        )

    def last(self) -> ProviderPace | None:
        """None before the first answer."""
        found: ProviderPace | None = getattr(self._local, "pace", None)
        return found


def _number(headers: Mapping[str, str], name: str) -> float | None:
    try:
        value = float(headers.get(f"ratelimit-{name}", ""))
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
