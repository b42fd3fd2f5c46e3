"""Markup of strangers -> markup that may be stored and shown in a mail or a page. Pure.

One parse with lxml mends what an allowlist cannot (relative addresses, lazy pictures, pixels, headings), then `nh3` has
the last word: nothing touches the markup after it. Both are repeated until nothing changes, because two parsers that
mend broken markup differently could otherwise make something of each other's result (mutation XSS: Heiderich and
others, CCS 2013); so cleaning twice is cleaning once.
"""

from __future__ import annotations

from html import escape, unescape

import nh3
from lxml import etree

from digest.gather import identity, markup, pictures, plain

MAX_KEPT = 400_000
"""Characters of kept markup: twice what is read, for addresses grow when they are made absolute. Those of links and
those of pictures may fill MAX_HTML each; links and pictures after that lose their address."""
ROUNDS = 5
"""What is not settled after so many is written to confuse parsers; its text is kept."""
TOP_HEADING = 3
"""An article's own headline is a heading of the second level in our mails; what is inside it stands below."""

_TAGS_WORDS = """
    a abbr b bdi bdo blockquote br caption cite code col colgroup dd del dfn div dl dt em figcaption figure h3 h4 h5
    h6 hr i img ins kbd li mark ol p pre q rp rt ruby s samp small span strong sub sup table tbody td tfoot th thead
    time tr u ul var wbr
    """
