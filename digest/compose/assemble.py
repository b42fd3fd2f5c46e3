"""Join an edition's fragments into one reader's mail. Per reader only bytes are joined.

What differs by language and zone (clock times), by profile (topics, next time) and by choice (numbers, preheader) is
filled in and encoded once and remembered; what is left per reader is a handful of link tokens from one keyed hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from digest.compose.content import BREAKING, WELCOME, Frozen, Manifest
from digest.compose.layout import ROWS, SIGHTS, Layout, Run, Seat, Speech, Told
from digest.compose.pieces import ENCODERS, Made, fill, glued
from digest.compose.room import Foot, is_tight, left_over
from digest.compose.row import LINKS, Links, Row, marked, nobodys, row_of
from digest.compose.select import BRIEFS, candidates, explain, room_for
from digest.compose.theme import Theme, direction, flowing, shorten
from digest.compose.voice import escaped
from digest.types import Due, Envelope, LeftOut, Pick, ReaderProfile, Recipient, ViewedMail


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
        self._manifest = manifest = frozen.manifest
        self._theme = theme
        self._hands = hands
        self._encode = ENCODERS[encoding]
        self._layout = Layout(frozen, theme, hands.next_due, encoding)
        self._unscathed = encoding != "qp"
        """Whether a token is written as it is: quoted-printable breaks the line behind each."""
        self._rows: dict[tuple[object, ...], _Shared | None] = {}
        """Seat and stories -> the mail that several readers share; None for what was seen once."""
        self._ready = 0
        self._filled: dict[tuple[object, ...], Run] = {}
        self._tight = Made(lambda cap: is_tight(manifest.stories.values(), cap + BRIEFS))
        """By a reader's cap: whether a mail may have no room for all it would tell."""
        self._stamp = manifest.frozen_at.isoformat()
        self._headers = _headers(manifest)
        self._leave_at = f"<{manifest.site.public_url}/leave/"

    def compose(self, due: Due, profile: ReaderProfile, to: Recipient) -> Envelope | LeftOut:
        """One mail, or why there is none: "empty" when the reader's window holds nothing new. A welcome mail goes out
        even then. Readers who want plain text get no HTML."""
        if self._manifest.kind != "digest":
            return self._system(profile, to)
        seat = self._layout.seat(profile)
        told = self._choose(seat, due) if due.picks is None else tuple([seat.told[pick] for pick in due.picks])
        if not told and not self._welcomes:
            return LeftOut(to.subscriber_id, "skipped", "empty")
        links = self._hands.links(to.subscriber_id)
        further = self._further(seat, _picks(told), due.since, due.due_at) if self._tight[profile.max_stories] else ()
        shared = None if further else self._shared(seat, told)
        if shared is not None:
            tokens = self._tokens(links)
            html = shared.html.filled(tokens) if shared.html else b""
            return self._envelope(to, shared.subject, html, shared.text.filled(tokens), links, shared.picks)
        named = dict(zip(LINKS, self._tokens(links), strict=True))
        html, text = self._layout.bodies(seat, told, named, html=profile.format != "text", foot=Foot(len(further)))
        return self._envelope(to, self._subject(told, seat.speech), html, text, links, _picks(told))

    def view(
        self, picks: tuple[Pick, ...], profile: ReaderProfile, since: datetime, due_at: datetime | None = None
    ) -> ViewedMail:
        """A mail as the browser shows it: without its footer, so without any personal link, and with the stories for
        which the mail had no room. `since`, `due_at`: as in its `Due`."""
        seat = self._layout.seat(profile, own=False)
        further = self._further(seat, picks, since, due_at) if self._tight[profile.max_stories] else ()
        told = [seat.told[pick] for pick in (*picks, *further)]
        html, text = self._layout.bodies(seat, told, nobodys(), foot=Foot(footer=False))
        return ViewedMail(html.decode(), text.decode(), self._subject(told, seat.speech))

    def why(
        self, pick: Pick, place: int, since: datetime, profile: ReaderProfile, due_at: datetime | None = None
    ) -> tuple[str, str]:
        """The headline of a pick, and one sentence on why it stood where it stood."""
        starts = self._starts(profile, due_at)
        told = explain(self._manifest, since.isoformat(), profile, pick, place, starts)
        return self._layout.seat(profile).told[pick].title, told

    @property
    def is_digest(self) -> bool:
        """Whether this is a mail of stories, not a system mail."""
        return self._manifest.kind == "digest"

    @property
    def _welcomes(self) -> bool:
        return WELCOME in self._manifest.values

    def _starts(self, profile: ReaderProfile, due_at: datetime | None) -> dict[int, str]:
        if due_at is None:
            return {}
        return {topic: start.isoformat() for topic, start in self._hands.topic_starts(profile, due_at).items()}

    # --- readers ------------------------------------------------------------------------------------------------------

    def _choose(self, seat: Seat, due: Due) -> tuple[Told, ...]:
        """What a reader is told: `select`, with what a profile's readers have in common kept in their seat."""
        window = (due.since, due.due_at)
        found = seat.found.get(window)
        if found is None:
            profile = seat.profile
            starts = self._starts(profile, due.due_at)
            listed = candidates(seat.seen, due.since.isoformat(), profile, starts)
            usual = self._tell(seat, room_for(seat.seen, listed, {}, profile.max_stories))
            found = seat.found[window] = listed, frozenset(each.story_id for each in listed), usual
        listed, ids, usual = found
        if not due.memory or ids.isdisjoint(due.memory):
            return usual
        return self._tell(seat, room_for(seat.seen, listed, due.memory, seat.profile.max_stories))

    def _further(
        self, seat: Seat, picks: tuple[Pick, ...], since: datetime, due_at: datetime | None
    ) -> tuple[Pick, ...]:
        """The stories for which a mail with these picks had no room."""
        memo = ("listed", since, due_at)
        if memo not in seat.found:
            found = candidates(seat.seen, since.isoformat(), seat.profile, self._starts(seat.profile, due_at))
            seat.found[memo] = tuple(each.pick for each in found)
        cap = seat.profile.max_stories
        return left_over(seat.seen.stories, seat.found[memo], picks, cap, cap + BRIEFS)

    @staticmethod
    def _tell(seat: Seat, picks: tuple[Pick, ...]) -> tuple[Told, ...]:
        full, told = seat.full, seat.told
        return tuple([told[pick] if pick.from_version else full[pick.story_id] for pick in picks])

    def _shared(self, seat: Seat, told: tuple[Told, ...]) -> _Shared | None:
        """The mail of a profile's readers who are told the same, from the second of them on, while there is room."""
        key = (seat, told)
        if key not in self._rows:
            if len(self._rows) >= SIGHTS:
                self._rows, self._ready = {}, 0
            self._rows[key] = None
            return None
        shared = self._rows[key]
        if shared is None and self._ready < ROWS:
            self._ready += 1
            html, text = self._layout.bodies(seat, told, marked(), html=seat.profile.format != "text")
            page = row_of(html) if html else None
            shared = _Shared(self._subject(told, seat.speech), _picks(told), page, row_of(text))
            self._rows[key] = shared
        return shared

    def _tokens(self, links: Links) -> tuple[bytes, ...]:
        """In the order of LINKS."""
        if self._unscathed:
            return (links.view.encode(), links.leave.encode(), links.manage.encode(), links.tune.encode())
        encode = self._encode
        return (encode(links.view), encode(links.leave), encode(links.manage), encode(links.tune))

    def subject(self, picks: tuple[Pick, ...], profile: ReaderProfile) -> str:
        """The subject of a digest with these picks, which a welcome mail alone may lack."""
        seat = self._layout.seat(profile)
        return self._subject([seat.told[pick] for pick in picks], seat.speech)

    def _subject(self, told: Sequence[Told], speech: Speech) -> str:
        if self._welcomes:
            return shorten(speech.voice.welcome_to(self._manifest.site.name))
        breaks = BREAKING in self._manifest.values and not told[0].pick.from_version
        return shorten(speech.voice.breaking(told[0].title) if breaks else told[0].title)

    def _remember(self, profile: ReaderProfile, part: str, key: str, known: Callable[[str], str | None]) -> Run:
        fragment, answers = self._layout.readings.of(part, key, profile)
        memo = (part, key, answers)
        found = self._filled.get(memo)
        if found is None:
            found = fill(fragment, known, escaped if part == "html" else flowing, self._encode)
            self._filled[memo] = found
        return found

    # --- envelopes ----------------------------------------------------------------------------------------------------

    def _system(self, profile: ReaderProfile, to: Recipient) -> Envelope:
        language = self._manifest.values["language"]
        known = {**self._manifest.values, "lang": language, "dir": direction(language)}.get
        # No name: it comes from a form that may be sent again, and a changed one would make a repeated call differ.
        to = Recipient(to.subscriber_id, to.address, "")
        tokens = {name: self._encode(token) for name, token in self._hands.letter_links(to.subscriber_id).items()}
        html: list[bytes | str] = []
        for key in ("shell/start", "body", "shell/end") if profile.format != "text" else ():
            html += self._remember(profile, "html", key, known)
        text = self._remember(profile, "text", "body", known)
        return self._envelope(
            to, self._manifest.values["subject"], glued("html", html, tokens), glued("text", text, tokens), None, ()
        )

    def _envelope(
        self, to: Recipient, subject: str, html: bytes, text: bytes, links: Links | None, picks: tuple[Pick, ...]
    ) -> Envelope:
        site = self._manifest.site
        place = f"{self._edition_id}.{to.subscriber_id}."
        unique = hashlib.blake2b(f"{place}{self._stamp}".encode(), digest_size=8).hexdigest()
        return Envelope(
            subscriber_id=to.subscriber_id,
            sender=site.sender,
            recipient=to,
            reply_to=site.reply_to,
            subject=subject,
            message_id=f"<{place}{unique}@{site.list_domain}>",
            date=self._manifest.frozen_at,
            headers=(("List-Unsubscribe", f"{self._leave_at}{links.leave}>"), *self._headers) if links else _AUTOMATIC,
            html=html,
            text=text,
            picks=picks,
        )


_AUTOMATIC = (("Auto-Submitted", "auto-generated"),)
"""All that a system mail says, for nobody subscribed to it (RFC 3834)."""


def _headers(manifest: Manifest) -> tuple[tuple[str, str], ...]:
    """What stands behind List-Unsubscribe: RFC 2369 and RFC 8058 (one-click), RFC 2919 (List-Id), RFC 3834 (Auto-
    Submitted); ASCII, never folded."""
    site = manifest.site
    name = f'"{site.name}" ' if site.name.isascii() and '"' not in site.name and "\\" not in site.name else ""
    return (
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("List-Id", f"{name}<digest.{site.list_domain}>"),
        *_AUTOMATIC,
    )


def _picks(told: Sequence[Told]) -> tuple[Pick, ...]:
    return tuple([each.pick for each in told])


@dataclass(frozen=True, slots=True)
class _Shared:
    """A mail that several readers get, but for their tokens."""

    subject: str
    picks: tuple[Pick, ...]
    html: Row | None
    """None where readers want plain text."""
    text: Row
