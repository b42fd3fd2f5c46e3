"""What the outbound door may connect to."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from digest.gather.network import Lookups, literal, refusal


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.9.1", "10.1.2.3", "172.16.0.1", "172.31.255.254", "192.168.1.1",
        "::1", "fc00::1", "fd12:3456::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1",
        "2002:7f00:1::", "2002:c0a8:101::1", "::127.0.0.1", "2600::5efe:a00:1", "2600::200:5efe:c0a8:101",
    ],
)  # fmt: skip
def test_private_addresses_are_refused_unless_allowed(address: str) -> None:
    assert refusal(address, allow_private=False) == "a private address"
    assert refusal(address, allow_private=True) == ""


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "169.254.1.1", "fe80::1", "fe80::1%eth0", "168.63.129.16", "100.100.100.200",
        "192.0.0.192", "fd00:ec2::254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::",
        "0.0.0.0",  # noqa: S104  (nothing is bound: it must be refused)
        "0.1.2.3", "::", "224.0.0.1", "239.255.255.250", "ff02::1", "255.255.255.255", "240.0.0.1",
        "192.0.2.1", "198.51.100.7", "203.0.113.9", "198.18.0.1", "2001:db8::1", "2001::1", "100::1", "4000::1",
        "64:ff9b:1::1", "64:ff9b:1:a00:0:100::", "64:ff9b:1:ffff:ffff:ffff:1.1.1.1", "64:ff9b:2::1.1.1.1",
        "100.64.0.1", "100.127.255.255", "2002:6440:1::", "64:ff9b::100.64.0.1", "::ffff:0:127.0.0.1",
        "192.0.0.1", "192.0.0.170", "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.175.48.1", "198.19.255.255",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:10::1", "2001:20::1", "2001:2::1", "2001:1ff::1", "3fff::1",
        "3fff:fff::1", "5f00::1", "2620:4f:8000::1", "fec0::1", "febf::1", "ff0e::1", "100:0:0:1::1", "::2", "e000::1",
        "::ffff:224.0.0.1", "2002:e000:1::", "2600::5efe:a9fe:a9fe", "fd20:ce::254", "127.0.0.1:80", "0x7f.1", "",
    ],
)  # fmt: skip
def test_what_is_not_public_is_always_refused(address: str) -> None:
    assert refusal(address, allow_private=False)
    assert refusal(address, allow_private=True)


@pytest.mark.parametrize(
    "address",
    [
        "93.184.216.34", "1.1.1.1", "2606:4700::1111", "64:ff9b::101:101", "2002:101:101::1", "::ffff:1.1.1.1",
        "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1", "126.255.255.255", "128.0.0.1", "169.253.1.1",
        "172.15.255.255", "172.32.0.1", "192.0.1.1", "192.167.1.1", "192.169.0.1", "198.17.1.1", "198.20.0.1",
        "223.255.255.255", "2001:200::1", "2001:4860:4860::8888", "2003::1", "2a00::1", "3ffe::1", "2600::5efe:101:101",
    ],
)  # fmt: skip
def test_public_addresses_pass(address: str) -> None:
    assert refusal(address, allow_private=False) == ""


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("feeds.test", ""), ("0x7f.1", ""), ("2130706433", ""), ("", "")],
)
def test_an_address_needs_no_look_up(host: str, address: str) -> None:
    assert literal(host) == address


class Slow:
    """A resolver that hangs on the host "stuck" until it is let go."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        if host == "stuck":
            self.release.wait(60)
        if host == "nowhere":
            raise OSError("no such host")
        return [f"{host}:{port}"]


def lookup_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "look-up"}


def test_a_stuck_look_up_ends_in_time_and_no_more_threads_are_made() -> None:
    slow, before = Slow(), lookup_threads()
    ask = Lookups(slow, most=3)
    try:
        started = time.monotonic()
        with ThreadPoolExecutor(6) as pool:
            for future in [pool.submit(ask, "stuck", 80, 0.2) for _ in range(6)]:
                with pytest.raises(TimeoutError, match="no answer about stuck within"):
                    future.result()
        with pytest.raises(TimeoutError, match="no answer about a within"):
            ask("a", 80, 0.1)  # every thread is held up
        assert time.monotonic() - started < 30, "somebody waited for the name server, which takes a minute"
        assert len(lookup_threads() - before) == 3
        slow.release.set()
        assert ask("b", 80, 5) == ["b:80"]
        assert slow.asked == ["stuck", "stuck", "stuck", "b"]  # nobody was waiting for the others any more
        with pytest.raises(OSError, match="no such host"):
            ask("nowhere", 80, 5)
    finally:
        slow.release.set()
        ask.close()


def test_threads_are_kept_and_let_go() -> None:
    before = lookup_threads()
    ask = Lookups(Slow())
    for _ in range(20):
        ask("a", 80, 5)
    (kept,) = lookup_threads() - before
    ask.close()
    kept.join(5)
    assert not kept.is_alive()
    with pytest.raises(RuntimeError, match="the door is shut"):
        ask("a", 80, 5)
