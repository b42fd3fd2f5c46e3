"""Leaving is taken back by the page that told of it and by nothing else, on SQLite and on PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import Engine, update

from digest.store.db import reading, writing
from subscribers import account, consent, returning, roster, steer, topics
from subscribers.errors import LinkUsed, NotConfirmable
from subscribers.types import Change, Confirmed, OwnTopic, SignUp
from tests.subscribers.people import ADA, NOW, RING, ask, choices, confirmed, furnish, log, reader

HOUR = timedelta(hours=1)


@pytest.fixture
def engine(database: Engine) -> Engine:
    return furnish(database)


@pytest.fixture
def ada(engine: Engine) -> int:
    """A reader who has chosen everything there is to choose, and pauses."""
    who = confirmed(engine, "Ada@Example.org", "harbour", "sport", name="Ada", locale="de")
    own = (OwnTopic("sport", "", cadence="weekdays", send_minute=0), OwnTopic("harbour", ""))
    with writing(engine) as session:
        steer.change(session, who, Change(own, "weekly:wed", 450, "Asia/Kolkata", "de", "text", 5, True), now=NOW)
        steer.pause(session, who, date(2026, 3, 9), now=NOW)
    return who


def leave(engine: Engine, who: int, now: datetime = NOW) -> int:
    with writing(engine) as session:
        mark = roster.unsubscribe(session.connection(), who, now=now)
    assert mark is not None
    return mark


def undo(engine: Engine, who: int, mark: int, now: datetime = NOW) -> Confirmed | None:
    with writing(engine) as session:
        return returning.undo_leave(session, who, mark, now=now)


def press(engine: Engine, who: int, *shown: str, issued: datetime = NOW, now: datetime = NOW) -> Confirmed:
    with writing(engine) as session:
        return roster.confirm(
            session, who, now=now, address_hashes=RING.address_hashes, shown=shown or None, issued=issued
        )


@pytest.mark.parametrize("times", [0, 1, 2])
def test_a_stranger_takes_nobodys_undo_away(engine: Engine, ada: int, times: int) -> None:
    """Whoever types the address of somebody who has just left makes them pending; all comes back even so."""
    before, held = reader(engine), choices(engine, ada)
    mark = leave(engine, ada)
    for number in range(times):
        ask(engine, ADA, "town", name="Mallory", cadence="daily", locale="ar", format="html", now=NOW + number * HOUR)
    assert reader(engine).status == ("pending" if times else "left")
    assert undo(engine, ada, mark, NOW + 23 * HOUR) is not None
    assert replace(reader(engine), next_due_at=None) == replace(before, next_due_at=None)
    assert replace(choices(engine, ada), next_due_at=None) == replace(held, next_due_at=None)
    assert reader(engine).pending == (), "what the stranger asked for is dropped"
    assert reader(engine).next_due_at == before.next_due_at, "the first in the reader's rhythm after the pause"
    assert undo(engine, ada, mark, NOW + 23 * HOUR) is None


def test_who_comes_back_by_confirming_starts_afresh(engine: Engine, ada: int) -> None:
    mark = leave(engine, ada)
    ask(engine, ADA, "town")
    done = press(engine, ada, "town")
    assert (done.topics, reader(engine).paused_until, reader(engine).max_stories) == (("Town hall",), None, 12)
    assert reader(engine).all_quiet is False
    assert undo(engine, ada, mark) is None, "they are back by their own hand"


def test_topics_left_come_back_though_somebody_asked_for_more(engine: Engine, ada: int) -> None:
    with writing(engine) as session:
        mark = steer.leave_topics(session, ada, ["sport"], now=NOW)
    ask(engine, ADA, "sport", "town")
    assert mark is not None
    assert undo(engine, ada, mark) is not None
    assert [(each.slug, each.cadence) for each in choices(engine, ada).topics] == [
        ("sport", "weekdays"),
        ("harbour", None),
    ]
    assert reader(engine).pending == ("town",)


def test_only_its_own_mark_takes_a_leaving_back(engine: Engine, ada: int) -> None:
    ben = confirmed(engine, "ben@example.org")
    mark, other = leave(engine, ada), leave(engine, ben)
    for wrong in (other, mark + 1, 0):
        assert undo(engine, ada, wrong) is None
    assert undo(engine, 999, mark) is None
    assert reader(engine).status == "left"


def test_nobody_who_left_long_ago_is_brought_back_by_leaving_once_more(engine: Engine, ada: int) -> None:
    """A stranger who knows the address and has an old digest could ask, leave, and take that leaving back."""
    leave(engine, ada)
    later = NOW + timedelta(days=400)
    ask(engine, ADA, "town", now=later)
    mark = leave(engine, ada, later)
    assert undo(engine, ada, mark, later) is None
    assert reader(engine).status == "left"


def test_a_sign_up_that_had_to_wait_does_not_outlast_a_leaving(engine: Engine, ada: int) -> None:
    """The form was sent before they left, and is worked off after: they left last."""
    leave(engine, ada, NOW + HOUR)
    asked = SignUp(ADA, ("town",))
    for at, status in ((NOW, "left"), (NOW + 2 * HOUR, "pending")):
        with writing(engine) as session:
            roster.sign_up(session, asked, now=NOW + 3 * HOUR, hashes=RING.address_hashes(ADA), asked_at=at)
        assert reader(engine).status == status


def test_a_move_ends_what_could_be_taken_back(engine: Engine, ada: int) -> None:
    with writing(engine) as session:
        mark = steer.leave_topics(session, ada, ["sport"], now=NOW)
        session.connection().execute(
            update(steer.SUBSCRIBER).where(steer.SUBSCRIBER.c.id == ada).values(links_from=NOW + HOUR)
        )
        consent.log(session.connection(), ada, NOW + HOUR, "moved", [])
    assert undo(engine, ada, mark or 0, NOW + 2 * HOUR) is None


# --- confirming what was shown ----------------------------------------------------------------------------------------


def test_what_was_not_shown_waits_on(engine: Engine) -> None:
    who = ask(engine, ADA, "harbour").subscriber_id or 0
    ask(engine, ADA, "sport", "town")
    done = press(engine, who, "harbour", "nonsense")
    assert (done.topics, [each.slug for each in done.more]) == (("Harbour",), ["sport", "town"])
    assert (reader(engine).topics, reader(engine).pending) == (("harbour",), ("sport", "town"))
    assert log(engine, who)[-1] == ("confirmed", ("harbour",))
    again = press(engine, who, "harbour")
    assert (again.changed, len(again.more)) == (False, 2)
    assert press(engine, who, "sport", "town").topics == ("Harbour", "Sport", "Town hall")


def test_who_saw_nothing_that_waits_becomes_no_reader(engine: Engine) -> None:
    who = ask(engine, ADA, "harbour").subscriber_id or 0
    with pytest.raises(NotConfirmable):
        press(engine, who, "sport")
    assert (reader(engine).status, reader(engine).pending) == ("pending", ("harbour",))


def test_a_topic_that_turned_private_is_not_confirmed(engine: Engine) -> None:
    who = ask(engine, ADA, "harbour", "sport").subscriber_id or 0
    with writing(engine) as session:
        topics.edit_topic(session, "sport", public=False)
        assert roster.pending_topics(session, who) == ["Harbour"]
    done = press(engine, who, "harbour", "sport")
    assert (done.topics, done.more) == (("Harbour",), ())
    assert (reader(engine).topics, reader(engine).pending) == (("harbour",), ("sport",))
    only = ask(engine, "ben@example.org", "town").subscriber_id or 0
    with writing(engine) as session:
        topics.edit_topic(session, "town", public=False)
    with pytest.raises(NotConfirmable):
        press(engine, only)


def test_a_private_topic_that_the_reader_had_comes_back(engine: Engine) -> None:
    with writing(engine) as session:
        who = roster.add(session, SignUp(ADA, ("staff",)), now=NOW, hashes=[]).id
    mark = leave(engine, who)
    ask(engine, ADA, "town")
    assert undo(engine, who, mark) is not None
    assert reader(engine).topics == ("staff",)


def test_a_link_to_a_former_address_confirms_nothing(engine: Engine) -> None:
    who = confirmed(engine)
    with writing(engine) as session:
        move = account.make_move(session, who, "new@example.net", now=NOW, address_hashes=RING.address_hashes)
        assert move is not None
        account.move(session, who, move.link_id, now=NOW + HOUR, address_hashes=RING.address_hashes)
    ask(engine, "new@example.net", "sport", now=NOW + 2 * HOUR)
    with pytest.raises(NotConfirmable):
        press(engine, who, "sport", issued=NOW, now=NOW + 2 * HOUR)
    assert reader(engine, "new@example.net").pending == ("sport",)
    assert press(engine, who, "sport", issued=NOW + HOUR, now=NOW + 2 * HOUR).changed


# --- account links ----------------------------------------------------------------------------------------------------


def test_opening_a_link_voids_every_older_one(engine: Engine) -> None:
    who, other = confirmed(engine), confirmed(engine, "ben@example.org")
    with writing(engine) as session:
        first, second, third, bens = (account.make_fresh(session, each, now=NOW) for each in (who, who, who, other))
        account.open_fresh(session, who, first, now=NOW)
        account.open_fresh(session, other, bens, now=NOW)
        account.check_opened(session, who, first, now=NOW)
        account.open_fresh(session, who, second, now=NOW)
    with reading(engine) as session:
        assert opened(engine, who) == [second]
        assert account.is_fresh(session, who, third, now=NOW), "a newer one still opens"
        account.check_opened(session, other, bens, now=NOW)
    with writing(engine) as session:
        account.open_fresh(session, who, third, now=NOW)
        fourth = account.make_fresh(session, who, now=NOW)
    assert opened(engine, who) == [third]
    with writing(engine) as session:
        fifth = account.make_fresh(session, who, now=NOW)
        account.open_fresh(session, who, fifth, now=NOW)
        assert not account.is_fresh(session, who, fourth, now=NOW)
    with pytest.raises(LinkUsed), writing(engine) as session:
        account.open_fresh(session, who, fourth, now=NOW)
    assert opened(engine, who) == [fifth]


def test_closing_a_page_brings_no_older_one_back(engine: Engine) -> None:
    who = confirmed(engine)
    with writing(engine) as session:
        links = [account.make_fresh(session, who, now=NOW) for _ in range(3)]
        for link in links[:2]:
            account.open_fresh(session, who, link, now=NOW)
        account.close_opened(session, who, links[1])
        account.close_opened(session, who, links[1])
    assert opened(engine, who) == []
    with reading(engine) as session:
        assert account.is_fresh(session, who, links[2], now=NOW)


def opened(engine: Engine, who: int) -> list[int]:
    """The numbers of the links whose page works."""
    found = []
    for link in range(1, 10):
        try:
            with reading(engine) as session:
                account.check_opened(session, who, link, now=NOW)
        except LinkUsed:
            continue
        found.append(link)
    return found
