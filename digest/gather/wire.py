"""What the door puts between itself and the wire: connections that end on time, answers that end in size, and
decompression that never yields more than was asked for."""

from __future__ import annotations

import socket
import ssl
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic

import h11

HEAD_BYTES = 65_536
"""Of status line and headers, interim answers (1xx) included. Node refuses more than 16 kB (its --max-http-header-size)
and nobody complains. h11 by itself bounds only what is not yet complete, to 16 kB, and httpcore raises that to 100."""
READ_BYTES = 65_536
WIRE_FACTOR = 2
"""How many bytes a body may take on the wire, to what it may hold: chunks (RFC 9112, 7.1) have extensions without end,
but in honest answers a few bytes of frame to thousands of content."""
RATIO = 200
RATIO_FREE = 100_000
"""A body that inflates more than 200-fold is refused, as Apache does by default (mod_deflate,
DeflateInflateRatioLimit); deflate itself ends at 1,032. Only beyond the first 100 kB, for small documents may be all
repetition. Real feeds of 5 to 1,600 kB inflated 3- to 10-fold."""
STREAMS = 1_000
"""gzip allows any number of streams in a row (RFC 1952, 2.2), each of which costs time to begin. bgzip, the one program
known to write them, would make 80 of 5 MB."""


class HeadTooLong(Exception):
    """More headers than anybody needs."""


class BodyTooLong(Exception):
    """More bytes of framing than an honest body has."""


@dataclass(frozen=True, slots=True)
class Clock:
    """When it must be over, and how long each wait may take."""

    deadline: float
    """By `time.monotonic`."""
    step: float
    """Seconds for connecting, for the TLS handshake, and for every wait for bytes."""

    def left(self, among: int = 1) -> float:
        """Seconds for the next step, of `among` that must share the time. Raises TimeoutError past the deadline."""
        left = self.deadline - monotonic()
        if left <= 0:
            raise TimeoutError("past the deadline")
        return min(self.step, left / among)


@dataclass(frozen=True, slots=True)
class Seal:
    """TLS: with which authorities, and whose name the certificate must carry (also sent as SNI, RFC 6066, 3)."""

    context: ssl.SSLContext
    name: str


