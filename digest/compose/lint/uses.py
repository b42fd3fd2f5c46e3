"""Which features of HTML and CSS a built mail uses, by the names that caniemail gives them.

Names come from the data itself wherever its slugs say what they are about (`css-line-height`, `html-bdi`), the others
from the tables in `names`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from digest.compose.caniemail import Data
from digest.compose.lint.mail import Opened, elements, line_of, named
from digest.compose.lint.names import (
    ATTRIBUTES,
    COMBINATORS,
    ELEMENTS,
    FUNCTIONS,
    KEYWORDS,
    LONGHANDS,
    MEDIA,
    PICTURES,
    PLAIN,
    PLAIN_CSS,
    PLAIN_TOO,
    PROPERTIES,
    TYPED,
    UNDECIDED,
    UNREMARKABLE,
    VALUES,
)
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
                yield Use(slug, what, named(element), line_of(element), element, one, declared)
    for sheet in mail.sheets:
        yield from _of_sheet(sheet, data)


def _of_element(element: Any, data: Data) -> Iterator[Use]:
    place = (named(element), line_of(element), element)
    tag = element.tag
    slug = f"html-{tag}-{element.get('type', '').lower()}" if tag in TYPED else ELEMENTS.get(tag, f"html-{tag}")
    if slug in data.features:
        yield Use(slug, f"<{tag}>", *place)
    elif tag not in UNREMARKABLE:
        yield Use(None, f"<{tag}>", *place)
    for name in element.attrib:
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
        page = f"css-at-{rule.name}"
        yield Use(page if page in data.features else None, f"@{rule.name}", where, rule.line)
        for name, about in MEDIA.items():
            if rule.name == "media" and re.search(rf"\(\s*[\w-]*{name}\b", rule.condition):
                yield Use(about, f"@media ({name})", where, rule.line)
    for one in sheet.rules:
        for slug, what in selector_features(one.prelude):
            yield Use(slug if slug in data.features else None, what, f"style sheet, {one.selector}", one.line)
        for declared in one.declarations:
            for found, what in _of_declaration(declared, data):
                place = (f"style sheet, {one.selector}", declared.line)
                yield Use(found, what, *place, declaration=declared, beside=one.declarations)


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
