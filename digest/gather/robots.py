"""What a site allows programs to fetch: robots.txt (RFC 9309).

For pages that we go through on our own account: a feed is published to be fetched by programs, and an operator's
`digest sources add` names it.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from time import monotonic

import httpx
from protego import Protego

from digest.errors import FetchError
from digest.types import Fetched

TOKEN = "digest-service"  # noqa: S105 - a product token (RFC 9309, 2.2.1), no secret
"""The name under which a robots.txt speaks to us; the first word of our User-Agent."""
MOST_BYTES = 500 * 1024
"""Of one robots.txt; RFC 9309, 2.5 asks for this much at least."""
KEPT_SECONDS = 24 * 3600.0
"""RFC 9309, 2.4: not longer than a day, unless it cannot be had anew."""
RETRY_SECONDS = 3600.0
"""When a robots.txt could not be had, until it is tried again."""
MOST_SITES = 1_000
"""Whose rules are kept: those last asked about. A large robots.txt takes a few megabytes when parsed."""
MOST_SITEMAPS = 50
LONGEST_DELAY = 3600.0
"""Seconds; some sites write a day to say no, which Disallow would say."""
_AGENT_LINE = re.compile(r"\s*user[-\s]*agent(?:\s*:\s*|\s+|$)(?P<name>\*(?=\s|#|$)|[a-z_-]*)", re.IGNORECASE)
_ALL = Protego.parse("")
_NONE = Protego.parse("User-agent: *\nDisallow: /")


@dataclass(slots=True)
class _Site:
    lock: threading.Lock = field(default_factory=threading.Lock)
    rules: Protego = field(default_factory=lambda: _NONE)
    until: float = -inf
    """Until when, by the clock, the rules hold without asking again."""
    known: bool = False
    """Whether `rules` are the site's own, and not what we assume for lack of an answer."""


class Robots:
    """Answers for any site, fetching its rules when they are first needed. Safe to use from many threads: one site is
    fetched by one thread at a time, and only who asks about that site waits."""

    def __init__(
        self,
        get: Callable[[str], Fetched],
        user_agent: str = TOKEN,
        *,
        clock: Callable[[], float] = monotonic,
        most_sites: int = MOST_SITES,
    ) -> None:
        """`get` is `Door.get`; `clock` tells seconds that never run back; `most_sites` have their rules kept."""
        self._get = get
        self._agent = user_agent
        self._clock = clock
        self._most_sites = most_sites
        self._lock = threading.Lock()
        self._sites: OrderedDict[str, _Site] = OrderedDict()

    def allowed(self, url: str) -> bool:
        """Whether we may fetch `url`. While a site cannot be reached or is in trouble (5xx), no (RFC 9309, 2.3.1.4);
        where it has no robots.txt (other 4xx), yes (2.3.1.3). Raises FetchError when `url` is not a web address."""
        return bool(self._rules(url).can_fetch(url, self._agent))

    def sitemaps(self, url: str) -> tuple[str, ...]:
        """The addresses of sitemaps that the site of `url` names, as they stand there. They may lie on other hosts
        (sitemaps.org, "Sitemaps & Cross Submits"). Raises FetchError as `allowed` does."""
        found = dict.fromkeys(self._rules(url).sitemaps)
        return tuple(each for each in found if each.lower().startswith(("http://", "https://")))[:MOST_SITEMAPS]

    def crawl_delay(self, url: str) -> float:
        """Seconds that the site wants between two requests (a convention, not in RFC 9309); 0 when it does not say, and
        at most LONGEST_DELAY. Raises FetchError as `allowed` does."""
        return min(self._rules(url).crawl_delay(self._agent) or 0.0, LONGEST_DELAY)

    def _rules(self, url: str) -> Protego:
        origin = _origin(url)
        with self._lock:
            site = self._sites.setdefault(origin, _Site())
            self._sites.move_to_end(origin)
            while len(self._sites) > self._most_sites:
                self._sites.popitem(last=False)
        with site.lock:
            if self._clock() >= site.until:
                self._renew(site, f"{origin}/robots.txt")
            return site.rules

    def _renew(self, site: _Site, where: str) -> None:
        try:
            site.rules, site.known = parse(self._get(where).body, self._agent), True
        except FetchError as error:
            if 300 <= error.status < 500 and error.status != 429:  # more than five redirects count as none: 2.3.1.2
                site.rules, site.known = _ALL, True
            else:
                # It asks us to come less often (429), is in trouble, or was not reached. Its rules so far stay good.
                site.rules = site.rules if site.known else _NONE
                site.until = self._clock() + RETRY_SECONDS
                return
        site.until = self._clock() + KEPT_SECONDS


def parse(body: bytes, agent: str) -> Protego:
    """The rules in a robots.txt for `agent`, from at most MOST_BYTES of it, up to the last whole line.

    Groups of others are put together under one name first: the parser keeps a set of rules for each agent, so a file of
    10,000 agents in one group with 20,000 rules would take it minutes and gigabytes.
    """
    if len(body) > MOST_BYTES:
        body = body[:MOST_BYTES]
        body = body[: max(body.rfind(b"\n"), body.rfind(b"\r")) + 1]
    lines = body.decode("utf-8", "replace").removeprefix("\ufeff").splitlines()
    return Protego.parse("\n".join(_line(line, agent.lower()) for line in lines))


def _line(line: str, agent: str) -> str:
    meant = _AGENT_LINE.match(line)
    if meant is None:
        return line
    # Only the product token is compared, in any case (RFC 9309, 2.2.1); a version after it is not part of it.
    name = meant["name"].lower()
    return f"User-agent: {name if name in ('*', agent) else 'somebody-else'}"


def _origin(url: str) -> str:
    """RFC 9309, 2.3: rules hold for one scheme, host and port."""
    try:
        parsed = httpx.URL(url)
        host = parsed.host  # fails for what only looks like an international name, such as "xn--"
    except (httpx.InvalidURL, UnicodeError, ValueError):
        raise FetchError(f"{url[:200]!r} is not a web address") from None
    if parsed.scheme not in ("http", "https") or not host:
        raise FetchError(f"{url[:200]!r} is not a web address; it must begin with http:// or https://")
    return f"{parsed.scheme}://{parsed.netloc.decode('ascii')}"
