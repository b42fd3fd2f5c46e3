"""The gallery of mails on loopback: specimens in every dress, chosen by links, shown in frames.

A frame holds a mail as it would be sent, in an origin of its own, without script, and as wide as a screen. Its night
does not depend on the browser's: the media query is answered here, because a frame follows the reader's own system and
there are to be two nights on one page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlencode

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import escape

from digest.compose.lint import Finding
from digest.errors import TemplateError

CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-src 'self'; img-src 'none'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
MAIL_CSP = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src {pictures}; frame-ancestors 'self'"
"""No popup and no navigation either: nothing that is invented leads anywhere."""
ALWAYS = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
STATIC = {"gallery.css": "text/css; charset=utf-8", "gallery.js": "text/javascript; charset=utf-8"}

ALL = "all"
WIDTHS = {"phone": 375, "desktop": 700}
"""Of frames, in CSS pixels: a usual phone, and what a mail program leaves of a window."""
MOST = 48
"""Frames on a page; a browser holds a document for each."""
SECONDS = "5"
EVERY = {"every": SECONDS}
"""After which a page without script loads itself again, if somebody asks for that."""

DRESS: Mapping[str, tuple[str, ...]] = {
    "scheme": ("light", "dark"),
    "width": tuple(WIDTHS),
    "part": ("html", "text"),
    "pictures": ("shown", "blocked"),
}
BEGINS = {"scheme": ALL, "width": "phone"}
"""What is chosen where nothing else is; of the others the first."""

_SCHEME = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)", re.IGNORECASE)
_PICTURE = re.compile(r"https://pictures\.example\.org/[^\"'\s)]*")
_HEAD = re.compile(r"<head[^>]*>", re.IGNORECASE)
_ABLE = re.compile(r"(<meta name=\"(?:supported-)?color-schemes?\" content=\")[^\"]*(\")", re.IGNORECASE)

PICTURE = "data:image/svg+xml," + quote(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1104 621" width="1104" height="621">'
    '<path fill="#b9c4c9" d="M0 0h1104v621H0z"/>'
    '<path fill="#8fa1a8" d="M0 400l260-150 220 120 260-200 364 230v221H0z"/>'
    '<circle fill="#f4f1ea" cx="860" cy="150" r="60"/></svg>'
)
"""Stands for every picture of the invented news, which no server has: 16:9, as most are."""


class Specimens(Protocol):
    """Who makes the mails (`digest.service.gallery.Gallery`)."""

    def version(self) -> str: ...
    def choices(self) -> Mapping[str, tuple[str, ...]]: ...
    def show(self, mail: str, theme: str, language: str) -> Made: ...


class Made(Protocol):
    @property
    def subject(self) -> str: ...
    @property
    def html(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def findings(self) -> Sequence[Finding]: ...


@dataclass(frozen=True, slots=True)
class Frame:
    """One mail in one dress."""

    title: str
    source: str
    subject: str
    size: str
    found: str
    width: int


@dataclass(frozen=True, slots=True)
class Link:
    """One option of an axis."""

    name: str
    to: str
    chosen: bool


def create_gallery(specimens: Specimens, templates: Path, hosts: frozenset[str]) -> FastAPI:
    """The gallery. It answers to these host names only, so that no other site can read it by rebinding its own name to
    this machine; to any when there are none. Raises OSError for a file of the gallery's own that is missing."""

    def asked_here(request: Request) -> None:
        if hosts and request.url.hostname not in hosts:
            raise HTTPException(404)

    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, dependencies=[Depends(asked_here)])
    folder = templates / "web"
    static = {name: (folder / name).read_bytes() for name in STATIC}
    page = _environment(folder).get_template("gallery.html")

    @app.get("/")
    def gallery(request: Request) -> Response:
        version = specimens.version()  # before anything is made, so that what changes meanwhile is looked at again
        text = page.render(_page(specimens, request.query_params), version=version, seconds=SECONDS)
        return HTMLResponse(text, headers={**ALWAYS, "Content-Security-Policy": CSP})

    @app.get("/version")
    def version() -> Response:
        return PlainTextResponse(specimens.version(), headers=ALWAYS)

    @app.get("/mail")
    def mail(request: Request) -> Response:
        return _mail(specimens, request.query_params)

    @app.get("/{name}")
    def own(name: str) -> Response:
        if name not in static:
            raise HTTPException(404)
        return Response(static[name], media_type=STATIC[name], headers=ALWAYS)

    return app


def _environment(folder: Path) -> Environment:
    loader = FileSystemLoader(folder)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


# --- the page ---------------------------------------------------------------------------------------------------------


