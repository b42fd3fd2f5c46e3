"""What an operator is told of a day, in words: first whether all is well, then the figures. Pure.

The mail and the terminal say the same: both go by `Told`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from babel.numbers import format_decimal, format_percent
from babel.units import format_unit

from digest.compose.fragments import guard
from digest.compose.theme import Theme, apart, direction
from digest.compose.voice import Voice, locale_of
from digest.types import Day, FailingSource

WAITED = timedelta(hours=1)
"""Mails that wait for longer need a look: the longest pause of the sender's own is a quarter of that
(`digest.dispatch.verdict`)."""
REJECTED_SHARE = 0.01
"""Of the mails that a provider answered for: one in a hundred is a typing error here and there, more is a cause."""
OUT_OF_ORDER = timedelta(days=3)
"""As `digest sources list --failing` counts it: a weekend without anybody at the publisher's is no reason to worry."""
QUIET = timedelta(days=7)
"""A topic is quiet for so long before that needs a look: the longest rhythm of a reader is a week."""
LEAST_FREE = 1 << 30
"""Bytes of the disk below which it needs a look; so does less than the database is large, for a backup copies it."""
LISTED = 10
"""Sources, topics and reasons that are told one by one."""

_UNITS = ("byte", "kilobyte", "megabyte", "gigabyte", "terabyte")


@dataclass(frozen=True, slots=True)
class Line:
    """A label with its figure. `note` says more, in a sentence; `part` that it is one of those counted above it."""

    label: str
    figure: str = ""
    note: str = ""
    part: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """A day in words. Texts of others (names, problems) are guarded and plain; templates escape."""

    subject: str
    well: bool
    verdict: str
    span: str
    alarms: tuple[Line, ...]
    """What needs a look, the gravest first, each with what to do; none when all is well."""
    sections: tuple[Section, ...]


def tell(day: Day, theme: Theme, language: str, zone: str) -> Told:
    """A day in a language, its times in a zone."""
    return _Telling(day, theme, language, zone).told()


