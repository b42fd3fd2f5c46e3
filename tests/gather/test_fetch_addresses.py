"""To whom the outbound door connects: every name judged at every hop, by its addresses."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from digest.gather.fetch import MAX_ADDRESSES, Door
from tests.gather.site import Reply, Site, problem, talking


@pytest.fixture
def door() -> Iterator[Door]:
    with Door(user_agent="digest-tests (+https://example.org)", allow_private=True) as opened:
        yield opened


def test_an_address_of_ipv6_is_reached_and_named(door: Door) -> None:
    heard: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        heard.append(connection.recv(65_536))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with talking(talk, "::1") as port:
        assert door.get(f"http://[::1]:{port}/feed").body == b"ok"
        assert b"Host: [::1]:%d\r\n" % port in heard[0]


@pytest.mark.parametrize("port", ["0", "65536", "99999", "-1", "x"])
def test_a_port_that_is_none(door: Door, port: str) -> None:
    assert "127.0.0.1" in problem(door, f"http://127.0.0.1:{port}/feed")


@pytest.mark.parametrize("host", ["a" * 64 + ".test", ".test", "a..test", "xn--", "\u2488.test", "a_b.invalid"])
def test_hosts_that_are_none(door: Door, host: str) -> None:
    problem(door, f"http://{host}/feed")
    problem(door, f"https://{host}/feed")


@pytest.mark.parametrize(
    "inside",
    ["169.254.169.254", "fd00:ec2::254", "64:ff9b::a9fe:a9fe", "100.64.0.1", "0.0.0.0"],  # noqa: S104
)
def test_every_hop_of_a_rebinding_host_is_judged(site: Site, inside: str) -> None:
    """The same name: harmless when first asked for, and somewhere inside when the redirect leads back to it."""
    answers = iter([["127.0.0.1"], ["127.0.0.1"], [inside]])
    port = site.origin.rpartition(":")[2]
    for path, onward in (("/1", "/2"), ("/2", "/3")):
        site.pages[path] = Reply(status=302, headers={"Location": f"http://feeds.test:{port}{onward}"})
    site.pages["/3"] = Reply(b"secret")
    with Door(user_agent="t", allow_private=True, resolve=lambda host, port: next(answers)) as opened:
        assert f"feeds.test: leads to {inside}" in problem(opened, f"http://feeds.test:{port}/1")
    assert site.paths() == ["/1", "/2"]


def test_a_host_is_judged_again_at_every_call(site: Site) -> None:
    answers = iter([["127.0.0.1"], ["169.254.169.254"], ["127.0.0.1"]])
    url = f"http://feeds.test:{site.origin.rpartition(':')[2]}/feed"
    site.pages["/feed"] = Reply(b"ok")
    with Door(user_agent="t", allow_private=True, resolve=lambda host, port: next(answers)) as opened:
        assert opened.get(url).body == b"ok"
        assert "169.254.169.254" in problem(opened, url)
        assert opened.get(url).body == b"ok"


def test_only_the_permitted_of_many_addresses_are_tried(site: Site) -> None:
    found = ["169.254.169.254", "0.0.0.0", "::ffff:169.254.169.254", "127.0.0.1"]  # noqa: S104
    site.pages["/feed"] = Reply(b"ok")
    with Door(user_agent="t", allow_private=True, resolve=lambda host, port: found) as opened:
        assert opened.get(f"http://feeds.test:{site.origin.rpartition(':')[2]}/feed").body == b"ok"


def test_only_so_many_addresses_are_tried(site: Site) -> None:
    dead = [f"127.0.0.{last}" for last in range(5, 5 + MAX_ADDRESSES)]
    with Door(user_agent="t", allow_private=True, resolve=lambda host, port: [*dead, "127.0.0.1"]) as opened:
        told = problem(opened, f"http://feeds.test:{site.origin.rpartition(':')[2]}/feed")
    assert told == "feeds.test: cannot connect: connection refused"
    assert site.paths() == []


def test_a_host_without_addresses() -> None:
    with Door(user_agent="t", resolve=lambda host, port: []) as opened:
        assert problem(opened, "http://feeds.test/") == "feeds.test: this host has no address"


def test_a_shut_door_stays_shut(site: Site) -> None:
    site.pages["/feed"] = Reply(b"ok")
    with Door(user_agent="t", allow_private=True) as opened:
        assert opened.get(site["/feed"]).body == b"ok"
    with pytest.raises(RuntimeError, match="the door is shut"):
        opened.get(site["/feed"])
