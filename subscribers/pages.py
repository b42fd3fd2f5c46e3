"""How a page is made: template, language, and the headers that every page of ours carries.

No script and no style inside the HTML, nothing from anywhere else, no cookie.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from gettext import NullTranslations
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension
from markupsafe import Markup

from subscribers import i18n, menus, zones
from subscribers.colour import DARK_PAPER, LIGHT_PAPER, readable

CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
STATIC = {
    "style.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "embed.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_SETTLED = "digest.voice"
"""Where a request keeps the language that its answer speaks in any case."""
LANGUAGES_REMEMBERED = 1024
"""What browsers ask for repeats itself; negotiating anew for each page took as long as rendering it."""


PARTS_REMEMBERED = 2048
"""Parts of pages, a kilobyte or two each, in each language."""


@dataclass(frozen=True, slots=True)
class Voice:
    """The language of one page."""

    language: str
    translations: NullTranslations

    def say(self, text: str) -> str:
        """A text in this language."""
        return self.translations.gettext(text)

    def place(self, timezone: str) -> str:
        """The city of a zone as it is called in this language."""
        return zones.place_of(timezone, self.language)

    def when(self, moment: datetime, timezone: str, now: datetime) -> str:
        """A time to come, as one says it."""
        return i18n.when(moment, timezone, now=now, translations=self.translations, language=self.language)


class Pages:
    """The page templates of a folder, with the catalogues beside them."""

    def __init__(self, templates: Path, *, site_name: str, public_url: str, accent: str = "#8a3324") -> None:
        """`templates` holds web/ and locale/. Raises OSError for a missing file, PoFileError for a bad catalogue."""
        self.catalogues = i18n.Catalogues(templates / "locale")
        self.public_url = public_url
        self.site_name = site_name
        self._secure = public_url.startswith("https://")
        self.static = {name: (templates / "web" / name).read_bytes() for name in STATIC}
        for name in ("style.css", "icon.svg"):
            self.static[name] = accented(self.static[name].decode(), accent).encode()
        version = blake2b(b"".join(self.static.values()), digest_size=6).hexdigest()
        self._environments = {
            language: self._environment(templates / "web", language, site_name, version)
            for language in self.catalogues.languages
        }
        self._voices = {each: Voice(each, self.catalogues.translations(each)) for each in self.catalogues.languages}
        self._negotiate = lru_cache(LANGUAGES_REMEMBERED)(self._negotiated)

    def voice(self, request: Request, prefer: str = "") -> Voice:
        """The language of this answer: what the address asks for (?lang=), or else `prefer` (the reader's own locale,
        where the page knows the reader), or else the browser. It stays for the rest of the request."""
        settled: Voice | None = request.scope.get(_SETTLED)
        if settled is not None:
            return settled
        if not prefer and (known := getattr(request.state, "voice", None)) is not None:
            return known  # type: ignore[no-any-return]
        asked = request.query_params.get("lang", "")[:35]  # RFC 5646, section 4.4.1: 35 characters hold every tag
        if not asked and prefer in self._voices:
            request.state.voice = voice = self._voices[prefer]
            return voice
        header = request.headers.get("accept-language", "")[:1000]
        request.state.voice = voice = self._voices[self._negotiate(asked, prefer[:35], header)]
        return voice

    def speak(self, request: Request, language: str) -> None:
        """From here on this answer speaks the language of ours nearest to `language`, whatever its address asks for:
        the reader has just chosen it."""
        request.scope[_SETTLED] = self._voices[self.catalogues.nearest(language[:35])]

    def _negotiated(self, asked: str, prefer: str, header: str) -> str:
        return self.catalogues.negotiate([*filter(None, (asked, prefer)), *i18n.accepted(header)])

    def zone_options(self, language: str, chosen: str) -> Markup:
        """The options of a menu of time zones, `chosen` being the selected one."""
        return zones.options(language, chosen)

    def render(
        self,
        request: Request,
        template: str,
        context: Mapping[str, Any],
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        by_get: bool = False,
    ) -> Response:
        """A page. Never cached: it is personal, or it holds a form that ages. `by_get` is whether GET of this address
        shows this very page although it answers a POST; only then may it offer itself in other languages by links."""
        language = self.voice(request).language
        by_itself = self._negotiate("", "", request.headers.get("accept-language", "")[:1000])
        here = _Here(request, language, by_itself, by_get=by_get)
        text = self._environments[language].get_template(template).render(context, here=here)
        told = {"Content-Language": language, "Vary": "Accept-Language"}
        return HTMLResponse(text, status, self.headers({**told, **(headers or {})}))

    def text(self, language: str, template: str, context: Mapping[str, Any]) -> str:
        """A template without a page around it, in one of our languages: what a feed holds."""
        return self._environments[language].get_template(template).render(context)

    def message(
        self,
        request: Request,
        status: int,
        title: str,
        text: str,
        *,
        form: bool = True,
        again: str = "",
        back: str = "",
    ) -> Response:
        """A page that says one thing. `form` offers the sign-up form, `again` a link to try once more, `back` one to
        the form that was sent."""
        context = {"title": title, "text": text, "form": form, "again": again, "back": back}
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
            extensions=["jinja2.ext.i18n", _Spoken],
            auto_reload=False,  # looking at the files' times for each page took a tenth of its rendering
        )
        translations = self.catalogues.translations(language)
        environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
        environment.extend(speak=translations.gettext)
        environment.globals["part"] = _parts(environment)
        environment.globals.update(
            site_name=site_name,
            language=language,
            direction=i18n.direction(language),
            languages=sorted(
                ((each, i18n.own_name(each), i18n.direction(each)) for each in self.catalogues.languages),
                key=lambda told: told[1],
            ),
            version=version,
            menus=menus,
        )
        return environment


def _parts(environment: Environment) -> Callable[..., Markup]:
    """`part("topic", topic=...)` in a template: what `parts/topic.html` makes of these values, and of nothing else.

    Many readers share a topic at a place, or a rhythm: each is rendered once and remembered. The values must be
    hashable, and the parts small.
    """

    @lru_cache(PARTS_REMEMBERED)
    def part(name: str, **values: Hashable) -> Markup:
        return Markup(environment.get_template(f"parts/{name}.html").render(values))  # noqa: S704 - escaped in there

    return part


class _Spoken(Extension):
    """Translates the texts without a variable while a template is compiled: an environment speaks one language, and
    looking each text up anew was a quarter of the time of a page. Texts with variables stay jinja2.ext.i18n's work."""

    _PLAIN = re.compile(r"{% trans %}([^{}%]*){% endtrans %}")

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """A template's source in the environment's language."""
        say = self.environment.speak  # type: ignore[attr-defined]
        return self._PLAIN.sub(lambda found: self._kept(found[0], say(found[1])), source)

    @staticmethod
    def _kept(block: str, text: str) -> str:
        return block if "{" in text else text  # what could be read as a template's own sign is looked up as before


