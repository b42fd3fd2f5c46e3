"""Which page an address means: the form in which it is stored and linked, and the key by which two are compared. Pure.

A link must still work, so `canonical_url` takes away only what is known to track and what RFC 3986 (6.2.2) calls the
same. A comparison may be bolder: `url_key` also folds what may in theory be two pages and never is in the news.

The trackers are courlan's list, which its keepers draw from AdGuard, ClearURLs and Firefox, with the rules of
`data/addresses.txt`. courlan's own `clean_url` is not used: it sorts the query, drops empty values, and by its list
"?game=12" is a tracker ("ga"); here a name of the list counts as a whole word.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b
from ipaddress import ip_address
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

from courlan import extract_domain
from courlan.clean import TRACKERS_RE

from digest.gather import plain
from digest.gather.rules import patterns

_FILE = "addresses.txt"
_KINDS = {name: kind for kind in ("drop", "fold", "channel", "keep") for name in patterns(_FILE, kind)}
"""Parameter, or "parameter=value", or "beginning*" -> what becomes of it."""
_BEGINNINGS = tuple(name[:-1] for name, kind in _KINDS.items() if name.endswith("*") and kind == "drop")
_MOBILE = frozenset(patterns(_FILE, "mobile"))
_CACHES = tuple(patterns(_FILE, "cache"))
_TENANTS = frozenset(patterns(_FILE, "tenants"))
_AMP_CACHE = ".cdn.ampproject.org"
_AMP_PATH = re.compile(r"/(?:[a-z]{1,2})/(?:s/)?([^/]+\.[^/]+(?:/.*)?)$", re.DOTALL)
"""/c/s/HOST/PATH, /v/s/... (https://developers.google.com/amp/cache/overview, URL format)."""
_AMP_END = re.compile(r"(?<=[^/])(?:/amp/?|\.amp)$")
_INDEX = re.compile(r"/(?:index|default)\.(?:html?|php|aspx?|jsp)$", re.IGNORECASE)
_PERCENT = re.compile(r"%([0-9A-Fa-f]{2})|%(?=[0-9A-Fa-f]?%)")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_SAFE = "".join(map(chr, range(0x21, 0x7F)))
_PORTS = {"http": 80, "https": 443}
_WORD = re.compile(r"[a-z][a-z._+-]{0,40}|(?:rss|feed)-[a-z0-9-]{0,80}")
"""A channel: a word, or as Medium's feeds say it, "rss-" and the number of the tag or author whose feed it is. What has
digits otherwise may choose the page: ClearURLs removes every `ref`, by which sites break whose articles are numbered so
(github.com/ClearURLs/Addon, issues 179 and 486)."""
_ROUTES = ("!", "/")
"""A fragment that begins so chooses the page in applications that run in the browser."""
_KEPT = 16_384
"""Answers kept for when the same address comes again: a feed shows an item in many readings."""


@lru_cache(maxsize=_KEPT)
def canonical_url(url: str) -> str:
    """The address in the form in which it is stored and linked; what is no http(s) address, or would
    become longer than `plain.MAX_URL`, comes back as it is."""
    parts = _split(url)
    if parts is None:
        return url
    query = "&".join(each for each in _spelled(parts.query).split("&") if _kind(each) != "drop") if parts.query else ""
    fragment = parts.fragment if parts.fragment.startswith(_ROUTES) else ""
    found = urlunsplit((parts.scheme, _netloc(parts), _path(parts.path), query, _spelled(fragment)))
    return found if len(found) <= plain.MAX_URL else url  # encoding makes nine characters of one


def link(url: str) -> str:
    """`canonical_url` for a link in a text, which may lead to a place within the page: its fragment stays, unless it
    only tracks."""
    found = canonical_url(url)
    parts = _split(url)
    if parts is None or not parts.fragment or "#" in found:
        return found
    told = _spelled(parts.fragment)
    whole = f"{found}#{told}"
    tracks = any(_kind(each) == "drop" for each in told.split("&") if "=" in each)
    return found if tracks or len(whole) > plain.MAX_URL else whole


@lru_cache(maxsize=_KEPT)
def url_key(url: str) -> str:
    """blake2b-128 (hex) of the page that an address means, for comparison only; "" for what is no http(s) address.

    The same for http and https, for hosts and paths of the mobile and AMP variants and their copies in AMP caches, with
    and without a trailing slash or index.html, whatever the order of the query.
    """
    parts = _split(unwrapped(url))
    if parts is None:
        return ""
    path = _INDEX.sub("/", re.sub("/{2,}", "/", _path(parts.path)))  # dots first, as in canonical_url
    path = _AMP_END.sub("", path).removesuffix(".amp.html") + (".html" if path.endswith(".amp.html") else "")
    if path.startswith("/amp/") and len(path) > len("/amp/"):
        path = path.removeprefix("/amp")
    query = sorted(each for each in _spelled(parts.query).split("&") if each and _kind(each) not in ("drop", "fold"))
    fragment = parts.fragment if parts.fragment.startswith(_ROUTES) else ""
    port = "" if parts.port in (None, *_PORTS.values()) else str(parts.port)
    told = (_home(_ascii(parts.hostname or "")), port, path.rstrip("/"), "&".join(query), _spelled(fragment))
    return blake2b("\0".join(told).encode("utf-8", "replace"), digest_size=16).hexdigest()


def same_site(one: str, other: str) -> bool:
    """Whether one publisher answers for both addresses: the same registrable domain, as far as told without a network.

    By the Public Suffix List in courlan's dependency tld, private suffixes included, and the hosts of `tenants` in
    `data/addresses.txt`; under an ending that the list does not know, the last two labels. IP addresses and bare names
    must be equal.
    """
    first, second = _site(_host(one)), _site(_host(other))
    return bool(first) and first == second


def honour_canonical(url: str, told: str) -> str:
    """The canonical address of the page at `url`, whose rel=canonical says `told` (absolute or relative).

    Another site's claim is not believed (anybody could take over a story's identity), nor is a front page as the
    canonical address of an article, which misconfigured systems put on every page. A page read by https stays so.
    """
    mine = canonical_url(url)
    found = canonical_url(plain.address(told, url))
    if not found or not same_site(unwrapped(url), found):
        return mine
    here, there = urlsplit(unwrapped(url)), urlsplit(found)
    if _is_front(there) and not _is_front(here):
        return mine
    if here.scheme == "https" and there.scheme == "http" and here.hostname == there.hostname:
        return urlunsplit(there._replace(scheme="https"))
    return found


def _is_front(parts: SplitResult) -> bool:
    return parts.path in ("", "/") and not parts.query and not parts.fragment


def unwrapped(url: str) -> str:
    """The address of the page whose copy in an AMP cache `url` is; any other address as it is."""
    for _ in range(3):
        parts = _split(url)
        if parts is None:
            return url
        host = (parts.hostname or "").removeprefix("www.")
        rest = ""
        if host.endswith(_AMP_CACHE) or host == _AMP_CACHE[1:]:
            found = _AMP_PATH.match(parts.path)
            rest = found[1] if found else ""
        for cache in _CACHES:
            if (host + parts.path).startswith(cache):
                rest = (host + parts.path).removeprefix(cache)
        if not rest:
            return url
        url = urlunsplit(parts._replace(scheme="https", netloc="", path="")).replace("https:", f"https://{rest}", 1)
    return url


def _split(url: str) -> SplitResult | None:
    """The parts of an http(s) address; None for anything else."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _PORTS and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        return None
    return parts if usable else None


def _netloc(parts: SplitResult) -> str:
    """Host in lower case, with a port only when it is not the scheme's own (RFC 3986, 6.2.2.1 and 6.2.3)."""
    before, at, after = parts.netloc.rpartition("@")
    host = after.lower()
    if parts.port == _PORTS[parts.scheme] or host.endswith(":"):
        host = host.rpartition(":")[0]
    return before + at + host


def _path(path: str) -> str:
    """Without dot segments, percent-encoded one way, never empty (RFC 3986, 6.2.2.2, 6.2.2.3, 6.2.3)."""
    spelled = _spelled(path) or "/"
    if "/." not in spelled:
        return spelled
    kept: list[str] = []
    segments = spelled.split("/")
    for segment in segments:
        if segment == "..":
            del kept[max(1, len(kept) - 1) :]
        elif segment != ".":
            kept.append(segment)
    return "/".join(kept) + ("/" if segments[-1] in (".", "..") else "") or "/"


def _spelled(text: str) -> str:
    """Unreserved characters as themselves, others beyond ASCII encoded, hexadecimal digits in upper case."""
    if not (text.isascii() and text.isprintable() and " " not in text):
        text = quote(text, safe=_SAFE, errors="replace")
    return _PERCENT.sub(_decoded, text) if "%" in text else text


def _decoded(found: re.Match[str]) -> str:
    if found[1] is None:
        return "%25"  # else it would become another character with the digit that is decoded behind it
    char = chr(int(found[1], 16))
    return char if char in _UNRESERVED else found[0].upper()


def _kind(parameter: str) -> str:
    """What becomes of a `name=value` of a query: "drop", "fold" or "keep"."""
    lower = parameter.lower()
    name, _, value = lower.partition("=")
    kind = _KINDS.get(lower) or _kind_of_name(name[:100])
    if kind == "channel":
        return "fold" if not value or _WORD.fullmatch(value) else "keep"
    return kind


@lru_cache(maxsize=_KEPT)
def _kind_of_name(name: str) -> str:
    if told := _KINDS.get(name):
        return told
    if name.startswith(_BEGINNINGS):
        return "drop"
    found = TRACKERS_RE.search(name)
    if found is None or not (found[0].endswith("_") or name[found.end() : found.end() + 1] in ("", "_", "-")):
        return "keep"
    return _KINDS.get(found[0].lstrip("_"), "drop")


def _host(url: str) -> str:
    parts = _split(url)
    return _ascii(parts.hostname or "") if parts else ""


def _ascii(host: str) -> str:
    """A host in the form that DNS uses, as far as it can be written so."""
    host = host.rstrip(".").lower()  # urlsplit leaves what stands behind a "%" as it is
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


@lru_cache(maxsize=_KEPT)
def _site(host: str) -> str:
    """The registrable domain of a host, or the host itself where it has none."""
    labels = host.split(".")
    for at in range(1, len(labels)):
        if ".".join(labels[at:]) in _TENANTS:
            return ".".join(labels[at - 1 :])
    if len(labels) < 2 or _is_ip(host):
        return host
    found: str | None = extract_domain(f"https://{host}/")
    return found or ".".join(labels[-2:])


@lru_cache(maxsize=_KEPT)
def _home(host: str) -> str:
    """A host without the labels that only say for which device it serves its pages."""
    site = _site(host)
    below = [label for label in host.removesuffix(site).split(".") if label and label not in _MOBILE]
    return ".".join((*below, site))


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
