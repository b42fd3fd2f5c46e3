"""The next digest of a reader or a topic, made now by what will make it then. Nothing is stored and nobody is mailed.

A reader's is that of the moment they are due, were there no more news until then: the choices, votes and rulings, the
windows and the memory of what they were sent are looked at as planning and composing will look at them. It differs from
what is then sent in its personal links, which open nothing here, and in summaries that a language model has not written
yet, because only sending may ask it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session

from digest.compose.assemble import Composer, Hands
from digest.errors import InputError, NothingToDo, TemplateError
from digest.service.building import Workshop
from digest.service.drafting import Draft, draft, first_drafts
from digest.service.hours import due_groups, next_mail, topic_starts
from digest.service.letters import language_of
from digest.service.profiles import profile_from
from digest.service.specimens import Nowhere
from digest.store.db import reading
from digest.store.memory import MEMORY, memory_of
from digest.store.upcoming import topics_due, upcoming
from digest.types import Due, Envelope, LeftOut, Pick, ReaderProfile, Recipient
from subscribers import listing
from subscribers import topics as shelf
from subscribers.cadence import quarter
from subscribers.profiles import profiles, restricted
from subscribers.types import ReaderRow


@dataclass(frozen=True, slots=True)
class Preview:
    """A mail that was not sent."""

    name: str
    """Of whose it is, fit for a file: reader-7, or topic-energy."""
    subject: str
    html: str
    """Empty for a reader who gets plain text only."""
    text: str
    stories: int
    windows: tuple[datetime, ...]
    """Since when the news of its topics count, the earliest first."""
    until: datetime
    """Until when they do, which is when it will be due, or now."""

    @property
    def size(self) -> int:
        """Bytes of the part that is looked at."""
        return len((self.html or self.text).encode())


@dataclass(frozen=True, slots=True)
class _Found:
    """What is known of a reader's next delivery."""

    to: Recipient
    profile: ReaderProfile
    since: datetime
    planned_at: datetime
    due_at: datetime | None
    """As `digest.types.Due` has it."""
    memory: Mapping[int, tuple[Pick, ...]]
    among: tuple[int, ...]
    """Topics of everybody in the same slot."""


@dataclass(frozen=True, slots=True)
class _Delivery:
    """A draft with what its delivery would hold."""

    draft: Draft
    to: Recipient
    memory: Mapping[int, tuple[Pick, ...]]
    due_at: datetime | None = None


class Previewer:
    """Makes previews."""

    def __init__(self, shop: Workshop, *, timezone: str, now: Callable[[], datetime]) -> None:
        """`timezone` is that of a topic's reader."""
        self._shop, self._timezone, self._now = shop, timezone, now

    def reader(self, address: str, language: str = "") -> Preview:
        """One reader's next digest, in their language or in `language`.

        Raises UnknownReader; InputError for who is not active; NothingToDo where no mail would go out: they have no
        topic, or there is nothing new for them and they do not wish to hear that; TemplateError and StoreError.
        """
        now = self._now()
        with reading(self._shop.engine) as session:
            row = listing.show(session, address)
            if row.status != "active":
                raise InputError(f"no digest is coming for {row.address}, whose status is {row.status}")
            found = _look_up(session, row, now)
        planned = self._planned(found, language)
        mail = self._composed(planned)
        if mail is None:
            since = f"{planned.draft.windows[0]:%Y-%m-%d %H:%M} UTC"
            raise NothingToDo(f"there is nothing new for {row.address} since {since}, so no digest would be sent")
        return _preview(f"reader-{row.id}", planned.draft, mail)

    def topic(self, slug: str, language: str = "") -> Preview:
        """What somebody who took this topic now and left everything as the form suggests it would get, in the topic's
        language where there is a catalogue, or in `language`: news of a day, or else of a week.

        Raises UnknownTopic; NothingToDo for a topic without news of the last week; TemplateError and StoreError.
        """
        with reading(self._shop.engine) as session:
            topic = shelf.get_topic(session, slug)
        spoken = language_of(self._shop, language or topic.language)
        for made in first_drafts(self._shop, topic.id, spoken, self._timezone, self._now()):
            mail = self._composed(_Delivery(made, Recipient(0, "reader@example.org", ""), {}))
            if mail is not None:
                return _preview(f"topic-{slug}", made, mail)
        raise NothingToDo(f"{slug} has had no news in the last week, so no digest would be sent")

    def _planned(self, found: _Found, language: str) -> _Delivery:
        profile = replace(found.profile, language=language) if language else found.profile
        made = draft(
            self._shop,
            profile,
            since=found.since,
            until=found.planned_at,
            now=found.planned_at,
            starts=topic_starts(profile, found.due_at, found.planned_at),
            among=found.among,
        )
        return _Delivery(made, found.to, found.memory, found.due_at)

    def _composed(self, planned: _Delivery) -> Envelope | None:
        """The mail; None when there is nothing to tell."""
        made = planned.draft

        def starts(profile: ReaderProfile, due_at: datetime | None) -> Mapping[int, datetime]:
            return topic_starts(profile, due_at, made.until)

        hands = Hands(links=lambda _: Nowhere(), letter_links=lambda _: {}, next_due=next_mail, topic_starts=starts)
        due = Due(
            0, planned.to.subscriber_id, made.profile.id, made.since, memory=planned.memory, due_at=planned.due_at
        )
        mail = Composer(0, made.frozen, self._shop.theme, hands, "raw").compose(due, made.profile, planned.to)
        if isinstance(mail, LeftOut) and mail.reason != "empty":
            raise TemplateError(f"the digest could not be composed: {mail.reason}")
        return mail if isinstance(mail, Envelope) else None


def _look_up(session: Session, row: ReaderRow, now: datetime) -> _Found:
    """As `planning.plan_tick` and the sender will, when the reader is due; at once for who is due already."""
    due_at = row.next_due_at
    slot = upcoming(session, row.id, max(due_at or now, now))
    if slot is None or due_at is None or not row.topics:
        raise NothingToDo(f"{row.address} has no topic, so no digest is coming")
    planned_at, tick = max(due_at, now), max(due_at, quarter(now))
    raw = profiles(session, [slot.profile_id])[slot.profile_id]
    profile = profile_from(slot.profile_id, raw)
    if (
        slot.own_hours
    ):  # as planning interns them; here the narrower choices stay unstored, under the whole ones' number
        due = due_groups(profile, due_at, tick)
        profile = profile_from(slot.profile_id, restricted(raw, [topic for topics in due.values() for topic in topics]))
    return _Found(
        to=Recipient(row.id, row.address, row.name),
        profile=profile,
        since=slot.since,
        planned_at=planned_at,
        due_at=due_at if slot.own_hours else None,
        memory=memory_of(session, [row.id], since=planned_at - MEMORY).get(row.id, {}),
        among=tuple(topics_due(session, tick)),
    )


def _preview(name: str, made: Draft, mail: Envelope) -> Preview:
    return Preview(
        name, mail.subject, mail.html.decode(), mail.text.decode(), len(mail.picks), made.windows, made.until
    )
