"""The preferences form: what a reader has chosen as fields, and fields as a change. Pure.

The order of topics is a number beside each of them, in a native list: one form saves everything at once, a topic goes
from the last place to the first in one step, a screen reader says "Place of Harbour, 3", there is nothing to drag, and
it works the same without script. Buttons for up and down would load the page once for each step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from babel.dates import get_day_names
from babel.lists import format_list
from starlette.datastructures import FormData

from subscribers.cadence import DAYS, clock, minute_of, parse, zone
from subscribers.errors import CadenceError
from subscribers.pages import Voice
from subscribers.types import FORMATS, MOST_STORIES, Change, Choices, OwnTopic, clean_name

KINDS = ("daily", "weekdays", "days", "weekly", "several", "as-it-happens")
"""The ways to choose days, as the page lists them. `days`, `weekly` and `several` come with fields of their own."""
HERE = "here"
"""Marks a topic that the page listed: only such a topic is taken away when it is not ticked."""
ALL_QUIET, TICKED = "quiet", "yes"
"""The box for mails that say that there is nothing new."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Days and time as typed."""

    kind: str
    days: tuple[str, ...] = ()
    weekday: str = "mon"
    times: tuple[str, ...] = ()
    """Further times of `several`."""
    time: str = "07:00"


@dataclass(frozen=True, slots=True)
class TopicField:
    """A topic of the form."""

    slug: str
    name: str
    language: str
    description: str
    chosen: bool
    had: bool
    """The reader has it; the others are offered."""
    place: str = ""
    own: str = ""
    """"" for the reader's own days, "days", or a cadence."""
    days: tuple[str, ...] = ()
    time: str = "07:00"


@dataclass(frozen=True, slots=True)
class ChoicesForm:
    """Every field of the page."""

    topics: tuple[TopicField, ...]
    rhythm: Rhythm
    timezone: str
    locale: str
    format: str
    most: str
    all_quiet: bool
    """Whether the box is ticked."""


def shown(choices: Choices) -> ChoicesForm:
    """The form as it stands for what is saved."""
    time = clock(choices.send_minute)
    mine = (_mine(topic, place, time) for place, topic in enumerate(choices.topics, 1))
    offered = (
        TopicField(each.slug, each.name, each.language, each.description, chosen=False, had=False, time=time)
        for each in choices.offered
    )
    return ChoicesForm(
        (*mine, *offered),
        _rhythm(choices.cadence, time),
        choices.timezone,
        choices.locale,
        choices.format,
        str(choices.max_stories),
        choices.all_quiet,
    )


def _mine(topic: OwnTopic, place: int, time: str) -> TopicField:
    field = TopicField(
        topic.slug, topic.name, topic.language, topic.description, chosen=True, had=True, place=str(place), time=time
    )
    if topic.cadence is None or topic.send_minute is None:
        return field
    kind, _, rest = topic.cadence.partition(":")
    days = tuple(rest.split(",")) if kind == "days" else ()
    own = "days" if kind == "days" else topic.cadence
    return replace(field, own=own, days=days, time=clock(topic.send_minute))


def _rhythm(cadence: str, time: str) -> Rhythm:
    kind, _, rest = cadence.partition(":")
    return Rhythm(
        kind,
        days=tuple(rest.split(",")) if kind == "days" else (),
        weekday=rest if kind == "weekly" else "mon",
        times=tuple(rest.split(",")) if kind == "several" else (),
        time=time,
    )


