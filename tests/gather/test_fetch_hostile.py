"""The outbound door against servers that mean harm, or cannot speak."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from digest.gather.fetch import TOTAL_SECONDS, Door
from digest.gather.wire import HEAD_BYTES
from tests.gather.site import TLS, Reply, Site, problem, serving, ssl_server, talking

DRIPS, PAUSE = 1_200, 0.05
"""Who drips does so for a minute."""
SOON = 30.0
"""Seconds within which a time limit of a second or less has taken effect, however busy the machine; without the limit
it takes the minute that the other end takes."""


@pytest.fixture
def door() -> Iterator[Door]:
    with Door(user_agent="digest-tests (+https://example.org)", allow_private=True) as opened:
        yield opened


def quoted(answer: bytes, then: Callable[[socket.socket], None] = lambda _: None) -> Callable[[socket.socket], None]:
    """What says `answer` to whatever it is asked."""

    def talk(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(answer)
        then(connection)

    return talk


def endless(part: bytes) -> Callable[[socket.socket], None]:
    """What says `part` for ever, as fast as it can."""

    def talk(connection: socket.socket) -> None:
        for _ in count():
            connection.sendall(part)

    return talk


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize(
    ("talk", "told"),
    [
        (quoted(b"HTTP/1.1 200 OK\r\n", endless(b"X: " + b"y" * 999 + b"\r\n")), "headers are larger than 64 kB"),
        (quoted(b"HTTP/1.1 200 OK\r\nX: ", endless(b"y" * 1000)), "headers are larger than 64 kB"),
        (quoted(b"", endless(b"HTTP/1.1 103 Early Hints\r\n\r\n")), "headers are larger than 64 kB"),
        (quoted(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", endless(b"1;" + b"e" * 999 + b"\r\nx\r\n")),
         "the answer is larger than 5 MB"),
        (quoted(b"HTTP/1.1 200 OK\r\n\r\n", endless(b"x" * 65_536)), "the answer is larger than 5 MB"),
        (quoted(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Length: 8\r\n\r\n123456789"), "the connection broke"),
        (quoted(b"HTTP/1.1 200 OK\r\nContent-Length: -9\r\n\r\n123456789"), "the connection broke"),
        (quoted(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "the connection broke"),
        (quoted(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1234", reset), "the connection broke"),
        (quoted(b"", reset), "the connection broke"),
        (quoted(b"SSH-2.0-OpenSSH_9.6\r\n"), "the connection broke"),
        (quoted(b"<html>no headers at all</html>"), "the connection broke"),
        (quoted(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), "the connection broke"),
        (quoted(b""), "the connection broke"),
    ],
)  # fmt: skip
def test_what_is_no_proper_answer_is_refused_at_once(
    door: Door, talk: Callable[[socket.socket], None], told: str
) -> None:
    started = time.monotonic()
    with talking(talk) as port:
        assert told in problem(door, f"http://127.0.0.1:{port}/feed")
    assert time.monotonic() - started < TOTAL_SECONDS, "it waited until the time was up"


@pytest.mark.parametrize(("length", "passes"), [(HEAD_BYTES, True), (HEAD_BYTES + 1, False)])
def test_the_size_of_headers_is_counted_exactly(door: Door, length: int, passes: bool) -> None:
    begin, end = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: ", b"\r\n\r\n"
    head = begin + b"y" * (length - len(begin) - len(end)) + end
    with talking(quoted(head + b"ok")) as port:
        if passes:
            assert door.get(f"http://127.0.0.1:{port}/").body == b"ok"
        else:
            assert "its headers are larger than 64 kB" in problem(door, f"http://127.0.0.1:{port}/")


def test_what_is_sent_beyond_the_announced_length_is_left(door: Door) -> None:
    with talking(quoted(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokay")) as port:
        assert door.get(f"http://127.0.0.1:{port}/").body == b"ok"


def test_an_old_server_ends_its_answer_by_hanging_up(door: Door) -> None:
    with talking(quoted(b"HTTP/1.0 200 OK\r\n\r\nuntil the end")) as port:
        assert door.get(f"http://127.0.0.1:{port}/").body == b"until the end"


def test_a_handshake_that_drips_ends_at_its_time() -> None:
    def drip(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"\x16\x03\x03\x40\x00")  # a TLS record of 16 kB begins, and goes on byte by byte
        for _ in range(DRIPS):
            connection.sendall(b"\x02")
            time.sleep(PAUSE)

    with talking(drip) as port, Door(user_agent="t", allow_private=True, first_seconds=0.5) as hasty:
        started = time.monotonic()
        assert problem(hasty, f"https://127.0.0.1:{port}/") == "127.0.0.1: no connection within 0.5 s"
        assert time.monotonic() - started < SOON


def test_a_sealed_answer_that_drips_ends_at_the_deadline() -> None:
    server = ssl_server()

    def drip(connection: socket.socket) -> None:
        with server.wrap_socket(connection, server_side=True) as sealed:
            sealed.recv(65_536)
            sealed.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            for _ in range(DRIPS):
                sealed.sendall(b"x")
                time.sleep(PAUSE)

    ours = ssl.create_default_context(cafile=TLS / "cert.pem")
    with (
        talking(drip) as port,
        Door(
            user_agent="t", allow_private=True, total_seconds=1.0, verify=ours, resolve=lambda host, port: ["127.0.0.1"]
        ) as hasty,
    ):
        started = time.monotonic()
        assert problem(hasty, f"https://feeds.test:{port}/") == "feeds.test: did not answer in full within 1 s"
        assert time.monotonic() - started < SOON


def test_plain_talk_where_tls_is_due_and_the_other_way_round(site: Site, door: Door) -> None:
    site.pages["/feed"] = Reply(b"ok")
    assert "no secure connection" in problem(door, site["/feed"].replace("http:", "https:"))
    with serving(ssl_server()) as sealed:
        assert "the connection broke" in problem(door, sealed["/feed"].replace("https:", "http:"))


def test_a_name_server_that_hangs_is_given_up() -> None:
    release = threading.Event()

    def resolve(host: str, port: int) -> list[str]:
        release.wait(60)
        return ["127.0.0.1"]

    try:
        with Door(user_agent="t", allow_private=True, first_seconds=0.3, resolve=resolve) as hasty:
            started = time.monotonic()
            told = problem(hasty, "http://feeds.test/")
            assert told == "feeds.test: the name server does not answer within 0.3 s"
            assert time.monotonic() - started < SOON
    finally:
        release.set()
