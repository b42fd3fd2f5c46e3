"""The intake and the tally, on SQLite and on PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import Engine, insert
from sqlmodel import Session

from digest.store.db import open_database, reading, writing
from subscribers import asks
from subscribers.asks import ConfirmAsk, ForgetAsk, FreshAsk, MoveAsk, SignUpAsk, WelcomeAsk
from subscribers.errors import NotConfirmable, TooMany
from subscribers.tokens import Keyring
from subscribers.types import SignUp, mailbox_of
from tests.subscribers.people import ADA, NOW, RING, count

HOUR = timedelta(hours=1)

EVERY_KIND: tuple[asks.Ask, ...] = (
    SignUpAsk(
        SignUp(ADA, ("sport", "town"), name="Ada \u2603", wording="Yes.", source="poster", network=b"\x00\xff" * 16)
    ),
    SignUpAsk(SignUp(ADA, ("sport",), format="text")),
    FreshAsk("de", address=ADA),
    FreshAsk("ar", subscriber_id=7),
    ConfirmAsk(7),
    WelcomeAsk(8),
    MoveAsk(8, "ben@example.org"),
    ForgetAsk(9),
)


def test_every_kind_comes_back_as_it_went_in(database: Engine) -> None:
    with writing(database) as session:
        assert not asks.waiting(session)
        for number, ask in enumerate(EVERY_KIND):
            asks.drop_in(session, ask, now=NOW + timedelta(seconds=number))
    with reading(database) as session:
        assert asks.waiting(session)
    for number, ask in enumerate(EVERY_KIND):
        with writing(database) as session:
            taken = asks.take_next(session)
            assert taken is not None
            assert (taken.ask, taken.at) == (ask, NOW + timedelta(seconds=number))
            asks.done(session, taken.id)
    with writing(database) as session:
        assert asks.take_next(session) is None


def test_what_is_not_ready_waits_and_says_until_when(database: Engine) -> None:
    soon, later = NOW + timedelta(seconds=3), NOW + timedelta(seconds=9)
    with writing(database) as session:
        first = asks.drop_in(session, ConfirmAsk(1), now=NOW, ready_at=soon)
        second = asks.drop_in(session, ConfirmAsk(2), now=NOW)
        asks.drop_in(session, ConfirmAsk(3), now=NOW, ready_at=later)
    with writing(database) as session:
        taken = asks.take_next(session, now=NOW)
        assert taken is not None
        assert taken.id == second, "what waits holds up nobody"
        assert asks.take_next(session, after_id=second, now=NOW) is None
        asks.done(session, second)
    with reading(database) as session:
        assert not asks.waiting(session, now=NOW)
        assert asks.waiting(session)
        assert asks.waiting(session, now=soon)
        assert [asks.next_ready(session, after=at) for at in (NOW, soon, later)] == [soon, later, None]
        assert getattr(asks.take_next(session, now=soon), "id", None) == first


def worked_off_and_failed(session: Session) -> None:
    taken = asks.take_next(session)
    assert taken is not None
    asks.done(session, taken.id)
    raise NotConfirmable("the work failed")


def test_a_row_whose_work_failed_stays_and_holds_up_no_other(database: Engine) -> None:
    with writing(database) as session:
        first, second = (asks.drop_in(session, ConfirmAsk(number), now=NOW) for number in (1, 2))
    with pytest.raises(NotConfirmable), writing(database) as session:
        worked_off_and_failed(session)
    with reading(database) as session:
        assert [getattr(asks.take_next(session, after_id=after), "id", None) for after in (0, first, second)] == [
            first,
            second,
            None,
        ]


def test_rows_of_another_version_are_told_apart(database: Engine) -> None:
    rows = [("party", "{}"), ("confirm", "{"), ("confirm", "{}"), ("sign_up", "[]"), ("fresh", '{"locale":"en","x":1}')]
    with writing(database) as session:
        for kind, data in rows:
            session.connection().execute(insert(asks.INTAKE).values(at=NOW, kind=kind, data=data))
    after = 0
    for kind, _ in rows:
        with writing(database) as session, pytest.raises(asks.UnreadableAsk, match=kind) as caught:
            asks.take_next(session, after_id=after)
        after = caught.value.ask_id
    with writing(database) as session:
        assert asks.forget(session, 7, ADA) == 0
        assert len(asks.drop_old(session, before=NOW + HOUR)) == len(rows)


@pytest.mark.postgres
def test_two_workers_never_have_one_row_in_hand(postgres_url: str) -> None:
    engine = open_database(postgres_url)
    with writing(engine) as session:
        ids = [asks.drop_in(session, ConfirmAsk(number), now=NOW) for number in range(2)]
    with writing(engine) as one, writing(engine) as other:
        taken = [asks.take_next(session) for session in (one, other, other)]
        assert [each.id if each else None for each in taken] == [ids[0], ids[1], ids[1]]
    engine.dispose()


def test_every_row_is_worked_off_once_by_many_workers(database: Engine) -> None:
    with writing(database) as session:
        for number in range(60):
            asks.drop_in(session, ConfirmAsk(number), now=NOW)

    def work(_: int) -> list[int]:
        mine: list[int] = []
        while True:
            with writing(database) as session:
                taken = asks.take_next(session)
                if taken is None:
                    return mine
                assert isinstance(taken.ask, ConfirmAsk)
                asks.done(session, taken.id)
            mine.append(taken.ask.subscriber_id)

    with ThreadPoolExecutor(4) as pool:
        worked = [number for mine in pool.map(work, range(4)) for number in mine]
    assert sorted(worked) == list(range(60))


def test_erasing_takes_what_waits(database: Engine) -> None:
    with writing(database) as session:
        for ask in EVERY_KIND:
            asks.drop_in(session, ask, now=NOW)
        assert asks.forget(session, 7, "ADA@example.org") == 5
        left: list[asks.Taken] = []
        while (taken := asks.take_next(session, after_id=left[-1].id if left else 0)) is not None:
            left.append(taken)
    assert [each.ask for each in left] == list(EVERY_KIND[5:])


def test_what_erasing_left_to_do_does_not_grow_old(database: Engine) -> None:
    with writing(database) as session:
        asks.drop_in(session, ForgetAsk(1), now=NOW)
        asks.drop_in(session, ConfirmAsk(1), now=NOW)
        assert asks.drop_old(session, before=NOW) == []
        assert asks.drop_old(session, before=NOW + HOUR) == ["confirm"]
        assert asks.waiting(session)


# --- the tally --------------------------------------------------------------------------------------------------------


def test_a_cap_holds_for_an_hour_and_says_when_it_is_over(database: Engine) -> None:
    for _ in range(3):
        with writing(database) as session:
            asks.count(session, {"all": 3, "network:x": None}, now=NOW + timedelta(minutes=45))
    for _ in range(2):
        with pytest.raises(TooMany) as caught, writing(database) as session:
            asks.count(session, {"all": 3, "network:x": None}, now=NOW + timedelta(minutes=45))
        assert caught.value.retry_after == 15 * 60
    with writing(database) as session:
        assert asks.recent(session, "all", since=NOW) == 3, "what was refused does not count"
        asks.count(session, {"all": 3, "network:x": None}, now=NOW + HOUR)
        assert asks.recent(session, "all", since=NOW) == 4
        assert asks.recent(session, "all", since=NOW + HOUR + timedelta(minutes=59)) == 1
        assert asks.recent(session, "network:x", since=NOW) == 4
        assert asks.recent(session, "nobody", since=NOW) == 0


def test_the_narrowest_cap_counts(database: Engine) -> None:
    with writing(database) as session:
        asks.count(session, {"all": 9, asks.network_key(b"n" * 32): 1}, now=NOW)
    with pytest.raises(TooMany), writing(database) as session:
        asks.count(session, {"all": 9, asks.network_key(b"n" * 32): 1}, now=NOW)
    with writing(database) as session:
        asks.count(session, {"all": 9, asks.network_key(None): 1}, now=NOW)
    with pytest.raises(TooMany), writing(database) as session:
        asks.count(session, {"all": 9, asks.network_key(None): 1}, now=NOW)


def test_a_site_has_a_cap_of_its_own(database: Engine) -> None:
    """Whoever holds a /48 has 65,536 networks to ask from."""
    taken = 0
    for number in range(20):
        network = RING.network_hash(f"2001:db8:1:{number:x}::1")
        with suppress(TooMany), writing(database) as session:
            asks.count(session, asks.network_limits(network, 2), now=NOW)
            taken += 1
    assert taken == 2 * asks.SITE_TIMES
    with writing(database) as session:
        for address in ("2001:db8:2::1", "192.0.2.1", "192.0.2.2"):
            asks.count(session, asks.network_limits(RING.network_hash(address), 2), now=NOW)
    assert len(asks.network_limits(None, 2)) == 1


def test_mails_are_counted_by_ten_minutes(database: Engine) -> None:
    at = NOW + timedelta(minutes=19)
    with writing(database) as session:
        asks.count(session, {"mailbox:x": None}, now=at, span=asks.TEN_MINUTES)
    with reading(database) as session:
        seen = {
            minutes: asks.recent(session, "mailbox:x", since=NOW + timedelta(minutes=minutes), span=asks.TEN_MINUTES)
            for minutes in (0, 10, 19, 20)
        }
    assert seen == {0: 1, 10: 1, 19: 1, 20: 0}


def test_many_at_once_never_exceed_a_cap(database: Engine) -> None:
    def one(number: int) -> bool:
        try:
            with writing(database) as session:
                asks.count(session, {"all": 20, f"network:{number % 3}": 9}, now=NOW)
        except TooMany:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        taken = sum(pool.map(one, range(48)))
    assert taken == 20
    with reading(database) as session:
        assert asks.recent(session, "all", since=NOW) == 20


def test_old_counts_go(database: Engine) -> None:
    for hours in (0, 1, 49):
        with writing(database) as session:
            asks.count(session, {"all": None}, now=NOW + hours * HOUR)
    with writing(database) as session:
        assert asks.prune(session, now=NOW + 49 * HOUR) == 1
    assert count(database, "tally") == 2


@pytest.mark.parametrize(
    ("address", "mailbox"),
    [
        ("Ada+news@Example.org", "ada@example.org"),
        ("ada+a+b@example.org", "ada@example.org"),
        ("a.d.a@example.org", "a.d.a@example.org"),
        ("A.d.a+x@GoogleMail.com", "ada@gmail.com"),
        ("ada@gmail.com", "ada@gmail.com"),
        ("+tag@example.org", "+tag@example.org"),
        ("A.d_a-l+x@ProtonMail.com", "adal@proton.me"),
        ("a.dal@pm.me", "adal@proton.me"),
        ("adal@proton.me", "adal@proton.me"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
    ],
)
def test_one_mailbox_has_many_addresses(address: str, mailbox: str) -> None:
    assert mailbox_of(address) == mailbox
    one, two = Keyring(["k" * 32, "l" * 32]), Keyring(["l" * 32])
    assert one.mailbox_key(address) == one.mailbox_key(mailbox)
    assert one.mailbox_key(address) != two.mailbox_key(address)
    assert mailbox not in one.mailbox_key(address)
    assert len(one.mailbox_key(address)) <= 100
