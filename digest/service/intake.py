"""The intake: what was asked through a page is worked off here, right after the answer.

Crash semantics. A row's work and its deletion are one transaction: a crash leaves the row and no trace of the work, and
the sweep begins again. Two workers never have one row in hand (`asks.take_next`). The mails that a row plans are
frozen in the same transaction, so what was asked and its mail are durable together.

A welcome is the one exception, for it is a digest, and compiling one must not hold the write lock: its transaction
writes edition and delivery and takes the row, and freezing comes after it. Killed in between, the edition stays
unfrozen, and the planner freezes it once it is ten minutes old (`planning`, ABANDONED).
"""

from __future__ import annotations

import logging
import threading
import traceback

from sqlmodel import Session

from digest.errors import DigestError, StoreError
from digest.service.answers import Desk, Done, Row, answer
from digest.service.freezing import WELCOMING, freeze_digest
from digest.service.letters import prepare
from digest.service.tidying import tidy as tidy
from digest.store import editions
from digest.store.db import reading, writing
from digest.types import EditionState
from subscribers import asks
from subscribers.errors import RosterError

log = logging.getLogger(__name__)


def work_intake(desk: Desk, stop: threading.Event | None = None) -> int:
    """Work off what is ready, one row after the other, until nothing is or `stop` is set; how many rows are done.

    Calls `on_mail_planned` after each row whose mail became durable, or would have. A row that the roster refuses (its
    topic is gone, or the reader) is dropped with a line in the log. One that fails otherwise stays for the next run and
    holds up no other; after a day `tidy` drops it. Raises StoreError when the database cannot be used.
    """
    with reading(desk.engine) as session:
        if not asks.waiting(session, now=desk.now()):
            return 0
    prepare(desk.shop)
    worked = after = 0
    while not (stop is not None and stop.is_set()):
        reached = after
        try:
            with writing(desk.engine) as session:
                taken = asks.take_next(session, after_id=after, now=desk.now())
                if taken is None:
                    break
                after = taken.id
                done = _work(desk, session, taken)
        except asks.UnreadableAsk as error:
            log.warning("%s; it waits for one that can", error)
            after = error.ask_id
        except StoreError:
            raise
        except DigestError as error:
            log.error("intake row %d waits: %s", after, error)
        except Exception as error:
            if after == reached:
                raise
            # A bulkhead: one row must not hold up the others. Not the exception's own words: they may hold an address.
            trace = "".join(traceback.format_tb(error.__traceback__))
            log.error("intake row %d failed and waits: %s\n%s", after, type(error).__name__, trace)
        else:
            worked += not done.stays
            _afterwards(desk, done)
    return worked


def tend_intake(desk: Desk, stop: threading.Event | None = None) -> float | None:
    """`work_intake`, and in how many seconds the next row is ready that was not when this began; None without any.

    What has failed waits for the sweep instead: it would keep us running in a circle.
    """
    began = desk.now()
    work_intake(desk, stop)
    with reading(desk.engine) as session:
        at = asks.next_ready(session, after=began)
    return None if at is None else max(0.0, (at - desk.now()).total_seconds())


def _work(desk: Desk, session: Session, taken: asks.Taken) -> Done:
    """The work of one row and its deletion, in the caller's transaction. What the roster refuses leaves no trace but
    the deletion."""
    done = Done()
    try:
        with session.begin_nested():
            answer(Row(desk, session, taken, done, desk.now()))
    except RosterError as error:
        # What it says may hold an address; its name is enough.
        log.warning("an ask (%s) was dropped: %s", taken.ask.kind, type(error).__name__)
        done = Done()
    if not done.stays:
        asks.done(session, taken.id)
    return done


def _afterwards(desk: Desk, done: Done) -> None:
    """After the commit: freeze the welcome, and have the sender woken."""
    for edition_id in done.welcomes:
        try:
            freeze_digest(desk.shop, edition_id, now=desk.now(), values=WELCOMING)
        except StoreError:
            with reading(desk.engine) as session:
                if editions.get_edition(session, edition_id).state == EditionState.PLANNING:
                    raise
            # The planner came first: this one had waited for so long that it was taken for abandoned.
        except DigestError as error:
            log.error("welcome %d waits for the planner: %s", edition_id, error)
    if done.mails or done.rehearsed or done.welcomes:
        desk.on_mail_planned()
