"""The one door to the outside: only here a connection is opened to an address that we were given (design, section 4).

Every hop is judged anew, the connection goes to exactly the address that was judged (a second look-up could answer
differently: DNS rebinding), and bytes, time, redirects and decompression are bounded. Holds no state between calls;
safe to use from many threads.
"""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from time import monotonic
from types import TracebackType
from typing import Self
from urllib.parse import urljoin

import httpx

from digest.errors import FetchError
from digest.gather import network, wire
from digest.types import Fetched

MAX_BYTES = 5_000_000
"""After decompression; the largest feeds in the wild are podcasts' archives of 1 to 3 MB."""
MAX_REDIRECTS = 5
TOTAL_SECONDS = 20.0
FIRST_SECONDS = 10.0
"""For connecting, and for every wait for further bytes."""
MAX_ADDRESSES = 4
"""Tried of one host, in order: a machine without IPv6 is often given an IPv6 address first."""
_MOVED = frozenset((301, 302, 303, 307, 308))
_ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.8"
)


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
        """`allow_private` is the setting ALLOW_PRIVATE_NETWORKS; `verify` replaces the usual authorities of TLS."""
        self._user_agent = user_agent
        self._allow_private = allow_private
        self._max_bytes = max_bytes
        self._total = total_seconds
        self._first = first_seconds
        self._resolve = resolve
        # No keep-alive: it pools by address, and two hosts behind one address must not share a connection; nor is it
        # faster here (docs/design.md, section 6). No cookies, and no proxy from the environment: it would connect in
        # our stead.
        self._client = httpx.Client(
            verify=verify or httpx.create_ssl_context(trust_env=False),
            trust_env=False,
            follow_redirects=False,
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
            limits=httpx.Limits(max_keepalive_connections=0),
            timeout=httpx.Timeout(first_seconds),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the client; the door stays shut from now on."""
        self._client.close()

    def get(self, url: str, *, etag: str = "", last_modified: str = "") -> Fetched:
        """Fetch `url`. With the validators of an earlier answer, an unchanged document comes back as status 304, empty.

        Raises FetchError, one line naming the host: not a public web address, unreachable, slow, too large, refused,
        moved in circles, or answered with an error.
        """
        deadline = monotonic() + self._total
        target = _checked_url(url)
        for _ in range(MAX_REDIRECTS + 1):
            with self._open(target, deadline, etag, last_modified) as (response, watch):
                if response.status_code not in _MOVED:
                    return self._answer(target, response, watch, conditional=bool(etag or last_modified))
                location = response.headers.get("location", "")
                if not location:
                    raise FetchError(f"{target.host}: says that it moved but not where to")
            target = _moved(target, location)
        raise FetchError(f"{_checked_url(url).host}: more than {MAX_REDIRECTS} redirects, the last to {target.host}")

    @contextmanager
    def _open(
        self, target: httpx.URL, deadline: float, etag: str, last_modified: str
    ) -> Iterator[tuple[httpx.Response, wire.Watch]]:
        """Connect to the first of the host's permitted addresses that answers, until the deadline."""
        headers = {"Host": target.netloc.decode("ascii"), "User-Agent": self._user_agent, "Accept": _ACCEPT}
        headers |= {"Accept-Encoding": "gzip, deflate", "Connection": "close"}
        headers |= {"If-None-Match": etag} if etag and etag.isascii() else {}
        headers |= {"If-Modified-Since": last_modified} if last_modified.isascii() and last_modified else {}
        addresses = self._addresses(target)
        for address in addresses:
            with wire.Watch(deadline) as watch:
                request = self._client.build_request(
                    "GET",
                    target.copy_with(host=address),
                    headers=headers,
                    extensions={"sni_hostname": target.raw_host.decode("ascii"), "trace": watch.trace},
                    timeout=httpx.Timeout(max(0.01, min(self._first, deadline - monotonic()))),
                )
                try:
                    response = self._client.send(request, stream=True)
                except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                    if address == addresses[-1] or monotonic() >= deadline or _is_tls(error):
                        raise self._failed(target, error, watch) from error
                    continue
                except (httpx.HTTPError, ssl.SSLError, OSError) as error:
                    raise self._failed(target, error, watch) from error
                try:
                    yield response, watch
                except (httpx.HTTPError, httpx.StreamError, ssl.SSLError, OSError) as error:
                    raise self._failed(target, error, watch) from error
                finally:
                    response.close()
                return

    def _addresses(self, target: httpx.URL) -> list[str]:
        host = target.raw_host.decode("ascii").strip("[]")
        try:
            found = self._resolve(host, target.port or (443 if target.scheme == "https" else 80))
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

    def _answer(self, target: httpx.URL, response: httpx.Response, watch: wire.Watch, *, conditional: bool) -> Fetched:
        status = response.status_code
        if status == HTTPStatus.NOT_MODIFIED and conditional:
            return _fetched(target, response, b"")
        if status != HTTPStatus.OK:
            raise FetchError(
                f"{target.host}: {_status(response)}", _retry_after(response.headers.get("retry-after", ""))
            )
        try:
            body = self._body(target, response, watch)
        except zlib.error as error:
            raise FetchError(f"{target.host}: the answer is wrongly compressed ({error})") from error
        if watch.fired:
            raise self._failed(target, TimeoutError(), watch)
        return _fetched(target, response, body)

    def _body(self, target: httpx.URL, response: httpx.Response, watch: wire.Watch) -> bytes:
        """The decompressed body; never more than the cap plus one chunk in memory, whatever it inflates to."""
        limit = f"{target.host}: the answer is larger than {self._max_bytes / 1_000_000:g} MB"
        told = response.headers.get("content-length", "")
        if told.isdecimal() and int(told[:18]) > self._max_bytes:
            raise FetchError(limit)
        unpack = wire.unpacker(target.host, response.headers.get("content-encoding", ""))
        parts: list[bytes] = []
        raw, size = 0, 0
        for chunk in response.iter_raw():
            raw += len(chunk)
            part = unpack(chunk, self._max_bytes - size + 1)
            size += len(part)
            if max(raw, size) > self._max_bytes:
                raise FetchError(limit)
            parts.append(part)
            if monotonic() >= watch.deadline:
                raise self._failed(target, TimeoutError(), watch)
        return b"".join(parts)

    def _failed(self, target: httpx.URL, error: Exception, watch: wire.Watch) -> FetchError:
        host = target.host
        if watch.fired or monotonic() >= watch.deadline:
            return FetchError(f"{host}: did not answer in full within {self._total:g} s")
        if isinstance(error, httpx.TimeoutException | TimeoutError):
            doing = "no connection" if isinstance(error, httpx.ConnectTimeout) else "no answer"
            return FetchError(f"{host}: {doing} within {self._first:g} s")
        told = _reason(error)
        if _is_tls(error):
            return FetchError(f"{host}: no secure connection: {told}")
        if isinstance(error, httpx.ConnectError):
            return FetchError(f"{host}: cannot connect: {told}")
        return FetchError(f"{host}: the connection broke: {told}")


def _checked_url(told: str) -> httpx.URL:
    try:
        url = httpx.URL(told.strip())
        host = url.raw_host.decode("ascii")
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise FetchError(f"{told[:200]!r} is not a web address: {_reason(error)}") from None
    if url.scheme not in ("http", "https") or not host:
        raise FetchError(f"{told[:200]!r} is not a web address; it must begin with http:// or https://")
    if url.userinfo:
        raise FetchError(f"{url.host}: an address with a user name or password in it is not fetched")
    if url.port is not None and not 0 < url.port < 65_536:
        raise FetchError(f"{url.host}: {url.port} is not a port")
    return url.copy_with(fragment=None)


def _moved(target: httpx.URL, location: str) -> httpx.URL:
    try:
        return _checked_url(urljoin(str(target), location))
    except ValueError:
        raise FetchError(f"{target.host}: moved to {location[:200]!r}, which is not a web address") from None


def _fetched(target: httpx.URL, response: httpx.Response, body: bytes) -> Fetched:
    header = response.headers.get
    return Fetched(
        url=str(target),
        status=response.status_code,
        content_type=header("content-type", ""),
        body=body,
        etag=header("etag", ""),
        last_modified=header("last-modified", ""),
    )


def _status(response: httpx.Response) -> str:
    status = response.status_code
    try:
        told = f"answers {status} {HTTPStatus(status).phrase}"
    except ValueError:
        told = f"answers {status}"
    meaning = {
        401: "it wants a password, which is not supported",
        403: "it refuses us",
        404: "there is nothing (any more) at this address",
        410: "it is gone for good; remove the source",
        429: "it asks us to come less often",
    }
    return f"{told}: {meaning[status]}" if status in meaning else told


def _retry_after(told: str) -> float | None:
    """Seconds, from either form of the header (RFC 9110, 10.2.3)."""
    if told.strip().isdecimal():
        return float(told.strip()[:9])
    try:
        moment = parsedate_to_datetime(told)
    except (TypeError, ValueError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _is_tls(error: BaseException) -> bool:
    return isinstance(_root(error), ssl.SSLError)


def _root(error: BaseException) -> BaseException:
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return error


def _reason(error: BaseException) -> str:
    """What went wrong in a few words, on one line."""
    root = _root(error)
    if isinstance(root, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({root.verify_message})"
    if isinstance(root, ConnectionRefusedError):
        return "connection refused"
    told = root.strerror if isinstance(root, OSError) and root.strerror else str(root)
    return " ".join((told or type(root).__name__).split())[:200]
