"""Themes: mail templates of one look, in every language; strict about missing values, closed to everything else.

A template is asked for as "email/<file>" and looked for in the theme's own folder first, then among those that all
themes share. A theme's file that only adds to the shared one of its name includes or imports "shared/<file>".
"""

from __future__ import annotations

import textwrap
import traceback
import unicodedata
from collections.abc import Callable
from gettext import NullTranslations
from pathlib import Path
from typing import Any

import jinja2
from babel import Locale, UnknownLocaleError

from digest.compose.content import Site
from digest.compose.fragments import hole
from digest.compose.personal import PersonalParts, every_way
from digest.compose.sandbox import Environment, Folders, counted, rendered
from digest.compose.shared import Checked
from digest.errors import TemplateError

SERIF = "Georgia, 'Times New Roman', serif"
SYSTEM = "-apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
STACKS = {"serif": SERIF, "sans": "Helvetica, Arial, sans-serif", "system": SYSTEM}
"""Fonts that readers have already: what a mail would fetch, Gmail and Outlook drop (caniemail, css-at-font-face)."""

SUBJECT = 60
"""Characters of a subject: about what a phone shows before it cuts."""

WIDTH = 72
"""Columns of the text part: quoted twice in a reply it still fits an 80 column screen (RFC 3676, section 4.2)."""


def direction(language: str) -> str:
    """ "rtl" or "ltr" for a language tag; "ltr" for a language that nobody knows."""
    try:
        return str(Locale.parse(language.replace("-", "_")).text_direction)
    except (UnknownLocaleError, ValueError):
        return "ltr"


class Personal:
    """What a template may say of the reader: each attribute prints the marker of a hole."""

    def __getattr__(self, name: str) -> str:
        return hole(name)

    def time(self, story: Any) -> str:
        """The clock time of a telling in the reader's zone and language."""
        return hole(f"time:{story.article_id}")

    _ways = staticmethod(every_way)


PAPER = "paper"
"""The theme that the shared files make by themselves; the others say what they do otherwise."""
THEMES = "email/themes"
"""Each folder in it is a theme of the folder's name."""


def theme_names(folder: Path, own: Path | None = None) -> tuple[str, ...]:
    """The themes there are, shipped and the operator's own, PAPER first."""
    roots = [root / THEMES for root in (folder, own) if root is not None]
    found = {each.name for root in roots if root.is_dir() for each in root.iterdir() if each.is_dir()}
    return (PAPER, *sorted(name for name in found if name != PAPER and not name.startswith((".", "_"))))


class Theme:
    """The mail templates of one theme, in any language there is a catalogue for.

    A file in `own`, the operator's folder, stands in for the one of the same name. `translations` gives the gettext
    catalogue of a language (an empty one for English). `name` is one of `theme_names`.
    """

    def __init__(
        self,
        folder: Path,
        translations: Callable[[str], NullTranslations],
        own: Path | None = None,
        name: str = PAPER,
    ) -> None:
        roots = (folder,) if own is None else (own, folder)
        self.name = name
        self.shared = tuple(root / "email" for root in roots)
        self.folders = (*(root / THEMES / name for root in roots), *self.shared)
        """Where templates are looked for, the first first. They tell one theme from any other."""
        self._translations = translations
        self._environments: dict[str, jinja2.Environment] = {}
        self._modules: dict[tuple[str, str, Site], Any] = {}

    def environment(self, language: str) -> jinja2.Environment:
        """The environment of one language. HTML is escaped by file name; a name that is not given is an error."""
        if language not in self._environments:
            made = Environment(
                loader=Folders(
                    {"email": jinja2.FileSystemLoader(self.folders), "shared": jinja2.FileSystemLoader(self.shared)}
                ),
                autoescape=lambda name: bool(name and name.endswith(".html")),
                extensions=["jinja2.ext.i18n", PersonalParts],
                trim_blocks=True,
                lstrip_blocks=True,
                keep_trailing_newline=True,
            )
            made.install_gettext_translations(self._translations(language), newstyle=True)  # type: ignore[attr-defined]
            made.code_generator_class = Checked
            made.filters["apart"] = apart
            made.filters["wrapped"] = wrapped
            made.filters["underline"] = underline
            made.filters["shortened"] = shorten
            self._environments[language] = made
        return self._environments[language]

    def gettext(self, language: str, message: str) -> str:
        return self._translations(language).gettext(message)

    def ngettext(self, language: str, one: str, many: str, count: int) -> str:
        return self._translations(language).ngettext(one, many, count)

    def macros(self, mail: str, kind: str, language: str, site: Site) -> Any:
        """The macros of `email/<mail>/body.<kind>`, ready to be called block by block."""
        name = f"email/{mail}/body.{kind}"
        key = (name, language, site)
        if key not in self._modules:
            try:
                with counted():
                    made = self.environment(language).get_template(name).make_module(variables(language, site))
            except Exception as error:  # a template can raise anything, see `_line`
                raise TemplateError(_line(name, error)) from error
            self._modules[key] = made
        return self._modules[key]

    def render(self, name: str, language: str, site: Site, **values: Any) -> str:
        """A whole template. Raises TemplateError, one line naming file and cause."""
        try:
            template = self.environment(language).get_template(name)
            given = sum(len(value) for value in values.values() if isinstance(value, str))
            return rendered(lambda: template.render(variables(language, site), **values), given)
        except Exception as error:  # a template can raise anything, see `_line`
            raise TemplateError(_line(name, error)) from error


