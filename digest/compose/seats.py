"""What readers of one frozen edition have in common, worked out once and kept: filled, encoded, ready to be laid.

Of a story for a language and a zone (`Told`), of the parts around the stories for a profile (`Seat`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from digest.compose.blocks import story_key
from digest.compose.content import Frozen, FrozenStory, Manifest
from digest.compose.contexts import IN_URL
from digest.compose.fragments import Fragment, holes, is_border, owned
from digest.compose.personal import Answers, Readings, answers_of, asked_by, chosen
from digest.compose.seen import Seer, as_told_by
from digest.compose.strips import (
    ENCODERS,
    GREETING,
    NUMBER,
    OWN,
    TUNE,
    Made,
    Strip,
    cut_open,
    joined,
    marks,
    strip,
    strip_of,
)
from digest.compose.theme import Theme, direction, flowing, shorten
from digest.compose.voice import Voice, escaped
from digest.types import Pick, ReaderProfile

HEADLINE = 70
"""Characters of a headline in a preheader."""

HELD = 64_000_000
"""Bytes of literals that are kept before they are forgotten, and filled again when they are needed."""
SEATS = 5_000
"""Profiles that are kept ready, each with some 8 KB."""

PARTS = ("html", "text")
OF_A_STORY = ("lead", "card", "brief", "link")
PREHEADER = "preheader"
MASTHEAD = (*OWN, PREHEADER, IN_URL + PREHEADER)
"""The values of a masthead, in their order."""

FURTHER = "further"
REST = (*OWN, FURTHER, IN_URL + FURTHER)
"""The values of what stands in the place of stories without room."""
STORY = (*OWN, NUMBER)
"""The values of a story, in their order."""

Run = tuple[bytes, ...]
"""Literals between any two of which stands the token "tune", as in most themes nothing else does in a story: joined by
it they take a third of the time that strips take."""


class Numbered(NamedTuple):
    """A story of the text and its line among the links: what stands before its number and what stands behind."""

    before: bytes
    story: Run
    start: bytes
    link: Run


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """One telling of one story, as readers of one language and zone are told it."""

    pick: Pick
    story_id: int
    topic: int | None
    """The only topic that the story has; None where it has several, or none."""
    story: FrozenStory
    words: int
    title: str
    short: str
    html: Mapping[str, Run]
    text: Mapping[str, Numbered]
    """By kind (lead, card or brief), where the edition is `plain`."""
    strips: Mapping[tuple[str, str], Strip]
    """(part, kind, link among the kinds of the text) -> the story, for values of STORY, in any edition."""


@dataclass(frozen=True, slots=True, eq=False)
class Speech:
    """What readers of one language and zone have in common."""

    voice: Voice
    language: str
    told: Mapping[Pick, Told]
    led: Mapping[tuple[Pick, int], Told]
    """A full telling as another article leads it (`content.Variant`)."""
    stats: Mapping[tuple[int, int], str]
    masthead: Mapping[tuple[str, str], Strip]
    """(part, what it says of a mail) -> the masthead; its preheader is still open."""
    rest: Mapping[str, Strip | None]
    """By part; None in editions that were frozen before there was such a block."""
    said: Mapping[str, bytes]
    """A text as it stands in HTML."""


@dataclass(slots=True, eq=False)
class Seat:
    """What readers of one profile have in common."""

    profile: ReaderProfile
    speech: Speech
    seen: Manifest
    """The edition as they see it."""
    told: Mapping[Pick, Told]
    """As in their speech, but for the stories that somebody else leads for them."""
    topic: Mapping[int, int | None]
    """Story id -> the reader's first topic that it belongs to."""
    chrome: Mapping[tuple[str, str | int], Strip]
    """(part, key) -> what stands around the stories; a section's head by its topic."""
    feet: dict[tuple[str, bool, bool], Strip] = field(default_factory=dict)
    found: dict[Any, Any] = field(default_factory=dict)
    """The candidates of a window, for the composer."""


