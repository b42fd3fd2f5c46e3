"""The readers' pages against a bare FastAPI handler with one indexed query, on one worker, in the same run.

One process serves both: our application over the real service on a SQLite file, and beside it, behind the same uvicorn
and on the same engine, a FastAPI application of two plain `def` handlers. They reach the database through the fastest
doors that we have ourselves, so that nothing of ours slows down what ours is held against:

GET /bare/{id}   one SELECT of a reader by the primary key, answered as JSON: what a preferences page is held against
POST /bare/{id}  one UPDATE of a reader by the primary key, committed as durably as ours (WAL, synchronous=FULL): what a
                 one-click POST is held against, and the SELECT as well, though a durable write against a read measures
                 the disk too

The load comes from this process over loopback: connections that stay open, requests written beforehand, answers read
just far enough to be checked, so that the server is what is measured. Rounds go by turns; a figure is the ratio of the
medians of requests a second. The processor time that the server itself counts for a request is told beside it: on a
machine that others use at the same time, waiting for the processor makes all requests alike, and only that tells them
apart.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from statistics import median

from benchmarks.report import Figure
from benchmarks.turns import turns
from subscribers.tokens import Keyring

READERS, QUICK_READERS = 10_000, 2_000
"""The first half reads its preferences, the second half leaves."""
ROUNDS, QUICK_ROUNDS = 11, 10
REQUESTS, QUICK_REQUESTS = 400, 60
"""Of each kind in a round."""
LEAST_ROUNDS, QUICK_SECONDS = 2, 8
"""A quick run has fewer rounds when the machine is too busy for all of them."""
CONNECTIONS = 4
KEY = "a-key-that-only-the-benchmark-knows-0001"
SLOT = "manual:benchmark"
ONE_CLICK = b"List-Unsubscribe=One-Click"


def run(quick: bool, rounds: int | None = None, requests: int | None = None) -> list[Figure]:
    """The two ratios; `rounds` and `requests` for a run smaller still."""
    rounds = rounds or (QUICK_ROUNDS if quick else ROUNDS)
    requests = requests or (QUICK_REQUESTS if quick else REQUESTS)
    readers = QUICK_READERS if quick else READERS
    assert (rounds + 1) * requests <= readers // 2, "every one-click POST needs a reader who has not left"
    with tempfile.TemporaryDirectory(prefix="digest-benchmark-") as name, _server(Path(name), readers) as told:
        port, edition_id = told
        kinds = _kinds(Keyring([KEY]), edition_id, readers)
        speeds: dict[str, list[float]] = {kind: [] for kind in kinds}
        costs: dict[str, list[float]] = {kind: [] for kind in kinds}
        order = list(kinds)
        done = 0
        least = min(rounds, LEAST_ROUNDS if quick else rounds)
        for turn in turns(rounds + 1, least + 1, QUICK_SECONDS if quick else inf):
            for kind in order:
                request, check = kinds[kind]
                first = turn * requests
                before = _cpu(port)
                speed = _drive(port, [request(number) for number in range(first, first + requests)], check)
                if turn:  # the first round only warms up
                    speeds[kind].append(speed)
                    costs[kind].append((_cpu(port) - before) / requests * 1000)
            order = [*order[1:], order[0]]
            done = turn + 1
        with closing(sqlite3.connect(Path(name) / "digest.db")) as connection:
            (left,) = connection.execute("SELECT count(*) FROM subscriber WHERE status = 'left'").fetchone()
        assert left == done * requests, f"{left} readers have left, not {done * requests}"
    middle = {kind: median(found) for kind, found in speeds.items()}
    return [
        Figure("one-click POST, to a bare durable UPDATE", middle["one-click"] / middle["bare update"], goal=0.5),
        Figure("preferences GET, to a bare SELECT", middle["preferences"] / middle["bare select"], goal=0.6),
        Figure("one-click POST, to a bare SELECT", middle["one-click"] / middle["bare select"], goal=0.5),
        *(Figure(f"{kind}: requests a second (told only)", speed, "/s") for kind, speed in middle.items()),
        *(Figure(f"{kind}: processor time (told only)", median(each), "ms") for kind, each in costs.items()),
        Figure("rounds (told only)", done - 1, ""),
    ]


# --- load -------------------------------------------------------------------------------------------------------------

Kind = tuple[Callable[[int], bytes], Callable[[bytes], bool]]


def _kinds(keyring: Keyring, edition_id: int, readers: int) -> dict[str, Kind]:
    """The requests, by number, and how to see that an answer is the one that was meant."""
    half = readers // 2

    def preferences(number: int) -> bytes:
        return _get(f"/preferences/{keyring.tokens(number % half + 1, edition_id).manage}")

    def one_click(number: int) -> bytes:
        return _post(f"/leave/{keyring.tokens(number + half + 1, edition_id).leave}")

    return {
        "bare select": (lambda number: _get(f"/bare/{number % half + 1}"), lambda body: b'"address"' in body),
        "preferences": (preferences, lambda body: b"<form" in body and b"</html>" in body),
        "bare update": (lambda number: _post(f"/bare/{number % half + 1}"), lambda body: body == b'{"done":1}'),
        "one-click": (one_click, lambda body: body == b"unsubscribed\n"),
    }


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nAccept-Language: en\r\n\r\n".encode()


def _post(path: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    return f"{head}Content-Length: {len(ONE_CLICK)}\r\n\r\n".encode() + ONE_CLICK


def _drive(port: int, requests: Sequence[bytes], check: Callable[[bytes], bool]) -> float:
    """Requests a second over a few connections at once. Raises AssertionError for an answer that is not right."""
    wrong: list[bytes] = []

    def work(mine: Sequence[bytes]) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for each in mine:
                connection.sendall(each)
                head, body = _answer(connection)
                if not head.startswith(b"HTTP/1.1 200 ") or not check(body):
                    wrong.append(head[:200] + body[:200])
                    return

    workers = [threading.Thread(target=work, args=(requests[at::CONNECTIONS],)) for at in range(CONNECTIONS)]
    started = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    seconds = time.perf_counter() - started
    assert not wrong, f"an answer is not the one that was asked for: {wrong[0]!r}"
    return len(requests) / seconds


def _cpu(port: int) -> float:
    """Seconds of processor time that the server has used so far."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(_get("/bare/cpu"))
        return float(_answer(connection)[1])


