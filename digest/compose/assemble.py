"""Join an edition's fragments into one reader's mail. Per reader only bytes are joined.

What differs by language and zone (clock times), by profile (topics, next time) and by choice (numbers, preheader) is
filled in and encoded once and remembered; what is left per reader is a handful of link tokens from one keyed hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Protocol

from digest.compose.blocks import story_key
from digest.compose.content import BREAKING, WELCOME, Frozen, FrozenStory, Manifest
from digest.compose.fragments import owned
from digest.compose.pieces import ENCODERS, Piece, fill, glued, settled
from digest.compose.seen import Seer
from digest.compose.select import explain, picks_of, topic_of
from digest.compose.theme import Theme, direction, shorten, wrapped
from digest.compose.voice import Voice, escaped
from digest.types import Due, Envelope, LeftOut, Pick, ReaderProfile, Recipient, ViewedMail

TELLERS = 4
"""Publishers that the preheader of breaking news names: an inbox shows about a hundred characters."""


class Links(Protocol):
    """The link tokens of one reader for one edition of a digest."""

    @property
    def leave(self) -> str: ...
    @property
    def view(self) -> str: ...
    @property
    def manage(self) -> str: ...
    @property
    def tune(self) -> str: ...


def no_starts(profile: ReaderProfile, due_at: datetime | None) -> Mapping[int, datetime]:
    """The window starts of readers who have one rhythm for all topics."""
    return {}


@dataclass(frozen=True, slots=True)
class Hands:
    """What composing needs from the roster, as pure callables."""

    links: Callable[[int], Links]
    """Subscriber id -> tokens, signed with the edition's key."""
    letter_links: Callable[[int], Mapping[str, str]]
    """The same for a system mail: subscriber id -> the tokens that its template may ask for, by name."""
    next_due: Callable[[ReaderProfile, datetime], datetime | None]
    """When the reader's next mail comes at the latest; None for who is only told as it happens."""
    topic_starts: Callable[[ReaderProfile, datetime | None], Mapping[int, datetime]] = no_starts
    """Where the windows of topics with hours of their own begin, for a delivery that was due at that time."""


