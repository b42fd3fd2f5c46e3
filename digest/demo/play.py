"""Three mornings of the town, played through the service with a clock of the demo's own.

Nothing here is special: feeds are fetched over HTTP, readers sign up through the form's verb and confirm through the
link
in their mail, the clock plans at each quarter hour, the outbox receives files.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from digest.demo.content import MORNINGS, Reader, Town
from digest.demo.site import FeedOf
from digest.errors import DigestError, InputError
from digest.service.core import DigestService
from digest.service.intake import work_intake
from digest.store import backlog, editions
from digest.store.db import reading
from digest.store.ledger import count_deliveries
from digest.types import GatherRow
from subscribers.errors import RosterError
from subscribers.types import SignUp

TOWN_MORNING = 4
"""The town's 07:00 in UTC: its zone is three hours east, so its papers are out before any reader's morning."""

SHOWN = 3
"""How many stories of the first reader's mail get their "why" printed, besides an update."""


class DemoClock:
    """A clock that stands where it is put, and runs on from there once `start` was called."""

    def __init__(self, at: datetime) -> None:
        self._at = at
        self._started: datetime | None = None

    def __call__(self) -> datetime:
        if self._started is None:
            return self._at
        return self._at + (datetime.now(UTC) - self._started)

    def put(self, at: datetime) -> None:
        self._at = at

    def start(self) -> None:
        self._started = datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail of a morning."""

    reader: str
    at: str
    """Local clock time at which it was planned."""
    subject: str
    stories: tuple[int, ...]
    updates: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Morning:
    """What one morning brought."""

    number: int
    rows: tuple[GatherRow, ...]
    mails: tuple[Mail, ...]
    quiet: tuple[str, ...]
    """Readers for whom there was nothing new."""
    whys: tuple[tuple[str, str], ...]
    watched: str = ""
    """Whose mail the whys are about."""
    problems: tuple[str, ...] = ()


@dataclass(slots=True)
class Play:
    """A demo under way: the service, its clock, and what to print."""

    service: DigestService
    clock: DemoClock
    first_morning: datetime
    sent: dict[str, dict[int, int]] = field(default_factory=dict)
    """Reader -> story -> how often it was sent in full."""

    def add_topics(self, town: Town) -> None:
        """The town's topics, with their archives open to everybody."""
        for topic in town.topics:
            self.service.topics.add(
                topic.name,
                slug=topic.slug,
                description=topic.description,
                language=topic.language,
                archived=True,
            )

    def add_sources(self, feeds: Sequence[FeedOf]) -> None:
        """Every feed as a source of its topic."""
        for feed in feeds:
            self.service.sources.add(feed.url, topics=[feed.topic_slug], name=feed.publisher)

    def sign_up(self, readers: Sequence[Reader], outbox: Path) -> None:
        """Everybody signs up on the eve, confirms through the link in their mail and is welcomed. Raises InputError
        when a confirmation is missing."""
        for reader in readers:
            self.service.readers.ask_sign_up(
                SignUp(
                    address=reader.address,
                    topics=reader.topics,
                    name=reader.name,
                    locale=reader.locale,
                    timezone=reader.timezone,
                    cadence=reader.cadence,
                    send_minute=reader.send_minute,
                    form="demo",
                )
            )
        self._answer()
        for token in confirmation_tokens(outbox):
            claim = self.service.readers.keyring.read(token, "confirm")
            self.service.readers.confirm(claim.subscriber_id, network=None)
        self._answer()
        waiting = [r.address for r in self.service.readers.list() if r.status != "active"]
        if waiting:
            raise InputError(f"no confirmation mail reached {', '.join(waiting)}")

    def _answer(self) -> None:
        """What was asked is worked off, and the mails that answer it leave."""
        work_intake(self.service.readers)
        self.service.dispatch()

    def mornings(self) -> Iterator[Morning]:
        """Play them one after the other."""
        for number in range(1, MORNINGS + 1):
            yield self.morning(number)

    def morning(self, number: int) -> Morning:
        """Gather before dawn, then let every quarter hour pass in which somebody's morning may begin."""
        dawn = self.first_morning + timedelta(days=number - 1)
        self.clock.put(dawn - timedelta(minutes=10))
        rows = self.service.gather()
        mails: list[Mail] = []
        quiet: list[str] = []
        whys: list[tuple[str, str]] = []
        for quarter in range(24 * 4 - 4):
            self.clock.put(dawn + timedelta(minutes=15 * quarter))
            for planned in self.service.plan():
                self.service.dispatch(edition_id=planned.edition_id)
                self._collect(planned.edition_id, mails, quiet, whys)
        mails.sort(key=lambda mail: mail.reader)
        watched = self.service.readers.list(limit=1)[0].name
        problems = tuple(self._problems(number, rows, mails))
        return Morning(number, tuple(rows), tuple(mails), tuple(quiet), tuple(whys), watched, problems)

    def _collect(self, edition_id: int, mails: list[Mail], quiet: list[str], whys: list[tuple[str, str]]) -> None:
        for place, reader in enumerate(self.service.readers.list()):
            told = self.service.press.told(edition_id, reader.id)
            if told is None:
                continue
            if not told.picks:
                quiet.append(reader.name)
                continue
            full = tuple(pick.story_id for pick in told.picks if not pick.from_version)
            updates = tuple(pick.story_id for pick in told.picks if pick.from_version)
            at = self.clock().astimezone(ZoneInfo(reader.timezone))
            mails.append(
                Mail(
                    reader.name,
                    f"{at:%H:%M} {reader.timezone.rpartition('/')[2].replace('_', ' ')}",
                    told.subject,
                    full,
                    updates,
                )
            )
            for story in full:
                counts = self.sent.setdefault(reader.name, {})
                counts[story] = counts.get(story, 0) + 1
            if place == 0:  # the one reader who has every topic speaks for all
                news = [why for why, pick in zip(told.whys, told.picks, strict=True) if pick.from_version]
                whys += [*[why for why in told.whys if why not in news][:SHOWN], *news[:1]]

    def _problems(self, number: int, rows: Sequence[GatherRow], mails: Sequence[Mail]) -> Iterator[str]:
        """What would make this morning a lie."""
        if not sum(row.new for row in rows):
            yield f"morning {number} gathered nothing new"
        if not mails:
            yield f"morning {number} sent nothing"
        for reader, stories in self.sent.items():
            for story, times in stories.items():
                if times > 1:
                    yield f"{reader} was sent story {story} {times} times"

    def final_problems(self, town: Town, mornings: Sequence[Morning]) -> Iterator[str]:
        """What the three mornings together must show: an update, a silent topic, and a ledger without loose ends."""
        if not any(mail.updates for mail in mornings[1].mails):
            yield "the second morning has no update"
        silent = {reader.name for reader in town.readers if reader.topics == (town.silent_topic,)}
        if not silent <= set(mornings[-1].quiet):
            yield f"on the last morning {town.silent_topic} should have been silent"
        counts = self.counts()
        if counts.loose:
            yield f"{counts.loose} deliveries are neither sent nor settled"

    def counts(self) -> Counts:
        """What is in the ledger by now."""
        with reading(self.service.engine) as session:
            total: dict[str, int] = {}
            for edition_id in editions.ids(session):
                for state, number in count_deliveries(session, edition_id).items():
                    total[state] = total.get(state, 0) + number
            articles, stories = backlog.totals(session)
        loose = sum(total.get(state, 0) for state in ("planned", "attempting", "retry", "unknown"))
        return Counts(articles, stories, total.get("accepted", 0), loose)


