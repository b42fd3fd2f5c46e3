"""Which network addresses the outbound door may connect to (server-side request forgery). Pure but for the resolver.

Everything is refused unless it is known to be public: an allow-list, because lists of what is dangerous have always
been incomplete (https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html).
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Resolver = Callable[[str, int], Sequence[str]]
"""Host and port -> addresses as text, the preferred first. Raises OSError when there is none."""

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits
_UNICAST = IPv6Network("2000::/3")  # all that IANA has given out so far; RFC 4291, 2.4
_MAPPED_OLD = IPv6Network("::/96")  # "IPv4-compatible", RFC 4291, 2.5.5.1
_SITE = tuple(
    IPv4Network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "100.64.0.0/10")
)
_SITE6 = (IPv6Network("fc00::/7"), IPv6Network("::1/128"))
_PROTOCOL = IPv4Network("192.0.0.0/24")  # RFC 6890; 192.0.0.192 tells a machine's credentials at one cloud
_METADATA = frozenset(
    ip_address(told)
    for told in (
        "169.254.169.254",  # most clouds
        "168.63.129.16",  # Azure's wire server: a public address that is only ever this machine's host
        "100.100.100.200",  # Alibaba
        "fd00:ec2::254",  # AWS over IPv6
        "fd20:ce::254",  # Google over IPv6
    )
)


def resolve(host: str, port: int) -> list[str]:
    """The system's answer, in its order of preference (RFC 6724)."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def refusal(told: str, *, allow_private: bool) -> str:
    """Why nobody may connect to the address `told`, "" when it is fine. `allow_private` admits private and loopback."""
    try:
        address = _innermost(ip_address(told))
    except ValueError:
        return "not an address"
    if address in _METADATA or address.is_link_local:
        return "an address that serves machines their own secrets"
    if _is_site(address):
        return "" if allow_private else "a private address"
    return "" if _is_public(address) else "an address that is not public"


def _is_site(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return any(address in net for net in _SITE)
    return any(address in net for net in _SITE6)


def _is_public(address: Address) -> bool:
    if address.is_multicast or not address.is_global:
        return False
    return address in _UNICAST if isinstance(address, IPv6Address) else address not in _PROTOCOL


def _innermost(address: Address) -> Address:
    """The IPv4 address that an IPv6 one leads to: mapped, NAT64, 6to4, or the long deprecated compatible form."""
    if isinstance(address, IPv4Address):
        return address
    plain = IPv6Address(int(address))  # without a zone such as %eth0
    embedded = plain.ipv4_mapped or plain.sixtofour
    if embedded is None and (plain in _NAT64 or (plain in _MAPPED_OLD and int(plain) > 1)):
        embedded = IPv4Address(int(plain) & 0xFFFFFFFF)
    return embedded or plain
