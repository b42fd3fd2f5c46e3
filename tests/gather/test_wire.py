"""One connection and one decompression, whatever comes through them."""

from __future__ import annotations

import gzip
import socket
import zlib
from contextlib import suppress
from datetime import timedelta
from time import monotonic

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digest.gather.headers import fresh_for, readable, retry_after
from digest.gather.wire import BodyTooLong, Clock, HeadTooLong, Unpacker, Wire
from tests.gather.test_headers import NOW

LINES = st.sampled_from(
    [
        *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 304\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 301 X\r\n"),
        *(b"Content-Length: 5\r\n", b"Content-Length: 99999999999999999999\r\n", b"Transfer-Encoding: chunked\r\n"),
        *(b"Content-Encoding: gzip\r\n", b"Location: //\r\n", b"\r\n", b"\r\n\r\n", b"5\r\nhello\r\n", b"0\r\n\r\n"),
        *(
            b"Retry-After: 9\r\n",
            b"Cache-Control: max-age=1\r\n",
            b"X:\x00\r\n",
            b" folded\r\n",
            b"ffffffffffffffff\r\n",
        ),
    ]
)


def heard(answer: bytes, max_body: int = 50_000) -> bytes:
    """The body that a wire finds in `answer`, which the other side sends before it hangs up."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(2)
        theirs.sendall(answer)
        theirs.shutdown(socket.SHUT_WR)
        line = Wire(ours, Clock(monotonic() + 2, 2), max_body)
        status, raw = line.ask(b"/", [(b"Host", b"a.example")])
        told = readable(raw)
        assert 200 <= status <= 999
        assert (fresh_for(told, NOW) or timedelta()) >= timedelta()
        assert (retry_after(told, NOW) or 0) >= 0
        return b"".join(line.body())


@given(st.lists(LINES | st.binary(max_size=40), max_size=12))
@example([b"HTTP/1.1 200 OK\r\n", b"\r\n", b"body"])
def test_nothing_unforeseen_comes_out_of_a_hostile_answer(parts: list[bytes]) -> None:
    try:
        heard(b"".join(parts))
    except (h11.ProtocolError, HeadTooLong, BodyTooLong):
        return


def test_framing_without_end_is_no_body() -> None:
    chunk = b"1;" + b"e" * 5_000 + b"\r\nx\r\n"
    with pytest.raises(BodyTooLong):
        heard(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 30, max_body=1_000)


def test_trailers_are_read_over() -> None:
    assert heard(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n") == b"ok"


def test_no_time_is_left() -> None:
    with pytest.raises(TimeoutError):
        Clock(monotonic() - 1, 5).left()
    assert 0 < Clock(monotonic() + 8, 10).left(4) <= 2
    assert Clock(monotonic() + 80, 10).left(4) == 10


@given(st.binary(max_size=3_000), st.integers(1, 50), st.sampled_from(["gzip", "zlib", "raw", "twice"]))
def test_what_was_packed_comes_out_however_it_is_cut(text: bytes, width: int, kind: str) -> None:
    raw = zlib.compressobj(wbits=-15)
    packed, encoding = {
        "gzip": (gzip.compress(text), "gzip"),
        "zlib": (zlib.compress(text), "deflate"),
        "raw": (raw.compress(text) + raw.flush(), "Deflate"),
        "twice": (gzip.compress(text[:9]) + gzip.compress(text[9:]) + b"\0\0\0", "x-gzip"),
    }[kind]
    unpack = Unpacker(encoding)
    out = b"".join(unpack(packed[at : at + width], 10_000) for at in range(0, len(packed), width))
    unpack.end()
    assert out == text


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=20), st.sampled_from(["gzip", "deflate"]))
@example([gzip.compress(b"x" * 500)[:-3]], "gzip")
def test_nonsense_is_told_as_such_and_room_is_kept(chunks: list[bytes], encoding: str) -> None:
    unpack = Unpacker(encoding)
    with suppress(zlib.error):
        assert all(len(unpack(chunk, 100)) <= 100 for chunk in chunks)
        unpack.end()


def test_an_encoding_that_nobody_asked_for() -> None:
    with pytest.raises(KeyError):
        Unpacker("br")
    assert Unpacker("Identity ")(b"as it is", 1) == b"as it is"
