"""Which features of HTML and CSS a built mail uses, by the names that caniemail gives them.

Names come from the data itself wherever its slugs say what they are about (`css-line-height`, `html-bdi`); the tables
here hold only what cannot be read off them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from digest.compose.caniemail import Data
from digest.compose.lint.mail import Opened, elements, named
from digest.compose.lint.sheet import Declaration, Sheet, inside


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a feature. `slug` is None where the data has no page on it."""

    slug: str | None
    what: str
    where: str
    line: int
    element: Any = None
    """Whose attribute, style or tag it is; None in a style sheet."""
    declaration: Declaration | None = None
    beside: tuple[Declaration, ...] = ()
    """All declarations of the same style attribute or rule."""


LONGHANDS = (
    *("border", "margin", "padding", "outline", "list-style", "text-decoration", "text-emphasis", "transition"),
    *("animation", "background", "overflow", "scroll-snap", "grid-template", "flex", "border-image"),
)
"""Properties whose longhands have no page of their own and are covered by that of the shorthand."""

PROPERTIES: Mapping[str, str] = {
    **dict.fromkeys(("left", "right", "top", "bottom"), "css-left-right-top-bottom"),
    **dict.fromkeys(("column-gap", "row-gap"), "css-gap"),
    **dict.fromkeys(("columns", "column-fill", "column-rule", "column-span", "column-width"), "css-column-layout-properties"),
    **dict.fromkeys(("block-size",), "css-block-inline-size"),
    **dict.fromkeys((f"margin-block-{end}" for end in ("start", "end")), "css-margin-block-start-end"),
    **dict.fromkeys((f"margin-inline-{end}" for end in ("start", "end")), "css-margin-inline-start-end"),
    **dict.fromkeys((f"padding-block-{end}" for end in ("start", "end")), "css-padding-block-start-end"),
    **dict.fromkeys((f"padding-inline-{end}" for end in ("start", "end")), "css-padding-inline-start-end"),
    **dict.fromkeys(("margin-inline", "margin-block"), "css-margin-inline-block"),
    **dict.fromkeys(("padding-inline", "padding-block"), "css-padding-inline-block"),
    **dict.fromkeys(("border-inline", "border-block"), "css-border-inline-block"),
}
"""Properties whose page has another name."""

UNDECIDED = frozenset(("flex-direction", "flex-wrap"))
"""Properties whose page is about one value only; see VALUES."""

VALUES: Mapping[tuple[str, str], str] = {
    ("display", "none"): "css-display-none",
    **dict.fromkeys((("display", "flex"), ("display", "inline-flex")), "css-display-flex"),
    **dict.fromkeys((("display", "grid"), ("display", "inline-grid")), "css-display-grid"),
    ("flex-direction", "column"): "css-flex-direction",
    ("flex-wrap", "wrap"): "css-flex-wrap",
}
"""(property, value) -> page."""

KEYWORDS: Mapping[str, str] = {
    **dict.fromkeys(("fit-content", "min-content", "max-content"), "css-intrinsic-size"),
    **dict.fromkeys(("system-ui", "ui-serif", "ui-sans-serif", "ui-rounded", "ui-monospace"), "css-sytem-ui"),
    "initial": "css-unit-initial",
}

FUNCTIONS: Mapping[str, str] = {
    "var": "css-variables",
    "calc": "css-unit-calc",
    **{name: f"css-function-{name}" for name in ("clamp", "light-dark", "max", "min")},
    **dict.fromkeys(("lch", "oklch", "lab", "oklab"), "css-modern-color"),
    **{name: f"css-{name}" for name in ("rgb", "rgba")},
    **{f"{before}{name}-gradient": f"css-{name}-gradient" for name in ("linear", "radial", "conic") for before in ("", "repeating-")},
}

MEDIA: Mapping[str, str] = {
    "prefers-color-scheme": "css-at-media-prefers-color-scheme",
    "prefers-reduced-motion": "css-at-media-prefers-reduced-motion",
    "device-pixel-ratio": "css-at-media-device-pixel-ratio",
    "orientation": "css-at-media-orientation",
    "hover": "css-at-media-hover",
}

ELEMENTS: Mapping[str, str] = {
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), "html-h1-h6"),
    **dict.fromkeys(("ul", "ol", "li", "dl", "dt", "dd"), "html-lists"),
    **dict.fromkeys(
        ("article", "aside", "details", "figcaption", "figure", "footer", "header", "main", "mark", "nav", "section")
        + ("summary", "time"),
        "html-semantics",
    ),
    **dict.fromkeys(("map", "area"), "html-image-maps"),
    **dict.fromkeys(("embed", "object"), "html-object"),
}

