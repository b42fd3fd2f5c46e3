"""An email API in a process of its own, which takes every batch that it is handed as fast as Python can.

It answers as Resend's batch endpoint does and looks at nothing before it is asked: `GET /` tells how many mails it
took, how many bytes, and the sum of the hashes of the mails, which is the same for the same mails in any order, and
begins anew.

    python -m benchmarks.sink      prints its port
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast

MAIL = b'{"to":["'
"""How each mail of a batch begins."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    bodies: tuple[bytes, ...] = ()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65_536
    disable_nagle_algorithm = True  # an answer in two packets would wait 40 ms for the first one to be acknowledged

    def do_POST(self) -> None:
        server = cast(_Server, self.server)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.bodies += (body,)
        self._answer({"data": [{"id": f"mail-{number}"} for number in range(body.count(MAIL))]})

    def do_GET(self) -> None:
        server = cast(_Server, self.server)
        bodies, server.bodies = server.bodies, ()
        mails = [mail for body in bodies for mail in body[1:-1].removeprefix(MAIL).split(b"," + MAIL)]
        hashes = sum(int.from_bytes(hashlib.sha256(mail).digest()[:8], "big") for mail in mails) % 2**64
        self._answer({"mails": len(mails), "size": sum(map(len, bodies)), "hashes": hashes})

    def _answer(self, told: object) -> None:
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
        """A benchmark's output is its table."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a sink took since it was asked last."""

    mails: int
    size: int
    hashes: int


@contextmanager
def running() -> Iterator[str]:
    """The address of a sink that runs meanwhile."""
    with subprocess.Popen([sys.executable, "-m", "benchmarks.sink"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


if __name__ == "__main__":
    with _Server(("127.0.0.1", 0), _Handler) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()
