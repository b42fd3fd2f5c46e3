"""Whether each text can be read on what lies below it: WCAG 2.2, success criterion 1.4.3, by day and by night."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tinycss2.color3 import RGBA, parse_color

from digest.compose.lint.cascade import SCHEMES, Scheme, Styles, styles_of
from digest.compose.lint.mail import Finding, Opened, Severity, line_of, named

LEAST, LEAST_LARGE = 4.5, 3.0
LARGE, LARGE_BOLD = 24.0, 18.66
"""CSS pixels from which a text is large: 18 points, 14 when it is bold (WCAG 2.2, "large scale")."""

PAPER, INK = RGBA(1, 1, 1, 1), RGBA(0, 0, 0, 1)
UNSEEN = frozenset("\u200b\u200c\u200d\u2060\ufeff\u034f\u00ad")
"""Characters without ink that no strip removes."""

BOLD = frozenset(("h1", "h2", "h3", "h4", "h5", "h6", "b", "strong", "th"))


@dataclass(frozen=True, slots=True)
class _Seen:
    """What an element looks like, with what it inherits."""

    ink: RGBA = INK
    paper: RGBA = PAPER
    size: float = 16.0
    bold: bool = False
    shown: bool = True


def check_contrast(mail: Opened) -> Iterator[Finding]:
    """An error for each kind of element whose text is too pale, in each colour scheme the mail has."""
    if mail.root is None:
        return
    rules = [rule for sheet in mail.sheets for rule in sheet.rules]
    for scheme in SCHEMES:
        plain = SCHEMES[0].holds
        marked = any(f"[{mark}]" in rule.selector for mark in scheme.marks for rule in rules)
        if scheme is SCHEMES[0] or marked or any(scheme.holds(rule) and not plain(rule) for rule in rules):
            yield from _in(mail, scheme)


def _in(mail: Opened, scheme: Scheme) -> Iterator[Finding]:
    root, styles = styles_of(mail.root, mail.sheets, scheme)
    told: set[tuple[str, RGBA, RGBA]] = set()
    for element, seen in _walk(root, styles, _Seen()):
        ratio = contrast(_over(seen.ink, seen.paper), seen.paper)
        large = seen.size >= LARGE or (seen.bold and seen.size >= LARGE_BOLD)
        least = LEAST_LARGE if large else LEAST
        key = (named(element), seen.ink, seen.paper)
        if ratio < least and key not in told:
            told.add(key)
            yield Finding(
                Severity.ERROR,
                "contrast",
                f"contrast {ratio:.2f} in the {scheme.name} colours: {_hex(seen.ink)} on {_hex(seen.paper)}",
                named(element),
                line_of(element),
                cure=f"at least {least} (WCAG 2.2, 1.4.3): change the colour of the text or what is below it",
            )


def _walk(element: Any, styles: Styles, above: _Seen) -> Iterator[tuple[Any, _Seen]]:
    """The elements that show text of their own, as they are seen. A picture shows its alternative text."""
    seen = _seen(element, styles.get(element, {}), above)
    if not seen.shown or element.tag == "head":
        return
    own = [element.text or "", *(child.tail or "" for child in element)]
    if element.tag == "img":
        own = [element.get("alt") or ""]
    if seen.size > 0 and any(char not in UNSEEN and not char.isspace() for text in own for char in text):
        yield element, seen
    for child in element:
        if isinstance(child.tag, str):
            yield from _walk(child, styles, seen)


def _seen(element: Any, style: dict[str, str] | Any, above: _Seen) -> _Seen:
    painted = style.get("background-color") or style.get("background") or element.get("bgcolor") or ""
    paper = _colour(painted)
    ink = _colour(style.get("color") or "")
    weight = style.get("font-weight", "")
    bold = weight in ("bold", "bolder") or (weight.isdigit() and int(weight) >= 700)
    return _Seen(
        ink=ink or above.ink,
        paper=_over(paper, above.paper) if paper else above.paper,
        size=_size(style.get("font-size", ""), above.size),
        bold=bold or (not weight and (element.tag in BOLD or above.bold)),
        shown=style.get("display") != "none" and style.get("visibility") != "hidden",
    )


def _colour(text: str) -> RGBA | None:
    """A colour; of a shorthand the part that is one. None for none, and for the colour of the text itself."""
    for part in [text, *text.split()]:
        found = parse_color(part)
        if isinstance(found, RGBA):
            return found
    return None


def _size(text: str, above: float) -> float:
    units = {"px": 1.0, "pt": 4 / 3, "em": above, "rem": 16.0, "%": above / 100}
    for unit, worth in units.items():
        number = text.removesuffix(unit)
        if number != text and number.replace(".", "", 1).isdigit():
            return float(number) * worth
    return 0.0 if text == "0" else above


def _over(colour: RGBA, below: RGBA) -> RGBA:
    """A colour that lets shine through, on what lies below it."""
    mixed = (
        colour.alpha * mine + (1 - colour.alpha) * other for mine, other in zip(colour[:3], below[:3], strict=True)
    )
    return RGBA(*mixed, 1.0)


def contrast(one: RGBA, other: RGBA) -> float:
    """1 to 21 (WCAG 2.2, "contrast ratio")."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: RGBA) -> float:
    """WCAG 2.2, "relative luminance"."""
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour[:3])
    return float(0.2126 * red + 0.7152 * green + 0.0722 * blue)


def _hex(colour: RGBA) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in colour[:3])
