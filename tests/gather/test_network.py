"""What the outbound door may connect to."""

from __future__ import annotations

import pytest

from digest.gather.network import refusal


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.9.1", "10.1.2.3", "172.16.0.1", "172.31.255.254", "192.168.1.1", "100.64.0.1",
        "::1", "fc00::1", "fd12:3456::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1",
        "2002:7f00:1::", "2002:c0a8:101::1", "::127.0.0.1",
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
        "64:ff9b:1::1", "not an address",
    ],
)  # fmt: skip
def test_what_is_not_public_is_always_refused(address: str) -> None:
    assert refusal(address, allow_private=False)
    assert refusal(address, allow_private=True)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "1.1.1.1", "2606:4700::1111", "64:ff9b::101:101", "2002:101:101::1", "::ffff:1.1.1.1"]
)
def test_public_addresses_pass(address: str) -> None:
    assert refusal(address, allow_private=False) == ""