_TAGS = frozenset(_TAGS_WORDS.split())
_CONTENT = frozenset((*markup.SKIPPED, "frameset", "applet", "xmp", "plaintext", "dialog", "datalist"))
"""Elements that go with all they hold."""
_ATTRIBUTES = {
    "*": {"lang"},
    "a": {"href", "title"},
    "abbr": {"title"},
    "img": {"src", "alt", "title", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    "time": {"datetime"},
}
_DIRECTIONS = {tag: {"dir": {"ltr", "rtl", "auto"}} for tag in _TAGS}
_CLEANER = nh3.Cleaner(
    tags=set(_TAGS),
    clean_content_tags=set(_CONTENT),
    attributes=_ATTRIBUTES,
    tag_attribute_values=_DIRECTIONS,
    url_schemes={"http", "https"},
    url_relative="deny",
    link_rel="noopener noreferrer nofollow",
    strip_comments=True,
)
_NUMBERS = ("width", "height", "colspan", "rowspan", "start")
_TEXTS = ("alt", "title", "datetime", "lang")
_INLINE = frozenset(("a", "b", "em", "i", "span", "strong", "u", "picture"))
_EMPTY_GO = _INLINE | {"li", "p", "div", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "blockquote"}
"""Elements that are nothing once they hold nothing."""
_NOW = {"strike": "s", "acronym": "abbr", "tt": "code"}
"""Elements that HTML calls obsolete, and what it names in their place (HTML, 16.2, non-conforming features)."""
_UNWRAPPED = "unwrapped"
"""A name that is in no list, so that the tags go and what they hold stays."""
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")


def keep(told: str, base: str = "") -> str:
    """Clean markup of at most MAX_KEPT characters, its addresses made absolute with `base`.

    No scripts, styles, classes, ids or forms; links and pictures by http(s) only, links without their trackers and
    with rel="noopener noreferrer nofollow"; no pixels. Text without any element becomes paragraphs.
    """
    told = told[: markup.MAX_HTML]
    done = _round(told, base)
    for _ in range(ROUNDS):
        if len(done) > MAX_KEPT:
            break
        again = _round(done, "")
        if again == done:
            return done
        done = again
    return paragraphs(markup.read(told, plain.MAX_TEXT).text)


def paragraphs(text: str) -> str:
    """Markup of nothing but paragraphs, for a text that is clean already, a paragraph a line."""
    return _CLEANER.clean("".join(f"<p>{escape(each, quote=False)}</p>" for each in text.split("\n") if each))


def _round(told: str, base: str) -> str:
    if "<" not in told:
        text = unescape(told[: MAX_KEPT // 10])  # each "&" becomes five characters
        return paragraphs(plain.paragraphs(text, markup.MAX_HTML))
    root = markup.parse(told, MAX_KEPT)
    if root is None:
        return ""
    _drop_unseen(root)
    _mend_pictures(root, base)
    _mend_links(root, base)
    _rename(root)
    _lower_headings(root)
    _mend_attributes(root)
    _drop_empty(root)
    written = _written(root)
    if not plain.western(written) and plain.scrub(written) != written:
        _scrub_texts(root)
        written = _written(root)
    return _CLEANER.clean(written)


def _written(root: etree._Element) -> str:
    return etree.tostring(root, encoding="unicode", method="html")


def _drop_unseen(root: etree._Element) -> None:
    """Without what no reader sees; what a <noscript> shows instead of a lazy picture takes its place."""
    for node in list(root.iter("noscript")):
        shown = next((each for each in node.iter("img", "image") if pictures.source(each)), None)
        beside = node.getprevious()
        if shown is None or (beside is not None and _is_shown_already(beside, shown)):
            continue
        shown.tail = None
        node.addprevious(shown)
    etree.strip_elements(root, *_CONTENT, with_tail=False)
    for node in [each for each in root.iter(etree.Element) if pictures.is_hidden(each)]:
        _remove(node)


def _is_shown_already(beside: etree._Element, shown: etree._Element) -> bool:
    return any(pictures.source(each) == pictures.source(shown) for each in beside.iter("img", "image"))


def _mend_pictures(root: etree._Element, base: str) -> None:
    left = markup.MAX_HTML
    for node in list(root.iter("img", "image")):
        url = plain.address(pictures.source(node), base) if left > 0 else ""
        left -= len(url)
        if url:
            node.tag = "img"
            node.set("src", url)
        else:
            _remove(node)


def _mend_links(root: etree._Element, base: str) -> None:
    left = markup.MAX_HTML
    for node in root.iter("a"):
        told = node.get("href") or ""
        # "#note" leads to a place of the same text, and these have lost their ids.
        url = plain.address(told, base) if left > 0 and not told.lstrip().startswith("#") else ""
        left -= len(url)
        if url:
            node.set("href", identity.link(url))
        else:
            node.tag = _UNWRAPPED


def _rename(root: etree._Element) -> None:
    """What HTML gave up, by what it has in its place: a date that was struck out must not look good again."""
    for node in root.iter(*_NOW):
        node.tag = _NOW[str(node.tag)]


def _lower_headings(root: etree._Element) -> None:
    """The highest heading becomes one of TOP_HEADING and the others follow, so that their order stays."""
    levels = [int(node.tag[1]) for node in root.iter(*_HEADINGS)]
    by = max(0, TOP_HEADING - min(levels)) if levels else 0
    if by:
        for node in root.iter(*_HEADINGS):
            node.tag = f"h{min(6, int(node.tag[1]) + by)}"


def _mend_attributes(root: etree._Element) -> None:
    for node in root.iter(etree.Element):
        for name in _NUMBERS:
            told = node.get(name)
            if told is not None:
                digits = told.strip().removesuffix("px")
                if digits.isdecimal() and digits.isascii() and len(digits) < 6:
                    node.set(name, digits)
                else:
                    del node.attrib[name]
        for name in _TEXTS:
            if told := node.get(name):
                node.set(name, plain.line(told, 300))


def _drop_empty(root: etree._Element) -> None:
    for node in reversed(list(root.iter(*_EMPTY_GO))):
        if not len(node) and not (node.text or "").strip() and not _parts(node):
            # The blank between two words may stand in it. HTML's parser takes characters into a tail that lxml refuses.
            node.tail = plain.scrub((node.text or "") + (node.tail or ""))
            _remove(node)


def _parts(node: etree._Element) -> bool:
    """Whether an empty block ends one line of text and begins another."""
    before = node.getprevious()
    around = node.getparent()
    told = before.tail if before is not None else None if around is None else around.text
    return node.tag not in _INLINE and bool((told or "").strip() and (node.tail or "").strip())


def _scrub_texts(root: etree._Element) -> None:
    """NFC piece by piece: in markup as a whole, "<" and a combining stroke behind it would become one character."""
    for node in root.iter(etree.Element):
        if node.text:
            node.text = plain.scrub(node.text)
        if node.tail:
            node.tail = plain.scrub(node.tail)


def _remove(node: etree._Element) -> None:
    """Take an element out and leave the text behind it."""
    around = node.getparent()
    if around is None:
        return
    if node.tail:
        # lxml gives out control characters that stood in the markup, but takes none.
        before = node.getprevious()
        if before is None:
            around.text = plain.scrub((around.text or "") + node.tail)
        else:
            before.tail = plain.scrub((before.tail or "") + node.tail)
        node.tail = None
    around.remove(node)
