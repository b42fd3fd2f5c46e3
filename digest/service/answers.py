"""What each kind of ask comes to: the roster's work, and the mails that answer it.

No transaction begins or ends here: `digest.service.intake` holds one for each row.

Whether a mail leaves must not show in how long we are busy. So an ask that gets none, because the address is unknown or
kept from mail or a cap is reached, is worked off all the same and then taken back to a savepoint (`_kept`): the link is
made, the edition opened, planned and frozen, and nothing of it stays. What cannot be taken back is the sender's work,
which only a real mail costs; that is why the form for fresh links waits a while first (`asking.a_while`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Engine
from sqlmodel import Session

from digest.service.freezing import Workshop
from digest.service.letters import LINK, freeze_system, language_of, listed
from digest.store import editions
from digest.store.forget import forget_reader
from digest.store.narrow import WELCOME
from digest.store.sendable import goodbye_slot
from subscribers import account, asks, consent, returning, roster, steer
from subscribers.due import audience
from subscribers.errors import UnknownReader
from subscribers.profiles import intern_profile
from subscribers.roster import Known
from subscribers.standing_in import stand_in
from subscribers.suppressions import is_final
from subscribers.tokens import Keyring
from subscribers.types import SignUp

log = logging.getLogger(__name__)

A_DAY = timedelta(days=1)
MAILS_A_DAY = 3
"""Mails of one purpose to one reader in 24 hours."""
PAUSE = timedelta(minutes=10)
"""Between two of them. Nobody can use a form to bomb a third person."""
AN_HOUR = timedelta(hours=1)
MAILBOX_AN_HOUR, MAILBOX_A_DAY = 4, 8
"""Mails that somebody asked for, of any purpose, to one mailbox in an hour and in 24, whatever +tags and dots were
typed. Four, because a newcomer may well need a confirmation, a second one and two links in their first hour; the page
after the form for a link (fresh_sent.html) tells both numbers. The announcement of a move is not one: only who opened
the account has it sent, and to their own address; nor is what confirms a leaving."""
UNASKED = ("moving", "goodbye")

FIRST, SOON = 0, 1
"""Priorities of a mail that somebody waits for, and of a welcome: both overtake the digests of a slot."""


class Desk(Protocol):
    """What the worker needs of the readers' desk."""

    @property
    def engine(self) -> Engine: ...
    @property
    def shop(self) -> Workshop: ...
    @property
    def keyring(self) -> Keyring: ...
    @property
    def now(self) -> Callable[[], datetime]: ...
    @property
    def on_mail_planned(self) -> Callable[[], None]: ...


@dataclass(slots=True)
class Done:
    """What one row came to."""

    mails: int = 0
    rehearsed: int = 0
    """Mails that were made as if, and taken back."""
    welcomes: list[int] = field(default_factory=list)
    """Editions that wait to be frozen."""
    stays: bool = False
    """There is more to do later: the row is kept."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row in hand."""

    desk: Desk
    session: Session
    taken: asks.Taken
    done: Done

    now: datetime

    def language(self, reader: Known) -> str:
        """Theirs on file, not what somebody chose who typed their address."""
        return language_of(self.desk.shop, reader.locale)


def answer(row: Row) -> None:
    """Do what a row asks, in the row's transaction. Raises TemplateError, and RosterError for what cannot be done any
    more."""
    match row.taken.ask:
        case asks.SignUpAsk(asked):
            _sign_up(row, asked)
        case asks.FreshAsk(locale, address=address, subscriber_id=None):
            _fresh(row, roster.look_up(row.session, address), address, locale)
        case asks.FreshAsk(locale, subscriber_id=int(subscriber_id)):
            _fresh(row, roster.known(row.session, subscriber_id), "", locale)
        case asks.ConfirmAsk(subscriber_id):
            _confirm(row, roster.known(row.session, subscriber_id))
        case asks.WelcomeAsk(subscriber_id):
            _welcome(row, subscriber_id)
        case asks.MoveAsk(subscriber_id, address):
            _move(row, roster.known(row.session, subscriber_id), address)
        case asks.GoodbyeAsk(subscriber_id, mark):
            _goodbye(row, roster.known(row.session, subscriber_id), mark)
        case asks.ForgetAsk(subscriber_id):
            row.done.stays = forget_reader(row.session, subscriber_id) > 0


