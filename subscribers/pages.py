"""How a page is made: template, language, and the headers that every page of ours carries.

No script and no style inside the HTML, nothing from anywhere else, no cookie.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from gettext import NullTranslations
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from subscribers import i18n
from subscribers.colour import DARK_PAPER, LIGHT_PAPER, readable

CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
STATIC = {
    "style.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Voice:
    """The language of one page."""

    language: str
    translations: NullTranslations

    def say(self, text: str) -> str:
        """A text in this language."""
        return self.translations.gettext(text)

    def when(self, moment: datetime, timezone: str, now: datetime) -> str:
        """A time to come, as one says it."""
        return i18n.when(moment, timezone, now=now, translations=self.translations, language=self.language)


class Pages:
    """The page templates of a folder, with the catalogues beside them."""

    def __init__(self, templates: Path, *, site_name: str, public_url: str, accent: str = "#8a3324") -> None:
        """`templates` holds web/ and locale/. Raises OSError for a missing file, PoFileError for a bad catalogue."""
        self.catalogues = i18n.Catalogues(templates / "locale")
        self.public_url = public_url
        self._secure = public_url.startswith("https://")
        self.static = {name: (templates / "web" / name).read_bytes() for name in STATIC}
        for name in ("style.css", "icon.svg"):
            self.static[name] = accented(self.static[name].decode(), accent).encode()
        version = blake2b(b"".join(self.static.values()), digest_size=6).hexdigest()
        self._environments = {
            language: self._environment(templates / "web", language, site_name, version)
            for language in self.catalogues.languages
        }

    def voice(self, request: Request) -> Voice:
        """The language that the address (?lang=) or else the browser asks for."""
        asked = request.query_params.get("lang", "")
        header = request.headers.get("accept-language", "")
        language = self.catalogues.negotiate([*([asked] if asked else []), *i18n.accepted(header)])
        return Voice(language, self.catalogues.translations(language))

    def render(
        self,
        request: Request,
        template: str,
        context: Mapping[str, Any],
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """A page. Never cached: it is personal, or it holds a form that ages."""
        language = self.voice(request).language
        text = self._environments[language].get_template(template).render(context, here=_Here(request))
        told = {"Content-Language": language, "Vary": "Accept-Language"}
        return HTMLResponse(text, status, self.headers({**told, **(headers or {})}))

    def message(
        self, request: Request, status: int, title: str, text: str, *, form: bool = True, again: str = ""
    ) -> Response:
        """A page that says one thing. `form` offers the sign-up form, `again` a link to try once more."""
        context = {"title": title, "text": text, "form": form, "again": again}
        return self.render(request, "message.html", context, status=status)

    csp = CSP

    def headers(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """The headers of every answer; `more` wins."""
        always = {
            "Content-Security-Policy": CSP,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cache-Control": "no-store",
        }
        if self._secure:
            # One year, as hstspreload.org recommends; without includeSubDomains, which is not ours to decide.
            always["Strict-Transport-Security"] = "max-age=31536000"
        return {**always, **(more or {})}

    def _environment(self, folder: Path, language: str, site_name: str, version: str) -> Environment:
        environment = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        translations = self.catalogues.translations(language)
        environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
        environment.globals.update(
            site_name=site_name,
            language=language,
            direction=i18n.direction(language),
            languages=sorted(
                ((each, i18n.own_name(each), i18n.direction(each)) for each in self.catalogues.languages),
                key=lambda told: told[1],
            ),
            version=version,
        )
        return environment


class _Here:
    """The page's own address, for links to itself in another language."""

    def __init__(self, request: Request) -> None:
        self._path = "/" + request.url.path.lstrip("/")  # "//elsewhere/" would lead to another site
        self._query = [pair for pair in request.query_params.multi_items() if pair[0] != "lang"]
        self.lang = request.query_params.get("lang", "")

    def speaking(self, language: str) -> str:
        return f"{self._path}?{urlencode([*self._query, ('lang', language)])}"

    def to(self, path: str) -> str:
        """Another page of ours, keeping the language that was chosen by hand."""
        return f"{path}?{urlencode({'lang': self.lang})}" if self.lang else path


def accented(css: str, accent: str) -> str:
    """A stylesheet or picture with the accent as it can be read on light and on dark paper."""
    light, dark = readable(accent, LIGHT_PAPER), readable(accent, DARK_PAPER)
    return css.replace("ACCENT_LIGHT", light).replace("ACCENT_DARK", dark)