class Wire:
    """One connection, for one question and its answer; h11 knows HTTP/1.1. Every operation is bounded by `clock`,
    however slowly the other side drips: a socket's timeout bounds each operation as a whole, the TLS handshake too
    (`_ssl.c` makes a deadline of it).

    Raises OSError (TimeoutError, ssl.SSLError), h11.ProtocolError, HeadTooLong and BodyTooLong.
    """

    def __init__(self, connected: socket.socket, clock: Clock, max_body: int) -> None:
        self._socket = connected
        self._clock = clock
        self._timeout = connected.gettimeout()
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_BYTES)
        self._room = HEAD_BYTES
        self._too_long: Exception = HeadTooLong()
        self._max_body = max_body

    def ask(self, target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> tuple[int, Iterable[tuple[bytes, bytes]]]:
        """GET `target`. Returns status and headers, their names in lower case."""
        question = self._http.send(h11.Request(method=b"GET", target=target, headers=list(headers)))
        self._hurry()
        self._socket.sendall(question or b"")
        self._http.send(h11.EndOfMessage())
        while not isinstance(event := self._next(), h11.Response):
            continue  # an interim answer (RFC 9110, 15.2)
        # Whatever came with the headers already, from now on the rest counts.
        self._room, self._too_long = WIRE_FACTOR * self._max_body + HEAD_BYTES, BodyTooLong()
        return event.status_code, event.headers

    def body(self) -> Iterator[bytes]:
        """What the answer holds, still packed, in pieces as they come."""
        while isinstance(event := self._next(), h11.Data):
            yield bytes(event.data)

    def close(self) -> None:
        """At once, without a farewell that the other side could delay."""
        self._socket.close()

    def _next(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._room <= 0:
                raise self._too_long
            self._hurry()
            data = self._socket.recv(min(READ_BYTES, self._room))
            self._room -= len(data)
            if not data and self._http.their_state is h11.SEND_RESPONSE:
                raise h11.RemoteProtocolError("it hung up without an answer")
            self._http.receive_data(data)
        return event

    def _hurry(self) -> None:
        """Set the socket's timeout where it has become shorter: usually it has not, and each setting is a system call
        that lets another thread take over."""
        left = self._clock.left()
        if self._timeout is None or left < self._timeout:
            self._socket.settimeout(left)
            self._timeout = left


def connect(addresses: Sequence[str], port: int, seal: Seal | None, clock: Clock, max_body: int) -> Wire:
    """To the first of `addresses` (not empty) that answers, each getting its share of the time that is left.

    Raises OSError: what happened last. TLS that fails (ssl.SSLError) is final.
    """
    for among in range(len(addresses), 1, -1):
        try:
            return Wire(_connected(addresses[-among], port, seal, clock, among), clock, max_body)
        except ssl.SSLError:
            raise
        except OSError:
            if clock.deadline <= monotonic():
                raise
    return Wire(_connected(addresses[-1], port, seal, clock, 1), clock, max_body)


def _connected(address: str, port: int, seal: Seal | None, clock: Clock, among: int) -> socket.socket:
    opened: socket.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        opened.settimeout(clock.left(among))
        opened.connect((address, port))
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if seal is not None:
            opened.settimeout(clock.left())
            opened = seal.context.wrap_socket(opened, server_hostname=seal.name)
    except BaseException:
        opened.close()
        raise
    return opened


class Unpacker:
    """One answer's decompression, bounded in bytes, ratio and streams."""

    def __init__(self, encoding: str) -> None:
        """`encoding` is the value of Content-Encoding. Raises KeyError for one that we never ask for."""
        self._packed = _PACKED[encoding.strip().lower()]
        self._stream: zlib._Decompress | None = None
        self._streams = self._taken = self._given = 0
        self._held = b""
        self._over = False

    def __call__(self, chunk: bytes, room: int) -> bytes:
        """What `chunk` holds, at most `room` (> 0) bytes when it is packed. Raises zlib.error when it is not what it is
        said to be, or more than an honest answer would be."""
        if not self._packed:
            return chunk
        self._taken += len(chunk)
        data, self._held, out = self._held + chunk, b"", b""
        while data and len(out) < room:
            self._stream = self._stream or self._begin(data)
            if self._stream is None:
                break
            out += self._stream.decompress(data, room - len(out))
            if not self._stream.eof:
                break
            data, self._stream = self._stream.unused_data, None
        self._given += len(out)
        if self._given > RATIO_FREE and self._given > RATIO * self._taken:
            raise zlib.error(f"it inflates more than {RATIO}-fold")
        return out

    def end(self) -> None:
        """Raises zlib.error when the answer ended in the middle of its compression."""
        if self._stream is not None or (self._held and not self._streams):
            raise zlib.error("it is cut short")

    def _begin(self, data: bytes) -> zlib._Decompress | None:
        """The stream that begins here; two bytes tell. None when they are still awaited, or after the last one."""
        gzipped = data[:2] == b"\x1f\x8b"
        if self._over or len(data) < 2:
            self._held = data[: 0 if self._over else 1]
            return None
        if self._streams and not gzipped:
            self._over = True  # padding after the last stream, which gzip(1) ignores too
            return None
        self._streams += 1
        if self._streams > STREAMS:
            raise zlib.error(f"it has more than {STREAMS} parts")
        if gzipped or self._packed == "gzip":
            return zlib.decompressobj(zlib.MAX_WBITS + 16)
        # "deflate" is zlib's format by RFC 9110, 8.4.1.2, but some servers leave the header of it out (RFC 1950, 2.2).
        headed = data[0] & 15 == zlib.DEFLATED and int.from_bytes(data[:2], "big") % 31 == 0
        return zlib.decompressobj(zlib.MAX_WBITS if headed else -zlib.MAX_WBITS)


_PACKED = {"": "", "identity": "", "gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}
