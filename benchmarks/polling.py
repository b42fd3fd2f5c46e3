"""Polling hosts whose feeds have not changed, against bare httpx in its best arrangement.

A server in a process of its own answers 304 to whoever asks conditionally. Ours is a whole gather over a SQLite
database with a source for each host: the name looked up (in a table: what a name server takes is not ours), the
address judged, the connection made to exactly that address, the answer recorded durably. The other is httpx, given the
very addresses and nothing to judge, look up or store (`baselines.Poll`): every arrangement runs once, the fastest and
the cheapest go on by turns with ours, and the fastest of those, by its median, is the yardstick. Both sides must have
seen a 304 from every host, by what they say and by what the server counted.

Loopback answers at once, so this measures what a request costs the processor and not how well waiting is shared; the
ratio by processor time is told beside it. The addresses are 127.x.y.z, all of which only Linux has without asking.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from statistics import median

import httpx
from sqlalchemy import Engine, text

from benchmarks.baselines import Poll
from benchmarks.report import Figure
from benchmarks.turns import turns
from digest.gather.fetch import Door
from digest.gather.robots import Robots
from digest.service.core import GATHER_WORKERS
from digest.service.fetching import hash_of
from digest.service.gathering import gather
from digest.store import sources
from digest.store.db import open_database, writing
from digest.store.schema import upgrade

HOSTS, QUICK_HOSTS = 2_000, 300
TURNS, QUICK_TURNS = 7, 5
QUICK_SECONDS = 10
"""A quick run has fewer turns when the machine is too busy for all of them."""
ETAG = '"v1"'
NOW = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
FINALISTS = 2
"""By speed, and as many by processor time: on a machine that others use as well, one of the two alone may mislead."""

Way = Callable[[], int]
"""Polls every host once; returns how many answered 304."""


@dataclass(frozen=True, slots=True)
class _Measured:
    speed: float
    """Hosts a second."""
    cost: float
    """Milliseconds of our processor time for each."""


def run(quick: bool, hosts: int | None = None, rounds: int | None = None) -> list[Figure]:
    """The ratio; `hosts` and `rounds` for a run smaller still."""
    count = hosts or (QUICK_HOSTS if quick else HOSTS)
    addresses = {f"h{number}.feeds.example": _address(number) for number in range(count)}
    with (
        tempfile.TemporaryDirectory(prefix="digest-benchmark-") as name,
        _server() as port,
        Door(
            user_agent="digest-service (+https://digest.example)",
            allow_private=True,
            resolve=lambda host, _: [addresses[host]],
        ) as door,
    ):
        engine = open_database(f"sqlite:///{Path(name) / 'digest.db'}")
        urls = [f"http://{host}:{port}/feed.xml" for host in addresses]
        _sources(engine, urls)
        ours = {"ours": _gathered(engine, door, count), "the door alone": _door_alone(door, urls)}
        bare = _arrangements([f"http://{address}:{port}/feed.xml" for address in addresses.values()])
        first = {way: _measured(poll, port, count) for way, poll in {**ours, **bare}.items()}  # ours only warms up
        best = _finalists({way: first[way] for way in bare})
        ways = {**ours, **{way: bare[way] for way in best}}
        taken: dict[str, list[_Measured]] = {way: [] for way in ways}
        order = list(ways)
        for _ in turns(rounds or (QUICK_TURNS if quick else TURNS), 2, QUICK_SECONDS if quick else inf):
            for way in order:
                taken[way].append(_measured(ways[way], port, count))
            order = [*order[1:], order[0]]
        engine.dispose()
    speed = {way: median(each.speed for each in runs) for way, runs in taken.items()}
    cost = {way: median(each.cost for each in runs) for way, runs in taken.items()}
    fastest = max(best, key=lambda way: speed[way])
    return [
        Figure(
            f"polling {count:,} hosts that answer 304, to the best arrangement of bare httpx",
            speed["ours"] / speed[fastest],
            goal=0.8,
        ),
        Figure("polling: the same ratio by processor time (told only)", cost[fastest] / cost["ours"]),
        Figure("polling: the door alone, to the same (told only)", speed["the door alone"] / speed[fastest]),
        Figure("polling: a whole gather (told only)", speed["ours"], "hosts/s"),
        *(Figure(f"polling: httpx, {way} (told only)", speed.get(way, first[way].speed), "hosts/s") for way in bare),
        Figure("polling: turns (told only)", len(taken["ours"]), ""),
    ]


def _finalists(first: Mapping[str, _Measured]) -> list[str]:
    fast = sorted(first, key=lambda way: -first[way].speed)[:FINALISTS]
    cheap = sorted(first, key=lambda way: first[way].cost)[:FINALISTS]
    return list(dict.fromkeys([*fast, *cheap]))


def _address(number: int) -> str:
    """Another address of this machine for each number below 15 million."""
    return f"127.{1 + number // 62_500}.{number // 250 % 250}.{1 + number % 250}"


# --- ways -------------------------------------------------------------------------------------------------------------


def _arrangements(urls: Sequence[str]) -> dict[str, Way]:
    context = httpx.create_ssl_context(trust_env=False)
    ways: dict[str, Way] = {}
    for told, arrangement, keep_alive, workers in (
        ("one client, keep-alive", Poll.one_client, True, (8,)),
        ("one client", Poll.one_client, False, (8, 50)),
        ("a client per thread, keep-alive", Poll.client_per_thread, True, (8,)),
        ("a client per thread", Poll.client_per_thread, False, (2, 4, 8, 16)),
        ("an asynchronous client, keep-alive", Poll.async_client, True, (50,)),
        ("an asynchronous client", Poll.async_client, False, (8, 50)),
    ):
        for many in workers:
            poll = Poll({"If-None-Match": ETAG}, context, many, keep_alive=keep_alive)
            ways[f"{told}, {many} at once"] = _counting(arrangement, poll, urls)
    return ways


def _counting(arrangement: Callable[[Poll, Sequence[str]], list[int]], poll: Poll, urls: Sequence[str]) -> Way:
    return lambda: arrangement(poll, urls).count(304)


def _gathered(engine: Engine, door: Door, count: int) -> Way:
    robots = Robots(door.get)  # never asked: sources without full text are feeds that want to be fetched

    def poll() -> int:
        rows = gather(engine, door, robots, now=lambda: NOW, workers=GATHER_WORKERS)
        wrong = [row for row in rows if row.status != "unchanged"]
        assert not wrong, f"{len(wrong)} of {count} sources did not answer 304, the first: {wrong[0]}"
        return len(rows)

    return poll


def _door_alone(door: Door, urls: Sequence[str]) -> Way:
    def poll() -> int:
        with ThreadPoolExecutor(GATHER_WORKERS) as pool:
            return list(pool.map(lambda url: door.get(url, etag=ETAG).status, urls)).count(304)

    return poll


def _sources(engine: Engine, urls: Sequence[str]) -> None:
    """A database with a source at each address, whose feed was read before."""
    upgrade(engine)
    with writing(engine) as session:
        for url in urls:
            sources.add_source(session, url, name="", language="en", now=NOW)
        session.connection().execute(
            text("UPDATE source SET etag = :etag, body_hash = :hash, first_gathered_at = created_at"),
            {"etag": ETAG, "hash": hash_of(b"what was read before")},
        )


def _measured(poll: Way, port: int, count: int) -> _Measured:
    before, started, cpu = _answered(port), time.perf_counter(), time.process_time()
    unchanged = poll()
    seconds, spent = time.perf_counter() - started, time.process_time() - cpu
    assert unchanged == count, f"{unchanged} of {count} hosts answered 304"
    assert _answered(port) - before == count, "the server gave another number of answers than were asked for"
    return _Measured(count / seconds, spent / count * 1000)


# --- the server -------------------------------------------------------------------------------------------------------


@contextmanager
def _server() -> Iterator[int]:
    """The port of a server in a process of its own, on every address of this machine."""
    command = [sys.executable, "-m", "benchmarks.polling"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:  # noqa: S603 - this very program
        try:
            assert child.stdout is not None
            yield int(child.stdout.readline())
        finally:
            child.terminate()
            child.wait(20)


def _answered(port: int) -> int:
    """How often the server has answered 304 so far."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(b"GET /answered HTTP/1.1\r\n\r\n")
        return int(connection.recv(1024))


class _Unchanged(asyncio.Protocol):
    """As little of HTTP as it takes, so that the clients are what is measured."""

    answered = 0
    _told = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if not transport.get_extra_info("peername")[0].startswith("127."):
            transport.abort()

    def data_received(self, data: bytes) -> None:
        self._told += data
        while b"\r\n\r\n" in self._told:
            head, _, self._told = self._told.lower().partition(b"\r\n\r\n")
            if head.startswith(b"get /answered "):
                self._transport.write(b"%d" % _Unchanged.answered)
                self._transport.close()
            elif b"\r\nif-none-match: " + ETAG.encode() in head:
                _Unchanged.answered += 1
                self._transport.write(b"HTTP/1.1 304 Not Modified\r\nETag: " + ETAG.encode() + b"\r\n\r\n")
            else:
                self._transport.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            if b"\r\nconnection: close" in head:
                self._transport.close()


async def _serve() -> None:
    """The child: say where it listens, serve until it is terminated."""
    every = "0.0.0.0"  # noqa: S104 - all of 127.0.0.0/8, and whoever comes from elsewhere is sent away
    server = await asyncio.get_running_loop().create_server(_Unchanged, every, 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