def _page(specimens: Specimens, query: Mapping[str, str]) -> dict[str, object]:
    """What the page shows: links, frames, and what is wrong. Raises HTTPException for what there is not."""
    kept = EVERY if query.get("every") == SECONDS else {}
    try:
        axes = {**specimens.choices(), **DRESS}
    except TemplateError as error:
        nothing: dict[str, object] = {"axes": {}, "frames": [], "findings": [], "wanted": 0}
        return {**nothing, "problems": [str(error)], "every": kept, "again": urlencode({**query, **EVERY})}
    chosen = _chosen(axes, query)
    combinations = _combinations(axes, chosen)
    frames: list[Frame] = []
    problems: dict[str, None] = {}
    findings: dict[str, None] = {}
    for each in islice(combinations, MOST):
        try:
            made = specimens.show(each["mail"], each["theme"], each["language"])
        except TemplateError as error:
            problems[str(error)] = None
            continue
        frames.append(_frame(each, made))
        findings.update(dict.fromkeys(f"{one.severity}: {one.what} ({one.where})" for one in made.findings))
    return {
        "axes": {name: _links(name, options, {**chosen, **kept}) for name, options in axes.items()},
        "frames": frames,
        "problems": list(problems),
        "findings": list(findings),
        "wanted": len(combinations),
        "every": kept,
        "again": urlencode({**chosen, **EVERY}),
    }


def _chosen(axes: Mapping[str, Sequence[str]], query: Mapping[str, str]) -> dict[str, str]:
    """The option of each axis. Raises HTTPException 404 for one that there is not."""
    chosen = {name: query.get(name) or BEGINS.get(name, options[0]) for name, options in axes.items()}
    for name, option in chosen.items():
        if option not in (ALL, *axes[name]):
            raise HTTPException(404, f"there is no {name} {option[:40]!r}; there are {', '.join(axes[name])}")
    return chosen


def _combinations(axes: Mapping[str, Sequence[str]], chosen: Mapping[str, str]) -> list[dict[str, str]]:
    """Every dress that is chosen. Plain text has no pictures: it comes once."""
    options = [axes[name] if chosen[name] == ALL else (chosen[name],) for name in axes]
    every = [dict(zip(axes, each, strict=True)) for each in product(*options)]
    first = options[list(axes).index("pictures")][0]
    return [each for each in every if each["part"] == "html" or each["pictures"] == first]


def _links(name: str, options: Sequence[str], chosen: Mapping[str, str]) -> list[Link]:
    offered = [*options, ALL] if len(options) > 1 else options
    return [Link(each, "/?" + urlencode({**chosen, name: each}), chosen[name] == each) for each in offered]


def _frame(dress: Mapping[str, str], made: Made) -> Frame:
    body = made.html if dress["part"] == "html" else made.text
    worst = ", ".join(dict.fromkeys(str(one.severity) for one in made.findings))
    return Frame(
        title=" · ".join(dress[name] for name in dress if name != "pictures" or dress["pictures"] == "blocked"),
        source="/mail?" + urlencode(dress),
        subject=made.subject,
        size=f"{len(body.encode()) / 1000:.1f} KB",
        found=f"lint: {worst}" if worst else "",
        width=WIDTHS[dress["width"]],
    )


# --- a frame ----------------------------------------------------------------------------------------------------------


def _mail(specimens: Specimens, query: Mapping[str, str]) -> Response:
    try:
        axes = {**specimens.choices(), **DRESS}
        dress = {name: query.get(name, "") for name in axes}
        if any(dress[name] not in options for name, options in axes.items()):
            raise HTTPException(404)
        made = specimens.show(dress["mail"], dress["theme"], dress["language"])
        body = PARTS[dress["part"]](made, dress["scheme"])
    except TemplateError as error:
        body, dress = plain_page(str(error), "light"), {"pictures": "blocked"}
    if dress["pictures"] == "shown":
        body = _PICTURE.sub(PICTURE, body)
    csp = MAIL_CSP.format(pictures="data: http: https:" if dress["pictures"] == "shown" else "'none'")
    return HTMLResponse(body, headers={**ALWAYS, "Content-Security-Policy": csp})


def at_night(html: str, scheme: str) -> str:
    """A mail whose night is decided: `(prefers-color-scheme: ...)` becomes what is always or never so, and the colours
    that the browser itself brings are those of `scheme` ("light" or "dark")."""
    answered = _SCHEME.sub(lambda found: "(min-width: 0)" if found[1].lower() == scheme else "(max-width: 0)", html)
    return _ABLE.sub(rf"\g<1>{scheme}\g<2>", answered)


def plain_page(text: str, scheme: str) -> str:
    """Plain text as a mail program sets it, each paragraph in the direction of its own first letter."""
    night = "background: #16181a; color: #ececec;" if scheme == "dark" else "background: #ffffff; color: #1b1b1b;"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Plain text</title><style>'
        f"body {{ margin: 16px; {night} }} pre {{ white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; "
        f"unicode-bidi: plaintext; font: 13px/1.5 ui-monospace, Menlo, Consolas, monospace; }}</style></head>"
        f"<body><pre>{escape(text)}</pre></body></html>"
    )


def _as_html(made: Made, scheme: str) -> str:
    return _HEAD.sub(lambda head: head[0] + '<base target="_blank">', at_night(made.html, scheme), count=1)


PARTS: Mapping[str, Callable[[Made, str], str]] = {
    "html": _as_html,
    "text": lambda made, scheme: plain_page(made.text, scheme),
}
