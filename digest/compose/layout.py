"""A mail's two bodies, laid out from pieces that were filled and encoded before.

What can be known before a reader is seen is worked out once and kept: of a story for a language and a zone (`Told`), of
the parts around the stories for a profile (`Seat`). For one reader what is left is to put them into a row; and where a
second reader of the profile is told the same, that row is kept too (`Row`), with the tokens of links as its only holes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from digest.compose.blocks import story_key
from digest.compose.content import BREAKING, WELCOME, Frozen, FrozenStory, Manifest
from digest.compose.contexts import IN_URL
from digest.compose.fragments import Fragment, holes, owned
from digest.compose.personal import Answers, Readings, answers_of, asked_by, chosen
from digest.compose.pieces import ENCODERS, Made, Piece, fill, glued
from digest.compose.room import FOOT, Foot
from digest.compose.row import LINKS, Tokens
from digest.compose.seen import Seer, as_told_by
from digest.compose.theme import Theme, direction, flowing, shorten
from digest.compose.voice import Voice, escaped
from digest.types import Pick, ReaderProfile

HEADLINE = 70
"""Characters of a headline in a preheader."""

TELLERS = 4
"""Publishers that the preheader of breaking news names: an inbox shows about a hundred characters."""

HELD = 64_000_000
"""Bytes of pieces that one composer keeps before it forgets them and fills again what it needs."""
SEATS = 5_000
"""Profiles that are kept ready, each with some 8 KB."""
ROWS, SIGHTS = 500, 20_000
"""Whole mails kept ready (60 KB each), and how many combinations of stories are remembered as seen once."""

Run = tuple[Piece, ...]
"""Pieces of a story. Where "tune" is the only hole of all stories, the literals alone, that hole between any two."""


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """One telling of one story, as readers of one language and zone are told it."""

    pick: Pick
    story: FrozenStory
    title: str
    short: str
    html: Mapping[str, Run]
    """By kind: lead, card or brief."""
    text: Mapping[str, Mapping[int, tuple[Run, Run]]]
    """By kind and number: the story, and its line among the links."""


Sections = list[tuple[int, list[Told]]]
"""The cards below the reader's topics."""


@dataclass(frozen=True, slots=True, eq=False)
class Speech:
    """What readers of one language and zone have in common. `own`: whether their own links stand in the stories."""

    voice: Voice
    language: str
    own: bool
    told: Mapping[Pick, Told]
    full: Mapping[int, Told]
    """Story id -> its full telling, which is asked for so often that hashing picks would take a fifth of the time."""
    led: Mapping[tuple[Pick, int], Told]
    """A full telling as another article leads it (`content.Variant`)."""
    date: str
    stats: Mapping[tuple[int, int], str]
    mastheads: dict[tuple[str, str], Run]
    answers: Answers
    """What they answer to what stories and mastheads ask of their readers; hardly any edition asks anything there."""


@dataclass(slots=True, eq=False)
class Seat:
    """What readers of one profile have in common."""

    profile: ReaderProfile
    speech: Speech
    seen: Manifest
    """The edition as they see it."""
    told: Mapping[Pick, Told]
    full: Mapping[int, Told]
    """As in their speech, but for the stories that somebody else leads for them."""
    topics: dict[int, int | None] = field(default_factory=dict)
    """Story id -> the reader's first topic that it belongs to."""
    chrome: dict[tuple[str, str], Run] = field(default_factory=dict)
    solid: dict[tuple[str, str | int], bytes] = field(default_factory=dict)
    """Of the chrome, what has no hole; section heads by their topic."""
    feet: dict[tuple[str, bool, bool, bool], Run] = field(default_factory=dict)
    found: dict[Any, Any] = field(default_factory=dict)
    """The candidates of a window, for the composer."""


