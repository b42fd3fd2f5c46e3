"""Which network addresses the outbound door may connect to (server-side request forgery), and how it looks them up.

Everything is refused unless it is known to be public: an allow-list, because lists of what is dangerous have always
been incomplete (https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html).
The networks below are IANA's special-purpose registries (RFC 6890; iana-ipv4-special-registry and
iana-ipv6-special-registry). They stand here and are not asked of `ipaddress.is_global`, whose answers differ between
releases of one Python version (3.11.10 changed 192.0.0.0/24 and 64:ff9b:1::/48 among others).
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from queue import Empty, SimpleQueue

Address = IPv4Address | IPv6Address
Resolver = Callable[[str, int], Sequence[str]]
"""Host and port -> addresses as text, the preferred first. Raises OSError when there is none."""

LOOKUPS = 32
"""Look-ups under way at once. One that hangs holds its thread until the C library gives up: with the three servers that
resolv.conf(5) admits, two attempts and five seconds each that is 30 s, while the door waits for at most 10 (`fetch.
FIRST_SECONDS`). Eight workers that meet nothing but dead name servers so hold 24 threads, and still find one."""

_UNICAST = IPv6Network("2000::/3")  # all that IANA has given out so far; RFC 4291, 2.4
_PRIVATE4 = tuple(IPv4Network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8"))
_PRIVATE6 = (IPv6Network("fc00::/7"), IPv6Network("::1/128"))
_LINK4 = IPv4Network("169.254.0.0/16")  # RFC 3927: where most clouds tell a machine its own secrets
_LINK6 = IPv6Network("fe80::/10")
_METADATA = frozenset(
    ip_address(told)
    for told in (
        "168.63.129.16",  # Azure's wire server: a public address that is only ever this machine's host
        "192.0.0.192",  # Oracle
        "100.100.100.200",  # Alibaba
        "fd00:ec2::254",  # AWS over IPv6
        "fd20:ce::254",  # Google over IPv6
    )
)
_SPECIAL4 = tuple(
    IPv4Network(net)
    for net in (
        "0.0.0.0/8",  # this network: RFC 791, 3.2; 0.0.0.0 reaches this machine itself
        "100.64.0.0/10",  # shared by a provider's customers (CGNAT): RFC 6598
        "192.0.0.0/24",  # IETF protocol assignments: RFC 6890
        "192.0.2.0/24",  # documentation: RFC 5737
        "192.31.196.0/24",  # AS112: RFC 7535
        "192.52.193.0/24",  # automatic multicast tunnelling: RFC 7450
        "192.88.99.0/24",  # the relays of 6to4, given up: RFC 7526
        "192.175.48.0/24",  # AS112: RFC 7534
        "198.18.0.0/15",  # benchmarking: RFC 2544
        "198.51.100.0/24",  # documentation: RFC 5737
        "203.0.113.0/24",  # documentation: RFC 5737
        "224.0.0.0/4",  # multicast: RFC 5771
        "240.0.0.0/4",  # reserved, and the broadcast address: RFC 1112, 4; RFC 919, 7
    )
)
_SPECIAL6 = tuple(
    IPv6Network(net)
    for net in (
        "2001::/23",  # IETF protocol assignments, among them Teredo 2001::/32 (RFC 4380) and ORCHID: RFC 2928
        "2001:db8::/32",  # documentation: RFC 3849
        "2620:4f:8000::/48",  # AS112: RFC 7534
        "3fff::/20",  # documentation: RFC 9637
    )
)
# Networks in whose addresses the last 32 bits are an IPv4 address. The local NAT64 of RFC 8215, 64:ff9b:1::/48, is not
# among them: each operator chooses where in it the IPv4 address stands, so all of it is refused, like everything
# outside 2000::/3. A NAT64 under an operator's own prefix (RFC 6052, 2.2) cannot be told from any other network.
_EMBEDDING = tuple(IPv6Network(net) for net in ("::/96", "::ffff:0:0/96", "64:ff9b::/96"))
_6TO4 = IPv6Network("2002::/16")  # RFC 3056: the IPv4 address follows the first 16 bits
_ISATAP = frozenset((0x00005EFE, 0x02005EFE))  # RFC 5214, 6.1: these 32 bits, then the IPv4 address


def resolve(host: str, port: int) -> list[str]:
    """The system's answer, in its order of preference (RFC 6724). Asked anew each time: an answer that is kept could
    outlive a change made to mislead us (DNS rebinding)."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def literal(host: str) -> str:
    """The address, when `host` is one already and needs no look-up; otherwise "". No brackets."""
    with suppress(ValueError):
        return str(ip_address(host))
    return ""


