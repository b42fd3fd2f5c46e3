"""Calls to providers that are HTTP APIs: one client for all of them, and failures told by a table.

What a failed call means is decided by a provider's table of answers. What stands in none is decided here, on the safe
side: an answer that leaves open whether the mails were taken is in doubt, and any other refuses us altogether, for it
comes from something that is not the API we know, and no reader is at fault.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from digest.dispatch.header import clean
from digest.errors import NotSent, ProviderError, Refused, Unclear, Unknowable

TIMEOUT = httpx.Timeout(30.0, connect=10.0)
"""Seconds of silence. A lease (60 s) must outlast a call."""

CONNECTIONS = 4
"""One for each thread that may drain at once; httpcore's search of its pool is quadratic in their number."""

Answers = Mapping[tuple[int, str], tuple[type[ProviderError], str]]
"""Status and the provider's own name for an error -> what it means and what the provider did. An empty name is any
other name under that status."""


class Api:
    """One address of one API. A few kept connections, which httpx lets threads share.

    `who` is the provider's name for people, `base` the setting that says where it is, `keyed` whether a call carries an
    idempotency key: only then does it help to repeat one whose answer was lost. `secret` is never told again, should an
    answer repeat it.
    """

    def __init__(
        self,
        who: str,
        url: str,
        headers: Mapping[str, str],
        *,
        base: str,
        secret: str,
        keyed: bool,
        timeout: httpx.Timeout = TIMEOUT,
    ) -> None:
        self.who = who
        self.url = url
        self._base = base
        self._secret = secret
        self.doubt: type[Unclear] = Unclear if keyed else Unknowable
        self._client = httpx.Client(
            headers={"User-Agent": "digest-service", **headers},
            timeout=timeout,
            limits=httpx.Limits(max_connections=CONNECTIONS),
        )

    def post(self, body: bytes, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """The answer, whatever its status. Raises NotSent when nobody can be reached, and `doubt` when the answer got
        lost."""
        try:
            return self._client.post(self.url, content=body, headers=headers)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            raise NotSent(f"{self.who} cannot be reached ({type(error).__name__})") from None
        except httpx.RequestError as error:  # also an answer that cannot be decoded
            raise self.doubt(f"{self.who} did not answer ({type(error).__name__})") from None

    def failure(
        self, answer: httpx.Response, answers: Answers, name: str = "", detail: str = "", wait: float | None = None
    ) -> ProviderError:
        """What an answer means that is no success. `name` is the provider's own word for it, `detail` what it says to
        people, `wait` the seconds it asks us to wait; both texts are cleaned here."""
        status = answer.status_code
        kind, meaning = answers.get((status, name)) or answers.get((status, "")) or (None, "")
        if kind is None and (status >= 500 or status == httpx.codes.REQUEST_TIMEOUT):
            return self.doubt(f"{self.who} answered {status}")
        if kind is None:
            # Redirects, other 2xx and unheard-of refusals come from something that is not this endpoint.
            return (self.doubt if 200 <= status < 300 else Refused)(f"{self.who} answered {status}; check {self._base}")
        name, detail = self._without_secret(name[:1000])[:40], self._without_secret(detail[:10_000])
        message = f"{self.who} {meaning} ({status}{' ' + name if name else ''})"
        if issubclass(kind, NotSent):
            return kind(message, wait)
        return kind(f"{message}: {detail}" if detail else message)

    def _without_secret(self, text: str) -> str:
        return clean(text.replace(self._secret, "(key)") if self._secret else text)

    def close(self) -> None:
        """Give up the connections."""
        self._client.close()


def told(answer: httpx.Response) -> Any:
    """The JSON of an answer; None for what is none."""
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError):
        return None


def seconds(answer: httpx.Response, *names: str) -> float | None:
    """How long to wait, from the first of these headers that says so in seconds."""
    for name in names:
        try:
            found = float(answer.headers.get(name, ""))
        except ValueError:
            continue
        if math.isfinite(found) and found >= 0:
            return found
    return None


def seconds_until(answer: httpx.Response, name: str) -> float | None:
    """How long to wait, from a header that names the second since 1970 at which it is over: by the clock of whoever
    answered (the header Date), for ours may be another."""
    until = seconds(answer, name)
    try:
        now = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    except (KeyError, ValueError):
        return None
    return max(0.0, until - now) if until is not None else None
