"""Join an edition's fragments into one reader's mail. Per reader only bytes are joined.

What differs by language and zone (clock times), by profile (topics, next time) and by choice (numbers, preheader) is
filled in and encoded once and remembered; what is left per reader is a handful of link tokens from one keyed hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Protocol

from digest.compose.content import Frozen, Manifest
from digest.compose.fragments import Fragment
from digest.compose.qp import encode_qp
from digest.compose.select import explain, select, topic_of
from digest.compose.theme import Theme, direction, shorten, wrapped
from digest.compose.voice import Voice, escaped
from digest.errors import TemplateError
from digest.types import Due, Envelope, LeftOut, Pick, ReaderProfile, Recipient, ViewedMail

Piece = bytes | str
"""Encoded bytes, or the name of a hole that is still open."""

ENCODERS: Mapping[str, Callable[[str], bytes]] = {
    "raw": lambda text: text.encode(),
    "json": lambda text: json.dumps(text, ensure_ascii=False)[1:-1].encode(),
    "qp": encode_qp,
}
"""How a provider wants bodies. Each encodes a concatenation as the concatenation of the encoded."""


class Links(Protocol):
    """The link tokens of one reader for one edition."""

    @property
    def leave(self) -> str: ...
    @property
    def view(self) -> str: ...
    @property
    def confirm(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Hands:
    """What composing needs from the roster, as pure callables."""

    links: Callable[[int], Links]
    """Subscriber id -> tokens, signed with the edition's key."""
    next_due: Callable[[ReaderProfile, datetime], datetime]


def fill(
    fragment: Fragment, known: Callable[[str], str | None], escape: Callable[[str], str], encode: Callable[[str], bytes]
) -> tuple[Piece, ...]:
    """Fill the holes that `known` can name, encode the rest, and leave the other holes open."""
    pieces: list[Piece] = []
    open_text: list[str] = []
    for place, part in enumerate(fragment):
        value = part if place % 2 == 0 else known(part)
        if value is None:
            pieces += [encode("".join(open_text)), part]
            open_text = []
        else:
            open_text.append(value if place % 2 == 0 else escape(value))
    pieces.append(encode("".join(open_text)))
    return tuple(piece for piece in pieces if piece)