@dataclass(frozen=True, slots=True)
class Counts:
    """The demo in numbers. `loose` are deliveries that are neither sent nor settled otherwise: there must be none."""

    articles: int
    stories: int
    mails: int
    loose: int


def confirmation_tokens(outbox: Path) -> list[str]:
    """The tokens of every confirmation link in a local outbox, in no particular order."""
    tokens = []
    for file in [*outbox.glob("new/*.eml"), *outbox.glob("cur/*.eml")]:
        message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        body = message.get_body(("plain",))
        found = re.search(r"/confirm/([\w-]+)", body.get_content() if body else "")
        if found:
            tokens.append(found[1])
    return tokens


@dataclass(frozen=True, slots=True)
class Folder:
    """What one morning made of a folder of feeds."""

    rows: tuple[GatherRow, ...]
    refused: tuple[tuple[str, str], ...]
    """(file, reason) of what is no feed."""
    mails: int


def play_folder(play: Play, feeds: Sequence[FeedOf]) -> Folder:
    """One morning over any feeds: a topic for each, three readers who want all of them, one who wants the first."""
    refused: list[tuple[str, str]] = []
    slugs: list[str] = []
    for number, feed in enumerate(feeds, 1):
        name = feed.publisher.replace("-", " ").capitalize()
        try:
            # The number keeps files apart that differ in their suffix only, or in a script that no slug is made of.
            topic, _ = play.service.sources.add_with_topic([feed.url], name, slug=f"feed-{number}")
            slugs.append(topic.slug)
        except (DigestError, RosterError) as error:
            refused.append((feed.publisher, str(error)))
    if not slugs:
        raise InputError("not one of these files is a feed")
    for address, zone, language, wanted in (
        ("ada@example.org", "Europe/London", "en", slugs),
        ("joerg@example.net", "Europe/Berlin", "de", slugs[::-1]),
        ("salma@example.org", "Africa/Cairo", "ar", slugs),
        ("milo@example.net", "America/Halifax", "en", slugs[:1]),
    ):
        play.service.readers.add(address, topics=wanted, timezone=zone, locale=language)
    rows = play.service.gather(backlog_too=True)
    planned = play.service.send_by_hand(None, None, since=datetime(1970, 1, 1, tzinfo=UTC))
    mails = play.service.dispatch(edition_id=planned.edition_id).accepted if planned else 0
    return Folder(tuple(rows), tuple(refused), mails)