ATTRIBUTES: Mapping[str, str] = {
    **dict.fromkeys(("srcset", "sizes"), "html-srcset"),
    **dict.fromkeys(("usemap",), "html-image-maps"),
    "inert": "css-inert-attribute",
    "loading": "html-loading-attribute",
}

TYPED = ("input", "button")
"""Elements that have a page for each of their types."""

PICTURES: Mapping[str, str] = {"jpeg": "jpg", "tif": "tiff", "heic": "heif"}

UNREMARKABLE = frozenset(
    ("html", "head", "title", "meta", "tr", "td", "th", "tbody", "thead", "a", "br", "b", "i", "em", "u", "center", "font")
)
"""Elements without a page that every mail program has known since it shows HTML (HTML 3.2)."""

PLAIN = frozenset(("href", "src", "alt", "class", "id", "style", "title", "name", "content", "charset", "border", "colspan"))
PLAIN_TOO = frozenset(("rowspan", "bgcolor", "xmlns:o", "xmlns:v", "http-equiv", "color", "face", "size"))
"""Attributes without a page that every mail program has known since it shows HTML (HTML 3.2), and names."""

PLAIN_CSS = frozenset(("color", "font-family", "font-style"))
"""Properties without a page that every mail program has known since it shows CSS (CSS 1)."""


def uses(mail: Opened, data: Data) -> Iterator[Use]:
    """Every use in document order, the style sheets last."""
    if mail.root is None:
        return
    if mail.root.getroottree().docinfo.doctype:
        yield Use("html-doctype", "the HTML5 doctype", "html", 1)
    for element in elements(mail.root):
        yield from _of_element(element, data)
        declared = tuple(mail.styles.get(element, ()))
        for one in declared:
            for slug, what in _of_declaration(one, data):
                yield Use(slug, what, named(element), element.sourceline or 0, element, one, declared)
    for sheet in mail.sheets:
        yield from _of_sheet(sheet, data)


def _of_element(element: Any, data: Data) -> Iterator[Use]:
    place = (named(element), element.sourceline or 0, element)
    tag = element.tag
    slug = f"html-{tag}-{element.get('type', '').lower()}" if tag in TYPED else ELEMENTS.get(tag, f"html-{tag}")
    if slug in data.features:
        yield Use(slug, f"<{tag}>", *place)
    elif tag not in UNREMARKABLE:
        yield Use(None, f"<{tag}>", *place)
    for name, value in element.attrib.items():
        slug = ATTRIBUTES.get(name, f"html-{name}")
        if slug in data.features and (name in ATTRIBUTES or "attribute" in data.features[slug].title):
            yield Use(slug, f"the attribute {name}", *place)
        elif name not in PLAIN | PLAIN_TOO and not name.startswith("data-"):
            yield Use(None, f"the attribute {name}", *place)
    if tag == "meta" and element.get("name", "").lower() == "color-scheme":
        yield Use("html-meta-color-scheme", "<meta name=color-scheme>", *place)
    if tag == "a" and element.get("href", "").startswith(("#", "mailto:")):
        slug = "html-anchor-links" if element.get("href").startswith("#") else "html-mailto-links"
        yield Use(slug, data.features[slug].title, *place)
    if tag == "img":
        yield from (Use(slug, data.features[slug].title, *place) for slug in _picture(element.get("src", ""), data))


def _picture(address: str, data: Data) -> Iterator[str]:
    if address.startswith("data:"):
        yield "image-base64"
        return
    ending = PurePosixPath(urlsplit(address).path).suffix.lower().removeprefix(".")
    slug = f"image-{PICTURES.get(ending, ending)}"
    if slug in data.features:
        yield slug


def page_of(name: str, data: Data) -> str | None:
    """The page on a CSS property; None where there is none. `border-top-color` stands on that of `border`."""
    if name in PROPERTIES:
        return PROPERTIES[name]
    if name.startswith("--"):
        return "css-variables"
    if f"css-{name}" in data.features and name not in UNDECIDED:
        return f"css-{name}"
    family = next((each for each in sorted(LONGHANDS, key=len, reverse=True) if name.startswith(f"{each}-")), None)
    return f"css-{family}" if family and f"css-{family}" in data.features else None


