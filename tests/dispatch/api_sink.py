"""A server on loopback that answers as some email API is documented to, by a function that each provider's tests give.

Calls, the log, `script` and the ways to misbehave are those of `resend_sink`.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, NamedTuple

from tests.dispatch.resend_sink import Handler, Sink


class Call(NamedTuple):
    path: str
    headers: Mapping[str, str]
    """By name in lower case."""
    body: bytes


class Reply(NamedTuple):
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}


class ApiSink(Sink):
    def __init__(self, log: Path, clerk: Callable[[ApiSink, Call], Reply]) -> None:
        super().__init__(log)
        self.RequestHandlerClass = Desk
        self.clerk = clerk
        self.made: list[Call] = []
        self.date = "Tue, 10 Mar 2026 07:00:00 GMT"

    def accept(self, mails: Sequence[Mapping[str, Any]]) -> None:
        """Take responsibility: on disk before the call is answered."""
        with self.log.open("a") as log:
            log.writelines(json.dumps(mail) + "\n" for mail in mails)
            log.flush()
            os.fsync(log.fileno())


class Desk(Handler, BaseHTTPRequestHandler):  # the second is said again for ruff, which looks for it
    server: ApiSink

    def do_POST(self) -> None:
        sink = self.server
        names = {name.lower(): value for name, value in self.headers.items()}
        call = Call(self.path, names, self.rfile.read(int(self.headers["Content-Length"])))
        with sink.lock:
            sink.made.append(call)
            if sink.script and sink.script.popleft()(self):
                return
            reply = sink.clerk(sink, call)
            if sink.lose_answer:
                sink.lose_answer = False
                self.cut()
                return
        self.reply(reply.status, reply.body, **reply.headers)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The header Date of every answer: one hour, always, so that waiting times can be told by it."""
        return self.server.date if timestamp is None else super().date_time_string(timestamp)


@contextmanager
def answering_as(log: Path, clerk: Callable[[ApiSink, Call], Reply]) -> Iterator[ApiSink]:
    sink = ApiSink(log, clerk)
    thread = threading.Thread(target=sink.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield sink
    finally:
        sink.shutdown()
        sink.server_close()
        thread.join(5)
