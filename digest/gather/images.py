"""Which picture stands for a story, among those that a feed's item names beside its text. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

from lxml import etree

from digest.gather import clean
from digest.gather.fields import Addresses, Fields, child_text, every, key_of, text

WIDEST = 1_200
"""Pixels: twice the width of a mail, for sharp screens; wider pictures only cost the reader bytes."""
FLATTEST, TALLEST = 5.0, 3.5
"""Width by height, and height by width, beyond which a picture is no photograph: IAB's leaderboards (728x90, 320x50)
have 6.4 and more, its skyscrapers (120x600, 160x600) 3.75 and more; panoramas and infographics stay below."""
LEAST_THUMBNAIL = 100
"""Pixels. Blogger's thumbnails are crops of 72 by 72 of the first picture in the text, where it stands in full, or of
its author's face, which is no picture of the story."""
LONGEST_SIZE = 20
"""Characters of a size: longer ones are none, and would be remembered."""
_SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif")
_STILL = "media:thumbnail"
_DESCRIPTIONS = frozenset(("media:description", "media:title"))
NO_IMAGE = ("", "")


def choose(fields: Fields, addresses: Addresses) -> tuple[str, str]:
    """The address and description of the picture; both empty when the item names none that is plausible.

    In this order: media:content, media:thumbnail, enclosures, the item's own image. Among several of one kind the
    widest that is not wider than WIDEST.
    """
    for name, is_fit in (("media:content", _is_image), (_STILL, None)):
        nodes = fields.get(name)
        if nodes:
            for node in _by_width(nodes, is_fit):
                if found := addresses.find(node.get("url") or node.text, node):
                    return found, _alt(node)
    return next(_enclosures(fields, addresses), None) or next(_own(fields, addresses), NO_IMAGE)


def plausible(width: int, height: int, least: int = clean.MIN_IMAGE) -> bool:
    """Whether a picture of this size in pixels can be a story's; 0 is a size that nobody declared."""
    if (width and width < least) or (height and height < least):
        return False
    return not (width and height) or (width <= FLATTEST * height and height <= TALLEST * width)


def _by_width(nodes: list[etree._Element], is_fit: Callable[[etree._Element], bool] | None) -> list[etree._Element]:
    """The plausible pictures: the widest that is not too wide first, and those that are too wide last."""
    ranked: list[tuple[bool, int, int, etree._Element]] = []
    for node in nodes:
        # In media:content of a video stands its still picture.
        if is_fit is not None and is_fit(node):
            fit, least = [node], clean.MIN_IMAGE
        else:
            stills = [node] if is_fit is None else [each for each in node if key_of(each.tag) == _STILL]
            fit, least = stills, LEAST_THUMBNAIL
        for each in fit:
            width, height = _pixels(each.get("width")), _pixels(each.get("height"))
            if plausible(width, height, least):
                ranked.append((width > WIDEST, width if width > WIDEST else -width, len(ranked), each))
    return [each for *_, each in sorted(ranked)]


def _is_image(node: etree._Element) -> bool:
    declared = node.get("medium") or node.get("type")
    if declared:
        return declared.lower().startswith("image")
    return (node.get("url") or "").partition("?")[0].lower().endswith(_SUFFIXES)


def _pixels(told: str | None) -> int:
    """A size as declared ("640", "640px", "640.0"); 0 when it is none."""
    return _size(told) if told and len(told) <= LONGEST_SIZE else 0


@lru_cache(maxsize=1_024)
def _size(told: str) -> int:
    if not told.isdecimal():
        told = told.strip().removesuffix("px").partition(".")[0]
    return int(told) if told.isdecimal() and len(told) <= 6 else 0


def _alt(node: etree._Element) -> str:
    if not len(node):
        return ""
    told = next((text(child) for child in node if key_of(child.tag) in _DESCRIPTIONS), "")
    if "<" not in told and "&" not in told:
        return clean.line(told, 300)
    return clean.html(told[: 8 * 300], 300).text.replace("\n", " ")


def _enclosures(fields: Fields, addresses: Addresses) -> Iterator[tuple[str, str]]:
    for name, where in (("enclosure", "url"), ("enc:enclosure", "resource"), ("atom:link", "href")):
        for node in fields.get(name, []):
            if name == "atom:link" and node.get("rel") != "enclosure":
                continue
            is_image = (node.get("type") or node.get("{http://purl.oclc.org/net/rss_2.0/enc#}type") or "").lower()
            if is_image.startswith("image/") and (found := addresses.find(node.get(where), node)):
                yield found, ""


def _own(fields: Fields, addresses: Addresses) -> Iterator[tuple[str, str]]:
    for node in every(fields, "itunes:image", "image"):
        size = (_pixels(child_text(node, "width")), _pixels(child_text(node, "height")))
        told = node.get("href") or node.get("url") or child_text(node, "url") or text(node)
        if plausible(*size) and (found := addresses.find(told, node)):
            yield found, ""