class _Here:
    """The page's own address, for links to itself in another language. Attributes and no calls: in a template a call
    takes five times as long."""

    __slots__ = ("kept", "others", "query", "to")

    def __init__(self, request: Request, language: str, by_itself: str, *, by_get: bool) -> None:
        """`by_itself` is the language that this browser gets where nothing else decides."""
        asked = request.query_params
        self.to = f"?lang={language}"
        """What the address of a form ends in: the answer speaks as the page did on which somebody pressed."""
        self.kept = self.to if language != by_itself or "lang" in asked else ""
        """What a link to a page of ours ends in: the language, unless the next page speaks it by itself."""
        self.others = by_get or request.method in ("GET", "HEAD")
        """Whether there are links to this page in other languages. The answer to a POST has none as a rule: they would
        lead to another page, to none, or through a link that works once."""
        others = [pair for pair in asked.multi_items() if pair[0] != "lang"] if asked else ()
        self.query = f"{urlencode(others)}&" if others else ""
        """What "?" and "lang=de" have between them in a link to this page: such a link keeps the page's path (RFC 3986,
        section 5.2.2)."""


def accented(css: str, accent: str) -> str:
    """A stylesheet or picture with the accent as it can be read on light and on dark paper."""
    light, dark = readable(accent, LIGHT_PAPER), readable(accent, DARK_PAPER)
    return css.replace("ACCENT_LIGHT", light).replace("ACCENT_DARK", dark)
