"""Features that are used although a large mail program lacks them, each with its fallback: what is seen instead.

An entry holds only for uses that satisfy its condition; whoever adds one says what is seen without the feature. A test
fails for an entry that the data has no page for, or that no mail of ours needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from digest.compose.lint.uses import Use

Condition = Callable[[Use], bool]


@dataclass(frozen=True, slots=True)
class Allowed:
    """`fallback` is one line."""

    fallback: str
    holds: Condition


def in_head(use: Use) -> bool:
    """In a style sheet, which Gmail drops in some apps and Outlook reads in part: everything there is an extra, for
    what a mail needs is in its style attributes."""
    return use.element is None


def _on(*tags: str) -> Condition:
    return lambda use: use.element is not None and use.element.tag in tags


def _sized(use: Use) -> bool:
    return use.element is not None and use.element.get("width") is not None


def _beside(**wanted: str) -> Condition:
    def holds(use: Use) -> bool:
        told = {one.name: one.text for one in use.beside}
        return all(told.get(name.replace("_", "-")) == value for name, value in wanted.items())

    return holds


def _value(*allowed: str) -> Condition:
    return lambda use: use.declaration is not None and use.declaration.text in allowed


def _numbers(use: Use) -> list[float]:
    tokens = use.declaration.tokens if use.declaration else ()
    return [token.value for token in tokens if token.type in ("number", "dimension", "percentage")]


def _in_pixels(use: Use) -> bool:
    tokens = use.declaration.tokens if use.declaration else ()
    return all(token.type == "number" or (token.type == "dimension" and token.lower_unit == "px") for token in tokens)


def _plain_margin(use: Use) -> bool:
    return (
        use.element is not None
        and use.element.tag not in ("span", "body")
        and all(number >= 0 for number in _numbers(use))
        and "auto" not in (use.declaration.text if use.declaration else "")
    )


def _bare_body(use: Use) -> bool:
    return use.element is not None and use.element.tag == "body" and not any(_numbers(use))


def _thin(use: Use) -> bool:
    return _on("td", "th", "table", "img", "a")(use) and all(number <= 8 for number in _numbers(use))


def _padded_cell(use: Use) -> bool:
    """On a cell; or on a link whose cell has Outlook's own padding instead."""
    if use.element is None or use.element.tag in ("td", "th"):
        return use.element is not None
    cell = use.element.getparent()
    return use.element.tag == "a" and cell is not None and "mso-padding-alt" in (cell.get("style") or "")


def _small_and_in_pixels(use: Use) -> bool:
    return _in_pixels(use) and all(0 <= number <= 8 for number in _numbers(use))


def _exact_height(use: Use) -> bool:
    return all(number > 0 for number in _numbers(use)) or _beside(mso_line_height_rule="exactly")(use)


def _hidden(use: Use) -> bool:
    """Of a preheader: it is hidden in three ways, of which every mail program knows one."""
    return _beside(display="none", max_height="0", overflow="hidden", mso_hide="all")(use)


EXTRA = Allowed("an extra of the style sheet: without it the style attributes decide, and they are complete", in_head)
PREHEADER = Allowed("the preheader is hidden in three ways, and each mail program knows one of them", _hidden)

ALLOWED: Mapping[str, Sequence[Allowed]] = {
    "css-at-media": [EXTRA],
    "css-at-media-prefers-color-scheme": [
        Allowed("the light colours, which survive a program's own inversion", in_head)
    ],
    "css-at-supports": [Allowed("a tall picture keeps its own height", in_head)],
    "css-object-fit": [Allowed("a tall picture keeps its own height", in_head)],
    "css-selector-class": [EXTRA],
    "css-selector-type": [EXTRA],
    "css-selector-grouping": [EXTRA],
    "css-selector-descendant": [EXTRA],
    "css-selector-attribute": [
        Allowed("data-ogsc and data-ogsb are Outlook's own marks, meant for Outlook alone", in_head)
    ],
    "css-important": [EXTRA],
    "css-padding": [
        EXTRA,
        Allowed("a margin in the colour of the page", _bare_body),
        Allowed("it stands on cells, where Outlook knows it; a button's cell has mso-padding-alt", _padded_cell),
    ],
    "css-line-height": [
        EXTRA,
        Allowed("Outlook takes it as the least height of a line: lines stand no closer", _exact_height),
    ],
    "css-width": [
        EXTRA,
        Allowed("the width attribute says the same", _sized),
    ],
    "css-max-width": [Allowed("the width attribute says how wide it is", _sized), PREHEADER],
    "css-max-height": [EXTRA, PREHEADER],
    "css-opacity": [PREHEADER],
    "css-overflow": [PREHEADER],
    "css-display-none": [PREHEADER],
    "css-display": [
        PREHEADER,
        Allowed(
            "a picture alone in its cell looks the same; a button keeps its cell's padding",
            _value("block", "inline-block"),
        ),
    ],
    "css-height": [Allowed("it stands on a cell or a picture, where Outlook knows it", _on("td", "th", "img"))],
    "css-margin": [
        Allowed(
            "no negative or automatic margin, and none on span or body: what Outlook and Gmail know", _plain_margin
        ),
        Allowed("a margin in the colour of the page", _bare_body),
    ],
    "css-border": [Allowed("at most 8 px, on cells, tables and pictures: what Outlook knows", _thin), EXTRA],
    "css-font-size": [
        EXTRA,
        Allowed("in pixels, which Outlook knows; rem and percentages are what it lacks", _in_pixels),
    ],
    "css-font-weight": [Allowed("a keyword, which Outlook knows; numbers are what it lacks", _value("bold", "normal"))],
    "css-text-align": [Allowed("left, right and center are known everywhere", _value("left", "right", "center"))],
    "css-text-decoration": [Allowed("a single word, which Outlook knows", _value("none", "underline"))],
    "css-letter-spacing": [
        Allowed("a small one in pixels: large negative ones and em are what Outlook errs in", _small_and_in_pixels)
    ],
    "css-white-space": [Allowed("the two words may stand on two lines", _value("nowrap"))],
    "css-word-break": [Allowed("a very long word makes its column wider", in_head)],
    "css-overflow-wrap": [Allowed("a very long word makes its column wider, or is broken by word-break", in_head)],
    "html-style": [Allowed("everything that a mail needs is in its style attributes", _on("style"))],
    "html-body": [Allowed("language, direction and colour stand on the first table again", _on("body"))],
    "html-doctype": [Allowed("tables and style attributes look the same in the older mode", lambda use: True)],
    "html-dir": [
        Allowed("it is on no link, where Outlook errs", lambda use: use.element is not None and use.element.tag != "a")
    ],
    "html-meta-color-scheme": [Allowed("the light colours, which survive a program's own inversion", _on("meta"))],
    "html-width": [
        Allowed(
            "in pixels, or on a table: percentages of pictures are what Outlook gets wrong",
            lambda use: (
                use.element is not None and (use.element.tag != "img" or "%" not in use.element.get("width", ""))
            ),
        )
    ],
    "html-align": [Allowed("it stands on a cell; tables are what Outlook on macOS does not align", _on("td", "th"))],
    "html-role": [Allowed("a screen reader takes such a table for layout by its looks", _on("table"))],
    "html-lang": [Allowed("a screen reader speaks in the voice that its user has set", lambda use: True)],
}


def fallback(use: Use) -> str:
    """What readers see who lack the feature; empty where nothing of the kind was declared for this use."""
    declared = ALLOWED.get(use.slug or "", ())
    return next((each.fallback for each in declared if each.holds(use)), "")
