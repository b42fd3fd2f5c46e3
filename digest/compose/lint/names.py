"""How caniemail names what mails use: tables of what cannot be read off the slugs of its pages."""

from __future__ import annotations

from collections.abc import Mapping

LONGHANDS = (
    *("border", "margin", "padding", "outline", "list-style", "text-decoration", "text-emphasis", "transition"),
    *("animation", "background", "overflow", "scroll-snap", "grid-template", "flex", "border-image"),
)
"""Properties whose longhands have no page of their own and are covered by that of the shorthand."""

PROPERTIES: Mapping[str, str] = {
    **dict.fromkeys(("left", "right", "top", "bottom"), "css-left-right-top-bottom"),
    **dict.fromkeys(("column-gap", "row-gap"), "css-gap"),
    **dict.fromkeys(
        ("columns", "column-fill", "column-rule", "column-span", "column-width"), "css-column-layout-properties"
    ),
    **dict.fromkeys(("block-size",), "css-block-inline-size"),
    **dict.fromkeys((f"margin-block-{end}" for end in ("start", "end")), "css-margin-block-start-end"),
    **dict.fromkeys((f"margin-inline-{end}" for end in ("start", "end")), "css-margin-inline-start-end"),
    **dict.fromkeys((f"padding-block-{end}" for end in ("start", "end")), "css-padding-block-start-end"),
    **dict.fromkeys((f"padding-inline-{end}" for end in ("start", "end")), "css-padding-inline-start-end"),
    **dict.fromkeys(("margin-inline", "margin-block"), "css-margin-inline-block"),
    **dict.fromkeys(("padding-inline", "padding-block"), "css-padding-inline-block"),
    **dict.fromkeys(("border-inline", "border-block"), "css-border-inline-block"),
    **dict.fromkeys(
        (f"border-{end}-{side}-radius" for end in ("top", "bottom") for side in ("left", "right")), "css-border-radius"
    ),
    **dict.fromkeys(
        (f"border-{end}-{side}-radius" for end in ("start", "end") for side in ("start", "end")),
        "css-border-radius-logical",
    ),
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
    **{
        f"{before}{name}-gradient": f"css-{name}-gradient"
        for name in ("linear", "radial", "conic")
        for before in ("", "repeating-")
    },
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
        (
            *("article", "aside", "details", "figcaption", "figure", "footer", "header", "main", "mark", "nav"),
            *("section", "summary", "time"),
        ),
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
    (
        "html",
        "head",
        "title",
        "meta",
        "tr",
        "td",
        "th",
        "tbody",
        "thead",
        "a",
        "br",
        "b",
        "i",
        "em",
        "u",
        "center",
        "font",
    )
)
"""Elements without a page that every mail program has known since it shows HTML (HTML 3.2)."""

PLAIN = frozenset(
    ("href", "src", "alt", "class", "id", "style", "title", "name", "content", "charset", "border", "colspan")
)
PLAIN_TOO = frozenset(("rowspan", "bgcolor", "xmlns:o", "xmlns:v", "http-equiv", "color", "face", "size"))
"""Attributes without a page that every mail program has known since it shows HTML (HTML 3.2), and names."""

PLAIN_CSS = frozenset(("color", "font-family", "font-style"))
"""Properties without a page that every mail program has known since it shows CSS (CSS 1)."""


COMBINATORS: Mapping[str, tuple[str, str]] = {
    ">": ("css-selector-child", "the selector a > b"),
    "+": ("css-selector-adjacent-sibling", "the selector a + b"),
    "~": ("css-selector-general-sibling", "the selector a ~ b"),
}
