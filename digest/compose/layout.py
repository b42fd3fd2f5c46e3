"""A mail's two bodies, laid out from strips that were filled and encoded before (`seats`).

For one reader what is left is to put them into a row. The whole is joined later, together with the rest of a payload.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from digest.compose.content import BREAKING, WELCOME, Manifest
from digest.compose.contexts import in_url
from digest.compose.room import FOOT, Foot
from digest.compose.seats import Seat, Seats, Told
from digest.compose.strips import ENCODERS, OWN, TUNE, Made
from digest.compose.theme import flowing
from digest.compose.voice import escaped

TUNES = OWN.index(TUNE)
TELLERS = 4
"""Publishers that the preheader of breaking news names: an inbox shows about a hundred characters."""
BETWEEN = " · "
"""Stands between the headlines of a preheader."""
Sections = list[tuple[int, list[Told]]]
"""The cards below the reader's topics."""
Group = tuple[int | str | None, str, Sequence[Told]]
"""What stands above stories (the head of a topic's section, another part, nothing), their kind, and they."""


class Own(NamedTuple):
    """One reader's values of `strips.OWN`, as each part writes them."""

    html: Sequence[bytes]
    text: Sequence[bytes]


class Layout:
    """Lays out the mails of one frozen edition in one encoding."""

    def __init__(self, manifest: Manifest, seats: Seats, encoding: str) -> None:
        self._seats = seats
        self._plain = seats.plain
        self._encode = encode = ENCODERS[encoding]
        self._numbers = Made(lambda number: encode(str(number)))
        self._newline = encode("\n")
        self._welcomes = WELCOME in manifest.values
        self._breaks = BREAKING in manifest.values

    def bodies(
        self, seat: Seat, told: Sequence[Told], own: Own, *, html: bool = True, foot: Foot = FOOT
    ) -> tuple[list[bytes], list[bytes]]:
        """HTML and text in pieces, with the reader's own values in their places; no HTML where it is not wanted."""
        cap = seat.profile.max_stories
        groups: list[Group] = [(None, "lead", told[:1])] if told else []
        groups += [(topic, "card", inside) for topic, inside in _sections(seat, told[1:cap])]
        groups += [(f"briefs/{seat.speech.language}", "brief", told[cap:])] if len(told) > cap else []
        said = self._said(seat, told)
        page: list[bytes] = []
        if html:
            page += seat.chrome["html", "shell/start"].filled(own.html)
            self._head("html", seat, told, said, own.html, page)
            self._html(seat, groups, own.html, page)
            self._foot("html", seat, bool(told), foot, own.html, page)
        text: list[bytes] = []
        self._head("text", seat, told, said, own.text, text)
        self._text(seat, groups, own.text, text)
        self._foot("text", seat, bool(told), foot, own.text, text)
        return page, text

    def _html(self, seat: Seat, groups: Sequence[Group], values: Sequence[bytes], out: list[bytes]) -> None:
        chrome, tune = seat.chrome, values[TUNES]
        for head, kind, inside in groups:
            if head is not None:
                out += chrome["html", head].filled(values)
            if self._plain:
                out += [tune.join(each.html[kind]) for each in inside]
            else:
                for each in inside:
                    out += each.strips["html", kind].filled((*values, b""))

    def _text(self, seat: Seat, groups: Sequence[Group], values: Sequence[bytes], out: list[bytes]) -> None:
        """Below the stories of a part stand their links, by number."""
        chrome, tune, place = seat.chrome, values[TUNES], 0
        for head, kind, inside in groups:
            if head is not None:
                out += chrome["text", head].filled(values)
            links = [self._newline]
            for each in inside:
                place += 1
                number = self._numbers[place]
                if self._plain:
                    before, story, start, link = each.text[kind]
                    out += (before, number, tune.join(story))
                    links += (start, number, tune.join(link))
                else:
                    numbered = (*values, number)
                    out += each.strips["text", kind].filled(numbered)
                    links += each.strips["text", "link"].filled(numbered)
            out += links

    def _said(self, seat: Seat, told: Sequence[Told]) -> tuple[str, bytes, bytes]:
        """What a masthead says of this mail, and its preheader as it stands in HTML and in an address."""
        speech = seat.speech
        counted = speech.stats[len(told), sum([each.words for each in told[: seat.profile.max_stories]])]
        instead = speech.voice.welcome if self._welcomes else speech.voice.all_quiet
        said = speech.voice.breaking() if self._breaks else counted if told else instead()
        shown = [text for text in self._preheader(seat, told) if text] or [counted]
        address = self._encode(in_url(BETWEEN.join(shown))) if self._seats.preheader_in_address else b""
        return said, speech.said[BETWEEN].join([speech.said[text] for text in shown]), address

    def _head(
        self,
        part: str,
        seat: Seat,
        told: Sequence[Told],
        said: tuple[str, bytes, bytes],
        values: Sequence[bytes],
        out: list[bytes],
    ) -> None:
        """What stands before the stories, or in their place."""
        out += seat.speech.masthead[part, said[0]].filled((*values, *said[1:]))
        if self._welcomes:
            out += seat.chrome[part, f"welcome/{seat.speech.language}/{'news' if told else 'quiet'}"].filled(values)
        elif not told:
            out += seat.chrome[part, f"all-quiet/{seat.speech.language}"].filled(values)

    def _foot(self, part: str, seat: Seat, told: bool, foot: Foot, values: Sequence[bytes], out: list[bytes]) -> None:
        """What stands behind the stories."""
        rest = seat.speech.rest[part] if foot.further else None
        if rest is not None:
            said = seat.speech.voice.further(foot.further)
            further = self._encode(escaped(said) if part == "html" else flowing(said))
            out += rest.filled((*values, further, self._encode(in_url(said))))
        out += self._seats.foot(seat, part, told=told, footer=foot.footer).filled(values)

    def _preheader(self, seat: Seat, told: Sequence[Told]) -> list[str]:
        """What an inbox shows beside the subject: headlines that are not in it; of breaking news, who tells it. Empty
        for a digest of one story, where its length has to do, because without a preheader the inbox would show the
        masthead."""
        voice = seat.speech.voice
        if not told:
            return [voice.quiet() if self._welcomes else voice.nothing_new(self._seats.next_mail(seat))]
        if self._breaks:
            return [voice.names(told[0].story.tellers[:TELLERS])]
        shown = told[:2] if self._welcomes else told[1:3]
        return [each.short for each in shown]


def _sections(seat: Seat, told: Iterable[Told]) -> Sections:
    """The cards below the reader's topics, in their order."""
    topics, of_several = seat.profile.topics, seat.topic
    inside: dict[int | None, list[Told]] = {topic: [] for topic in topics}
    inside[None] = []
    for each in told:
        topic = each.topic
        inside[topic if topic in inside and topic is not None else of_several[each.story_id]].append(each)
    return [(topic, inside[topic]) for topic in topics if inside[topic]]
