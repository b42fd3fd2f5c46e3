"""The one door to the outside: only here a connection is opened to an address that we were given (design, section 4).

Every hop is judged anew, the connection goes to exactly the address that was judged (a second look-up could answer
differently: DNS rebinding), and bytes, time, redirects and decompression are bounded. Nothing is remembered from one
call to the next; safe to use from many threads.

Each request has a connection of its own, and h11 (the parser under httpx) speaks HTTP on it. What httpx.Client adds
(cookies, redirects, proxies and passwords of the environment, decompression without a bound, a pool that searches all
its connections for every request) would have to be switched off here, and takes more than half of the time.
"""

from __future__ import annotations

import re
import ssl
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from time import monotonic
from types import TracebackType
from typing import Self
from urllib.parse import urljoin

import h11
import httpx

from digest.errors import FetchError
from digest.gather import headers, network, wire
from digest.types import Fetched

MAX_BYTES = 5_000_000
"""After decompression; the largest feeds in the wild are podcasts' archives of 1 to 3 MB."""
MAX_REDIRECTS = 5
TOTAL_SECONDS = 20.0
FIRST_SECONDS = 10.0
"""For looking the name up, for connecting, and for every wait for further bytes, the first ones included."""
MAX_ADDRESSES = 4
"""Tried of one host, in order: a machine without IPv6 is often given an IPv6 address first."""
_FOR_GOOD = frozenset((301, 308))
_MOVED = _FOR_GOOD | {302, 303, 307}
_ACCEPT = (
    b"application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, text/xml;q=0.9, "
    b"*/*;q=0.8"
)
_BROKEN = (OSError, h11.ProtocolError, wire.HeadTooLong, wire.BodyTooLong, zlib.error)
_SECRET = re.compile(r"//[^/?#]*@")
_Headers = list[tuple[bytes, bytes]]


