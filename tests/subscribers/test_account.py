"""The account, moves and erasure, on SQLite and on PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from digest.store.db import reading, writing
from subscribers import account, asks, roster, steer, suppressions, topics
from subscribers.account import FRESH_WITHIN, MOVE_WITHIN, Move
from subscribers.errors import AddressTaken, BadAddress, HasLeft, LinkUsed, OldLink, UnknownReader
from subscribers.types import Confirmed, Mailing, SignUp
from tests.subscribers.people import ADA, NOW, RING, ask, confirmed, count, furnish, log, reader

NEW = "ada.new@example.net"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def engine(database: Engine) -> Engine:
    return furnish(database)


def fresh(engine: Engine, who: int, now: datetime = NOW) -> int:
    with writing(engine) as session:
        return account.make_fresh(session, who, now=now)


def opened(engine: Engine, who: int, link: int, now: datetime = NOW) -> None:
    with writing(engine) as session:
        account.open_fresh(session, who, link, now=now)


def ask_move(engine: Engine, who: int, address: str = NEW, now: datetime = NOW) -> Move:
    with writing(engine) as session:
        move = account.make_move(session, who, address, now=now, address_hashes=RING.address_hashes)
    assert move is not None
    return move


def press(engine: Engine, who: int, link: int, now: datetime = NOW) -> Confirmed:
    with writing(engine) as session:
        return account.move(session, who, link, now=now, address_hashes=RING.address_hashes, network=b"n" * 32)


# --- fresh links ------------------------------------------------------------------------------------------------------


def test_a_fresh_link_works_once(engine: Engine) -> None:
    who, other = confirmed(engine), confirmed(engine, "ben@example.org")
    link = fresh(engine, who)
    with reading(engine) as session:
        assert account.is_fresh(session, who, link, now=NOW + FRESH_WITHIN)
        assert not account.is_fresh(session, who, link, now=NOW + FRESH_WITHIN + MINUTE)
        assert not account.is_fresh(session, other, link, now=NOW)
        assert not account.is_moving(session, who, link, now=NOW), "a link has one purpose"
        with pytest.raises(LinkUsed):
            account.check_opened(session, who, link, now=NOW)
    for reader_id, number in ((other, link), (who, link + 1)):
        with pytest.raises(LinkUsed):
            opened(engine, reader_id, number)
    opened(engine, who, link, now=NOW + MINUTE)
    with pytest.raises(LinkUsed):
        opened(engine, who, link, now=NOW + MINUTE)
    with reading(engine) as session:
        assert not account.is_fresh(session, who, link, now=NOW + MINUTE)
        account.check_opened(session, who, link, now=NOW + MINUTE + FRESH_WITHIN)
        for reader_id, now in ((who, NOW + 2 * MINUTE + FRESH_WITHIN), (other, NOW + MINUTE)):
            with pytest.raises(LinkUsed):
                account.check_opened(session, reader_id, link, now=now)


def test_a_late_link_opens_nothing(engine: Engine) -> None:
    who = confirmed(engine)
    link = fresh(engine, who)
    with pytest.raises(LinkUsed):
        opened(engine, who, link, now=NOW + FRESH_WITHIN + MINUTE)


def test_of_many_who_press_at_once_one_is_served(engine: Engine) -> None:
    who = confirmed(engine)
    link = fresh(engine, who)

    def one(_: int) -> bool:
        try:
            opened(engine, who, link)
        except LinkUsed:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(one, range(12))) == 1


def test_old_links_are_not_kept_for_ever(engine: Engine) -> None:
    who = confirmed(engine)
    fresh(engine, who)
    fresh(engine, who, now=NOW + account.LINKS_KEPT + MINUTE)
    assert count(engine, "fresh_link") == 1


def test_the_log_names_topics_and_keeps_the_slug_of_one_that_is_gone(engine: Engine) -> None:
    who = confirmed(engine, ADA, "town", "sport")
    with writing(engine) as session:
        topics.remove_topic(session, "sport")
    with reading(engine) as session:
        lines = account.account(session, who, (), now=NOW).consents
    assert [each.topics for each in lines] == [("Town hall", "sport")] * 2


def test_the_account_says_everything_that_only_the_mailbox_may_see(engine: Engine) -> None:
    who = confirmed(engine, "Ada@Example.org", name="Ada", wording="Yes.")
    mailing = Mailing(5, NOW, "Ferry aground", "token")
    with writing(engine) as session:
        account.rename(session, who, "Ada\u202e\u200b Lovelace\n" + "x" * 10_000)
        told = account.account(session, who, (mailing,), now=NOW)
        assert (told.address, told.status, told.history, told.moving_to) == (
            "Ada@Example.org",
            "active",
            (mailing,),
            "",
        )
        assert told.name.startswith("Ada Lovelace x")
        assert len(told.name) == 200
        assert [each.action for each in told.consents] == ["asked", "confirmed"]
        account.rename(session, who, "")
    assert reader(engine).name == ""
    ask_move(engine, who)
    with reading(engine) as session:
        assert account.account(session, who, (), now=NOW + MOVE_WITHIN).moving_to == NEW
        assert account.account(session, who, (), now=NOW + MOVE_WITHIN + MINUTE).moving_to == ""
        with pytest.raises(LinkUsed):
            account.account(session, 999, (), now=NOW)
    with pytest.raises(UnknownReader), writing(engine) as session:
        account.rename(session, 999, "Nobody")


# --- moving -----------------------------------------------------------------------------------------------------------


def test_a_move_and_what_it_makes_void(engine: Engine) -> None:
    who = confirmed(engine, "Ada@example.org")
    page = fresh(engine, who)
    opened(engine, who, page)
    move = ask_move(engine, who, "Ada.New@example.net")
    assert (move.address, move.former, move.mail_new) == ("Ada.New@example.net", "Ada@example.org", True)
    later = NOW + timedelta(hours=2)
    with reading(engine) as session:
        assert account.is_moving(session, who, move.link_id, now=later)
        assert steer.choices(session.connection(), who, now=later, issued=NOW).subscriber_id == who
    done = press(engine, who, move.link_id, now=later)
    assert (done.subscriber_id, done.topics) == (who, ("Harbour",))
    assert (reader(engine, NEW).id, reader(engine, NEW).address) == (who, "Ada.New@example.net")
    assert log(engine, who)[-1] == ("moved", ())
    with reading(engine) as session:
        assert roster.look_up(session, ADA) is None
        assert not account.is_moving(session, who, move.link_id, now=later)
        with pytest.raises(OldLink):
            steer.choices(session.connection(), who, now=later, issued=NOW)
        assert steer.choices(session.connection(), who, now=later, issued=later).subscriber_id == who
        with pytest.raises(LinkUsed):
            account.check_opened(session, who, page, now=NOW)
    with pytest.raises(LinkUsed):
        press(engine, who, move.link_id, now=later)


def test_moves_that_are_none(engine: Engine) -> None:
    who = confirmed(engine)
    waiting = ask(engine, "ben@example.org").subscriber_id
    assert waiting is not None
    with writing(engine) as session:
        for reader_id, address in ((who, ADA), (waiting, NEW), (999, NEW)):
            hashes = RING.address_hashes
            assert account.make_move(session, reader_id, address, now=NOW, address_hashes=hashes) is None
        with pytest.raises(BadAddress):
            account.make_move(session, who, "nonsense", now=NOW, address_hashes=RING.address_hashes)
    assert count(engine, "fresh_link") == 0


def test_only_the_case_of_an_address_may_change_too(engine: Engine) -> None:
    who = confirmed(engine)
    move = ask_move(engine, who, "Ada@Example.org")
    assert move.mail_new
    press(engine, who, move.link_id)
    assert reader(engine).address == "Ada@Example.org"


def test_another_readers_address_is_not_mailed_and_the_asker_does_not_learn_why(engine: Engine) -> None:
    who = confirmed(engine)
    confirmed(engine, NEW)
    with writing(engine) as session:
        bounced = RING.address_hashes("gone@example.org")[0]
        suppressions.suppress(session, bounced, reason="bounced", now=NOW)
        erased = RING.address_hashes("back@example.org")[0]
        suppressions.suppress(session, erased, reason="erased", now=NOW)
    assert not ask_move(engine, who, "gone@example.org").mail_new
    assert ask_move(engine, who, "back@example.org").mail_new
    taken = ask_move(engine, who)
    assert (taken.mail_new, taken.former) == (False, ADA), "the announcement goes out as for every address"
    with pytest.raises(AddressTaken):
        press(engine, who, taken.link_id)
    assert reader(engine).id == who
    with reading(engine) as session:
        assert account.is_moving(session, who, taken.link_id, now=NOW), "nothing was used up"


def test_an_address_that_bounced_meanwhile_is_not_moved_to(engine: Engine) -> None:
    who = confirmed(engine)
    move = ask_move(engine, who)
    with writing(engine) as session:
        suppressions.suppress(session, RING.address_hashes(NEW)[0], reason="bounced", now=NOW)
    with pytest.raises(AddressTaken):
        press(engine, who, move.link_id)
    assert reader(engine).address == ADA


@pytest.mark.parametrize("was", ["pending", "left"])
def test_whoever_asked_or_left_at_the_new_address_was_the_same_person(engine: Engine, was: str) -> None:
    who = confirmed(engine)
    move = ask_move(engine, who)
    other = ask(engine, NEW).subscriber_id if was == "pending" else confirmed(engine, NEW)
    assert other is not None
    with writing(engine) as session:
        if was == "left":
            roster.unsubscribe(session.connection(), other, now=NOW)
        suppressions.suppress(session, RING.address_hashes(NEW)[0], reason="erased", now=NOW)
    press(engine, who, move.link_id)
    assert reader(engine, NEW).id == who
    assert (count(engine, "subscriber"), count(engine, "suppression")) == (1, 0)
    with writing(engine) as session:
        taken = asks.take_next(session)
    assert taken is not None
    assert taken.ask == asks.ForgetAsk(other)


def test_the_last_move_counts_and_time_ends_it(engine: Engine) -> None:
    who = confirmed(engine)
    first, second = ask_move(engine, who, "one@example.org"), ask_move(engine, who, "two@example.org")
    with pytest.raises(LinkUsed):
        press(engine, who, first.link_id)
    with pytest.raises(LinkUsed):
        press(engine, who, second.link_id, now=NOW + MOVE_WITHIN + MINUTE)
    press(engine, who, second.link_id, now=NOW + MOVE_WITHIN)
    assert reader(engine, "two@example.org").id == who


def test_the_old_address_stops_a_move_and_closes_the_page_it_came_from(engine: Engine) -> None:
    who = confirmed(engine)
    page = fresh(engine, who)
    opened(engine, who, page)
    move = ask_move(engine, who)
    with writing(engine) as session:
        account.stop_moves(session, who, move.link_id, now=NOW)
        account.stop_moves(session, who, move.link_id, now=NOW)
        account.stop_moves(session, 999, move.link_id, now=NOW)
    with reading(engine) as session:
        assert not account.is_moving(session, who, move.link_id, now=NOW)
        with pytest.raises(LinkUsed):
            account.check_opened(session, who, page, now=NOW)
    with pytest.raises(LinkUsed):
        press(engine, who, move.link_id)
    assert reader(engine).id == who


def test_the_address_before_last_stops_nothing_any_more(engine: Engine) -> None:
    who = confirmed(engine)
    first = ask_move(engine, who)
    press(engine, who, first.link_id)
    second = ask_move(engine, who, "third@example.org")
    with writing(engine) as session:
        account.stop_moves(session, who, first.link_id, now=NOW)
    press(engine, who, second.link_id)
    assert reader(engine, "third@example.org").id == who


def test_who_left_moves_nowhere(engine: Engine) -> None:
    who = confirmed(engine)
    move = ask_move(engine, who)
    with writing(engine) as session:
        roster.unsubscribe(session.connection(), who, now=NOW)
    with pytest.raises(LinkUsed):
        press(engine, who, move.link_id)


# --- erasing ----------------------------------------------------------------------------------------------------------


def test_erasing_leaves_a_hash_that_only_the_owner_lifts(engine: Engine) -> None:
    who, ben = confirmed(engine, "Ada@example.org"), confirmed(engine, "ben@example.org")
    ask_move(engine, who)
    with writing(engine) as session:
        for waiting in (
            asks.SignUpAsk(SignUp("ADA@example.org", ("sport",))),
            asks.WelcomeAsk(who),
            asks.WelcomeAsk(ben),
        ):
            asks.drop_in(session, waiting, now=NOW)
    with writing(engine) as session:
        assert account.erase(session, who, now=NOW, address_hashes=RING.address_hashes)
        assert not account.erase(session, who, now=NOW, address_hashes=RING.address_hashes)
        assert not account.erase(session, 999, now=NOW, address_hashes=RING.address_hashes)
    with reading(engine) as session:
        run = session.connection().execute
        for table in (
            "subscriber",
            "subscription",
            "consent",
            "fresh_link",
            "intake",
            "suppression",
            "tally",
            "wording",
        ):
            told = " ".join(str(row) for row in run(text(f"SELECT * FROM {table}")))  # noqa: S608 - our own names
            assert "ada" not in told.lower(), table
        assert suppressions.why_suppressed(session, RING.address_hashes(ADA)) == "erased"
    assert [count(engine, each) for each in ("subscriber", "subscription", "consent", "intake")] == [1, 1, 2, 1]
    with pytest.raises(HasLeft, match="erased"), writing(engine) as session:
        roster.add(session, SignUp(ADA, ("sport",)), now=NOW, hashes=RING.address_hashes(ADA))
    back = confirmed(engine)
    assert back > ben, "a number is never given twice"
    assert count(engine, "suppression") == 0


def test_erasing_takes_the_address_out_of_everybodys_links(engine: Engine) -> None:
    """Somebody else had asked to move to the address of who is erased, in another spelling."""
    mo = confirmed(engine, "mo@example.org")
    eve = confirmed(engine, "eve@b\u00fccher.example")
    move = ask_move(engine, mo, "Eve@B\u00dcCHER.example")
    with writing(engine) as session:
        assert account.erase(session, eve, now=NOW, address_hashes=RING.address_hashes)
    with reading(engine) as session:
        rows = session.connection().execute(text("SELECT address, former FROM fresh_link")).all()
        assert [tuple(row) for row in rows] == [("", "mo@example.org")]
        assert not account.is_moving(session, mo, move.link_id, now=NOW), "nobody moves to nowhere"
    with pytest.raises(LinkUsed):
        press(engine, mo, move.link_id)
    assert reader(engine, "mo@example.org").id == mo


def test_old_links_go_whatever_their_reader_does(engine: Engine) -> None:
    who = confirmed(engine)
    ask_move(engine, who)
    with writing(engine) as session:
        assert account.drop_old_links(session, now=NOW + account.LINKS_KEPT) == 0
        assert account.drop_old_links(session, now=NOW + account.LINKS_KEPT + MINUTE) == 1
    assert count(engine, "fresh_link") == 0


def test_erasing_does_not_soften_a_bounce(engine: Engine) -> None:
    who = confirmed(engine)
    hashes = RING.address_hashes(ADA)
    with writing(engine) as session:
        suppressions.suppress(session, hashes[0], reason="bounced", now=NOW, subscriber_id=who)
        assert account.erase(session, who, now=NOW, address_hashes=RING.address_hashes)
        assert suppressions.why_suppressed(session, hashes) == "bounced"
    assert ask(engine).subscriber_id is None