def typed(form: FormData, choices: Choices) -> ChoicesForm:
    """The form as it was sent, for the topics that this reader has or may have. What is missing is as saved."""
    saved = shown(choices)

    def text(name: str, otherwise: str) -> str:
        value = form.get(name)
        return value.strip()[:200] if isinstance(value, str) else otherwise

    def texts(name: str) -> tuple[str, ...]:
        return tuple(each.strip()[:200] for each in form.getlist(name) if isinstance(each, str))

    ticked = set(texts("topic"))
    listed = set(texts(HERE))
    rhythm = saved.rhythm
    if "cadence" in form:
        rhythm = Rhythm(
            text("cadence", ""), texts("day"), text("weekday", rhythm.weekday), texts("also"), text("time", rhythm.time)
        )
    topics = (
        replace(
            each,
            # A topic that came up after the page was served is left as it is.
            chosen=each.slug in ticked or (each.chosen and each.slug not in listed),
            place=text(f"place-{each.slug}", each.place),
            own=text(f"own-{each.slug}", each.own),
            days=texts(f"own-{each.slug}-day") if f"own-{each.slug}" in form else each.days,
            time=text(f"own-{each.slug}-time", each.time),
        )
        for each in saved.topics
    )
    return ChoicesForm(
        tuple(topics),
        rhythm,
        text("timezone", saved.timezone),
        text("locale", saved.locale),
        text("format", saved.format),
        text("most", saved.most),
        # A box that is not ticked sends nothing; the hidden field before it says that the page had one.
        TICKED in form.getlist(ALL_QUIET) if ALL_QUIET in form else saved.all_quiet,
    )


def changed(
    fields: ChoicesForm, choices: Choices, languages: Sequence[str], voice: Voice
) -> tuple[Change | None, Mapping[str, str]]:
    """A Change, or what is wrong (id of the part of the page -> text in its language, in the order of the page)."""
    errors: dict[str, str] = {}
    topics = _topics(fields, errors, voice)
    cadence, minute = _when(fields.rhythm, errors, voice)
    try:
        zone(fields.timezone)
    except CadenceError:
        errors["timezone"] = voice.say("Please choose your time zone from the list.")
    if fields.locale != choices.locale and fields.locale not in languages:
        errors["locale"] = voice.say("Please choose a language from the list.")
    if fields.format not in FORMATS:
        errors["format"] = voice.say("Please choose how your mail shall look.")
    most = int(fields.most) if fields.most.isascii() and fields.most.isdecimal() and len(fields.most) < 4 else 0
    if not 1 <= most <= MOST_STORIES:
        told = voice.say("Please write a number from 1 to %(most)s.")
        errors["most"] = told % {"most": MOST_STORIES}
    if errors:
        return None, errors
    mail = (fields.timezone, fields.locale, fields.format, most, fields.all_quiet)
    return Change(topics, cadence, minute, *mail), errors


def _topics(fields: ChoicesForm, errors: dict[str, str], voice: Voice) -> tuple[OwnTopic, ...]:
    chosen = in_order([each for each in fields.topics if each.chosen])
    if not chosen:
        errors["topics"] = voice.say("Please keep at least one topic. To stop altogether, use the link at the end.")
    topics = []
    for each in chosen:
        try:
            cadence, minute = _own(each)
        except CadenceError:
            told = voice.say("Please choose days and a time by the quarter hour for “%(topic)s”.")
            errors[f"own-{each.slug}"] = told % {"topic": each.name}
            continue
        topics.append(OwnTopic(each.slug, each.name, cadence=cadence, send_minute=minute))
    return tuple(topics)


def in_order(chosen: Sequence[TopicField]) -> list[TopicField]:
    """The chosen topics in the order that their places ask for.

    What kept its place keeps its order; what was given another is put there, and the rest makes room. New topics come
    last. A place that is no number counts as unchanged: the next look at the page tells.
    """
    had = [each for each in chosen if each.had]
    moved: list[tuple[int, TopicField]] = []
    rest: list[TopicField] = []
    for place, each in enumerate(had, 1):
        wanted = int(each.place) if each.place.isascii() and each.place.isdecimal() and len(each.place) < 4 else place
        if wanted == place:
            rest.append(each)
        else:
            moved.append((wanted, each))
    for wanted, each in sorted(moved, key=lambda pair: pair[0]):
        rest.insert(max(wanted - 1, 0), each)
    return rest + [each for each in chosen if not each.had]


