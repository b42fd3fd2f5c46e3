"""Join an edition's fragments into one reader's mail. Per reader only bytes are joined.

What differs by language and zone (clock times), by profile (topics, next time) and by choice (numbers, preheader) is
filled in and encoded once and remembered; what is left per reader is a handful of link tokens from one keyed hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from digest.compose.content import ALL_QUIET, BREAKING, WELCOME, Frozen, Manifest
from digest.compose.contexts import in_url
from digest.compose.fragments import guard
from digest.compose.layout import Layout, Own
from digest.compose.room import Foot, left_over
from digest.compose.seats import Seat, Seats, Speech, Told
from digest.compose.select import BRIEFS, Candidates, candidates, explain, room_for, updated_in
from digest.compose.strips import ENCODERS, LINKS, Strip, joined, marks, strip_of
from digest.compose.theme import Theme, direction, flowing, shorten
from digest.compose.voice import escaped
from digest.types import Due, Envelope, LeftOut, Pick, ReaderProfile, Recipient, Sheet, ViewedMail

ROWS, SIGHTS = 500, 20_000
"""Whole mails kept ready (60 KB each), and how many combinations of stories are remembered as seen once."""
NAME = 60
"""Characters of a name in a greeting."""
SHEETS = 5_000
"""Subjects whose sheets are kept."""


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
        self._manifest = manifest = frozen.manifest
        self._hands = hands
        self._encode = ENCODERS[encoding]
        self._seats = Seats(frozen, theme, hands.next_due, encoding)
        self._layout = Layout(manifest, self._seats, encoding)
        self._unscathed = encoding != "qp"
        """Whether a token is written as it is: quoted-printable breaks the line behind each."""
        self._rows: dict[tuple[object, ...], _Shared] = {}
        """Seat and stories -> the mail that several readers share."""
        self._sights: set[int] = set()
        """Hashes of what was seen: two that are alike by chance make a row too early, nothing else."""
        self._updated = updated_in(manifest)
        self._letters: dict[tuple[object, ...], Strip] = {}
        self._sheets: dict[str, Sheet] = {}
        self._stamp = manifest.frozen_at.isoformat()
        self._headers = _headers(manifest)

    def compose(self, due: Due, profile: ReaderProfile, to: Recipient) -> Envelope | LeftOut:
        """One mail, or why there is none: "empty" when the reader's window holds nothing new. A welcome mail goes out
        even then, and a digest to who wishes to hear that all is quiet. Readers who want plain text get no HTML."""
        if self._manifest.kind != "digest":
            return self._system(profile, to)
        seat = self._seats.seat(profile)
        listed = self._listed(seat, due.since, due.due_at)
        told = self._choose(seat, listed, due) if due.picks is None else self._tell(seat, due.picks)
        if not told and not self._welcomes and not (profile.all_quiet and ALL_QUIET in self._manifest.values):
            return LeftOut(to.subscriber_id, "skipped", "empty")
        links = self._hands.links(to.subscriber_id)
        own = self._own(seat.speech, self._tokens(links), to.name)
        further = () if listed.candidates.all_fit else self._further(seat, listed, _picks(told))
        shared = None if further else self._shared(seat, told)
        if shared is not None:
            html = shared.html.filled(own.html) if shared.html else ()
            return Envelope(shared.sheet, to, links.leave.encode(), html, shared.text.filled(own.text), shared.picks)
        html, text = self._layout.bodies(seat, told, own, html=profile.format != "text", foot=Foot(len(further)))
        sheet = self._sheet(self._subject(told, seat.speech))
        return Envelope(sheet, to, links.leave.encode(), html, text, _picks(told))

    def view(
        self, picks: tuple[Pick, ...], profile: ReaderProfile, since: datetime, due_at: datetime | None = None
    ) -> ViewedMail:
        """A mail as the browser shows it: without its footer, so without any personal link, without a name, and with
        the stories for which the mail had no room. `since`, `due_at`: as in its `Due`."""
        seat = self._seats.seat(profile, own=False)
        further = self._further(seat, self._listed(seat, since, due_at), picks)
        told = self._tell(seat, (*picks, *further))
        nobody = self._own(seat.speech, (b"",) * len(LINKS), "")
        html, text = self._layout.bodies(seat, told, nobody, foot=Foot(footer=False))
        return ViewedMail(b"".join(html).decode(), b"".join(text).decode(), self._subject(told, seat.speech))

    def why(
        self, pick: Pick, place: int, since: datetime, profile: ReaderProfile, due_at: datetime | None = None
    ) -> tuple[str, str]:
        """The headline of a pick, and one sentence on why it stood where it stood."""
        starts = self._starts(profile, due_at)
        told = explain(self._manifest, since.isoformat(), profile, pick, place, starts)
        return self._seats.seat(profile).told[pick].title, told

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

    def _listed(self, seat: Seat, since: datetime, due_at: datetime | None) -> _Listed:
        """What readers of a profile may be told of a window."""
        listed = seat.found.get((since, due_at))
        if listed is None:
            profile = seat.profile
            starts = self._starts(profile, due_at)
            found = candidates(seat.seen, since.isoformat(), profile, starts, self._updated)
            usual = self._tell(seat, room_for(seat.seen, found, {}, profile.max_stories))
            listed = seat.found[since, due_at] = _Listed(found, frozenset(found.ids), usual)
        return listed

    def _choose(self, seat: Seat, listed: _Listed, due: Due) -> tuple[Told, ...]:
        """What a reader is told: `select`, with what a profile's readers have in common kept in their seat."""
        if not due.memory or listed.ids.isdisjoint(due.memory):
            return listed.usual
        return self._tell(seat, room_for(seat.seen, listed.candidates, due.memory, seat.profile.max_stories))

    @staticmethod
    def _further(seat: Seat, listed: _Listed, picks: tuple[Pick, ...]) -> tuple[Pick, ...]:
        """The stories for which a mail with these picks had no room."""
        if listed.candidates.all_fit:
            return ()
        cap = seat.profile.max_stories
        return left_over(seat.seen.stories, listed.candidates.picks, picks, cap, cap + BRIEFS)

    @staticmethod
    def _tell(seat: Seat, picks: tuple[Pick, ...]) -> tuple[Told, ...]:
        told = seat.told
        return tuple([told[pick] for pick in picks])

    def _shared(self, seat: Seat, told: tuple[Told, ...]) -> _Shared | None:
        """The mail of a profile's readers who are told the same, from the second of them on, while there is room."""
        key = (seat, told)
        shared = self._rows.get(key)
        if shared is not None:
            return shared
        sight = hash(key)
        if sight not in self._sights:
            if len(self._sights) >= SIGHTS:
                self._sights, self._rows = set(), {}
            self._sights.add(sight)
            return None
        if len(self._rows) >= ROWS:
            return None
        html, text = self._layout.bodies(seat, told, Own(marks(), marks()), html=seat.profile.format != "text")
        page = strip_of(b"".join(html)) if html else None
        sheet = self._sheet(self._subject(told, seat.speech))
        shared = self._rows[key] = _Shared(sheet, _picks(told), page, strip_of(b"".join(text)))
        return shared

    def _own(self, speech: Speech, tokens: tuple[bytes, ...], name: str) -> Own:
        """The values of OWN."""
        if not self._seats.greets:
            values = (*tokens, b"", b"")
            return Own(values, values)
        greeting, encode = speech.voice.greeting(guard(shorten(name, NAME))), self._encode
        address = encode(in_url(greeting))
        return Own((*tokens, encode(escaped(greeting)), address), (*tokens, encode(flowing(greeting)), address))

    def _tokens(self, links: Links) -> tuple[bytes, ...]:
        """In the order of LINKS."""
        if self._unscathed:
            return (links.view.encode(), links.leave.encode(), links.manage.encode(), links.tune.encode())
        encode = self._encode
        return (encode(links.view), encode(links.leave), encode(links.manage), encode(links.tune))

    def subject(self, picks: tuple[Pick, ...], profile: ReaderProfile) -> str:
        """The subject of a digest with these picks, which welcome mails and those of a quiet day may lack."""
        seat = self._seats.seat(profile)
        return self._subject([seat.told[pick] for pick in picks], seat.speech)

    def _subject(self, told: Sequence[Told], speech: Speech) -> str:
        if self._welcomes:
            return shorten(speech.voice.welcome_to(self._manifest.site.name))
        if not told:
            return shorten(speech.voice.all_quiet_on(speech.voice.date()))
        breaks = BREAKING in self._manifest.values and not told[0].pick.from_version
        return shorten(speech.voice.breaking(told[0].title) if breaks else told[0].title)

    # --- system mails -------------------------------------------------------------------------------------------------

    def _system(self, profile: ReaderProfile, to: Recipient) -> Envelope:
        # No name: it comes from a form that may be sent again, and a changed one would make a repeated call differ.
        to = Recipient(to.subscriber_id, to.address, "")
        links = self._hands.letter_links(to.subscriber_id)
        order, tokens = tuple(links), [self._encode(token) for token in links.values()]
        keys = ("shell/start", "body", "shell/end") if profile.format != "text" else ()
        html = [joined([self._letter(profile, "html", key, order) for key in keys], tokens)] if keys else []
        text = self._letter(profile, "text", "body", order).filled(tokens)
        return Envelope(self._sheet(self._manifest.values["subject"]), to, b"", html, text)

    def _letter(self, profile: ReaderProfile, part: str, key: str, order: Sequence[str]) -> Strip:
        fragment, answers = self._seats.readings.of(part, key, profile)
        memo = (part, key, answers)
        found = self._letters.get(memo)
        if found is None:
            language = self._manifest.values["language"]
            known = {**self._manifest.values, "lang": language, "dir": direction(language)}.get
            found = self._letters[memo] = self._seats.strip(part, fragment, known, order)
        return found

    # --- sheets -------------------------------------------------------------------------------------------------------

    def _sheet(self, subject: str) -> Sheet:
        sheet = self._sheets.get(subject)
        if sheet is None:
            if len(self._sheets) >= SHEETS:
                self._sheets = {}
            sheet = self._sheets[subject] = self._sheet_of(subject)
        return sheet

    def _sheet_of(self, subject: str) -> Sheet:
        site, is_digest = self._manifest.site, self.is_digest
        return Sheet(
            edition_id=self._edition_id,
            sender=site.sender,
            reply_to=site.reply_to,
            subject=subject,
            date=self._manifest.frozen_at,
            leave_at=f"{site.public_url}/leave/" if is_digest else "",
            headers=self._headers if is_digest else _AUTOMATIC,
            message_id=self._message_id,
        )

    def _message_id(self, subscriber_id: int) -> str:
        place = f"{self._edition_id}.{subscriber_id}."
        unique = hashlib.blake2b(f"{place}{self._stamp}".encode(), digest_size=8).hexdigest()
        return f"<{place}{unique}@{self._manifest.site.list_domain}>"


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


class _Listed(NamedTuple):
    """What readers of a profile may be told of a window."""

    candidates: Candidates
    ids: frozenset[int]
    usual: tuple[Told, ...]
    """What those get who know none of it."""


@dataclass(frozen=True, slots=True)
class _Shared:
    """A mail that several readers get, but for their tokens."""

    sheet: Sheet
    picks: tuple[Pick, ...]
    html: Strip | None
    """None where readers want plain text."""
    text: Strip
