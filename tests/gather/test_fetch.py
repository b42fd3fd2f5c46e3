"""The one outbound door, against a real server on loopback."""

from __future__ import annotations

import gzip
import os
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest

from digest.errors import FetchError
from digest.gather.fetch import Door
from tests.gather.site import TLS, Reply, Site, problem, serving, ssl_server, talking

CAP = 5_000_000


@pytest.fixture
def door() -> Iterator[Door]:
    with Door(user_agent="digest-tests (+https://example.org)", allow_private=True) as opened:
        yield opened


@pytest.fixture
def hasty() -> Iterator[Door]:
    with Door(user_agent="t", allow_private=True, total_seconds=1.0, first_seconds=0.6) as opened:
        yield opened


def test_an_answer_comes_with_its_validators(site: Site, door: Door) -> None:
    headers = {"Content-Type": "application/rss+xml", "ETag": '"a"', "Last-Modified": "Mon, 02 Mar 2026 07:00:00 GMT"}
    site.pages["/feed?x=1"] = Reply(b"<rss/>", headers=headers)
    got = door.get(site["/feed?x=1#part"])
    assert (got.status, got.body, got.etag, got.url) == (200, b"<rss/>", '"a"', site["/feed?x=1"])
    assert (got.content_type, got.last_modified) == ("application/rss+xml", "Mon, 02 Mar 2026 07:00:00 GMT")
    sent = site.seen[0][1]
    assert sent["user-agent"] == "digest-tests (+https://example.org)"
    assert sent["host"] == site.origin.removeprefix("http://")
    assert "if-none-match" not in sent


def test_an_unchanged_document_is_a_304(site: Site, door: Door) -> None:
    site.pages["/feed"] = Reply(status=304, headers={"ETag": '"a"'})
    got = door.get(site["/feed"], etag='"a"', last_modified="Mon, 02 Mar 2026 07:00:00 GMT")
    assert (got.status, got.body, got.etag) == (304, b"", '"a"')
    assert site.seen[0][1]["if-none-match"] == '"a"'
    assert site.seen[0][1]["if-modified-since"] == "Mon, 02 Mar 2026 07:00:00 GMT"
    assert "304" in problem(door, site["/feed"])  # not asked for: no body to read


def test_validators_that_no_header_can_carry_are_left_out(site: Site, door: Door) -> None:
    site.pages["/feed"] = Reply(b"x")
    assert door.get(site["/feed"], etag='"é"').body == b"x"


@pytest.mark.parametrize(("status", "told"), [(404, "404 Not Found"), (410, "410 Gone"), (500, "500"), (599, "599")])
def test_error_statuses_name_themselves(site: Site, door: Door, status: int, told: str) -> None:
    site.pages["/feed"] = Reply(b"sorry", status)
    assert told in problem(door, site["/feed"])


def test_retry_after_is_handed_on(site: Site, door: Door) -> None:
    site.pages["/feed"] = Reply(status=429, headers={"Retry-After": "7200"})
    with pytest.raises(FetchError) as caught:
        door.get(site["/feed"])
    assert caught.value.retry_after == 7200
    assert "less often" in str(caught.value)
    site.pages["/feed"] = Reply(status=503, headers={"Retry-After": "Fri, 01 Jan 2100 00:00:00 GMT"})
    with pytest.raises(FetchError) as caught:
        door.get(site["/feed"])
    assert (caught.value.retry_after or 0) > 1_000_000


def test_a_dead_port_and_an_unknown_host(door: Door) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert problem(door, f"http://127.0.0.1:{port}/") == "127.0.0.1: cannot connect: connection refused"
    assert "no such host" in problem(door, "http://nowhere.invalid/feed")


def test_a_server_that_says_nothing_is_given_up(site: Site, hasty: Door) -> None:
    release = threading.Event()

    def silent(_: BaseHTTPRequestHandler) -> None:
        release.wait(60)

    site.pages["/feed"] = silent
    try:
        assert problem(hasty, site["/feed"]) == "127.0.0.1: no answer within 0.6 s"
    finally:
        release.set()