def _own(topic: TopicField) -> tuple[str | None, int | None]:
    if not topic.own:
        return None, None
    cadence = days_cadence(topic.days) if topic.own == "days" else topic.own
    parse(cadence)
    return cadence, minute_of(topic.time)


def _when(rhythm: Rhythm, errors: dict[str, str], voice: Voice) -> tuple[str, int]:
    try:
        minute = minute_of(rhythm.time)
    except CadenceError:
        minute = 0
        errors["time"] = voice.say("Please choose a time by the quarter hour, such as 07:00 or 18:45.")
    try:
        cadence = _cadence(rhythm)
        parse(cadence)
    except CadenceError:
        texts = {
            "days": voice.say("Please choose at least one day."),
            "several": voice.say("Please choose one to five further times by the quarter hour, such as 12:00."),
        }
        errors["cadence"] = texts.get(rhythm.kind, voice.say("Please choose the days from the list."))
        cadence = ""
    return cadence, minute


def _cadence(rhythm: Rhythm) -> str:
    """The cadence of what was chosen. Raises CadenceError for times that are none, and for no day or time at all."""
    if rhythm.kind == "days":
        return days_cadence(rhythm.days)
    if rhythm.kind == "weekly":
        return f"weekly:{rhythm.weekday}"
    if rhythm.kind == "several":
        minutes = sorted({minute_of(time) for time in rhythm.times if time})
        if not minutes:
            raise CadenceError("no further time was chosen")
        return "several:" + ",".join(clock(minute) for minute in minutes)
    return rhythm.kind


def days_cadence(days: Sequence[str]) -> str:
    """The plainest cadence for these weekdays: all seven are `daily`, one is `weekly`. Raises CadenceError for none."""
    wanted = [day for day in DAYS if day in days]
    if not wanted or len(wanted) != len(set(days)):
        raise CadenceError("no weekday was chosen, or one that does not exist")
    if len(wanted) == len(DAYS):
        return "daily"
    if wanted == list(DAYS[:5]):
        return "weekdays"
    return f"weekly:{wanted[0]}" if len(wanted) == 1 else "days:" + ",".join(wanted)


# --- words ------------------------------------------------------------------------------------------------------------


@cache
def weekdays(language: str) -> tuple[tuple[str, str], ...]:
    """(mon, Monday) and so on, as the language calls them."""
    names = get_day_names("wide", "stand-alone", locale=language)
    return tuple((day, names[place]) for place, day in enumerate(DAYS))


@lru_cache(maxsize=64)
def own_kinds(voice: Voice) -> tuple[tuple[str, str], ...]:
    """What a topic's own days can be: value and name."""
    return (
        ("", voice.say("As chosen for all topics")),
        ("daily", voice.say("Every day")),
        ("weekdays", voice.say("Monday to Friday")),
        ("days", voice.say("Chosen days")),
        ("weekly:mon", voice.say("Mondays")),
        ("weekly:tue", voice.say("Tuesdays")),
        ("weekly:wed", voice.say("Wednesdays")),
        ("weekly:thu", voice.say("Thursdays")),
        ("weekly:fri", voice.say("Fridays")),
        ("weekly:sat", voice.say("Saturdays")),
        ("weekly:sun", voice.say("Sundays")),
        ("as-it-happens", voice.say("As it happens")),
    )


def own_words(topic: TopicField, voice: Voice) -> str:
    """A topic's own days and time in words; empty when it has none."""
    if not topic.own:
        return ""
    kind, _, rest = topic.own.partition(":")
    if topic.own == "days":
        days = [name for day, name in weekdays(voice.language) if day in topic.days]
        told = format_list(days, locale=voice.language)
    elif kind == "several":
        told = voice.say("Several times a day") + " " + rest.replace(",", voice.say(", "))
    else:
        told = dict(own_kinds(voice)).get(topic.own, clean_name(topic.own))
    return told if topic.own == "as-it-happens" else f"{told}{voice.say(', ')}{topic.time}"
