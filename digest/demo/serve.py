"""A small HTTP server on loopback, in a thread: what the demo's sites have in common.

Conditional requests follow RFC 9110, section 13: `If-None-Match` compares weakly and, where it is sent,
`If-Modified-Since` is ignored. Closing the server also closes the connections that clients keep alive, so nothing is
left behind.
"""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import blake2b
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

from digest.errors import InputError


@dataclass(frozen=True, slots=True)
class Answer:
    """What stands at an address."""

    content_type: str
    body: bytes
    changed_at: datetime
    """Aware; becomes Last-Modified, to the second."""

    @property
    def etag(self) -> str:
        return f'"{blake2b(self.body, digest_size=12).hexdigest()}"'


class LoopbackSite(ABC):
    """A context manager that serves `answer(path)` on 127.0.0.1. Subclasses say what stands where."""

    def __init__(self, port: int = 0) -> None:
        """`port` 0 takes any free one. The address is taken here, so that `url` is true at once.

        Raises InputError when the port cannot be used.
        """
        try:
            self._server = _Server(("127.0.0.1", port), _handler(self))
        except OSError as error:
            raise InputError(f"the demo site cannot listen on port {port}: {error.strerror or error}") from None
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        """Without a slash at its end."""
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @abstractmethod
    def answer(self, path: str) -> Answer | None:
        """What stands at the decoded absolute `path`; None is a 404. Called from many threads."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving; every connection and thread has ended when this returns. May be called again."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that server_close waits for the handlers, which end because their sockets are shut

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._open: set[socket.socket] = set()
        self._lock = Lock()
        super().__init__(address, handler)

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        connection, address = super().get_request()
        with self._lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        if isinstance(request, socket.socket):
            with self._lock:
                self._open.discard(request)
        super().shutdown_request(request)

    def close(self) -> None:
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # the client was faster
        self.server_close()


def _handler(site: LoopbackSite) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "Lanthorn"
        sys_version = ""
        timeout = 30

        def do_GET(self) -> None:
            self._reply(with_body=True)

        def do_HEAD(self) -> None:
            self._reply(with_body=False)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet: the demo's terminal belongs to the demo."""

        def _reply(self, *, with_body: bool) -> None:
            try:
                self._answer(with_body)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the client has gone; there is nobody to tell

        def _answer(self, with_body: bool) -> None:
            found = site.answer(unquote(urlsplit(self.path).path))
            if found is None:
                self.send_error(404, "There is nothing at this address")
                return
            fresh = _unchanged(found, self.headers.get("If-None-Match"), self.headers.get("If-Modified-Since"))
            self.send_response(304 if fresh else 200)
            self.send_header("ETag", found.etag)
            self.send_header("Last-Modified", format_datetime(_second(found.changed_at), usegmt=True))
            self.send_header("Cache-Control", "no-cache")
            if not fresh:
                self.send_header("Content-Type", found.content_type)
                self.send_header("Content-Length", str(len(found.body)))
            self.end_headers()
            if with_body and not fresh:
                self.wfile.write(found.body)

    return Handler


def _unchanged(found: Answer, none_match: str | None, modified_since: str | None) -> bool:
    if none_match is not None:
        tags = {tag.strip().removeprefix("W/") for tag in none_match.split(",")}
        return "*" in tags or found.etag in tags
    if modified_since is None:
        return False
    try:
        since = parsedate_to_datetime(modified_since)
    except ValueError:
        return False
    return since.tzinfo is not None and _second(found.changed_at) <= since


def _second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
