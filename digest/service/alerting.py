"""What an operator should learn at once is POSTed to ALERT_URL, as JSON without any address.

It never stops or slows what it tells of: a thread sends it, one try, ten seconds at most; what fails is a line in the
log. The same thing about the same edition or provider is told once an hour. Who dies before it is told tells nothing;
`digest status`, `digest editions list` and `digest deliveries stuck` show all of it as long as it lasts.

The operator chose this address, and it may well lie in their own network (a chat bridge, an alert manager): so it does
not go through the door for addresses that others gave us (`digest.gather.fetch`), which keeps out of private networks.
Redirects are not followed.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict

import httpx

from digest.store.report import masked
from digest.types import Alert

log = logging.getLogger(__name__)

SECONDS = 10.0
AGAIN = 3600.0
"""Seconds in which the same is not told twice by one process."""


class Alerter:
    """Tells of alerts; `url` "" only logs them. Safe to use from several threads."""

    def __init__(self, url: str, service: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._service = service
        self._clock = clock
        self._told: dict[tuple[str, str], float] = {}
        self._under_way: list[threading.Thread] = []
        self._lock = threading.Lock()

    def tell(self, alert: Alert) -> None:
        """Log it, and have it sent, unless it was within the hour. Raises nothing."""
        key, now = (alert.kind, alert.about), self._clock()
        with self._lock:
            if now < self._told.get(key, float("-inf")) + AGAIN:
                return
            self._told = {old: at for old, at in self._told.items() if now < at + AGAIN} | {key: now}
        text = masked(alert.text)
        log.error("alert: %s", text)
        if not self._url:
            return
        body = {**asdict(alert), "text": text, "service": self._service}
        thread = threading.Thread(target=self._post, args=(body,), name="alert", daemon=True)
        with self._lock:
            self._under_way = [each for each in self._under_way if each.is_alive()] + [thread]
        thread.start()

    def close(self) -> None:
        """Wait for what is under way."""
        with self._lock:
            waiting = list(self._under_way)
        for thread in waiting:
            thread.join(SECONDS)

    def _post(self, body: dict[str, str]) -> None:
        try:
            answer = httpx.post(self._url, json=body, timeout=SECONDS, headers={"User-Agent": "digest-service"})
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            log.warning("ALERT_URL could not be told (%s)", type(error).__name__)
            return
        if not answer.is_success:
            log.warning("ALERT_URL answered %d", answer.status_code)
