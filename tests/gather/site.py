"""A real HTTP server on loopback that answers each path as scripted; sockets, not mocks."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FEEDS = Path(__file__).resolve().parent.parent / "data" / "feeds"


@dataclass(frozen=True)
class Reply:
    """An answer: `parts` are written one by one with `pause` seconds between them."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[bytes, ...] = ()
    pause: float = 0.0


Script = Reply | Callable[[BaseHTTPRequestHandler], Reply | None]


class Site:
    """`pages` maps a path to its script; `seen` lists (path, headers) of every request."""

    def __init__(self) -> None:
        self.pages: dict[str, Script] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.origin = ""

    def __getitem__(self, path: str) -> str:
        return self.origin + path

    def paths(self) -> list[str]:
        return [path for path, _ in self.seen]


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            site.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            script = site.pages.get(self.path, Reply(b"nothing here", 404))
            reply = script(self) if callable(script) else script
            self.close_connection = True
            if reply is not None:
                self._send(reply)

        def _send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            headers = dict(reply.headers)
            if not reply.parts and reply.status != 304:
                headers.setdefault("Content-Length", str(len(reply.body)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                for part in reply.parts or (reply.body,):
                    self.wfile.write(part)
                    self.wfile.flush()
                    time.sleep(reply.pause)
            except OSError:
                self.close_connection = True  # the client hung up, as some tests want

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's name)
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64  # with the usual 5 a burst of clients waits a second for its connection

        def handle_error(self, request: object, client_address: object) -> None:
            return  # broken TLS handshakes are the point of a test

    server = Server(("127.0.0.1", 0), Handler)
    scheme = "http"
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        scheme = "https"
    site.origin = f"{scheme}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