class Composer:
    """Composes the deliveries of one frozen edition in one encoding. Deterministic: same inputs, same bytes,
    anywhere."""

    def __init__(self, edition_id: int, frozen: Frozen, theme: Theme, hands: Hands, encoding: str) -> None:
        self._edition_id = edition_id
        self._frozen = frozen
        self._manifest: Manifest = frozen.manifest
        self._seer = Seer(frozen.manifest)
        self._theme = theme
        self._hands = hands
        self._encode = ENCODERS[encoding]
        self._voices: dict[tuple[str, str], Voice] = {}
        self._filled: dict[tuple[object, ...], tuple[Piece, ...]] = {}

    def compose(self, due: Due, profile: ReaderProfile, to: Recipient) -> Envelope | LeftOut:
        """One mail, or why there is none: "empty" when the reader's window holds nothing new. A welcome mail goes out
        even then. Readers who want plain text get no HTML."""
        if self._manifest.kind != "digest":
            return self._system(profile, to)
        picks = due.picks
        if picks is None:
            starts = self._starts(profile, due.due_at)
            picks = picks_of(self._seer.by(profile), due.since.isoformat(), profile, due.memory, starts)
        if not picks and not self._welcomes:
            return LeftOut(to.subscriber_id, "skipped", "empty")
        links = self._hands.links(to.subscriber_id)
        html = b"" if profile.format == "text" else self._join("html", self._layout_html(picks, profile), links)
        text = self._join("text", self._layout_text(picks, profile), links)
        return self._envelope(to, self.subject(picks, profile), html, text, links, picks)

    def view(self, picks: tuple[Pick, ...], profile: ReaderProfile) -> ViewedMail:
        """A mail as the browser shows it: without its footer, so without any personal link."""
        html = self._layout_html(picks, profile, footer=False)
        text = self._layout_text(picks, profile, footer=False)
        return ViewedMail(settled(html), settled(text), self.subject(picks, profile))

    def why(
        self, pick: Pick, place: int, since: datetime, profile: ReaderProfile, due_at: datetime | None = None
    ) -> tuple[str, str]:
        """The headline of a pick, and one sentence on why it stood where it stood."""
        starts = self._starts(profile, due_at)
        told = explain(self._manifest, since.isoformat(), profile, pick, place, starts)
        return self._title(pick, profile), told

    @property
    def is_digest(self) -> bool:
        """Whether this is a mail of stories, not a system mail."""
        return self._manifest.kind == "digest"

    @property
    def _welcomes(self) -> bool:
        return WELCOME in self._manifest.values

    @property
    def _breaks(self) -> bool:
        return BREAKING in self._manifest.values

    def _starts(self, profile: ReaderProfile, due_at: datetime | None) -> dict[int, str]:
        if due_at is None:
            return {}
        return {topic: start.isoformat() for topic, start in self._hands.topic_starts(profile, due_at).items()}

    # --- layout -------------------------------------------------------------------------------------------------------

    def _layout_html(self, picks: tuple[Pick, ...], profile: ReaderProfile, *, footer: bool = True) -> list[Piece]:
        lang = self._language(profile)
        pieces = [*self._chrome("shell/start", profile, "html"), *self._head("html", picks, profile)]
        for block, topic, inside in self._order(picks, profile):
            if block is not None:
                pieces += self._chrome(f"{block}/{lang}" + (f"/{topic}" if topic else ""), profile, "html")
            for kind, pick, _ in inside:
                pieces += self._story("html", kind, pick, profile, 0, own=footer)
        if picks:  # without, a welcome has said it all
            pieces += self._chrome(f"end/{lang}", profile, "html")
        if footer:
            pieces += self._chrome(f"footer/{lang}", profile, "html")
        return [*pieces, *self._chrome("shell/end", profile, "html")]

    def _layout_text(self, picks: tuple[Pick, ...], profile: ReaderProfile, *, footer: bool = True) -> list[Piece]:
        lang = self._language(profile)
        pieces = self._head("text", picks, profile)
        for block, topic, inside in self._order(picks, profile):
            if block is not None:
                pieces += self._chrome(f"{block}/{lang}" + (f"/{topic}" if topic else ""), profile, "text")
            for kind, pick, number in inside:
                pieces += self._story("text", kind, pick, profile, number, own=footer)
            pieces.append(self._encode("\n"))
            for _, pick, number in inside:
                pieces += self._story("text", "link", pick, profile, number, own=footer)
        if picks:
            pieces += self._chrome(f"end/{lang}", profile, "text")
        return [*pieces, *self._chrome(f"footer/{lang}", profile, "text")] if footer else pieces

    def _order(
        self, picks: tuple[Pick, ...], profile: ReaderProfile
    ) -> list[tuple[str | None, int | None, list[tuple[str, Pick, int]]]]:
        """The mail's parts: the lead, a section per topic in the reader's order, the one-liners; numbered as they
        stand."""
        numbers = count(2)
        parts: list[tuple[str | None, int | None, list[tuple[str, Pick, int]]]] = [
            (None, None, [("lead", pick, 1)]) for pick in picks[:1]
        ]
        cards = [(pick, self._topic(pick, profile)) for pick in picks[1 : profile.max_stories]]
        for topic in profile.topics:
            inside = [("card", pick, next(numbers)) for pick, under in cards if under == topic]
            if inside:
                parts.append(("section", topic, inside))
        briefs = [("brief", pick, next(numbers)) for pick in picks[profile.max_stories :]]
        return [*parts, ("briefs", None, briefs)] if briefs else parts

    # --- pieces -------------------------------------------------------------------------------------------------------

    def _story(
        self, part: str, kind: str, pick: Pick, profile: ReaderProfile, number: int, *, own: bool
    ) -> tuple[Piece, ...]:
        """`own` is whether the links that are this reader's alone stand in it."""
        voice = self._voice(profile)
        led_by = 0 if pick.from_version else self._story_of(pick, profile).led_by
        key = story_key(kind, self._language(profile), pick, led_by)

        def known(name: str) -> str | None:
            if name.startswith("time:"):
                at = self._manifest.times.get(int(name[5:]))
                return voice.clock(at) if at else ""
            return str(number) if name == "n" else None

        return self._remember((part, key, profile.timezone, number, own), part, key, known, own=own)

    def _head(self, part: str, picks: tuple[Pick, ...], profile: ReaderProfile) -> list[Piece]:
        """What stands before the stories."""
        pieces = list(self._masthead(part, picks, profile))
        if self._welcomes:
            pieces += self._chrome(f"welcome/{self._language(profile)}/{'news' if picks else 'quiet'}", profile, part)
        return pieces

    def _masthead(self, part: str, picks: tuple[Pick, ...], profile: ReaderProfile) -> tuple[Piece, ...]:
        """Depends on the picks, which many readers share only in small editions: filled each time, from small
        fragments."""
        voice = self._voice(profile)
        words = sum(self._story_of(pick, profile).words for pick in picks[: profile.max_stories])
        values = {
            "date": voice.date(),
            "stats": self._stats(picks, words, voice),
            "preheader": self._preheader(picks, profile) or voice.stats(len(picks), words),
        }
        key = f"masthead/{self._language(profile)}"
        return self._remember((part, key, *values.values()), part, key, values.get)

    def _stats(self, picks: tuple[Pick, ...], words: int, voice: Voice) -> str:
        """What stands beside the date."""
        if self._breaks:
            return voice.breaking()
        return voice.stats(len(picks), words) if picks else voice.welcome()

    def _preheader(self, picks: tuple[Pick, ...], profile: ReaderProfile) -> str:
        """What an inbox shows beside the subject: headlines that are not in it; of breaking news, who tells it. Empty
        for a digest of one story, where its length has to do, because without a preheader the inbox would show the
        masthead."""
        if not picks:
            return self._voice(profile).quiet()
        if self._breaks:
            return self._voice(profile).names(self._story_of(picks[0], profile).tellers[:TELLERS])
        shown = picks[:2] if self._welcomes else picks[1:3]
        return " · ".join(shorten(self._title(pick, profile), 70) for pick in shown)

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
        self,
        memo: tuple[object, ...],
        part: str,
        key: str,
        known: Callable[[str], str | None],
        *,
        own: bool = True,
    ) -> tuple[Piece, ...]:
        found = self._filled.get(memo)
        if found is None:
            if len(self._filled) > 200_000:  # bounded: mastheads of very many different choices would otherwise pile up
                self._filled.clear()  # other threads may be reading: they fill again what they miss
            fragment = owned((self._frozen.html if part == "html" else self._frozen.text)[key], keep=own)
            found = fill(fragment, known, escaped if part == "html" else wrapped, self._encode)
            self._filled[memo] = found
        return found

    def _join(self, part: str, pieces: Sequence[Piece], links: Links) -> bytes:
        return glued(
            part,
            pieces,
            {
                "view": self._encode(links.view),
                "leave": self._encode(links.leave),
                "manage": self._encode(links.manage),
                "tune": self._encode(links.tune),
            },
        )

    # --- words --------------------------------------------------------------------------------------------------------

    def subject(self, picks: tuple[Pick, ...], profile: ReaderProfile) -> str:
        """The subject of a digest with these picks, which a welcome mail alone may lack."""
        voice = self._voice(profile)
        if self._welcomes:
            return shorten(voice.welcome_to(self._manifest.site.name))
        title = self._title(picks[0], profile)
        return shorten(voice.breaking(title) if self._breaks and not picks[0].from_version else title)

    def _title(self, pick: Pick, profile: ReaderProfile) -> str:
        story = self._story_of(pick, profile)
        return self._voice(profile).update(story.updates[pick.from_version]) if pick.from_version else story.title

    def _topic(self, pick: Pick, profile: ReaderProfile) -> int | None:
        return topic_of(self._story_of(pick, profile), profile.topics)

    def _story_of(self, pick: Pick, profile: ReaderProfile) -> FrozenStory:
        """A story as this reader sees it."""
        return self._seer.by(profile).stories[pick.story_id]

    def _language(self, profile: ReaderProfile) -> str:
        """The reader's language where this edition speaks it, else English."""
        return profile.language if f"end/{profile.language}" in self._manifest.html else "en"

    def _voice(self, profile: ReaderProfile) -> Voice:
        place = (self._language(profile), profile.timezone)
        if place not in self._voices:
            self._voices[place] = Voice(self._theme, *place, self._manifest.frozen_at)
        return self._voices[place]

    # --- envelopes ----------------------------------------------------------------------------------------------------

    def _system(self, profile: ReaderProfile, to: Recipient) -> Envelope:
        language = self._manifest.values["language"]
        known = {**self._manifest.values, "lang": language, "dir": direction(language)}.get
        # No name: it comes from a form that may be sent again, and a changed one would make a repeated call differ.
        to = Recipient(to.subscriber_id, to.address, "")
        tokens = {name: self._encode(token) for name, token in self._hands.letter_links(to.subscriber_id).items()}
        html: list[Piece] = []
        for key in ("shell/start", "body", "shell/end") if profile.format != "text" else ():
            html += self._remember(("html", key), "html", key, known)
        text = self._remember(("text", "body"), "text", "body", known)
        return self._envelope(
            to, self._manifest.values["subject"], glued("html", html, tokens), glued("text", text, tokens), None, ()
        )

    def _envelope(
        self, to: Recipient, subject: str, html: bytes, text: bytes, links: Links | None, picks: tuple[Pick, ...]
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


def _headers(manifest: Manifest, links: Links | None) -> tuple[tuple[str, str], ...]:
    """RFC 2369 and RFC 8058 (one-click), RFC 2919 (List-Id), RFC 3834 (Auto-Submitted); ASCII, never folded."""
    automatic = ("Auto-Submitted", "auto-generated")
    if links is None:
        return (automatic,)  # a system mail: nobody subscribed to it
    site = manifest.site
    name = f'"{site.name}" ' if site.name.isascii() and '"' not in site.name and "\\" not in site.name else ""
    return (
        ("List-Unsubscribe", f"<{site.public_url}/leave/{links.leave}>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("List-Id", f"{name}<digest.{site.list_domain}>"),
        automatic,
    )
