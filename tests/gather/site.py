"""A real HTTP server on loopback that answers each path as scripted; sockets, not mocks."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from digest.errors import FetchError
from digest.gather.fetch import Door

FEEDS = Path(__file__).resolve().parent.parent / "data" / "feeds"
TLS = Path(__file__).parent / "tls"
"""A certificate for feeds.test and its key, good for nothing but these tests."""


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


@contextmanager
def talking(talk: Callable[[socket.socket], None], host: str = "127.0.0.1") -> Iterator[int]:
    """The port of a server that lets `talk` do with each connection what it likes, HTTP or not."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family, backlog=64) as listener:

        def one(connection: socket.socket) -> None:
            with connection:
                try:
                    talk(connection)
                except OSError:
                    return  # the client hung up, as some tests want

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return  # shut down below
                threading.Thread(target=one, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def ssl_server() -> ssl.SSLContext:
    """What a server needs to be feeds.test."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(TLS / "cert.pem", TLS / "key.pem")
    return server


def problem(door: Door, url: str) -> str:
    """Why `door` does not fetch `url`: one line."""
    with pytest.raises(FetchError) as caught:
        door.get(url)
    told = str(caught.value)
    assert told
    assert "\n" not in told
    return told
