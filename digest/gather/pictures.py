"""The pictures in markup: which are pictures of the story, and where lazy loading keeps their address. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Final

from lxml import etree

from digest.gather import plain
from digest.gather.rules import any_of, patterns

MIN_IMAGE = 50
"""Pixels. Declared smaller in either direction, a picture is an avatar, an icon or a tracking pixel."""
FLATTEST, TALLEST = 5.0, 3.5
"""Width by height, and height by width, beyond which a picture is no photograph: IAB's leaderboards (728x90, 320x50)
have 6.4 and more, its skyscrapers (120x600, 160x600) 3.75 and more; panoramas and infographics stay below."""
WIDEST = 1_600
"""Pixels a candidate of a `srcset` may be wide: a mail's column of 600 on a screen of more than double density."""
MAX_CANDIDATES = 50
MAX_PICTURES = 50
"""Of one text: one is shown."""
MAX_LABELS = 8
LONGEST_SIZE = 20
"""Characters of a size: longer ones are none, and would be remembered."""

_FILE: Final = "pictures.txt"
_LAZY = patterns(_FILE, "lazy")
_LAZY_SETS = patterns(_FILE, "lazyset")
_PLACEHOLDER = any_of(patterns(_FILE, "placeholder"))
_NO_ADDRESS = ("data:", "about:", "#", "javascript:")
_HOSTS = frozenset(patterns(_FILE, "host"))
_LABELS = frozenset(patterns(_FILE, "label"))
_PATH = any_of(patterns(_FILE, "path"))
_DESCRIPTOR = re.compile(r"([0-9]+(?:\.[0-9]+)?)([wxh])(?:,(.*))?$")
"""Of a candidate, with the address of the next when no blank stands between (HTML, 4.8.4.2.1)."""
_PIXELS = re.compile(r"\s*(\d+)(?:px|\.\d+)?\s*$")


@dataclass(frozen=True, slots=True)
class Image:
    """A picture found in markup; `url` as written."""

    url: str
    alt: str


def too_small(width: str | None, height: str | None) -> bool:
    """Whether a declared size (in pixels, as written) rules a picture out; no declaration does not."""
    for told in (width, height):
        digits = _PIXELS.match(told) if told else None
        if digits and int(digits[1][:6]) < MIN_IMAGE:
            return True
    return False


def plausible(width: int, height: int, least: int = MIN_IMAGE) -> bool:
    """Whether a picture of this size in pixels can be a story's; 0 is a size that nobody declared."""
    if (width and width < least) or (height and height < least):
        return False
    return not (width and height) or (width <= FLATTEST * height and height <= TALLEST * width)


def pixels(told: str | None) -> int:
    """A size as declared ("640", "640px", "640.0"); 0 when it is none."""
    return _size(told) if told and len(told) <= LONGEST_SIZE else 0


@lru_cache(maxsize=1_024)
def _size(told: str) -> int:
    if not told.isdecimal():
        told = told.strip().removesuffix("px").partition(".")[0]
    return int(told) if told.isdecimal() and len(told) <= 6 else 0


def is_tracker(url: str) -> bool:
    """Whether an address, as written, is known to count readers or to be a decoration (`data/pictures.txt`)."""
    before, slashes, rest = url.lower().partition("//")
    host, slash, path = rest.partition("/") if slashes else ("", "/", before.lstrip("/"))
    host = host.rpartition("@")[2].partition(":")[0]
    labels = host.split(".")[-MAX_LABELS:]
    named = any(".".join(labels[at:]) in _HOSTS for at in range(len(labels)))
    return named or host.partition(".")[0] in _LABELS or bool(_PATH.search(slash + path))


def pictures(root: etree._Element, hidden: frozenset[str]) -> Iterator[Image]:
    """The pictures of a document in order, each address once. What stands in elements named `hidden` is left out."""
    seen: set[str] = set()
    for node in islice(root.iter("img", "image"), MAX_PICTURES):
        url = source(node)
        if url and url not in seen and has_shape(node) and not _unseen(node, hidden):
            seen.add(url)
            yield Image(url, plain.line(node.get("alt") or "", 300))


def source(node: etree._Element) -> str:
    """The address, as written, under which an <img> really has its picture; "" for a pixel, tracker or placeholder.

    What lazy loading keeps beside it wins over `src`, which then shows a blur or nothing; after them `srcset` and the
    <source> elements of the <picture> around.
    """
    if too_small(node.get("width"), node.get("height")):
        return ""
    found = next((told for told in _addresses(node) if not _stands_in(told)), "")
    return "" if not found or is_tracker(found) else found


def has_shape(node: etree._Element) -> bool:
    """Whether an <img> is not, by its declared size, a banner."""
    return plausible(pixels(node.get("width")), pixels(node.get("height")))


def _stands_in(told: str) -> bool:
    lower = told[: plain.MAX_URL].lower()
    return not told or lower.startswith(_NO_ADDRESS) or bool(_PLACEHOLDER.search(lower))


def _addresses(node: etree._Element) -> Iterator[str]:
    for name in (*_LAZY, "src"):
        if told := node.get(name):
            yield told.strip()
    # libxml2 takes <source> for an element with content, so the <img> may stand inside.
    around = next((each for each in islice(node.iterancestors(), MAX_CANDIDATES) if each.tag != "source"), None)
    beside = [] if around is None or around.tag != "picture" else list(islice(around.iter("source"), MAX_CANDIDATES))
    for holder in (node, *beside):
        for name in _LAZY_SETS:
            if told := holder.get(name):
                yield best(told)


def best(srcset: str) -> str:
    """The widest candidate that a mail can use: at most WIDEST pixels, else the narrowest; "" when there is none."""
    told: list[tuple[float, str]] = []
    url = ""
    for token in srcset[: MAX_CANDIDATES * plain.MAX_URL].split(maxsplit=2 * MAX_CANDIDATES)[: 2 * MAX_CANDIDATES]:
        found = _DESCRIPTOR.match(token[: 2 * plain.MAX_URL]) if url else None
        if found:
            # A density says nothing of the width: 2x of a picture that fits a column of 600 is 1,200.
            told.append((float(found[1][:9]) * (1 if found[2] == "w" else 600), url))
            url = (found[3] or "").strip(",")
        else:
            told += [(600.0, url)] if url else []
            url = token.strip(",")
    told += [(600.0, url)] if url else []
    fitting = [each for each in told if each[0] <= WIDEST]
    if fitting:
        return max(fitting, key=lambda each: each[0])[1]
    return min(told, key=lambda each: each[0])[1] if told else ""


def _unseen(node: etree._Element, hidden: frozenset[str]) -> bool:
    return any(each.tag in hidden or is_hidden(each) for each in (node, *node.iterancestors()))


def is_hidden(node: etree._Element) -> bool:
    """Whether an element says itself that it is not to be seen."""
    style = node.get("style")
    return node.get("hidden") is not None or bool(style and "display:none" in "".join(style.lower().split()))
