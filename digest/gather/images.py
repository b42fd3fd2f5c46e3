"""Which picture stands for a story, among those that a feed's item names beside its text. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lxml import etree

from digest.gather import clean
from digest.gather.fields import Addresses, Fields, child_text, every, key_of, text
from digest.gather.pictures import pixels, plausible

WIDEST = 1_200
"""Pixels: twice the width of a mail, for sharp screens; wider pictures only cost the reader bytes."""
LEAST_THUMBNAIL = 100
"""Pixels. Blogger's thumbnails are crops of 72 by 72 of the first picture in the text, where it stands in full, or of
its author's face, which is no picture of the story."""
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
            width, height = pixels(each.get("width")), pixels(each.get("height"))
            if plausible(width, height, least):
                ranked.append((width > WIDEST, width if width > WIDEST else -width, len(ranked), each))
    return [each for *_, each in sorted(ranked)]


def _is_image(node: etree._Element) -> bool:
    declared = node.get("medium") or node.get("type")
    if declared:
        return declared.lower().startswith("image")
    return (node.get("url") or "").partition("?")[0].lower().endswith(_SUFFIXES)


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
        size = (pixels(child_text(node, "width")), pixels(child_text(node, "height")))
        told = node.get("href") or node.get("url") or child_text(node, "url") or text(node)
        if plausible(*size) and (found := addresses.find(told, node)):
            yield found, ""