class _Telling:
    def __init__(self, day: Day, theme: Theme, language: str, zone: str) -> None:
        self._day = day
        self._theme = theme
        self._language = language
        self._locale = locale_of(language)
        self._voice = Voice(theme, language, zone, day.until)

    def told(self) -> Told:
        alarms = self._alarms()
        until = self._clock(self._day.until)
        span = self.say("From %(since)s to %(until)s") % {"since": self._clock(self._day.since), "until": until}
        sections = (self._mails(), self._readers(), self._sources(), self._topics(), self._machine())
        return Told(
            subject=self._subject(alarms),
            well=not alarms,
            verdict=self.say("All well") if not alarms else self.say("Please look at this"),
            span=f"{self._voice.date()} · {span}",
            alarms=alarms,
            sections=tuple(section for section in sections if section.lines),
        )

    # --- words --------------------------------------------------------------------------------------------------------

    def say(self, message: str) -> str:
        return self._theme.gettext(self._language, message)

    def count(self, one: str, many: str, number: int) -> str:
        return self._theme.ngettext(self._language, one, many, number) % {"n": self._number(number)}

    def _theirs(self, text: str) -> str:
        """Somebody else's words, kept apart where they run the other way."""
        return apart(clean(text), direction(self._language))

    def _number(self, number: int) -> str:
        return str(format_decimal(number, locale=self._locale))

    def _clock(self, at: datetime) -> str:
        return self._voice.clock(at)

    def _size(self, size: int) -> str:
        value, unit = float(size), 0
        while value >= 1000 and unit + 1 < len(_UNITS):
            value, unit = value / 1000, unit + 1
        told = format_unit(
            round(value, 1 if value < 10 else None), f"digital-{_UNITS[unit]}", "short", locale=self._locale
        )
        return str(told)

    def _subject(self, alarms: Sequence[Line]) -> str:
        day = self._day
        if not alarms:
            return self.say("All well: %(mails)s, %(readers)s") % {
                "mails": self.count("%(n)s mail", "%(n)s mails", day.count("accepted")),
                "readers": self.count("%(n)s new reader", "%(n)s new readers", day.new),
            }
        first = self.say("Look: %(what)s") % {"what": alarms[0].label}
        more = len(alarms) - 1
        return f"{first} (+{self._number(more)})" if more else first

    # --- what needs a look --------------------------------------------------------------------------------------------

    def _alarms(self) -> tuple[Line, ...]:
        found = (self._waits(), self._unknown(), self._refused(), self._full(), self._broken(), self._silent())
        return tuple(line for line in found if line is not None)

    def _waits(self) -> Line | None:
        day = self._day
        if day.waiting_since is None or day.until - day.waiting_since <= WAITED:
            return None
        waited = self.count("%(n)s mail waits for long", "%(n)s mails wait for long", day.waiting)
        return Line(
            waited,
            note=self.say(
                "The oldest has waited since %(time)s. The log of `digest run` says why; `digest config` and "
                "`digest templates lint` find what is usually the cause."
            )
            % {"time": self._clock(day.waiting_since)},
        )

    def _unknown(self) -> Line | None:
        number = self._day.unknown
        if not number:
            return None
        return Line(
            self.count("%(n)s mail is unknown", "%(n)s mails are unknown", number),
            note=self.say(
                "The provider may have taken them or not. Its own log tells, at the times below. They count as sent, "
                "and nothing sends them again by itself."
            ),
        )

    def _refused(self) -> Line | None:
        rejected, accepted = self._day.count("rejected"), self._day.count("accepted")
        if not rejected or rejected < REJECTED_SHARE * (rejected + accepted):
            return None
        share = str(format_percent(rejected / (rejected + accepted), locale=self._locale))
        return Line(
            self.count("%(n)s mail was rejected", "%(n)s mails were rejected", rejected),
            note=self.say("That is %(share)s of those that the provider answered for. Its words are below.")
            % {"share": share},
        )

    def _full(self) -> Line | None:
        day = self._day
        if not day.disk_total or day.disk_free >= max(LEAST_FREE, day.database_bytes):
            return None
        return Line(
            self.say("%(size)s left on the disk") % {"size": self._size(day.disk_free)},
            note=self.say(
                "A backup of the database needs as much room as the database. Without room nothing is planned."
            ),
        )

    def _broken(self) -> Line | None:
        number = len(self._lasting()) + len(self._day.retired)
        if not number:
            return None
        return Line(
            self.count("%(n)s source needs a look", "%(n)s sources need a look", number),
            note=self.say(
                "They have failed for three days or are gone for good. `digest sources list --failing` names all that "
                "fail."
            ),
        )

    def _lasting(self) -> list[FailingSource]:
        return [each for each in self._day.failing if self._day.until - each.since >= OUT_OF_ORDER]

    def _silent(self) -> Line | None:
        day = self._day
        number = sum(day.until - (each.since or each.created_at) >= QUIET for each in day.quiet)
        if not number:
            return None
        return Line(
            self.count(
                "%(n)s topic has been without news for a week", "%(n)s topics have been without news for a week", number
            ),
            note=self.say("`digest topics explain` says what each of a topic's sources brought."),
        )

    # --- the figures --------------------------------------------------------------------------------------------------

    def _mails(self) -> Section:
        day = self._day
        under_way = day.count("planned") + day.count("attempting")
        lines = [
            Line(self.say("Accepted by the provider"), self._number(day.count("accepted"))),
            *self._skipped(),
            Line(self.say("Rejected"), self._number(day.count("rejected"))),
            *(Line(self._reason(reason), self._number(n), part=True) for reason, n in _first(day.rejected)),
            Line(self.say("Unknown, since the day before"), self._number(day.unknown)),
            *(
                Line(
                    self.say("%(provider)s, edition %(edition)s, %(time)s")
                    % {
                        "provider": self._theirs(each.provider),
                        "edition": each.edition_id,
                        "time": self._clock(each.at),
                    },
                    self._number(each.mails),
                    part=True,
                )
                for each in day.doubts[:LISTED]
            ),
            Line(self.say("To be tried again"), self._number(day.count("retry"))),
            *([Line(self.say("Under way"), self._number(under_way))] if under_way else []),
            Line(self.say("Digests"), self._number(day.digests)),
            Line(self.say("Letters, such as confirmations"), self._number(day.letters)),
        ]
        if day.waiting_since is not None:
            since = self.say("since %(time)s") % {"time": self._clock(day.waiting_since)}
            lines.append(Line(self.say("Waiting now, the oldest"), since))
        return Section(self.say("Mails"), tuple(lines))

    def _skipped(self) -> list[Line]:
        words = {
            "empty": self.say("Not sent, nothing new for them"),
            "left": self.say("Not sent, had left"),
            "suppressed": self.say("Not sent, kept from mail"),
            "paused": self.say("Not sent, pausing"),
            "cancelled": self.say("Not sent, called off"),
            "": self.say("Not sent, forgotten why"),
        }
        return [
            Line(words.get(reason, self._theirs(reason)), self._number(n)) for reason, n in _first(self._day.skipped)
        ]

    def _reason(self, reason: str) -> str:
        return self._theirs(f"“{reason}”") if clean(reason) else self.say("Without a word")

    def _readers(self) -> Section:
        day = self._day
        words = {
            "bounced": self.say("Kept from mail, bounced"),
            "complained": self.say("Kept from mail, complained"),
            "erased": self.say("Erased"),
            "left": self.say("Kept from mail, left elsewhere"),
        }
        lines = [
            Line(self.say("Readers now"), self._number(day.readers)),
            Line(self.say("Asked to read"), self._number(day.asked)),
            Line(self.say("New readers"), self._number(day.new)),
            *([Line(self.say("Imported"), self._number(day.imported))] if day.imported else []),
            Line(self.say("Left"), self._number(day.left)),
            *([Line(self.say("Came back at once"), self._number(day.returned))] if day.returned else []),
            *(Line(words.get(why, self._theirs(why)), self._number(n)) for why, n in _first(day.suppressed)),
        ]
        return Section(self.say("Readers"), tuple(lines))

    def _sources(self) -> Section:
        day = self._day
        lines = [Line(self.say("In all"), self._number(day.sources))]
        lines += [self._source(each, self.say("gone for good, %(time)s")) for each in day.retired[:LISTED]]
        lines += [self._source(each, self.say("failing since %(time)s")) for each in day.failing[:LISTED]]
        return Section(self.say("Sources"), (*lines, *self._rest(len(day.retired), len(day.failing))))

    def _source(self, source: FailingSource, told: str) -> Line:
        since = told % {"time": self._clock(source.since)}
        problem = self._theirs(source.problem)
        return Line(self._theirs(source.name), note=f"{since}: {problem}" if problem else since)

    def _topics(self) -> Section:
        day = self._day
        lines = [Line(self.say("In all"), self._number(day.topics))]
        for each in day.quiet[:LISTED]:
            since = self._clock(each.since or each.created_at)
            told = self.say("no news since %(time)s") if each.since else self.say("no news; made %(time)s")
            lines.append(Line(self._theirs(each.name), note=told % {"time": since}))
        return Section(self.say("Topics"), (*lines, *self._rest(len(day.quiet))))

    def _rest(self, *numbers: int) -> list[Line]:
        """How many are not listed."""
        left = sum(max(0, number - LISTED) for number in numbers)
        return [Line(self.count("and %(n)s more", "and %(n)s more", left))] if left else []

    def _machine(self) -> Section:
        day = self._day
        lines = [Line(self.say("Database"), self._size(day.database_bytes))]
        if day.disk_total:
            told = self.say("%(free)s of %(total)s") % {
                "free": self._size(day.disk_free),
                "total": self._size(day.disk_total),
            }
            lines.append(Line(self.say("Free on the disk"), told))
        return Section(self.say("Machine"), tuple(lines))


def clean(text: str) -> str:
    """Somebody else's words in one line that no template can mistake for a marker, no longer than is of use."""
    shown = "".join(char if char.isprintable() else " " for char in guard(text))
    return " ".join(shown.split())[:200]


def _first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """The most frequent, at most LISTED."""
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:LISTED]
