"""How a mail speaks to readers who share language, zone and rhythm: dates, clock times, counts. Pure."""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime
from babel.lists import format_list

from digest.compose.theme import Theme, apart, direction

WORDS_A_MINUTE = 220
"""Silent reading of non-fiction: 238 words a minute in English, fewer in most languages (Brysbaert 2019, a meta-
analysis)."""


def locale_of(language: str) -> Locale:
    """Babel's locale of a language tag; English where there is none."""
    try:
        return Locale.parse(language.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale("en")


class Voice:
    """One language in one zone, speaking from the moment the edition was frozen."""

    def __init__(self, theme: Theme, language: str, timezone: str, frozen_at: datetime) -> None:
        self._theme = theme
        self.language = language
        self._zone = ZoneInfo(timezone)
        self._locale = locale_of(language)
        self._now = frozen_at.astimezone(self._zone)

    def greeting(self, name: str) -> str:
        """ "Good morning, Ada": by the hour there when the edition was frozen; without a name, "Good morning"."""
        say, language, hour = self._theme.gettext, self.language, self._now.hour
        if 4 <= hour < 12:
            alone, named = say(language, "Good morning"), say(language, "Good morning, %(name)s")
        elif 12 <= hour < 18:
            alone, named = say(language, "Good afternoon"), say(language, "Good afternoon, %(name)s")
        else:
            alone, named = say(language, "Good evening"), say(language, "Good evening, %(name)s")
        return named % {"name": apart(name, direction(language))} if name.strip() else alone

    def date(self) -> str:
        """The masthead's date."""
        return str(format_date(self._now.date(), "full", locale=self._locale))

    def clock(self, at: datetime) -> str:
        """A clock time with its weekday; the date instead once it is six days or more away, when a weekday misleads."""
        local = at.astimezone(self._zone)
        pattern = "EEE HH:mm" if abs(self._now - local) < timedelta(days=6) else "d MMM y"
        return str(format_datetime(local, pattern, tzinfo=self._zone, locale=self._locale))

    def next(self, due: datetime | None) -> str:
        """When the next digest comes: "tomorrow 07:00", "Monday 07:00"; without a time, when there is news."""
        if due is None:
            return self._theme.gettext(self.language, "as soon as there is news")
        local = due.astimezone(self._zone)
        at = local.strftime("%H:%M")
        days = (local.date() - self._now.date()).days
        if days == 0:
            return self._theme.gettext(self.language, "today %(time)s") % {"time": at}
        if days == 1:
            return self._theme.gettext(self.language, "tomorrow %(time)s") % {"time": at}
        day = format_date(local.date(), "EEEE", locale=self._locale)
        return self._theme.gettext(self.language, "%(day)s %(time)s") % {"day": day, "time": at}

    def stats(self, stories: int, words: int) -> str:
        """ "12 stories, 4 min"."""
        count = self._theme.ngettext(self.language, "%(n)s story", "%(n)s stories", stories) % {"n": stories}
        needed = max(1, round(words / WORDS_A_MINUTE))
        minutes = self._theme.ngettext(self.language, "%(n)s min", "%(n)s min", needed) % {"n": needed}
        return f"{count}{self._theme.gettext(self.language, ', ')}{minutes}"

    def further(self, stories: int) -> str:
        """How many stories a mail had no room for."""
        told = self._theme.ngettext(
            self.language,
            "%(n)s more story has no room in this mail.",
            "%(n)s more stories have no room in this mail.",
            stories,
        )
        return told % {"n": stories}

    def names(self, names: Sequence[str]) -> str:
        """Names as a list in the language's manner; a name that runs the other way is kept apart."""
        base = direction(self.language)
        return str(format_list([apart(name, base) for name in names], locale=self._locale)) if names else ""

    def welcome(self) -> str:
        """What stands in the masthead of a welcome mail in the place of the count of its stories."""
        return self._theme.gettext(self.language, "Welcome")

    def welcome_to(self, site: str) -> str:
        """The subject of a welcome mail."""
        return self._theme.gettext(self.language, "Welcome to %(site)s") % {"site": site}

    def quiet(self) -> str:
        """That a window holds nothing yet."""
        return self._theme.gettext(self.language, "Nothing has happened yet today.")

    def all_quiet(self) -> str:
        """What stands in the masthead of a mail without anything new in the place of the count of its stories."""
        return self._theme.gettext(self.language, "Nothing new")

    def all_quiet_on(self, date: str) -> str:
        """The subject of such a mail: with the date, for equal subjects would become one thread."""
        return self._theme.gettext(self.language, "All quiet on %(date)s") % {"date": date}

    def nothing_new(self, when: str) -> str:
        """Its preheader; `when` as `next` has it."""
        nothing = self._theme.gettext(self.language, "Nothing new since the last digest.")
        return f"{nothing} {self._theme.gettext(self.language, 'Next: %(when)s.') % {'when': when}}"

    def breaking(self, title: str = "") -> str:
        """What breaking news is called, in the masthead; with a title, the subject of its mail."""
        word = self._theme.gettext(self.language, "Breaking")
        return f"{word}: {title}" if title else word

    def update(self, title: str) -> str:
        """The headline of an update."""
        return f"{self._theme.gettext(self.language, 'Update')}: {title}"


def escaped(text: str) -> str:
    """Escaping for HTML, right in text and in quoted attributes alike."""
    return html.escape(text, quote=True)
