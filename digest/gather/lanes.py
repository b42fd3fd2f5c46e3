"""Who is asked next, so that no host is asked for more than a few things at once. A pure data structure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar
from urllib.parse import urlsplit

PER_HOST = 2
"""Requests under way at one host. Browsers take six for a person who waits; nobody waits for us."""

T = TypeVar("T")


class Lanes(Generic[T]):
    """Items waiting for their turn, each in the lane of its host, of which at most `limit` are under way at once.

    They come out in the order in which they were given, except that those of a busy host are passed over until it has
    room. Taking and returning cost O(log n) for n hosts. For one thread: the one that hands the work out.
    """

    def __init__(self, items: Iterable[T], host_of: Callable[[T], str], limit: int = PER_HOST) -> None:
        self._host_of = host_of
        self._limit = limit
        self._waiting: dict[str, deque[tuple[int, T]]] = {}
        self._under_way: dict[str, int] = {}
        self._left = 0
        for place, item in enumerate(items):
            self._waiting.setdefault(host_of(item), deque()).append((place, item))
            self._left += 1
        # The hosts with room and somebody waiting, each once, by the place of the first who waits.
        self._open = [(lane[0][0], host) for host, lane in self._waiting.items()]
        heapify(self._open)

    def __len__(self) -> int:
        """How many have not been taken yet."""
        return self._left

    def take(self) -> T | None:
        """The next whose host has room; None when there is none, for now or (`len`) for good."""
        if not self._open:
            return None
        _, host = heappop(self._open)
        _, item = self._waiting[host].popleft()
        self._left -= 1
        self._under_way[host] = self._under_way.get(host, 0) + 1
        self._reopen(host)
        return item

    def done(self, item: T) -> None:
        """`item`, which was taken, has come back. Raises ValueError when nothing of its host is under way."""
        host = self._host_of(item)
        count = self._under_way.get(host, 0)
        if not count:
            raise ValueError(f"nothing of {host!r} is under way")
        if count == 1:
            del self._under_way[host]
        else:
            self._under_way[host] = count - 1
        if count == self._limit:
            self._reopen(host)

    def _reopen(self, host: str) -> None:
        lane = self._waiting.get(host)
        if not lane:
            self._waiting.pop(host, None)
        elif self._under_way.get(host, 0) < self._limit:
            heappush(self._open, (lane[0][0], host))


def host_of(url: str) -> str:
    """The host of an address in lower case, its port left out: what serves several ports is one machine. Empty for what
    is no address."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