def _sign_up(row: Row, asked: SignUp) -> None:
    hashes = row.desk.keyring.address_hashes(asked.address)
    found = roster.sign_up(row.session, asked, now=row.now, hashes=hashes, asked_at=row.taken.at)
    if found.subscriber_id is None:
        _sign_up_in_vain(row, asked)
        return
    reader = roster.known(row.session, found.subscriber_id)
    if found.pending:
        _confirm(row, reader)
    elif found.is_active and reader is not None:
        chosen = steer.choices(row.session.connection(), reader.subscriber_id, now=row.now)
        names = [topic.name for topic in chosen.topics]
        _mail(
            row,
            reader,
            "known",
            reader.address,
            {"topics": listed(row.desk.shop, names, row.language(reader), row.now)},
        )


def _sign_up_in_vain(row: Row, asked: SignUp) -> None:
    """An address that is suppressed for good, or whose owner has left since: what its sign-up and its mail would have
    been."""
    with _kept(row, keep=False):
        found = roster.sign_up(row.session, asked, now=row.now, hashes=())
        reader = (
            roster.look_up(row.session, asked.address)
            if found.subscriber_id is None
            else roster.known(row.session, found.subscriber_id)
        )
        if reader is not None:
            topics = listed(row.desk.shop, found.pending or asked.topics, row.language(reader), row.now)
            _post(row, reader, "confirm", reader.address, {"topics": topics})


def _confirm(row: Row, reader: Known | None) -> None:
    """What waits for confirmation, all of it in one mail; nothing when nothing waits."""
    names = roster.pending_topics(row.session, reader.subscriber_id) if reader is not None else []
    if reader is not None and names:
        topics = listed(row.desk.shop, names, row.language(reader), row.now)
        _mail(row, reader, "confirm", reader.address, {"topics": topics})


def _left_since(row: Row, reader: Known | None) -> bool:
    """Whether this reader left after the form was sent: an ask that waited out an outage must not mail them."""
    deed = consent.last_deed(row.session, reader.subscriber_id) if reader is not None else None
    return deed is not None and deed.action == "left" and not deed.topics and deed.at >= row.taken.at


def _fresh(row: Row, reader: Known | None, typed: str, locale: str) -> None:
    """A fresh link to the account, for everybody on the roster: who left, never confirmed or is kept from digests may
    see what we hold and have it erased too. Nobody suppressed for good is written to.

    Only for who is no reader any more the edition names its link: that is what lets it pass (`store.sendable`), so a
    link that somebody asked for while they read does not reach them after they left.
    """
    who = reader or Known(0, typed, "", locale)
    may = _may(row, who, "fresh", who.address)
    final = is_final(row.session, row.desk.keyring.address_hashes(who.address))
    keep = may and not final and reader is not None and not _left_since(row, reader)
    if reader is not None:
        with _taken_back(row.session):  # so that it costs the same whether or not somebody has to stand in
            _stand_in(row, typed, locale)
    with _kept(row, keep=keep):
        to = reader or _stand_in(row, typed, locale)
        link = account.make_fresh(row.session, to.subscriber_id, now=row.now)
        to_link = link if to.status in ("left", "suppressed") else None
        _post(row, to, "fresh", to.address, {LINK: str(link)}, to_link=to_link)


def _stand_in(row: Row, address: str, locale: str) -> Known:
    who = stand_in(row.session, row.taken.id, address, locale, now=row.now)
    intern_profile(row.session, who.subscriber_id)
    return who


def _move(row: Row, reader: Known | None, address: str) -> None:
    """Two mails: the old address learns of it always, the new one only where it may be written to. The cap counts the
    announcements, of which there is one for every move."""
    if reader is None or not _may(row, reader, "moving", reader.address):
        return
    hashes = row.desk.keyring.address_hashes
    move = account.make_move(row.session, reader.subscriber_id, address, now=row.now, address_hashes=hashes)
    if move is None:
        return
    _mail(row, reader, "moving", move.former, {LINK: str(move.link_id)}, to_link=move.link_id)
    with _kept(row, keep=_may(row, reader, "move", move.address) and move.mail_new):
        _post(row, reader, "move", move.address, {LINK: str(move.link_id)}, to_link=move.link_id)


