"""`digest templates preview`: every specimen, made anew whenever a template, a catalogue or a folder of them changes.

Holds no database. What was made is remembered until something changes; then themes and catalogues are read again, so
that a mistake shows and is gone as soon as it is mended.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from babel.messages.pofile import PoFileError

from digest.compose.blocks import BlockCache
from digest.compose.lint import Finding, Severity, lint
from digest.compose.theme import Theme, theme_names
from digest.errors import DigestError, TemplateError
from digest.service.core import site_of
from digest.service.linting import as_mail
from digest.service.owntemplates import MAILS as MAIL_FOLDER
from digest.service.owntemplates import own_folder
from digest.service.places import templates_folder
from digest.service.specimens import MAILS, Bench, specimens
from digest.settings import Settings
from subscribers.i18n import Catalogues

CATALOGUES = "locale"


@dataclass(frozen=True, slots=True)
class Shown:
    """A specimen as the gallery shows it."""

    subject: str
    html: str
    text: str
    findings: tuple[Finding, ...]
    """What lint has to say of it, errors and warnings."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What one version of the files made."""

    version: str
    languages: tuple[str, ...] = ()
    benches: Mapping[str, Bench] = field(default_factory=dict)
    """By the name of the theme."""
    problem: str = ""
    """What keeps all of it from being made, in one line."""
    made: dict[tuple[str, str, str], Shown | TemplateError] = field(default_factory=dict)


class Gallery:
    """The specimens by name. Safe to use from several threads, one of which works at a time."""

    def __init__(self, settings: Settings, shipped: Path | None = None) -> None:
        """`shipped` stands for the templates that come with the service."""
        self._settings, self._shipped = settings, shipped or templates_folder()
        self._lock = threading.Lock()
        self._loaded = _Loaded("")

    def version(self) -> str:
        """Another text whenever one of the files has changed, come or gone."""
        told = blake2b(digest_size=8)
        for file in self._files():
            try:
                stat = file.stat()
            except OSError:  # gone between the two looks, which makes another version anyway
                continue
            told.update(f"{file}\0{stat.st_mtime_ns}\0{stat.st_size}\n".encode())
        return told.hexdigest()

    def choices(self) -> Mapping[str, tuple[str, ...]]:
        """What there is: mails, themes and languages. Raises TemplateError, one line, for a catalogue or a folder that
        cannot be read."""
        with self._lock:
            loaded = self._current()
        return {"mail": MAILS, "theme": tuple(loaded.benches), "language": loaded.languages}

    def show(self, mail: str, theme: str, language: str) -> Shown:
        """A specimen. Raises TemplateError, one line naming file and line, for templates that do not make it."""
        with self._lock:
            loaded = self._current()
            key = (mail, theme, language)
            if key not in loaded.made:
                loaded.made[key] = _made(loaded.benches[theme], mail, language)
            found = loaded.made[key]
        if isinstance(found, TemplateError):
            raise TemplateError(str(found))
        return found

    def _files(self) -> Iterator[Path]:
        own = self._settings.templates_dir
        for folder in (self._shipped / MAIL_FOLDER, self._shipped / CATALOGUES, *((Path(own),) if own else ())):
            yield from sorted(file for file in folder.rglob("*") if file.is_file())

    def _current(self) -> _Loaded:
        """What the files make as they are now. Asked for before they are read: what changes meanwhile counts as new."""
        version = self.version()
        if self._loaded.version != version:
            self._loaded = self._read(version)
        if self._loaded.problem:
            raise TemplateError(self._loaded.problem)
        return self._loaded

    def _read(self, version: str) -> _Loaded:
        try:
            catalogues = Catalogues(self._shipped / CATALOGUES)
            site, cache = site_of(self._settings), BlockCache()
            own = own_folder(self._settings)
            names = theme_names(self._shipped, own)
            themes = {name: Theme(self._shipped, catalogues.translations, own, name) for name in names}
        except PoFileError as error:
            return _Loaded(version, problem=f"catalogue {error.catalog.locale}.po, line {error.lineno + 1}: {error}")
        except (OSError, UnicodeDecodeError, DigestError) as error:
            return _Loaded(version, problem=" ".join(str(error).split()))
        benches = {name: Bench(theme, site, cache) for name, theme in themes.items()}
        return _Loaded(version, catalogues.languages, benches)


def _made(bench: Bench, mail: str, language: str) -> Shown | TemplateError:
    try:
        (specimen,) = specimens(bench, [mail], [language])
    except TemplateError as error:
        return error
    found = tuple(each for each in lint(as_mail(specimen, bench.site)) if each.severity != Severity.NOTE)
    sent = specimen.envelope
    return Shown(sent.subject, sent.html.decode(), sent.text.decode(), found)
