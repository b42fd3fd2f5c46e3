"""What the door puts between itself and the wire: an end to every connection, and to every decompression."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Mapping
from socket import SHUT_RDWR, socket
from time import monotonic
from types import TracebackType
from typing import Any, Self

from digest.errors import FetchError

Unpack = Callable[[bytes, int], bytes]
"""A raw chunk and how many bytes may come out of it -> the bytes that do."""


class Watch:
    """Closes the connection at the deadline, whatever the other side is doing.

    Timeouts of the client are per read; a publisher that sends a byte of its headers every nine seconds meets them all.
    """

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.fired = False
        self._socket: socket | None = None
        self._timer = threading.Timer(max(0.0, deadline - monotonic()), self._fire)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()

    def trace(self, name: str, info: Mapping[str, Any]) -> None:
        """httpx's documented `trace` extension: it hands us the connection as soon as there is one."""
        if name in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._socket = info["return_value"].get_extra_info("socket")
            if self.fired:
                self._fire()

    def _fire(self) -> None:
        self.fired = True
        if self._socket is not None:
            try:
                # Not SSLSocket.shutdown, which would turn a read in another thread into one of plain bytes.
                socket.shutdown(self._socket, SHUT_RDWR)
            except OSError:
                return  # closed already


class _Unpacker:
    """Decompression that never yields more than asked for: httpx's own inflates a chunk whole, a thousandfold even."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or zlib by its header
        self._started = False

    def __call__(self, chunk: bytes, room: int) -> bytes:
        try:
            out = self._zlib.decompress(chunk, room)
        except zlib.error:
            if self._started:
                raise
            self._zlib = zlib.decompressobj(-zlib.MAX_WBITS)  # "deflate" without its zlib header, as some servers send
            out = self._zlib.decompress(chunk, room)
        self._started = True
        while self._zlib.unused_data and len(out) < room:  # gzip members may follow each other (RFC 1952, 2.2)
            rest, self._zlib = self._zlib.unused_data, zlib.decompressobj(zlib.MAX_WBITS | 32)
            try:
                out += self._zlib.decompress(rest, room - len(out))
            except zlib.error:
                break  # padding after the last member
        return out


def _plain(chunk: bytes, _room: int) -> bytes:
    return chunk


def unpacker(host: str, encoding: str) -> Unpack:
    """For the value of Content-Encoding. Raises FetchError for one that we never ask for."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return _plain
    if name in ("gzip", "x-gzip", "deflate"):
        return _Unpacker()
    raise FetchError(f"{host}: the answer is compressed as {name[:40]!r}, which we did not ask for")
