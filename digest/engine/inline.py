"""Work in this process: a thread for each named function, which runs when it is woken.

Each has a thread of its own because one may take long: a reader's confirmation must not wait behind a digest to a
million. A wake-up is only a hint. The database is the truth, so losing or doubling one changes nothing but time: the
clock's sweep wakes again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from digest.errors import DigestError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Again:
    """What a work may return: it wants to run again by itself after so many seconds."""

    seconds: float


Work = Callable[[threading.Event], object]
"""A piece of work; it must return soon after the event is set, leaving nothing half-done. What it returns is ignored
unless it is `Again`."""


class InlineEngine:
    """Runs each registered function in a thread of its own, one run of each at a time."""

    def __init__(self, registry: Mapping[str, Work]) -> None:
        self._stop = threading.Event()
        self._hands = {name: _Hand(name, work, self._stop) for name, work in registry.items()}

    def start(self) -> None:
        """Begin to work."""
        for hand in self._hands.values():
            hand.thread.start()

    def wake(self, name: str) -> None:
        """Ask for a run of this work; asking twice before it starts is one run. Raises KeyError for an unknown name."""
        self._hands[name].wanted.set()

    def stop(self, timeout: float = 30.0) -> bool:
        """Let what runs finish or release what it holds; True when all of it did within `timeout` seconds."""
        self._stop.set()
        end = time.monotonic() + timeout
        for hand in self._hands.values():
            hand.wanted.set()  # who waits looks up and sees the stop
        for hand in self._hands.values():
            if hand.thread.is_alive():
                hand.thread.join(max(0.0, end - time.monotonic()))
        return not any(hand.thread.is_alive() for hand in self._hands.values())


class _Hand:
    """One thread and what it does."""

    def __init__(self, name: str, work: Work, stop: threading.Event) -> None:
        self._name, self._work, self._stop = name, work, stop
        self.wanted = threading.Event()
        self.thread = threading.Thread(target=self._run, name=f"engine-{name}", daemon=True)

    def _run(self) -> None:
        pause: float | None = None
        while True:
            self.wanted.wait(pause)
            # Cleared before the run, for who asks while it runs may know of something that it has passed already; and
            # before looking at the stop, whose own wake-up must not be the one that is cleared.
            self.wanted.clear()
            if self._stop.is_set():
                return
            pause = self._once()

    def _once(self) -> float | None:
        """Seconds after which it is to run again unasked; None when somebody will ask."""
        try:
            told = self._work(self._stop)
            return told.seconds if isinstance(told, Again) else None
        except DigestError as error:
            log.error("%s: %s", self._name, error)
        except Exception:
            # The bulkhead of this thread: a defect in one run must not end all later ones; the sweep tries again.
            log.exception("%s failed", self._name)
        return None