def _answer(connection: socket.socket) -> tuple[bytes, bytes]:
    told = b""
    while b"\r\n\r\n" not in told:
        piece = connection.recv(65536)
        assert piece, "the server closed the connection"
        told += piece
    head, _, body = told.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return head, body


# --- the server -------------------------------------------------------------------------------------------------------


@contextmanager
def _server(folder: Path, readers: int) -> Iterator[tuple[int, int]]:
    """(port, edition whose links the readers hold) of a server in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.pages", str(folder), str(readers)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as child:  # noqa: S603
        try:
            assert child.stdout is not None
            port, edition_id = (int(each) for each in child.stdout.readline().split())
            yield port, edition_id
        finally:
            child.terminate()
            child.wait(20)


def _serve(folder: Path, readers: int) -> None:
    """The child: make the readers, say where it listens, serve until it is terminated."""
    from typing import Any, cast

    from fastapi import FastAPI
    from sqlalchemy import select, update
    from sqlalchemy.sql import ColumnElement

    from digest.cli.serving import listen, make_server
    from digest.service.core import DigestService
    from digest.service.places import templates_folder
    from digest.service.schema import prepare
    from digest.settings import Settings
    from digest.store.db import committing, glancing
    from digest.web.app import create_app
    from subscribers.models import Subscriber
    from subscribers.sql import table

    settings = Settings.model_validate(
        {"database_url": f"sqlite:///{folder / 'digest.db'}", "data_dir": folder / "data", "secret_keys": KEY}
    )
    service = DigestService(settings, engine=prepare(settings))
    edition_id = _readers(service, folder, readers)
    engine, reader = service.engine, table(Subscriber)
    bare = FastAPI(openapi_url=None)

    def mine(number: int) -> ColumnElement[bool]:
        return reader.c.id == number

    @bare.get("/bare/cpu")
    async def cpu() -> float:
        return time.process_time()

    @bare.get("/bare/{number}")
    def look(number: int) -> dict[str, str]:
        with glancing(engine) as connection:
            row = connection.execute(select(reader.c.address, reader.c.cadence).where(mine(number))).one()
        return {"address": row.address, "cadence": row.cadence}

    @bare.post("/bare/{number}")
    def change(number: int) -> dict[str, int]:
        with committing(engine) as connection:
            stamp = datetime.now(UTC)
            done = connection.execute(update(reader).where(mine(number)).values(confirmed_at=stamp))
        return {"done": done.rowcount}

    ours = create_app(service.readers, templates_folder())

    async def both(scope: Any, receive: Any, send: Any) -> None:
        await (bare if scope["path"].startswith("/bare/") else ours)(scope, receive, send)

    listener = listen("127.0.0.1", 0)
    print(listener.getsockname()[1], edition_id, flush=True)
    make_server(cast("FastAPI", both), ()).run(sockets=[listener])


def _readers(service: object, folder: Path, count: int) -> int:
    """This many readers of three topics, numbered from 1, and an edition whose links they hold."""
    from digest.service.core import DigestService
    from digest.service.transfer import Transfer, Wanted
    from digest.store.db import writing
    from digest.store.editions import open_edition
    from subscribers.topics import add_topic

    assert isinstance(service, DigestService)
    slugs = ("town", "harbour", "science")
    with writing(service.engine) as session:
        for slug in slugs:
            add_topic(session, slug, slug.title(), now=service.now(), description=f"All about {slug}.")
        edition_id, _, _ = open_edition(
            session, "manual", SLOT, planned_at=service.now(), key_id=service.keyring.key_id
        )
    file = folder / "readers.csv"
    file.write_text("email\n" + "".join(f"reader{number}@example.org\n" for number in range(count)), "utf-8")
    desk = Transfer(service.engine, service.keyring.address_hashes, now=service.now, default_timezone="Europe/Berlin")
    assert desk.import_readers(Wanted(file, slugs[:2])).counts["added"] == count
    return edition_id


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), int(sys.argv[2]))