def call(macro: Callable[..., Any], name: str, *args: Any) -> str:
    """Call one block's macro. Raises TemplateError, one line naming file and cause."""
    try:
        return rendered(lambda: macro(*args))
    except Exception as error:  # a template can raise anything, see `_line`
        raise TemplateError(_line(name, error)) from error


def variables(language: str, site: Site) -> dict[str, Any]:
    """What every mail template sees. Nothing leads from here to settings, environment or models."""
    turned = direction(language)
    return {
        "lang": language,
        "dir": turned,
        "rtl": " rtl" if turned == "rtl" else "",
        "site": {
            "name": site.name,
            "public_url": site.public_url,
            "postal_lines": tuple(line.strip() for line in site.postal_address.split("|") if line.strip()),
            "accent": site.accent,
            "accent_dark": site.accent_dark,
            "logo_url": site.logo_url,
            "logo_width": site.logo_width,
        },
        "fonts": {
            "heading": STACKS.get(site.fonts, SERIF),
            "serif": SERIF,
            "text": SYSTEM,
        },
        "p": Personal(),
    }


def apart(text: str, base: str) -> str:
    """Text between FIRST STRONG ISOLATE and its end (UAX #9, 2.5) where it holds letters of another direction than what
    it stands in (`base`: "ltr" or "rtl"): else "&" and commas of Latin names jump to the wrong side of an Arabic
    sentence. Characters, not <bdi>: Gmail and Outlook drop that (caniemail, html-bdi)."""
    others = {"L"} if base == "rtl" else {"R", "AL"}
    return f"\u2068{text}\u2069" if any(unicodedata.bidirectional(char) in others for char in text) else text


def wrapped(text: str, before: int = 0) -> str:
    """Text broken at WIDTH columns, the first line shorter by what is put `before` it; words and links stay whole.
    Lines that go on end with a space, by which mail programs know to join them again (RFC 3676, section 4.1)."""
    if len(str(text)) + before <= WIDTH:
        return str(text)
    indent, columns = " " * before, WIDTH - 1
    lines = textwrap.wrap(str(text), columns, initial_indent=indent, break_long_words=False, break_on_hyphens=False)
    return " \n".join(lines)[before:]


def flowing(value: str) -> str:
    """A personal value for the text part: `wrapped`, and further lines stuffed as `contexts.placed` does it."""
    return wrapped(value).replace("\n>", "\n >").replace("\nFrom ", "\n From ")


def shorten(text: str, most: int = SUBJECT) -> str:
    """Text of at most so many characters, cut between words, with an ellipsis where something is missing."""
    if len(text) <= most:
        return text
    kept = text[: most - 1]
    at = kept.rfind(" ")
    return (kept[:at] if at > most // 2 else kept).rstrip(" ,;:–—-") + "…"


def underline(text: str, rule: str = "=") -> str:
    """A heading for plain text: the rule is as wide as the text is on a screen."""
    wide = sum(
        2 if unicodedata.east_asian_width(char) in "WF" else not unicodedata.combining(char) for char in str(text)
    )
    return f"{text}\n{rule * min(wide, WIDTH)}"


def _line(name: str, error: Exception) -> str:
    """One line naming the template file, its line and the cause: Jinja2's own errors, and whatever an expression in a
    template raises in Python (a sum of a number and a text is a TypeError). Jinja2 puts the template's lines into the
    traceback (https://jinja.palletsprojects.com/en/stable/templates/ and its debug module)."""
    where, at = name, 0
    for step in traceback.extract_tb(error.__traceback__):
        _, found, rest = step.filename.replace("\\", "/").rpartition("/email/")
        if found:
            where, at = f"email/{rest}", step.lineno or 0
    if isinstance(error, jinja2.TemplateSyntaxError):
        file = (error.filename or "").replace("\\", "/").rpartition("/email/")[2]
        where, at = f"email/{file}" if file else error.name or where, error.lineno
    told = str(error.message) if isinstance(error, jinja2.TemplateError) and error.message else str(error)
    if isinstance(error, jinja2.TemplateNotFound):
        where, at, told = str(error.name), 0, "there is no such file"
    elif not isinstance(error, jinja2.TemplateError):
        told = f"{type(error).__name__}: {told}"
    return f"template {where}{f', line {at}' if at else ''}: {' '.join(told.split()) or type(error).__name__}"