def refusal(told: str, *, allow_private: bool) -> str:
    """Why nobody may connect to the address `told`, "" when it is fine.

    `allow_private` (the setting ALLOW_PRIVATE_NETWORKS) admits private networks and this machine itself, nothing else.
    """
    try:
        address = _innermost(ip_address(told))
    except (AddressValueError, ValueError):
        return "not an address"
    if address in _METADATA or address in (_LINK4 if isinstance(address, IPv4Address) else _LINK6):
        return "an address that serves machines their own secrets"
    if _among(address, _PRIVATE4, _PRIVATE6):
        return "" if allow_private else "a private address"
    if _among(address, _SPECIAL4, _SPECIAL6) or (isinstance(address, IPv6Address) and address not in _UNICAST):
        return "an address that is not public"
    return ""


def _among(address: Address, nets4: Sequence[IPv4Network], nets6: Sequence[IPv6Network]) -> bool:
    if isinstance(address, IPv4Address):
        return any(address in net for net in nets4)
    return any(address in net for net in nets6)


def _innermost(address: Address) -> Address:
    """The IPv4 address that an IPv6 one leads to: mapped, translated by NAT64, tunnelled by 6to4 or ISATAP, or in the
    long deprecated compatible form. A public one inside is as good as itself: on a network without IPv4 that is how
    most of the web is reached (RFC 6147)."""
    if isinstance(address, IPv4Address):
        return address
    number = int(address)  # without a zone such as %eth0
    plain = IPv6Address(number)
    if plain in _6TO4:
        return IPv4Address(number >> 80 & 0xFFFFFFFF)
    if number > 1 and (any(plain in net for net in _EMBEDDING) or number >> 32 & 0xFFFFFFFF in _ISATAP):
        return IPv4Address(number & 0xFFFFFFFF)
    return plain


@dataclass(slots=True)
class _Question:
    host: str
    port: int
    answer: SimpleQueue[Sequence[str] | BaseException]
    given_up: bool = False


class Lookups:
    """Runs a resolver with an end to the waiting, which getaddrinfo(3) does not know.

    Threads of its own do it, at most `most`, started as needed and kept. One whose look-up hangs is left behind: it
    returns when the system gives up, and its late answer is dropped. When all are left behind, a further look-up waits
    its time and fails, and no thread more is made. They are daemons: none holds up the end of the process.
    """

    def __init__(self, resolver: Resolver, most: int = LOOKUPS) -> None:
        self._resolver = resolver
        self._most = most
        self._asked: SimpleQueue[_Question | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._busy = 0
        self._shut = False

    def __call__(self, host: str, port: int, seconds: float) -> Sequence[str]:
        """The resolver's answer. Raises what it raises, TimeoutError when it took longer than `seconds`, RuntimeError
        after `close`."""
        question = _Question(host, port, SimpleQueue())
        with self._lock:
            if self._shut:
                raise RuntimeError("the door is shut")
            self._busy += 1
            if self._busy > self._threads and self._threads < self._most:
                threading.Thread(target=self._work, name="look-up", daemon=True).start()
                self._threads += 1
        self._asked.put(question)
        try:
            told = question.answer.get(timeout=seconds)
        except Empty:
            question.given_up = True  # if no thread has come to it yet, none need ask
            raise TimeoutError(f"no answer about {host} within {seconds:.3g} s") from None
        if isinstance(told, BaseException):
            raise told
        return told

    def close(self) -> None:
        """Answer what has been asked, then let the threads go, each when it is free."""
        with self._lock:
            for _ in range(0 if self._shut else self._threads):
                self._asked.put(None)
            self._shut = True

    def _work(self) -> None:
        while (question := self._asked.get()) is not None:
            told = None if question.given_up else self._told(question)
            with self._lock:
                self._busy -= 1
            if told is not None:
                question.answer.put(told)

    def _told(self, question: _Question) -> Sequence[str] | BaseException:
        try:
            return self._resolver(question.host, question.port)
        except BaseException as error:  # raised where the question was asked
            return error
