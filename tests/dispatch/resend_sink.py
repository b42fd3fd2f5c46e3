"""An email API that speaks as Resend's batch endpoint is documented to, and keeps a log of its own.

It honours Idempotency-Key (same key and body: the stored answer; same key, other body: 409), validates permissively,
and writes every accepted mail to its log, forced to disk, before it answers. `script` makes it misbehave, one step a
call.

    python -m tests.dispatch.resend_sink LOG    runs it alone and prints its port
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import struct
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

from digest.dispatch.providers.resend import Resend

Step = Callable[["Handler"], bool]
"""Answers by itself and returns True, or returns False to let the call go on as documented."""


class Sink(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, log: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.log = log
        self.log.touch()
        self.script: deque[Step] = deque()
        self.calls: list[tuple[dict[str, str], bytes]] = []
        self.answers: dict[str, tuple[bytes, bytes]] = {}
        self.lock = threading.Lock()
        self.lose_answer = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def mails(self) -> list[dict[str, Any]]:
        """What was accepted, in order."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is this server's ordinary life."""

    def take(self, mails: list[dict[str, Any]]) -> bytes:
        """Accept what is valid; the answer."""
        data: list[dict[str, str]] = []
        errors: list[dict[str, Any]] = []
        with self.log.open("a") as log:
            for index, mail in enumerate(mails):
                if "invalid" in mail["to"][0]:
                    errors.append({"index": index, "message": f"Invalid `to` field: {mail['to'][0]}"})
                    continue
                log.write(json.dumps(mail) + "\n")
                data.append({"id": hashlib.sha256(mail["to"][0].encode()).hexdigest()[:36]})
            log.flush()
            os.fsync(log.fileno())
        return json.dumps({"data": data, **({"errors": errors} if errors else {})}).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # head and body in one segment: in two, Nagle and delayed ACK cost 40 ms a call
    server: Sink

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        sink = self.server
        with sink.lock:
            sink.calls.append(({name.lower(): value for name, value in self.headers.items()}, body))
            if sink.script and sink.script.popleft()(self):
                return
            key = self.headers.get("Idempotency-Key")
            if key is not None and key in sink.answers:
                stored, answer = sink.answers[key]
                if stored != body:
                    self.reply(409, error("invalid_idempotent_request", "Same key, different payload."))
                    return
            else:
                answer = sink.take(json.loads(body))
                if key is not None:
                    sink.answers[key] = (body, answer)
            if sink.lose_answer:
                sink.lose_answer = False
                self.cut()
                return
        self.reply(200, answer)

    def reply(self, status: int, body: bytes, **headers: str) -> bool:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)
        return True

    def cut(self) -> bool:
        """Reset the connection."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True
        return True


def error(name: str, message: str = "") -> bytes:
    return json.dumps({"statusCode": 0, "name": name, "message": message}).encode()


def answering(status: int, body: bytes = b"", **headers: str) -> Step:
    """A step that answers without taking anything."""
    return lambda handler: handler.reply(status, body, **headers)


def lost(handler: Handler) -> bool:
    """A step: the mails are accepted and the answer is lost on its way."""
    handler.server.lose_answer = True
    return False


def dropped(handler: Handler) -> bool:
    """A step: the connection breaks and nothing was accepted."""
    return handler.cut()


Served = TypeVar("Served", bound=Sink)


@contextmanager
def serving(sink: Served) -> Iterator[Served]:
    """The sink answers for so long."""
    thread = threading.Thread(target=sink.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield sink
    finally:
        sink.shutdown()
        sink.server_close()
        thread.join(5)


@contextmanager
def running(log: Path) -> Iterator[Sink]:
    with serving(Sink(log)) as sink:
        yield sink


if __name__ == "__main__":
    alone = Sink(Path(sys.argv[1]))
    sys.stdout.write(f"{alone.server_address[1]}\n")
    sys.stdout.flush()
    alone.serve_forever()


class Small(Resend):
    """Resend in batches of three."""

    batch = 3


class Keyless(Small):
    """The same API without idempotency keys, as most are."""

    key_lifetime: timedelta | None = None

    def _key(self, key: str) -> dict[str, str]:
        return {}