class Composer:
    """Composes the deliveries of one frozen edition in one encoding. Deterministic: same inputs, same bytes,
    anywhere."""

    def __init__(self, edition_id: int, frozen: Frozen, theme: Theme, hands: Hands, encoding: str) -> None:
        self._edition_id = edition_id
        self._frozen = frozen
        self._manifest: Manifest = frozen.manifest
        self._theme = theme
        self._hands = hands
        self._encode = ENCODERS[encoding]
        self._voices: dict[tuple[str, str], Voice] = {}
        self._filled: dict[tuple[object, ...], tuple[Piece, ...]] = {}

    def compose(self, due: Due, profile: ReaderProfile, to: Recipient) -> Envelope | LeftOut:
        """One mail, or why there is none: "empty" when the reader's window holds nothing new."""
        if self._manifest.kind != "digest":
            return self._system(to)
        picks = due.picks
        if picks is None:
            picks = select(self._manifest, due.since.isoformat(), profile, due.memory)
        if not picks:
            return LeftOut(to.subscriber_id, "skipped", "empty")
        links = self._hands.links(to.subscriber_id)
        html = self._join("html", self._layout_html(picks, profile), links)
        text = self._join("text", self._layout_text(picks, profile), links)
        return self._envelope(to, self._subject(picks, profile), html, text, links, picks)

    def view(self, picks: tuple[Pick, ...], profile: ReaderProfile) -> ViewedMail:
        """A mail as the browser shows it: without its footer, so without any personal link."""
        html = self._layout_html(picks, profile, footer=False)
        text = self._layout_text(picks, profile, footer=False)
        return ViewedMail(_settled(html), _settled(text), self._subject(picks, profile))

    def why(self, pick: Pick, place: int, since: datetime, profile: ReaderProfile) -> tuple[str, str]:
        """The headline of a pick, and one sentence on why it stood where it stood."""
        return self._title(pick, self._voice(profile)), explain(self._manifest, since.isoformat(), profile, pick, place)

    # --- layout -------------------------------------------------------------------------------------------------------

    def _layout_html(self, picks: tuple[Pick, ...], profile: ReaderProfile, *, footer: bool = True) -> list[Piece]:
        lang = self._language(profile)
        pieces = [*self._chrome("shell/start", profile, "html"), *self._masthead("html", picks, profile)]
        for block, topic, inside in self._order(picks, profile):
            if block is not None:
                pieces += self._chrome(f"{block}/{lang}" + (f"/{topic}" if topic else ""), profile, "html")
            for kind, pick, _ in inside:
                pieces += self._story("html", kind, pick, profile, 0)
        pieces += self._chrome(f"end/{lang}", profile, "html")
        if footer:
            pieces += self._chrome(f"footer/{lang}", profile, "html")
        return [*pieces, *self._chrome("shell/end", profile, "html")]

    def _layout_text(self, picks: tuple[Pick, ...], profile: ReaderProfile, *, footer: bool = True) -> list[Piece]:
        lang = self._language(profile)
        pieces = list(self._masthead("text", picks, profile))
        for block, topic, inside in self._order(picks, profile):
            if block is not None:
                pieces += self._chrome(f"{block}/{lang}" + (f"/{topic}" if topic else ""), profile, "text")
            for kind, pick, number in inside:
                pieces += self._story("text", kind, pick, profile, number)
            pieces.append(self._encode("\n"))
            for _, pick, number in inside:
                pieces += self._story("text", "link", pick, profile, number)
        pieces += self._chrome(f"end/{lang}", profile, "text")
        return [*pieces, *self._chrome(f"footer/{lang}", profile, "text")] if footer else pieces

    def _order(
        self, picks: tuple[Pick, ...], profile: ReaderProfile
    ) -> list[tuple[str | None, int | None, list[tuple[str, Pick, int]]]]:
        """The mail's parts: the lead, a section per topic in the reader's order, the one-liners; numbered as they
        stand."""
        numbers = count(2)
        parts: list[tuple[str | None, int | None, list[tuple[str, Pick, int]]]] = [
            (None, None, [("lead", picks[0], 1)])
        ]
        for topic in profile.topics:
            inside = [
                ("card", pick, next(numbers))
                for pick in picks[1 : profile.max_stories]
                if self._topic(pick, profile) == topic
            ]
            if inside:
                parts.append(("section", topic, inside))
        briefs = [("brief", pick, next(numbers)) for pick in picks[profile.max_stories :]]
        return [*parts, ("briefs", None, briefs)] if briefs else parts

    # --- pieces -------------------------------------------------------------------------------------------------------

    def _story(self, part: str, kind: str, pick: Pick, profile: ReaderProfile, number: int) -> tuple[Piece, ...]:
        voice = self._voice(profile)
        key = f"{kind}/{self._language(profile)}/{pick.story_id}/{pick.version}/{pick.from_version}"

        def known(name: str) -> str | None:
            if name.startswith("time:"):
                at = self._manifest.times.get(int(name[5:]))
                return voice.clock(at) if at else ""
            return str(number) if name == "n" else None

        return self._remember((part, key, profile.timezone, number), part, key, known)

    def _masthead(self, part: str, picks: tuple[Pick, ...], profile: ReaderProfile) -> tuple[Piece, ...]:
        """Depends on the picks, which many readers share only in small editions: filled each time, from small
        fragments."""
        voice = self._voice(profile)
        words = sum(self._manifest.stories[pick.story_id].words for pick in picks[: profile.max_stories])
        values = {
            "date": voice.date(),
            "stats": voice.stats(len(picks), words),
            # A mail of one story has no second headline; an empty preheader would let the inbox show the masthead.
            "preheader": " · ".join(shorten(self._title(pick, voice), 70) for pick in picks[1:3])
            or voice.stats(len(picks), words),
        }
        key = f"masthead/{self._language(profile)}"
        return self._remember((part, key, *values.values()), part, key, values.get)

    def _chrome(self, key: str, profile: ReaderProfile, part: str) -> tuple[Piece, ...]:
        voice = self._voice(profile)
        language = self._language(profile)

        def known(name: str) -> str | None:
            if name == "next":
                return voice.next(self._hands.next_due(profile, self._manifest.frozen_at))
            if name == "topics":
                return voice.names(
                    [self._manifest.topics[topic] for topic in profile.topics if topic in self._manifest.topics]
                )
            return {"lang": language, "dir": direction(language)}.get(name)

        return self._remember((part, key, profile.id), part, key, known)

    def _remember(
        self, memo: tuple[object, ...], part: str, key: str, known: Callable[[str], str | None]
    ) -> tuple[Piece, ...]:
        found = self._filled.get(memo)
        if found is None:
            if len(self._filled) > 200_000:  # bounded: mastheads of very many different choices would otherwise pile up
                self._filled.clear()  # other threads may be reading: they fill again what they miss
            fragment = (self._frozen.html if part == "html" else self._frozen.text)[key]
            found = fill(fragment, known, escaped if part == "html" else wrapped, self._encode)
            self._filled[memo] = found
        return found

    def _join(self, part: str, pieces: Sequence[Piece], links: Links) -> bytes:
        values = {
            "view": self._encode(links.view),
            "leave": self._encode(links.leave),
            "confirm": self._encode(links.confirm),
        }
        try:
            return b"".join(piece if isinstance(piece, bytes) else values[piece] for piece in pieces)
        except KeyError as error:
            raise TemplateError(
                f"the {part} part asks for the personal value {error.args[0]!r}, which nobody gives"
            ) from None

    # --- words --------------------------------------------------------------------------------------------------------

    def _subject(self, picks: tuple[Pick, ...], profile: ReaderProfile) -> str:
        return shorten(self._title(picks[0], self._voice(profile)))

    def _title(self, pick: Pick, voice: Voice) -> str:
        story = self._manifest.stories[pick.story_id]
        return voice.update(story.updates[pick.from_version]) if pick.from_version else story.title

    def _topic(self, pick: Pick, profile: ReaderProfile) -> int | None:
        return topic_of(self._manifest.stories[pick.story_id], profile.topics)

    def _language(self, profile: ReaderProfile) -> str:
        """The reader's language where this edition speaks it, else English."""
        return profile.language if f"end/{profile.language}" in self._manifest.html else "en"

    def _voice(self, profile: ReaderProfile) -> Voice:
        place = (self._language(profile), profile.timezone)
        if place not in self._voices:
            self._voices[place] = Voice(self._theme, *place, self._manifest.frozen_at)
        return self._voices[place]

    # --- envelopes ----------------------------------------------------------------------------------------------------

    def _system(self, to: Recipient) -> Envelope:
        language = self._manifest.values["language"]
        known = {**self._manifest.values, "lang": language, "dir": direction(language)}.get
        # No name: it comes from a form that may be sent again, and a changed one would make a repeated call differ.
        to = Recipient(to.subscriber_id, to.address, "")
        links = self._hands.links(to.subscriber_id)
        html: list[Piece] = []
        for key in ("shell/start", "body", "shell/end"):
            html += self._remember(("html", key), "html", key, known)
        text = self._remember(("text", "body"), "text", "body", known)
        return self._envelope(
            to,
            self._manifest.values["subject"],
            self._join("html", html, links),
            self._join("text", text, links),
            links,
            (),
        )

    def _envelope(
        self, to: Recipient, subject: str, html: bytes, text: bytes, links: Links, picks: tuple[Pick, ...]
    ) -> Envelope:
        site = self._manifest.site
        stamp = f"{self._edition_id}.{to.subscriber_id}.{self._manifest.frozen_at.isoformat()}"
        unique = hashlib.blake2b(stamp.encode(), digest_size=8).hexdigest()
        return Envelope(
            subscriber_id=to.subscriber_id,
            sender=site.sender,
            recipient=to,
            reply_to=site.reply_to,
            subject=subject,
            message_id=f"<{self._edition_id}.{to.subscriber_id}.{unique}@{site.list_domain}>",
            date=self._manifest.frozen_at,
            headers=_headers(self._manifest, links),
            html=html,
            text=text,
            picks=picks,
        )


def _settled(pieces: Sequence[Piece]) -> str:
    """Pieces as text; a hole that is still open would be a personal link and stays empty."""
    return b"".join(piece for piece in pieces if isinstance(piece, bytes)).decode()


def _headers(manifest: Manifest, links: Links) -> tuple[tuple[str, str], ...]:
    """RFC 2369 and RFC 8058 (one-click), RFC 2919 (List-Id), RFC 3834 (Auto-Submitted); ASCII, never folded."""
    automatic = ("Auto-Submitted", "auto-generated")
    if manifest.kind != "digest":
        return (automatic,)
    site = manifest.site
    name = f'"{site.name}" ' if site.name.isascii() and '"' not in site.name and "\\" not in site.name else ""
    return (
        ("List-Unsubscribe", f"<{site.public_url}/leave/{links.leave}>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("List-Id", f"{name}<digest.{site.list_domain}>"),
        automatic,
    )