class Door:
    """A way out, to be used as a context manager."""

    def __init__(
        self,
        *,
        user_agent: str,
        allow_private: bool = False,
        max_bytes: int = MAX_BYTES,
        total_seconds: float = TOTAL_SECONDS,
        first_seconds: float = FIRST_SECONDS,
        resolve: network.Resolver = network.resolve,
        verify: ssl.SSLContext | None = None,
    ) -> None:
        """`allow_private` is the setting ALLOW_PRIVATE_NETWORKS; `verify` replaces the usual authorities of TLS, and
        belongs to the door from now on."""
        self._allow_private = allow_private
        self._max_bytes = max_bytes
        self._total = total_seconds
        self._first = first_seconds
        self._lookups = network.Lookups(resolve)
        # Configured once and shared: making one takes 30 ms, and changing one that connections are being opened with
        # can crash the process (github.com/python/cpython/issues/141012), which httpcore.HTTPConnection would do.
        self._tls = verify or httpx.create_ssl_context(trust_env=False)
        self._tls.set_alpn_protocols(["http/1.1"])
        self._headers: _Headers = [
            *((b"User-Agent", user_agent.encode("ascii", "replace")), (b"Accept", _ACCEPT)),
            *((b"Accept-Encoding", b"gzip, deflate"), (b"Connection", b"close")),
        ]
        self._open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Shut the door: what is under way is finished, nothing else begins (RuntimeError)."""
        self._open = False
        self._lookups.close()

    def get(self, url: str, *, etag: str = "", last_modified: str = "") -> Fetched:
        """Fetch `url`. With the validators of an earlier answer, an unchanged document comes back as status 304, empty.

        Raises FetchError, one line naming the host: not a public web address, unreachable, slow, too large, refused,
        moved in circles, or answered with an error.
        """
        if not self._open:
            raise RuntimeError("the door is shut")
        clock = wire.Clock(monotonic() + self._total, self._first)
        validators = _validators(etag, last_modified)
        target = _checked_url(url)
        moved_to, for_good, status = "", True, 0
        for _ in range(MAX_REDIRECTS + 1):
            with self._connected(target, clock) as line:
                status, raw = line.ask(target.raw_path, [(b"Host", target.netloc), *self._headers, *validators])
                told = headers.readable(raw)
                if status == HTTPStatus.NOT_MODIFIED and validators:
                    return _fetched(target, status, told, b"", moved_to)
                if status == HTTPStatus.OK:
                    return _fetched(target, status, told, self._body(target, line, told), moved_to)
            if status not in _MOVED:
                raise _refused(target, status, told, for_good)
            target, for_good = _moved(target, told.get("location", "")), for_good and status in _FOR_GOOD
            moved_to = str(target) if for_good else moved_to
        began = _checked_url(url).host
        raise FetchError(f"{began}: more than {MAX_REDIRECTS} redirects, the last to {target.host}", status=status)

    @contextmanager
    def _connected(self, target: httpx.URL, clock: wire.Clock) -> Iterator[wire.Wire]:
        """A connection to the first of the host's permitted addresses that answers; what is raised inside about it
        becomes a FetchError."""
        secure = target.scheme == "https"
        port = target.port or (443 if secure else 80)
        host = target.raw_host.decode("ascii")
        addresses = self._addresses(target, host, port, clock)
        line = None
        try:
            line = wire.connect(addresses, port, wire.Seal(self._tls, host) if secure else None, clock, self._max_bytes)
            yield line
        except _BROKEN as error:
            raise self._failed(target, error, clock, connected=line is not None) from error
        finally:
            if line is not None:
                line.close()

    def _addresses(self, target: httpx.URL, host: str, port: int, clock: wire.Clock) -> list[str]:
        try:
            literal = network.literal(host)
            found = [literal] if literal else self._lookups(host, port, clock.left())
        except TimeoutError as error:
            raise FetchError(f"{target.host}: the name server does not answer within {self._first:g} s") from error
        except (OSError, UnicodeError) as error:
            raise FetchError(f"{target.host}: no such host, or the name server does not answer") from error
        judged = [(address, network.refusal(address, allow_private=self._allow_private)) for address in found]
        permitted = [address for address, why in judged if not why]
        if permitted:
            return permitted[:MAX_ADDRESSES]
        if not judged:
            raise FetchError(f"{target.host}: this host has no address")
        address, why = judged[0]
        cure = "; ALLOW_PRIVATE_NETWORKS=true permits it, for development" if why == "a private address" else ""
        raise FetchError(f"{target.host}: leads to {address}, {why}, and is not fetched{cure}")

    def _body(self, target: httpx.URL, line: wire.Wire, told: dict[str, str]) -> bytes:
        """The decompressed body; never more than the cap plus one chunk in memory, whatever it inflates to."""
        length, encoding = told.get("content-length", ""), told.get("content-encoding", "")
        if length.isdecimal() and int(length[:18]) > self._max_bytes:
            raise FetchError(self._too_large(target))
        try:
            unpack = wire.Unpacker(encoding)
        except KeyError:
            raise FetchError(
                f"{target.host}: the answer is compressed as {encoding[:40]!r}, which we did not ask for"
            ) from None
        parts: list[bytes] = []
        raw, size = 0, 0
        for chunk in line.body():
            raw += len(chunk)
            part = unpack(chunk, self._max_bytes - size + 1)
            size += len(part)
            if max(raw, size) > self._max_bytes:
                raise FetchError(self._too_large(target))
            parts.append(part)
        unpack.end()
        return b"".join(parts)

    def _too_large(self, target: httpx.URL) -> str:
        return f"{target.host}: the answer is larger than {self._max_bytes / 1_000_000:g} MB"

    def _failed(self, target: httpx.URL, error: Exception, clock: wire.Clock, *, connected: bool) -> FetchError:
        host = target.host
        if isinstance(error, wire.BodyTooLong):
            return FetchError(self._too_large(target))
        if isinstance(error, wire.HeadTooLong):
            return FetchError(f"{host}: its headers are larger than {wire.HEAD_BYTES // 1024} kB")
        if isinstance(error, zlib.error):
            return FetchError(f"{host}: the answer is wrongly compressed ({error})")
        if monotonic() >= clock.deadline:
            return FetchError(f"{host}: did not answer in full within {self._total:g} s")
        if isinstance(error, TimeoutError):
            return FetchError(f"{host}: no {'answer' if connected else 'connection'} within {self._first:g} s")
        told = _reason(error)
        if isinstance(error, ssl.SSLError):
            return FetchError(f"{host}: no secure connection: {told}")
        if not connected:
            return FetchError(f"{host}: cannot connect: {told}")
        return FetchError(f"{host}: the connection broke: {told}")


def _checked_url(told: str) -> httpx.URL:
    try:
        url = httpx.URL(told.strip())
        host = url.host  # fails for what only looks like an international name, such as "xn--"
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise FetchError(f"{_shown(told)} is not a web address: {_reason(error)}") from None
    if url.scheme not in ("http", "https") or not host:
        raise FetchError(f"{_shown(told)} is not a web address; it must begin with http:// or https://")
    if url.userinfo:
        raise FetchError(f"{url.host}: an address with a user name or password in it is not fetched")
    if url.port is not None and not 0 < url.port < 65_536:
        raise FetchError(f"{url.host}: {url.port} is not a port")
    return url.copy_with(fragment=None) if "#" in told else url


def _shown(told: str) -> str:
    """For a message: not too long, on one line, and without a password."""
    return repr(_SECRET.sub("//", told[:200]))


def _validators(etag: str, last_modified: str) -> _Headers:
    """What a header can carry of them."""
    both = ((b"If-None-Match", etag), (b"If-Modified-Since", last_modified))
    return [(name, told.encode("ascii")) for name, told in both if told and told.isascii() and told.isprintable()]


def _moved(target: httpx.URL, location: str) -> httpx.URL:
    if not location:
        raise FetchError(f"{target.host}: says that it moved but not where to")
    try:
        return _checked_url(urljoin(str(target), location))
    except ValueError:
        raise FetchError(f"{target.host}: moved to {_shown(location)}, which is not a web address") from None


def _refused(target: httpx.URL, status: int, told: dict[str, str], for_good: bool) -> FetchError:
    pause = headers.retry_after(told, datetime.now(UTC))
    gone = status == HTTPStatus.GONE and for_good
    return FetchError(f"{target.host}: {headers.status_told(status)}", pause, status=status, gone=gone)


def _fetched(target: httpx.URL, status: int, told: dict[str, str], body: bytes, moved_to: str) -> Fetched:
    return Fetched(
        url=str(target),
        status=status,
        content_type=told.get("content-type", ""),
        body=body,
        etag=told.get("etag", ""),
        last_modified=told.get("last-modified", ""),
        moved_to=moved_to,
        max_age=headers.fresh_for(told, datetime.now(UTC)),
    )


def _reason(error: BaseException) -> str:
    """What went wrong in a few words, on one line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({error.verify_message})"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join((told or type(error).__name__).split())[:200]
