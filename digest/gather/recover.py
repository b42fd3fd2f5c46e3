"""A tree of broken XML, put right where a person sees what is meant. Pure.

libxml2 in recovery takes everything behind an element that is never closed for its content. A <br> between two items
then holds all items to the end, and a <title> the link and text of its item.
"""

from __future__ import annotations

from lxml import etree

from digest.gather.fields import key_of

_ITEMS = frozenset(("item", "entry", "atom:entry"))
_FIELDS_WORDS = """
    title link guid description pubdate author category enclosure content:encoded dc:creator dc:date atom:title atom:id
    atom:link atom:published atom:updated atom:summary atom:content
    """
_FIELDS = frozenset(_FIELDS_WORDS.split())
_ONLY_TEXT = frozenset(("title", "link", "guid", "pubdate", "category", "dc:creator", "dc:date", "atom:id"))
"""Fields in which no other field stands (RSS 2.0)."""


def lift(root: etree._Element) -> None:
    """Put each item of an RSS or Atom tree that was not well-formed directly into its channel, behind the others, and
    each field that stands inside of one holding only text behind that."""
    home = next((node for node in root if key_of(node.tag) == "channel"), root)
    for node in list(root.iter(etree.Element)):
        key, around = key_of(node.tag), node.getparent()
        if around is None:
            continue
        if key in _ITEMS and around is not home and around is not root:
            home.append(node)
        elif key in _FIELDS and around is not root and key_of(around.tag) in _ONLY_TEXT:
            around.addnext(node)
