"""What providers with an HTTP API have in common: one call, and what is known of it before its answer is understood."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import httpx

from digest.errors import NotSent, Unclear

TIMEOUT = httpx.Timeout(30.0, connect=10.0)
"""Seconds of silence. A lease (60 s) must outlast a call."""
CONNECTIONS = 4
"""One for each thread that may drain at once; httpcore's search of its pool is quadratic in their number."""


def open_client(headers: Mapping[str, str], timeout: httpx.Timeout) -> httpx.Client:
    """A client that speaks JSON and keeps a few connections, which threads share."""
    ours = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "digest-service"}
    return httpx.Client(headers={**ours, **headers}, timeout=timeout, limits=httpx.Limits(max_connections=CONNECTIONS))


def post(
    client: httpx.Client, who: str, url: str, body: bytes, headers: Mapping[str, str] | None = None
) -> httpx.Response:
    """The answer of the provider called `who`, whatever it says. Raises NotSent when no connection came about and
    Unclear when no answer did."""
    try:
        return client.post(url, content=body, headers=headers)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
        raise NotSent(f"{who} cannot be reached ({type(error).__name__})") from None
    except httpx.RequestError as error:  # also an answer that cannot be decoded
        raise Unclear(f"{who} did not answer ({type(error).__name__})") from None


def told(answer: httpx.Response) -> Any:
    """What its JSON says; None when it is none."""
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError):
        return None


def wait_asked(answer: httpx.Response) -> float | None:
    """For how many seconds it asks us to wait, if it does."""
    for name in ("retry-after", "ratelimit-reset"):
        try:
            seconds = float(answer.headers.get(name, ""))
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    return None
