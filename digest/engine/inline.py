"""Work in this process: one thread that runs named functions when woken.

A wake-up is only a hint. The ledger is the truth, so losing or doubling one changes nothing but time: the clock's sweep
wakes again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from digest.errors import DigestError

log = logging.getLogger(__name__)

Work = Callable[[threading.Event], object]
"""A piece of work; it must return soon after the event is set, leaving nothing half-done."""


class InlineEngine:
    """Runs the registered functions one after another in a thread of its own."""

    def __init__(self, registry: Mapping[str, Work]) -> None:
        self._registry = dict(registry)
        self._wanted: dict[str, None] = {}
        self._bell = threading.Condition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def wake(self, name: str) -> None:
        """Ask for a run of this work; asking twice before it starts is one run. Raises KeyError for an unknown name."""
        if name not in self._registry:
            raise KeyError(name)
        with self._bell:
            self._wanted[name] = None
            self._bell.notify()

    def stop(self, timeout: float = 30.0) -> bool:
        """Let the running work finish or release what it holds; True when it did within `timeout` seconds."""
        self._stop.set()
        with self._bell:
            self._bell.notify()
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._bell:
                self._bell.wait_for(lambda: self._wanted or self._stop.is_set())
                name = next(iter(self._wanted), None)
                if name is None:
                    continue
                del self._wanted[name]
            self._work(name)

    def _work(self, name: str) -> None:
        try:
            self._registry[name](self._stop)
        except DigestError as error:
            log.error("%s: %s", name, error)
        except Exception:
            # The bulkhead of this thread: a defect in one run must not end all later ones; the sweep tries again.
            log.exception("%s failed", name)
