"""What another transaction does while ours waits for a row. SQLite has one writer: there they come one by one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from digest.store.db import reading, writing
from subscribers import account, listing, roster, suppressions
from subscribers.errors import HasLeft
from subscribers.types import Asked, SignUp
from tests.subscribers.people import ADA, NOW, RING, ask, confirmed, count, furnish, log, reader

T = TypeVar("T")

HELD = 0.3
"""Seconds for which the first transaction stays open, so that the second meets it."""


@pytest.fixture
def engine(database: Engine) -> Engine:
    return furnish(database)


def meanwhile(engine: Engine, first: Callable[[Session], object], then: Callable[[], T], *, last: bool) -> T:
    """What `then` comes to that begins while a transaction is open which does `first`: before it waits a while, or
    (`last`) after it has taken the reader's row and waited."""
    begun = threading.Event()

    def one() -> None:
        with writing(engine) as session:
            if last:
                roster.locked(session, reader_id)
                begun.set()
                time.sleep(HELD)
                first(session)
            else:
                first(session)
                begun.set()
                time.sleep(HELD)

    with reading(engine) as session:
        reader_id = next((row.id for row in listing.list_subscribers(session)), 0)
    with ThreadPoolExecutor(1) as pool:
        done: Future[None] = pool.submit(one)
        assert begun.wait(10)
        try:
            return then()
        finally:
            done.result()


def erase(who: int) -> Callable[[Session], bool]:
    return lambda session: account.erase(session, who, now=NOW, address_hashes=RING.address_hashes)


def add(engine: Engine) -> object:
    with writing(engine) as session:
        return roster.add(session, SignUp(ADA, ("sport",)), now=NOW, hashes=RING.address_hashes(ADA))


@pytest.mark.parametrize("last", [False, True])
def test_an_operator_does_not_bring_back_who_is_being_erased(engine: Engine, last: bool) -> None:
    who = confirmed(engine)
    with pytest.raises(HasLeft, match="erased"):
        meanwhile(engine, erase(who), lambda: add(engine), last=last)
    assert (count(engine, "subscriber"), count(engine, "subscription"), count(engine, "suppression")) == (0, 0, 1)


@pytest.mark.parametrize("last", [False, True])
def test_who_signs_up_while_being_erased_is_new(engine: Engine, last: bool) -> None:
    """Whoever asked: the erased one's consent, name and choices are gone, and a confirmation is needed."""
    who = confirmed(engine, name="Ada")
    asked = meanwhile(engine, erase(who), lambda: ask(engine, ADA, "sport"), last=last)
    assert (asked.is_new, asked.is_active, asked.pending) == (True, False, ("Sport",))
    assert asked.subscriber_id is not None
    assert asked.subscriber_id > who
    row = reader(engine)
    assert (row.status, row.name, row.topics) == ("pending", "", ())
    assert log(engine, asked.subscriber_id) == [("asked", ("sport",))]


def test_an_address_that_bounces_while_it_signs_up_leaves_nothing(engine: Engine) -> None:
    """A mail to a reader who was erased bounces in the very moment in which the address is typed again."""
    who = confirmed(engine)

    def bounce(session: Session) -> None:
        account.erase(session, who, now=NOW, address_hashes=RING.address_hashes)
        suppressions.suppress(session, RING.address_hashes(ADA)[0], reason="bounced", now=NOW)

    assert meanwhile(engine, bounce, lambda: ask(engine, ADA, "sport"), last=False) == Asked(None)
    assert (count(engine, "subscriber"), count(engine, "subscription"), count(engine, "consent")) == (0, 0, 0)