class Seats:
    """The seats of one edition in one encoding. Threads may share them: what two make at once is equal."""

    def __init__(
        self,
        frozen: Frozen,
        theme: Theme,
        next_due: Callable[[ReaderProfile, datetime], datetime | None],
        encoding: str,
    ) -> None:
        self._fragments: Mapping[str, Mapping[str, Fragment]] = {"html": frozen.html, "text": frozen.text}
        self._manifest = frozen.manifest
        self._seer = Seer(frozen.manifest)
        self.readings = Readings(frozen.html, frozen.text)
        self._theme = theme
        self._next_due = next_due
        self._encode = ENCODERS[encoding]
        apart = [
            asked_by(fragment)
            for part in PARTS
            for key, fragment in self._fragments[part].items()
            if key.partition("/")[0] in (*OF_A_STORY, "masthead")
        ]
        self.plain = all(
            _is_plain(part, fragment)
            for part in PARTS
            for key, fragment in self._fragments[part].items()
            if key.partition("/")[0] in OF_A_STORY
        )
        """Whether stories may be put together from their runs."""
        both = (*frozen.html.items(), *frozen.text.items())
        asked = {name for key, fragment in both if key.startswith("masthead/") for name in holes(fragment)}
        self.greets = bool(asked & {GREETING, IN_URL + GREETING})
        """Whether a masthead greets its reader, which most themes leave to friends."""
        self.preheader_in_address = IN_URL + PREHEADER in asked
        self._told_apart = sorted(set().union(*apart))
        """What is asked of readers in stories and mastheads: readers of other answers share none."""
        self._speeches: dict[tuple[object, ...], Speech] = {}
        self._seats: dict[int, Seat] = {}
        self._shared: dict[tuple[object, ...], Strip] = {}
        self._next: dict[tuple[object, ...], str] = {}
        self._held = 0

    def seat(self, profile: ReaderProfile, *, own: bool = True) -> Seat:
        """The seat of a profile; profiles of the same id are the same, or the newer one counts."""
        if not own:
            return self._seated(profile, own=False)
        seat = self._seats.get(profile.id)
        if seat is None or (seat.profile is not profile and seat.profile != profile):
            if len(self._seats) >= SEATS or self._held > HELD:
                self._forget()
            seat = self._seats[profile.id] = self._seated(profile, own=True)
        return seat

    def _seated(self, profile: ReaderProfile, *, own: bool) -> Seat:
        speech, seen = self._speech(profile, own=own), self._seer.by(profile)
        led = {story_id: story.led_by for story_id, story in seen.stories.items() if story.led_by}

        def tell(pick: Pick) -> Told:
            article = 0 if pick.from_version else led.get(pick.story_id, 0)
            return speech.led[pick, article] if article else speech.told[pick]

        def topic(story_id: int) -> int | None:
            mine = seen.stories[story_id].topics
            return next((topic for topic in profile.topics if topic in mine), None)

        told = Made(tell) if led else speech.told
        chrome = Made(lambda key: self._chrome(profile, speech, *key))
        return Seat(profile, speech, seen, told, Made(topic), chrome)

    def _forget(self) -> None:
        """Other threads may be working with what is forgotten: it stays whole as long as they hold it."""
        self._seats, self._shared, self._next = {}, {}, {}
        if self._held > HELD:
            self._speeches, self._held = {}, 0

    # --- of a language and a zone -------------------------------------------------------------------------------------

    def answers(self, profile: ReaderProfile) -> Answers:
        """What this reader answers to what stories and mastheads ask; hardly any edition asks anything there."""
        return answers_of(profile, self._told_apart)

    def language(self, profile: ReaderProfile) -> str:
        """The reader's language where this edition speaks it, else English."""
        return profile.language if f"end/{profile.language}" in self._manifest.html else "en"

    def _speech(self, profile: ReaderProfile, *, own: bool) -> Speech:
        language = self.language(profile)
        answers = self.answers(profile)
        place = (language, profile.timezone, own, *answers.values())
        found = self._speeches.get(place)
        if found is None:
            found = self._speeches[place] = self._spoken(language, profile.timezone, answers, own=own)
        return found

    def _spoken(self, language: str, timezone: str, answers: Answers, *, own: bool) -> Speech:
        voice = Voice(self._theme, language, timezone, self._manifest.frozen_at)
        date = voice.date()

        def tell(pick: Pick, led_by: int = 0) -> Told:
            return self._tell(voice, pick, led_by, answers, own=own)

        def masthead(part: str, said: str) -> Strip:
            fragment = chosen(self._fragments[part][f"masthead/{language}"], answers)
            return self.strip(part, owned(fragment, keep=True), {"date": date, "stats": said}.get, MASTHEAD)

        def rest(part: str) -> Strip | None:
            fragment = self._fragments[part].get(f"rest/{language}")
            return self.strip(part, chosen(fragment, answers), lambda _: None, REST) if fragment else None

        told = Made(tell)
        return Speech(
            voice,
            language,
            told,
            led=Made(lambda key: tell(*key)),
            stats=Made(lambda counts: voice.stats(*counts)),
            masthead=Made(lambda key: masthead(*key)),
            rest=Made(rest),
            said=Made(lambda text: self._encode(escaped(text))),
        )

    def _tell(self, voice: Voice, pick: Pick, led_by: int, answers: Answers, *, own: bool) -> Told:
        story = self._manifest.stories[pick.story_id]
        if led_by:
            story = as_told_by(next(each for each in story.variants if each.article_id == led_by), story)
        title = voice.update(story.updates[pick.from_version]) if pick.from_version else story.title

        def known(name: str) -> str | None:
            if not name.startswith("time:"):
                return None
            at = self._manifest.times.get(int(name[5:]))
            return voice.clock(at) if at else ""

        def opened(part: str, kind: str) -> tuple[list[bytes], list[str]]:
            fragment = chosen(self._fragments[part][story_key(kind, voice.language, pick, led_by)], answers)
            return self._open(part, owned(fragment, keep=own), known)

        def numbered(kind: str) -> Numbered:
            (before, *behind), (start, *link) = opened("text", kind)[0], opened("text", "link")[0]
            return Numbered(before, tuple(behind), start, tuple(link))

        return Told(
            pick=pick,
            story_id=pick.story_id,
            topic=story.topics[0] if len(story.topics) == 1 else None,
            story=story,
            words=story.words,
            title=title,
            short=shorten(title, HEADLINE),
            html=Made(lambda kind: tuple(opened("html", kind)[0])),
            text=Made(numbered),
            strips=Made(lambda key: strip(*opened(*key), STORY)),
        )

    def strip(
        self, part: str, fragment: Fragment, known: Callable[[str], str | None], order: Sequence[str] = OWN
    ) -> Strip:
        """A fragment of this part with what is known of its holes; the others are for values in this order."""
        return strip(*self._open(part, fragment, known), order)

    def _open(self, part: str, fragment: Fragment, known: Callable[[str], str | None]) -> tuple[list[bytes], list[str]]:
        literals, names = cut_open(fragment, known, escaped if part == "html" else flowing, self._encode)
        self._held += sum(map(len, literals))
        return literals, names

    # --- of a profile -------------------------------------------------------------------------------------------------

    def _chrome(self, profile: ReaderProfile, speech: Speech, part: str, key: str | int) -> Strip:
        """A part around the stories. Profiles share it where its holes are filled alike."""
        name = key if isinstance(key, str) else f"section/{speech.language}/{key}"
        fragment, answers = self.readings.of(part, name, profile)
        named = {each.removeprefix(IN_URL): None for each in holes(fragment)}
        values = {each: self._of_profile(profile, speech, each) for each in named if each not in OWN}
        memo = (part, name, answers, *values.values())
        found = self._shared.get(memo)
        if found is None:
            found = self._shared[memo] = self.strip(part, fragment, values.get)
        return found

    def foot(self, seat: Seat, part: str, *, told: bool, footer: bool) -> Strip:
        """What stands behind the stories. Without any, what stands in their place has said it all: there is no end."""
        found = seat.feet.get((part, told, footer))
        if found is None:
            keys = [*(["end"] if told else []), *(["footer"] if footer else [])]
            names = [f"{key}/{seat.speech.language}" for key in keys] + (["shell/end"] if part == "html" else [])
            whole = joined([seat.chrome[part, name] for name in names], marks())
            found = seat.feet[part, told, footer] = strip_of(whole)
        return found

    def next_mail(self, seat: Seat) -> str:
        """When the reader's next mail comes, as their language says it."""
        return self._next_mail(seat.profile, seat.speech)

    def _next_mail(self, profile: ReaderProfile, speech: Speech) -> str:
        own = tuple(sorted((topic, *rhythm) for topic, rhythm in profile.own.items()))
        hours = (speech.language, profile.timezone, profile.cadence, profile.send_minute, own, profile.rhythms)
        # Which topics there are decides with `own` alone: whether one is left to the reader's usual hours.
        memo = (*hours, profile.topics if own else ())
        if memo not in self._next:
            self._next[memo] = speech.voice.next(self._next_due(profile, self._manifest.frozen_at))
        return self._next[memo]

    def _of_profile(self, profile: ReaderProfile, speech: Speech, name: str) -> str | None:
        if name == "next":
            return self._next_mail(profile, speech)
        if name == "topics":
            names = self._manifest.topics
            return speech.voice.names([names[topic] for topic in profile.topics if topic in names])
        return {"lang": speech.language, "dir": direction(speech.language)}.get(name)


def _is_plain(part: str, fragment: Fragment) -> bool:
    """Whether a story's fragment has no holes but those of runs, in their order."""
    open_holes = [
        name.removeprefix(IN_URL)
        for name in holes(fragment)
        if not is_border(name) and not name.removeprefix(IN_URL).startswith("time:")
    ]
    numbers = [NUMBER] if part == "text" else []
    return open_holes == [*numbers, *[TUNE] * (len(open_holes) - len(numbers))]