def test_a_slow_drip_ends_at_the_deadline(site: Site, hasty: Door) -> None:
    """After 1 s, and not after the minute that the answer takes."""

    def headers_for_ever(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        try:
            for number in range(600):
                handler.wfile.write(b"X-%d: y\r\n" % number)
                time.sleep(0.1)
        except OSError:
            return

    site.pages["/headers"] = headers_for_ever
    site.pages["/body"] = Reply(parts=(b"<rss>",) * 600, pause=0.1)
    site.pages["/announced"] = Reply(parts=(b"<rss>",) * 600, pause=0.1, headers={"Content-Length": "3000"})
    for path in ("/headers", "/body", "/announced"):
        started = time.monotonic()
        assert problem(hasty, site[path]) == "127.0.0.1: did not answer in full within 1 s"
        assert time.monotonic() - started < 30


def test_an_answer_cut_short_is_no_answer(site: Site, door: Door) -> None:
    site.pages["/feed"] = Reply(parts=(b"<rss>",), headers={"Content-Length": "500"})
    assert "the connection broke" in problem(door, site["/feed"])


def test_sizes_are_bounded(site: Site, door: Door) -> None:
    limit = "127.0.0.1: the answer is larger than 5 MB"
    site.pages["/announced"] = Reply(b"x", headers={"Content-Length": str(CAP + 1)})
    site.pages["/streamed"] = Reply(parts=(b"x" * 1_000_000,) * 6)
    site.pages["/most"] = Reply(b"x" * CAP)
    assert problem(door, site["/announced"]) == limit
    assert problem(door, site["/streamed"]) == limit
    assert len(door.get(site["/most"]).body) == CAP


def test_compressed_answers_are_unpacked_within_the_bound(site: Site, door: Door) -> None:
    text = b"<rss>" * 1000
    raw = zlib.compressobj(wbits=-15)
    bodies = {
        "/gzip": ("gzip", gzip.compress(text)),
        "/two": ("gzip", gzip.compress(text[:2500]) + gzip.compress(text[2500:])),
        "/zlib": ("deflate", zlib.compress(text)),
        "/raw": ("deflate", raw.compress(text) + raw.flush()),
        "/padded": ("gzip", gzip.compress(text) + b"\0" * 512),
        "/large": ("gzip", gzip.compress(os.urandom(CAP // 2).hex().encode() + b"more", 1)),
        "/bomb": ("gzip", gzip.compress(b"\0" * 60_000_000, 1)),
        "/small-bomb": ("deflate", zlib.compress(b"\0" * 200_000)),
        "/small-repetition": ("deflate", zlib.compress(b"\0" * 99_000)),
        "/parts": ("gzip", gzip.compress(b"") * 1_001),
        "/cut": ("gzip", gzip.compress(text)[:-9]),
        "/one-byte": ("gzip", b"\x1f"),
        "/wrong": ("gzip", b"\x1f\x8bnonsense"),
        "/plain": ("gzip", b"<rss/>"),
        "/brotli": ("br", b"x"),
        "/twice": ("gzip, gzip", b"x"),
    }
    for path, (encoding, body) in bodies.items():
        site.pages[path] = Reply(body, headers={"Content-Encoding": encoding})
    for path in ("/gzip", "/two", "/zlib", "/raw", "/padded"):
        assert door.get(site[path]).body == text, path
    assert len(door.get(site["/small-repetition"]).body) == 99_000
    wrong = "127.0.0.1: the answer is wrongly compressed"
    reasons = {
        "/large": "127.0.0.1: the answer is larger than 5 MB",
        "/bomb": "127.0.0.1: the answer is larger than 5 MB",
        "/small-bomb": f"{wrong} (it inflates more than 200-fold)",
        "/parts": f"{wrong} (it has more than 1000 parts)",
        "/cut": f"{wrong} (it is cut short)",
        "/one-byte": f"{wrong} (it is cut short)",
        "/wrong": wrong,
        "/plain": wrong,
        "/brotli": "127.0.0.1: the answer is compressed as 'br', which we did not ask for",
        "/twice": "127.0.0.1: the answer is compressed as 'gzip, gzip', which we did not ask for",
    }
    for path, reason in reasons.items():
        assert problem(door, site[path]).startswith(reason), path


def test_compressed_answers_may_come_byte_by_byte(site: Site, door: Door) -> None:
    text = b"<rss>" * 100
    raw = zlib.compressobj(wbits=-15)
    packed = {"/gzip": gzip.compress(text) + gzip.compress(text), "/raw": raw.compress(text * 2) + raw.flush()}
    for path, body in packed.items():

        def drip(connection: socket.socket, body: bytes = body, kind: str = path[1:]) -> None:
            connection.recv(65_536)
            encoding = {"gzip": b"gzip", "raw": b"deflate"}[kind]
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: " + encoding)
            connection.sendall(b"\r\n\r\n" + b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n")

        with talking(drip) as port:
            assert door.get(f"http://127.0.0.1:{port}/").body == text * 2


def test_redirects_are_followed_and_counted(site: Site, door: Door) -> None:
    for number in range(6):
        site.pages[f"/{number}"] = Reply(
            status=(301, 302, 303, 307, 308)[number % 5], headers={"Location": f"{number + 1}"}
        )
    site.pages["/6"] = Reply(b"here")
    site.pages["/loop"] = Reply(status=302, headers={"Location": "/loop"})
    site.pages["/lost"] = Reply(status=302)
    got = door.get(site["/1"])
    assert (got.body, got.url) == (b"here", site["/6"])
    assert "more than 5 redirects" in problem(door, site["/0"])
    assert "more than 5 redirects" in problem(door, site["/loop"])
    assert site.paths().count("/loop") == 6
    assert "not where to" in problem(door, site["/lost"])


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/", "http://[::1", "http://user@127.0.0.1/"])
def test_a_redirect_is_judged_like_the_first_address(site: Site, door: Door, target: str) -> None:
    site.pages["/feed"] = Reply(status=302, headers={"Location": target})
    problem(door, site["/feed"])
    assert site.paths() == ["/feed"]


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://example.org/", "gopher://x/", "", "feed", "http://", "http:///x", "http://exa mple/",
     "http://[::1",
     "http://me:secret@127.0.0.1/", "ftp://me:secret@127.0.0.1/", "http://me:secret@exa mple/", "javascript:alert(1)"],
)  # fmt: skip
def test_only_plain_web_addresses_are_fetched(door: Door, url: str) -> None:
    assert "secret" not in problem(door, url)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1"]
)
def test_private_hosts_are_refused_and_the_setting_is_named(host: str) -> None:
    with Door(user_agent="t") as strict:
        assert "ALLOW_PRIVATE_NETWORKS=true" in problem(strict, f"http://{host}:9/feed")


def test_a_public_site_cannot_redirect_inside(site: Site) -> None:
    """The first hop's name is given a public address by hand; nothing answers for it but the policy is what decides."""
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if host == "feeds.test" else ["169.254.169.254"]

    port = site.origin.rpartition(":")[2]
    site.pages["/feed"] = Reply(status=302, headers={"Location": "http://metadata.test/latest"})
    with Door(user_agent="t", allow_private=True, resolve=resolve) as opened:
        told = problem(opened, f"http://feeds.test:{port}/feed")
    assert "metadata.test: leads to 169.254.169.254" in told
    assert asked == ["feeds.test", "metadata.test"]


def test_a_name_is_looked_up_once_and_that_address_is_used(site: Site) -> None:
    """DNS rebinding: a second look-up would answer differently, and is never made."""
    answers = iter([["10.0.0.1", "127.0.0.1"], ["169.254.169.254"]])
    port = site.origin.rpartition(":")[2]
    site.pages["/feed"] = Reply(b"ok")

    def resolve(host: str, port: int) -> list[str]:
        return [address for address in next(answers) if address != "10.0.0.1"]

    with Door(user_agent="t", allow_private=True, resolve=resolve) as opened:
        assert opened.get(f"http://feeds.test:{port}/feed").body == b"ok"
    assert site.seen[0][1]["host"] == f"feeds.test:{port}"
    assert next(answers) == ["169.254.169.254"]


def test_the_next_address_is_tried_when_one_is_dead(site: Site) -> None:
    port = site.origin.rpartition(":")[2]
    site.pages["/feed"] = Reply(b"ok")
    with Door(user_agent="t", allow_private=True, resolve=lambda host, port: ["127.0.0.9", "127.0.0.1"]) as opened:
        assert opened.get(f"http://feeds.test:{port}/feed").body == b"ok"


def test_proxies_of_the_environment_are_not_used(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    site.pages["/feed"] = Reply(b"ok", headers={"Set-Cookie": "who=me"})
    with Door(user_agent="t", allow_private=True) as opened:
        assert opened.get(site["/feed"]).body == b"ok"
        opened.get(site["/feed"])
    assert "cookie" not in site.seen[1][1]


def test_tls_is_verified_against_the_name_not_the_address() -> None:
    ours = ssl.create_default_context(cafile=TLS / "cert.pem")
    with serving(ssl_server()) as site:
        site.pages["/feed"] = Reply(b"sealed")
        port = site.origin.rpartition(":")[2]
        with Door(user_agent="t", allow_private=True, verify=ours, resolve=lambda host, port: ["127.0.0.1"]) as opened:
            assert opened.get(f"https://feeds.test:{port}/feed").body == b"sealed"
            assert "no secure connection: its certificate is not valid" in problem(
                opened, f"https://other.test:{port}/feed"
            )
        with Door(user_agent="t", allow_private=True) as stranger:
            assert "no secure connection" in problem(stranger, site["/feed"])


def test_one_door_serves_many_threads(site: Site, door: Door) -> None:
    for number in range(20):
        site.pages[f"/{number}"] = Reply(b"%d" % number)
    with ThreadPoolExecutor(8) as pool:
        bodies = list(pool.map(lambda number: door.get(site[f"/{number}"]).body, range(20)))
    assert bodies == [b"%d" % number for number in range(20)]


# --- what the caller learns -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hops", "moved_to"),
    [
        ([], ""),
        ([301], "/1"),
        ([308, 301], "/2"),
        ([302], ""),
        ([302, 301], ""),
        ([301, 302, 301], "/1"),
        ([308, 307], "/1"),
        ([303, 308], ""),
    ],
)
def test_a_move_is_remembered_as_far_as_it_is_for_good(site: Site, door: Door, hops: list[int], moved_to: str) -> None:
    for number, status in enumerate(hops):
        site.pages[f"/{number}"] = Reply(status=status, headers={"Location": f"/{number + 1}"})
    site.pages[f"/{len(hops)}"] = Reply(b"here")
    got = door.get(site["/0"])
    assert (got.body, got.url) == (b"here", site[f"/{len(hops)}"])
    assert got.moved_to == (site[moved_to] if moved_to else "")


@pytest.mark.parametrize(
    ("hops", "gone"), [([410], True), ([301, 410], True), ([302, 410], False), ([404], False), ([301, 404], False)]
)
def test_what_is_gone_is_told_apart(site: Site, door: Door, hops: list[int], gone: bool) -> None:
    for number, status in enumerate(hops):
        site.pages[f"/{number}"] = Reply(status=status, headers={"Location": f"/{number + 1}"})
    with pytest.raises(FetchError) as caught:
        door.get(site["/0"])
    assert (caught.value.status, caught.value.gone) == (hops[-1], gone)


def test_an_error_says_its_status_or_none(site: Site, door: Door) -> None:
    site.pages["/loop"] = Reply(status=302, headers={"Location": "/loop"})
    statuses = {}
    for url in (site["/loop"], site["/x"], "http://nowhere.invalid/", "ftp://127.0.0.1/"):
        with pytest.raises(FetchError) as caught:
            door.get(url)
        statuses[url.rpartition("/")[2] or url] = caught.value.status
    assert statuses == {"loop": 302, "x": 404, "http://nowhere.invalid/": 0, "ftp://127.0.0.1/": 0}


def test_how_long_an_answer_is_fresh(site: Site, door: Door) -> None:
    site.pages["/feed"] = Reply(b"x", headers={"Cache-Control": "public, max-age=1800"})
    assert door.get(site["/feed"]).max_age == timedelta(minutes=30)
    site.pages["/feed"] = Reply(status=304, headers={"Cache-Control": "max-age=60"})
    assert door.get(site["/feed"], etag='"a"').max_age == timedelta(minutes=1)
    site.pages["/feed"] = Reply(b"x")
    assert door.get(site["/feed"]).max_age is None