class Layout:
    """Lays out the mails of one frozen edition in one encoding."""

    def __init__(
        self,
        frozen: Frozen,
        theme: Theme,
        next_due: Callable[[ReaderProfile, datetime], datetime | None],
        encoding: str,
    ) -> None:
        self._frozen = frozen
        self._manifest = frozen.manifest
        self._seer = Seer(frozen.manifest)
        self.readings = Readings(frozen.html, frozen.text)
        self._theme = theme
        self._next_due = next_due
        self._encode = ENCODERS[encoding]
        self._newline = self._encode("\n")
        self._joins_anywhere = encoding != "qp"
        """Whether the encoded parts of a text are the encoded text, byte by byte: in quoted-printable, where lines
        break depends on what stands before."""
        asked = {name for part in (frozen.html, frozen.text) for key, each in part.items() if _of_story(key)
                 for name in holes(each)}  # fmt: skip
        self._tune_only = not asked & (set(LINKS) - {"tune"})
        both = (*frozen.html.items(), *frozen.text.items())
        apart = [asked_by(each) for key, each in both if _of_story(key) or key.startswith("masthead/")]
        self._told_apart = sorted(set().union(*apart))
        """What is asked of readers in stories and mastheads: readers of other answers share none."""
        self._mastheads = {
            (part, key.partition("/")[2]): owned(fragment, keep=True)
            for part in ("html", "text")
            for key, fragment in self._part(part).items()
            if key.startswith("masthead/")
        }
        self._speeches: dict[tuple[object, ...], Speech] = {}
        self._seats: dict[int, Seat] = {}
        self._shared: dict[tuple[object, ...], Run] = {}
        self._next: dict[tuple[object, ...], str] = {}
        self._held = 0

    # --- what readers have in common ----------------------------------------------------------------------------------

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
        if not led:
            return Seat(profile, speech, seen, speech.told, speech.full)

        def tell(pick: Pick) -> Told:
            article = 0 if pick.from_version else led.get(pick.story_id, 0)
            return speech.led[pick, article] if article else speech.told[pick]

        told = Made(tell)
        return Seat(profile, speech, seen, told, Made(lambda id_: told[Pick(id_, seen.stories[id_].version)]))

    def _forget(self) -> None:
        """Other threads may be working with what is forgotten: it stays whole as long as they hold it."""
        self._seats, self._shared, self._next = {}, {}, {}
        if self._held > HELD:
            self._speeches, self._held = {}, 0

    def language(self, profile: ReaderProfile) -> str:
        """The reader's language where this edition speaks it, else English."""
        return profile.language if f"end/{profile.language}" in self._manifest.html else "en"

    def _speech(self, profile: ReaderProfile, *, own: bool) -> Speech:
        language = self.language(profile)
        answers = answers_of(profile, self._told_apart)
        place = (language, profile.timezone, own, *answers.values())
        found = self._speeches.get(place)
        if found is None:
            voice = Voice(self._theme, language, profile.timezone, self._manifest.frozen_at)
            stats = Made(lambda counts: voice.stats(*counts))
            made = Made(lambda pick: self._tell(speech, pick))
            stories = self._manifest.stories
            full = Made(lambda story_id: made[Pick(story_id, stories[story_id].version)])
            led = Made(lambda key: self._tell(speech, *key))
            speech = Speech(voice, language, own, made, full, led, voice.date(), stats, {}, answers)
            found = self._speeches[place] = speech
        return found

    def _tell(self, speech: Speech, pick: Pick, led_by: int = 0) -> Told:
        story = self._manifest.stories[pick.story_id]
        if led_by:
            story = as_told_by(next(each for each in story.variants if each.article_id == led_by), story)
        title = speech.voice.update(story.updates[pick.from_version]) if pick.from_version else story.title

        def run(part: str, kind: str, number: int = 0) -> Run:
            def known(name: str) -> str | None:
                if name.startswith("time:"):
                    at = self._manifest.times.get(int(name[5:]))
                    return speech.voice.clock(at) if at else ""
                return str(number) if name == "n" else None

            key = story_key(kind, speech.language, pick, led_by)
            fragment = chosen(self._part(part)[key], speech.answers)
            return self._story_run(part, owned(fragment, keep=speech.own), known)

        def numbered(kind: str) -> Mapping[int, tuple[Run, Run]]:
            return Made(lambda number: (run("text", kind, number), run("text", "link", number)))

        html = Made(lambda kind: run("html", kind))
        return Told(pick, story, title, shorten(title, HEADLINE), html, Made(numbered))

    def _story_run(self, part: str, fragment: Fragment, known: Callable[[str], str | None]) -> Run:
        filled = self._fill(part, fragment, known)
        if not self._tune_only:
            return filled
        literals: list[bytes] = [b""]
        for piece in filled:
            if isinstance(piece, str):
                literals.append(b"")
            else:
                literals[-1] += piece
        return tuple(literals)

    def _fill(self, part: str, fragment: Fragment, known: Callable[[str], str | None]) -> Run:
        filled = fill(fragment, known, _escape(part), self._encode)
        self._held += sum(map(len, filled))
        return filled

    def _part(self, part: str) -> Mapping[str, Fragment]:
        return self._frozen.html if part == "html" else self._frozen.text

    def chrome(self, seat: Seat, part: str, key: str) -> Run:
        """A part around the stories, for a profile. Profiles share it where its holes are filled alike."""
        run = seat.chrome.get((part, key))
        if run is None:
            fragment, answers = self.readings.of(part, key, seat.profile)
            named = [name.removeprefix(IN_URL) for name in holes(fragment)]
            values = {name: self._of_profile(seat, name) for name in named if name not in LINKS}
            memo = (part, key, answers, *values.values())
            run = self._shared.get(memo)
            if run is None:
                run = self._shared[memo] = self._fill(part, fragment, values.get)
            seat.chrome[part, key] = run
        return run

    def _of_profile(self, seat: Seat, name: str) -> str | None:
        profile, voice, language = seat.profile, seat.speech.voice, seat.speech.language
        if name == "next":
            own = tuple(sorted((topic, *rhythm) for topic, rhythm in profile.own.items()))
            hours = (language, profile.timezone, profile.cadence, profile.send_minute, own, profile.rhythms)
            # Which topics there are decides with `own` alone: whether one is left to the reader's usual hours.
            memo = (*hours, profile.topics if own else ())
            if memo not in self._next:
                self._next[memo] = voice.next(self._next_due(profile, self._manifest.frozen_at))
            return self._next[memo]
        if name == "topics":
            names = self._manifest.topics
            return voice.names([names[topic] for topic in profile.topics if topic in names])
        return {"lang": language, "dir": direction(language)}.get(name)

    # --- one reader ---------------------------------------------------------------------------------------------------

    def bodies(
        self, seat: Seat, told: Sequence[Told], tokens: Tokens, *, html: bool = True, foot: Foot = FOOT
    ) -> tuple[bytes, bytes]:
        """HTML and text; no HTML where it is not wanted."""
        sections = self._sections(seat, told[1 : seat.profile.max_stories])
        laid = self._html(seat, told, sections, tokens, foot) if html else b""
        return laid, self._text(seat, told, sections, tokens, foot)

    def _html(self, seat: Seat, told: Sequence[Told], sections: Sections, tokens: Tokens, foot: Foot) -> bytes:
        put = self._putting("html", tokens)
        cap = seat.profile.max_stories
        out = [self._chrome("html", seat, "shell/start", tokens), *self._head("html", seat, told, tokens)]
        out += [put(each.html["lead"]) for each in told[:1]]
        for topic, inside in sections:
            out.append(self._chrome("html", seat, topic, tokens))
            out += [put(each.html["card"]) for each in inside]
        if told[cap:]:
            out.append(self._chrome("html", seat, f"briefs/{seat.speech.language}", tokens))
            out += [put(each.html["brief"]) for each in told[cap:]]
        return b"".join([*out, self._foot("html", seat, bool(told), foot, tokens)])

    def _text(self, seat: Seat, told: Sequence[Told], sections: Sections, tokens: Tokens, foot: Foot) -> bytes:
        """Below the stories of a part stand their links, by number."""
        put = self._putting("text", tokens)
        cap = seat.profile.max_stories
        out = self._head("text", seat, told, tokens)
        groups: list[tuple[int | str | None, str, Sequence[Told]]] = [(None, "lead", told[:1])] if told else []
        groups += [(topic, "card", inside) for topic, inside in sections]
        groups += [(f"briefs/{seat.speech.language}", "brief", told[cap:])] if told[cap:] else []
        number = 1
        for head, kind, inside in groups:
            if head is not None:
                out.append(self._chrome("text", seat, head, tokens))
            runs = [each.text[kind][place] for place, each in enumerate(inside, number)]
            number += len(runs)
            out += [put(story) for story, _ in runs]
            out.append(self._newline)
            out += [put(link) for _, link in runs]
        return b"".join([*out, self._foot("text", seat, bool(told), foot, tokens)])

    def _putting(self, part: str, tokens: Tokens) -> Callable[[Run], bytes]:
        if self._tune_only:
            return tokens["tune"].join  # type: ignore[return-value]  # such runs hold literals alone
        return lambda run: glued(part, run, tokens)

    def _chrome(self, part: str, seat: Seat, key: str | int, tokens: Tokens) -> bytes:
        """A part around the stories, by its name, or by its topic the head of a section."""
        solid = seat.solid.get((part, key))
        if solid is not None:
            return solid
        run = self.chrome(seat, part, key if isinstance(key, str) else f"section/{seat.speech.language}/{key}")
        if len(run) == 1 and isinstance(run[0], bytes):
            seat.solid[part, key] = run[0]
        return glued(part, run, tokens)

    def _foot(self, part: str, seat: Seat, told: bool, foot: Foot, tokens: Tokens) -> bytes:
        """What stands behind the stories. Without any, a welcome has said it all, so there is no end."""
        rests = foot.further > 0 and f"rest/{seat.speech.language}" in self._part(part)  # not in older editions
        run = seat.feet.get((part, told, foot.footer, rests))
        if run is None:
            keys = [key for key, is_there in (("rest", rests), ("end", told), ("footer", foot.footer)) if is_there]
            names = [f"{key}/{seat.speech.language}" for key in keys] + (["shell/end"] if part == "html" else [])
            run = tuple([piece for name in names for piece in self.chrome(seat, part, name)])
            seat.feet[part, told, foot.footer, rests] = run
        if rests:
            tokens = {**tokens, "further": self._encode(_escape(part)(seat.speech.voice.further(foot.further)))}
        return glued(part, run, tokens)

    def _sections(self, seat: Seat, told: Sequence[Told]) -> Sections:
        """The cards below the reader's topics, in their order."""
        inside: dict[int | None, list[Told]] = {topic: [] for topic in seat.profile.topics}
        topics = seat.topics
        for each in told:
            story_id = each.pick.story_id
            if story_id not in topics:
                mine = seat.seen.stories[story_id].topics
                topics[story_id] = next((topic for topic in seat.profile.topics if topic in mine), None)
            if topics[story_id] is not None:
                inside[topics[story_id]].append(each)
        return [(topic, inside[topic]) for topic in seat.profile.topics if inside[topic]]

    def _head(self, part: str, seat: Seat, told: Sequence[Told], tokens: Tokens) -> list[bytes]:
        """What stands before the stories."""
        out = [self._masthead(part, seat, told, tokens)]
        if WELCOME in self._manifest.values:
            key = f"welcome/{seat.speech.language}/{'news' if told else 'quiet'}"
            out.append(self._chrome(part, seat, key, tokens))
        return out

    def _masthead(self, part: str, seat: Seat, told: Sequence[Told], tokens: Tokens) -> bytes:
        speech = seat.speech
        words = sum([each.story.words for each in told[: seat.profile.max_stories]])
        fragment = chosen(self._mastheads[part, speech.language], speech.answers)
        counted = speech.stats[len(told), words]
        breaks = BREAKING in self._manifest.values
        said = speech.voice.breaking() if breaks else counted if told else speech.voice.welcome()
        values = {"date": speech.date, "stats": said}
        if "preheader" not in fragment:
            # The same for all who are told as much: as in the text, which no inbox shows beside the subject.
            memo = (part, values["stats"])
            run = speech.mastheads.get(memo)
            if run is None:
                run = speech.mastheads[memo] = self._fill(part, fragment, values.get)
            return glued(part, run, tokens)
        values["preheader"] = self._preheader(told, speech) or counted
        if not self._joins_anywhere or any(name.startswith(IN_URL) for name in holes(fragment)):
            return glued(part, fill(fragment, values.get, _escape(part), self._encode), tokens)
        run = speech.mastheads.get((part, ""))
        if run is None:
            run = speech.mastheads[part, ""] = self._fill(part, fragment, {"date": speech.date}.get)
        escape, encode = _escape(part), self._encode
        mine = {name: encode(escape(values[name])) for name in ("stats", "preheader")}
        return glued(part, run, {**tokens, **mine})

    def _preheader(self, told: Sequence[Told], speech: Speech) -> str:
        """What an inbox shows beside the subject: headlines that are not in it; of breaking news, who tells it. Empty
        for a digest of one story, where its length has to do, because without a preheader the inbox would show the
        masthead."""
        if not told:
            return speech.voice.quiet()
        if BREAKING in self._manifest.values:
            return speech.voice.names(told[0].story.tellers[:TELLERS])
        shown = told[:2] if WELCOME in self._manifest.values else told[1:3]
        return " · ".join([each.short for each in shown])


def _escape(part: str) -> Callable[[str], str]:
    return escaped if part == "html" else flowing


def _of_story(key: str) -> bool:
    return key.partition("/")[0] in ("lead", "card", "brief", "link")
