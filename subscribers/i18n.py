"""Texts in the reader's language, for pages and mails alike: gettext catalogues, compiled in memory from .po files.

English is the language of the source and the fallback. A language is there when `<folder>/<language>.po` is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel import Locale, UnknownLocaleError, negotiate_locale
from babel.dates import format_date, format_skeleton, format_timedelta, get_datetime_format
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from subscribers.cadence import zone
from subscribers.zones import place_of

ENGLISH = "en"


class Catalogues:
    """The languages we speak."""

    def __init__(self, folder: Path) -> None:
        """Reads every catalogue of the folder once. Raises babel's PoFileError or OSError for one that is broken."""
        self._translations: dict[str, NullTranslations] = {ENGLISH: NullTranslations()}
        for file in sorted(folder.glob("*.po")):
            with file.open("rb") as po:
                catalogue = read_po(po, locale=file.stem, abort_invalid=True)
            compiled = BytesIO()
            write_mo(compiled, catalogue)
            compiled.seek(0)
            translations = GNUTranslations(compiled)
            # gettext answers "" for the empty id otherwise: the catalogue's own header must never reach a page.
            translations.add_fallback(self._translations[ENGLISH])
            self._translations[file.stem] = translations

    @property
    def languages(self) -> tuple[str, ...]:
        """Language codes, English first."""
        return tuple(self._translations)

    def translations(self, language: str) -> NullTranslations:
        """The catalogue of a language or locale ("de", "de-AT"); English when we do not speak it."""
        return self._translations[self.nearest(language)]

    def nearest(self, language: str) -> str:
        """The language of ours that serves a locale: "de" for "de-AT", English when there is none."""
        return self.negotiate([language])

    def negotiate(self, wanted: Sequence[str]) -> str:
        """The first of the wanted languages that we speak; English when there is none."""
        spoken = negotiate_locale([tag.replace("-", "_") for tag in wanted], list(self._translations))
        return spoken or ENGLISH


def accepted(header: str) -> list[str]:
    """The languages of an Accept-Language header, best first (RFC 9110, section 12.5.4). Nonsense is left out."""
    found: list[tuple[float, int, str]] = []
    for place, part in enumerate(header[:1000].split(",")):
        tag, _, parameter = part.strip().partition(";")
        try:
            quality = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if 0 < quality <= 1 and tag and tag != "*" and tag.replace("-", "").isalnum():
            found.append((-quality, place, tag))
    return [tag for _, _, tag in sorted(found)]


def direction(language: str) -> str:
    """ "rtl" or "ltr"; "ltr" for a language that nobody knows."""
    try:
        return Locale.parse(language, sep="-" if "-" in language else "_").text_direction
    except (UnknownLocaleError, ValueError):
        return "ltr"


def own_name(language: str) -> str:
    """A language's name in itself: Deutsch, العربية."""
    return Locale.parse(language).get_display_name(language) or language


def when(moment: datetime, timezone: str, *, now: datetime, translations: NullTranslations, language: str) -> str:
    """A time to come, as one says it: "tomorrow at 07:00, Berlin time". `moment` and `now` are aware."""
    there = zone(timezone)
    local, today = moment.astimezone(there), now.astimezone(there).date()
    parts = {"time": f"{local:%H:%M}", "place": place_of(timezone, language)}
    if local.date() == today:
        return translations.gettext("today at %(time)s, %(place)s time") % parts
    if local.date() == today + timedelta(days=1):
        return translations.gettext("tomorrow at %(time)s, %(place)s time") % parts
    # The day and the date each by CLDR ("7. März", "March 7"); together they have no skeleton in every language.
    parts["day"] = format_date(local.date(), "EEEE", locale=language)
    parts["date"] = format_skeleton("MMMMd", local.replace(tzinfo=None), locale=language)
    return translations.gettext("on %(day)s, %(date)s at %(time)s, %(place)s time") % parts


def minutes(seconds: int, language: str) -> str:
    """A span as one says it, by the minute and rather a little longer: "50 minutes"."""
    span = timedelta(minutes=max(1, -(-seconds // 60)))
    return format_timedelta(span, granularity="minute", threshold=1, locale=language)


def day(day: date, language: str) -> str:
    """A date with its weekday, in full: "Monday, March 9, 2026"."""
    return format_date(day, "full", locale=language)


def stamp(moment: datetime, timezone: str, language: str) -> str:
    """A time that is past, by the clock of a zone: "Mar 9, 2026, 07:00". `moment` is aware."""
    local = moment.astimezone(zone(timezone))
    return _joined(local, format_date(local.date(), "medium", locale=language), language)


def clock(moment: datetime, timezone: str, language: str) -> str:
    """The same without the year, where the year is known: "Mar 9, 07:00"."""
    local = moment.astimezone(zone(timezone))
    return _joined(local, format_skeleton("MMMd", local.replace(tzinfo=None), locale=language), language)


def _joined(local: datetime, day: str, language: str) -> str:
    return str(get_datetime_format("medium", locale=language)).format(f"{local:%H:%M}", day)