def _of_declaration(one: Declaration, data: Data) -> Iterator[tuple[str | None, str]]:
    slug = page_of(one.name, data)
    if slug or (one.name not in PLAIN_CSS | UNDECIDED):
        yield slug, one.name
    if one.important:
        yield "css-important", "!important"
    seen: set[str] = set()
    for token in inside(one.tokens):
        for found, what in _of_token(one.name, token):
            if found in data.features and found not in seen:
                seen.add(found)
                yield found, what


def _of_token(name: str, token: Any) -> Iterator[tuple[str, str]]:
    if token.type == "dimension":
        yield f"css-unit-{token.lower_unit}", f"the unit {token.lower_unit}"
    elif token.type == "percentage":
        yield "css-unit-percent", "the unit %"
    elif token.type == "function" and token.lower_name in FUNCTIONS:
        yield FUNCTIONS[token.lower_name], f"{token.lower_name}()"
    elif token.type == "ident":
        value = token.lower_value
        if (name, value) in VALUES:
            yield VALUES[name, value], f"{name}: {value}"
        if value in KEYWORDS:
            yield KEYWORDS[value], f"{value}"


def _of_sheet(sheet: Sheet, data: Data) -> Iterator[Use]:
    where = "style sheet"
    for line in sheet.comments:
        yield Use("css-comments", "a comment", where, line)
    for rule in sheet.at_rules:
        slug = f"css-at-{rule.name}"
        yield Use(slug if slug in data.features else None, f"@{rule.name}", where, rule.line)
        for name, page in MEDIA.items():
            if rule.name == "media" and re.search(rf"\(\s*[\w-]*{name}\b", rule.condition):
                yield Use(page, f"@media ({name})", where, rule.line)
    for one in sheet.rules:
        for slug, what in selector_features(one.prelude):
            yield Use(slug if slug in data.features else None, what, f"style sheet, {one.selector}", one.line)
        for declared in one.declarations:
            for page, what in _of_declaration(declared, data):
                place = (f"style sheet, {one.selector}", declared.line)
                yield Use(page, what, *place, declaration=declared, beside=one.declarations)


COMBINATORS: Mapping[str, tuple[str, str]] = {
    ">": ("css-selector-child", "the selector a > b"),
    "+": ("css-selector-adjacent-sibling", "the selector a + b"),
    "~": ("css-selector-general-sibling", "the selector a ~ b"),
}


def selector_features(prelude: Sequence[Any]) -> set[tuple[str, str]]:
    """The features of a rule's selectors (Selectors Level 3), from tinycss2's component values."""
    found: set[tuple[str, str]] = set()
    tokens = [token for token in prelude if token.type != "comment"]
    simple = 0  # classes, ids and attributes of the compound selector in hand
    for place, token in enumerate(tokens):
        before = tokens[place - 1] if place else None
        after = tokens[place + 1] if place + 1 < len(tokens) else None
        if token.type == "whitespace" or (token.type == "literal" and token.value in (",", *COMBINATORS)):
            simple = 0
        if token.type == "whitespace" and _ends(before) and _begins(after):
            found.add(("css-selector-descendant", "the selector a b"))
        elif token.type == "literal" and token.value in COMBINATORS:
            found.add(COMBINATORS[token.value])
        elif token.type == "literal" and token.value == ",":
            found.add(("css-selector-grouping", "the selector a, b"))
        elif token.type == "literal" and token.value == "*":
            found.add(("css-selector-universal", "the selector *"))
        elif token.type in ("hash", "[] block") or (token.type == "ident" and before == "."):
            simple += 1
            kind = {"hash": "id", "[] block": "attribute"}.get(token.type, "class")
            found.add((f"css-selector-{kind}", f"a selector by {kind}"))
            if simple > 1:
                found.add(("css-selector-chaining", "the selector .a.b"))
        elif token.type in ("ident", "function") and before == ":":
            element = place > 1 and tokens[place - 2] == ":"
            name = token.lower_value if token.type == "ident" else token.lower_name
            kind = "element" if element else "class"
            found.add((f"css-pseudo-{kind}-{name}", f"{'::' if element else ':'}{name}"))
        elif token.type == "ident":
            found.add(("css-selector-type", "a selector by element"))
    return found


def _ends(token: Any) -> bool:
    """Whether a compound selector may end with this token."""
    return token is not None and (token.type != "literal" or token.value == "*")


def _begins(token: Any) -> bool:
    return token is not None and (token.type != "literal" or token.value in ("*", ".", ":"))