def _welcome(row: Row, subscriber_id: int) -> None:
    """What today's digest would have been. The moment of the confirmation makes the slot: however often this row is
    worked off, it is one edition; who leaves and comes back is welcomed again."""
    slot = f"{WELCOME}{subscriber_id}-{int(row.taken.at.timestamp())}"
    edition_id, planned_at, made = editions.open_edition(
        row.session, "system", slot, planned_at=row.now, key_id=row.desk.keyring.key_id, priority=SOON
    )
    if not made:
        return
    readers = audience(None, subscriber_id)
    if editions.plan_chunk(row.session, edition_id, readers, after_id=0, planned_at=planned_at) is None:
        raise UnknownReader("who confirmed has left again")
    row.done.welcomes.append(edition_id)


def _goodbye(row: Row, reader: Known | None, mark: int) -> None:
    """The last mail to who has left everything, if it can still be taken back: so not to who never was a reader, nor a
    day later when nobody would expect it, nor to an address that refused mail for good."""
    if reader is None or is_final(row.session, row.desk.keyring.address_hashes(reader.address)):
        return
    left = consent.leaving(row.session, reader.subscriber_id) == mark
    if not left or not returning.may_return(row.session, reader.subscriber_id, mark, now=row.now):
        return
    slot = goodbye_slot(reader.subscriber_id, mark)
    with _kept(row, keep=_may(row, reader, "goodbye", reader.address)):
        _post(row, reader, "goodbye", reader.address, {LINK: str(mark)}, slot=slot)


# --- one mail ---------------------------------------------------------------------------------------------------------


def _may(row: Row, reader: Known, mail: str, address: str) -> bool:
    """Whether the caps allow one more mail of this purpose to this reader, at this address."""
    sent = editions.recent_system_mails(row.session, reader.subscriber_id, mail, row.now - A_DAY)
    if len(sent) < MAILS_A_DAY and not (sent and row.now - sent[0] < PAUSE) and _mailbox_may(row, mail, address):
        return True
    log.info("reader %d was sent enough; no further mail %r", reader.subscriber_id, mail)
    return False


def _mailbox_may(row: Row, mail: str, address: str) -> bool:
    if mail in UNASKED:
        return True
    mailbox = row.desk.keyring.mailbox_key(address)
    return all(
        asks.recent(row.session, mailbox, since=row.now - back, span=asks.TEN_MINUTES) < most
        for back, most in ((AN_HOUR, MAILBOX_AN_HOUR), (A_DAY, MAILBOX_A_DAY))
    )


@contextmanager
def _kept(row: Row, *, keep: bool) -> Iterator[None]:
    """The block's work, of which nothing stays unless `keep`. Either way the sender is woken afterwards."""
    if keep:
        yield
        row.done.mails += 1
        return
    with _taken_back(row.session):
        yield
    row.done.rehearsed += 1


@contextmanager
def _taken_back(session: Session) -> Iterator[None]:
    """The block's work, of which nothing stays."""
    undone = session.begin_nested()
    try:
        yield
    finally:
        undone.rollback()


def _mail(
    row: Row, reader: Known, mail: str, address: str, values: Mapping[str, str], *, to_link: int | None = None
) -> None:
    """Plan and freeze a system mail; when a cap forbids it, all the same and then take it back. `address` is where it
    goes: the reader's own unless `to_link` names the fresh link that knows another."""
    with _kept(row, keep=_may(row, reader, mail, address)):
        _post(row, reader, mail, address, values, to_link=to_link)


def _post(
    row: Row,
    reader: Known,
    mail: str,
    address: str,
    values: Mapping[str, str],
    *,
    to_link: int | None = None,
    slot: str = "",
) -> None:
    """Plan and freeze a system mail, and count it for its mailbox. Without a `slot` of its own it is this second's."""
    session, keyring = row.session, row.desk.keyring
    intern_profile(session, reader.subscriber_id)  # who never confirmed has none yet
    slot = slot or f"system:{mail}:{reader.subscriber_id}-{int(row.now.timestamp())}"
    edition_id, planned_at, made = editions.open_edition(
        session,
        "system",
        slot,
        planned_at=row.now,
        key_id=keyring.key_id,
        priority=FIRST,
        to_link=to_link,
        to_former=mail == "moving",
    )
    if not made:
        return  # this very second's mail, or the one of this leaving, is there already
    readers = audience(None, reader.subscriber_id, any_status=True)
    editions.plan_chunk(session, edition_id, readers, after_id=0, planned_at=planned_at)
    freeze_system(row.desk.shop, session, edition_id, mail, row.language(reader), values, now=row.now)
    if mail not in UNASKED:
        asks.count(session, {keyring.mailbox_key(address): None}, now=row.now, span=asks.TEN_MINUTES)
