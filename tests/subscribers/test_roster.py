"""The life of a reader, on SQLite and on PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, func, select
from sqlmodel import SQLModel

from digest.store.db import reading, writing
from subscribers import profiles, roster, topics
from subscribers.errors import BadAddress, BadTopic, CadenceError, HasLeft, NotConfirmable, UnknownReader, UnknownTopic
from subscribers.tokens import Keyring
from subscribers.types import Asked, ReaderRow, SignUp

NOW = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)  # a Monday
RING = Keyring(["a-key-that-only-the-tests-know-about-0001"])


@pytest.fixture
def engine(database: Engine) -> Engine:
    with writing(database) as session:
        for slug, name in (("harbour", "Harbour"), ("sport", "Sport"), ("town", "Town hall")):
            topics.add_topic(session, slug, name, now=NOW, description=f"All about {name}", language="en")
    return database


def ask(engine: Engine, address: str = "ada@example.org", *slugs: str, now: datetime = NOW, **more: object) -> Asked:
    asked = SignUp(address, slugs or ("harbour",), timezone="Europe/Berlin", **more)  # type: ignore[arg-type]
    with writing(engine) as session:
        return roster.sign_up(session, asked, now=now, hashes=RING.address_hashes(address))


def reader(engine: Engine, address: str = "ada@example.org") -> ReaderRow:
    with reading(engine) as session:
        return roster.show(session, address)


def confirmed(engine: Engine, address: str = "ada@example.org", *slugs: str) -> int:
    asked = ask(engine, address, *slugs)
    assert asked.subscriber_id is not None
    with writing(engine) as session:
        roster.confirm(session, asked.subscriber_id, now=NOW)
    return asked.subscriber_id


def count(engine: Engine, table: str) -> int:
    with reading(engine) as session:
        return int(
            session.connection().execute(select(func.count()).select_from(SQLModel.metadata.tables[table])).scalar_one()
        )


def log(engine: Engine, subscriber_id: int) -> list[tuple[str, tuple[str, ...]]]:
    with reading(engine) as session:
        return [(row.action, row.topics) for row in roster.consents(session, subscriber_id)]


def test_nothing_happens_before_the_link_is_used(engine: Engine) -> None:
    asked = ask(engine, "Ada@Example.org", "sport", "harbour", name="Ada\u202e", form="subscribe-1", network=b"n" * 32)
    assert asked.is_new
    assert asked.pending == ("Sport", "Harbour")
    row = reader(engine)
    assert (row.address, row.name, row.status, row.next_due_at) == ("Ada@Example.org", "Ada", "pending", None)
    assert (row.topics, row.pending) == ((), ("sport", "harbour"))
    assert asked.subscriber_id is not None
    with reading(engine) as session:
        assert roster.recipients(session, [asked.subscriber_id, 999]) == {
            asked.subscriber_id: ("Ada@Example.org", "Ada")
        }


def test_confirming_twice_is_confirming_once(engine: Engine) -> None:
    asked = ask(engine, "ada@example.org", "sport", "harbour")
    assert asked.subscriber_id is not None
    with writing(engine) as session:
        first = roster.confirm(session, asked.subscriber_id, now=NOW)
    with writing(engine) as session:
        second = roster.confirm(session, asked.subscriber_id, now=NOW + timedelta(days=3))
    assert (first.changed, second.changed) == (True, False)
    assert first.topics == second.topics == ("Sport", "Harbour")
    row = reader(engine)
    assert row.status == "active"
    assert row.next_due_at == first.next_due_at == datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
    assert row.confirmed_at == NOW
    assert log(engine, row.id) == [("asked", ("sport", "harbour")), ("confirmed", ("sport", "harbour"))]


def test_a_stranger_who_types_an_active_readers_address_changes_nothing(engine: Engine) -> None:
    who = confirmed(engine)
    before = reader(engine)
    again = ask(engine, "ADA@example.org", "harbour", "sport", name="Mallory", cadence="weekly:sun", send_minute=0)
    assert again == Asked(who, ("Sport",), False)
    after = reader(engine)
    assert after.pending == ("sport",)
    assert (after.name, after.cadence, after.status, after.topics, after.next_due_at) == (
        before.name,
        before.cadence,
        "active",
        ("harbour",),
        before.next_due_at,
    )
    assert ask(engine, "ada@example.org", "harbour").pending == ("Sport",)
    with writing(engine) as session:
        done = roster.confirm(session, who, now=NOW)
    assert done.topics == ("Harbour", "Sport")


def test_leaving_undo_and_coming_back(engine: Engine) -> None:
    who = confirmed(engine)
    with writing(engine) as session:
        assert roster.unsubscribe(session, who, now=NOW, reason="one-click")
        assert not roster.unsubscribe(session, who, now=NOW)
        assert not roster.unsubscribe(session, 999, now=NOW)
    row = reader(engine)
    assert (row.status, row.next_due_at) == ("left", None)
    with reading(engine) as session:
        assert roster.consents(session, who)[-1].form == "one-click"
    with pytest.raises(NotConfirmable), writing(engine) as session:
        roster.confirm(session, who, now=NOW)
    with writing(engine) as session:
        back = roster.undo_unsubscribe(session, who, now=NOW + timedelta(hours=23))
    assert back is not None
    assert back.changed
    assert reader(engine).status == "active"
    assert reader(engine).next_due_at == datetime(2026, 3, 3, 6, 0, tzinfo=UTC)
    with writing(engine) as session:
        roster.unsubscribe(session, who, now=NOW)
        assert roster.undo_unsubscribe(session, who, now=NOW + timedelta(hours=25)) is None
    assert ask(engine, "ada@example.org", "town").pending == ("Town hall",)
    assert reader(engine).status == "pending"
    with writing(engine) as session:
        assert roster.confirm(session, who, now=NOW).topics == ("Town hall",)
    actions = [action for action, _ in log(engine, who)]
    assert actions == ["asked", "confirmed", "left", "returned", "left", "asked", "confirmed"]


def test_who_never_confirmed_cannot_undo_their_way_in(engine: Engine) -> None:
    who = ask(engine).subscriber_id
    assert who is not None
    with writing(engine) as session:
        assert roster.unsubscribe(session, who, now=NOW)
        assert roster.undo_unsubscribe(session, who, now=NOW) is None
    assert reader(engine).status == "left"


def test_a_suppressed_address_stays_so_even_when_erased(engine: Engine) -> None:
    who = confirmed(engine)
    hashes = RING.address_hashes("ada@example.org")
    with writing(engine) as session:
        roster.suppress(session, hashes[0], reason="complained", now=NOW, subscriber_id=who)
        roster.suppress(session, hashes[0], reason="bounced", now=NOW)
    assert reader(engine).status == "suppressed"
    assert ask(engine) == Asked(None)
    with writing(engine) as session:
        assert not roster.unsubscribe(session, who, now=NOW)
        roster.remove(session, "ADA@example.org")
    assert (count(engine, "subscriber"), count(engine, "consent"), count(engine, "subscription")) == (0, 0, 0)
    assert ask(engine) == Asked(None)
    assert count(engine, "subscriber") == 0
    with pytest.raises(HasLeft, match="suppressed"), writing(engine) as session:
        roster.add(session, SignUp("ada@example.org", ("sport",)), now=NOW, hashes=hashes)


def test_an_operator_adds_readers_but_brings_nobody_back(engine: Engine) -> None:
    with writing(engine) as session:
        added = roster.add(session, SignUp("ada@example.org", ("sport",), cadence="weekly:wed"), now=NOW, hashes=[])
    assert (added.status, added.topics, added.cadence) == ("active", ("sport",), "weekly:wed")
    assert added.next_due_at == datetime(2026, 3, 4, 7, 0, tzinfo=UTC)
    with writing(engine) as session:
        more = roster.add(session, SignUp("ada@example.org", ("town", "sport")), now=NOW, hashes=[])
    assert (more.topics, more.cadence) == (("sport", "town"), "weekly:wed")
    with writing(engine) as session:
        roster.unsubscribe(session, added.id, now=NOW)
    with pytest.raises(HasLeft, match="only the reader"), writing(engine) as session:
        roster.add(session, SignUp("ada@example.org", ("sport",)), now=NOW, hashes=[])


@pytest.mark.parametrize(
    ("asked", "error", "told"),
    [
        (SignUp("ada@", ("sport",)), BadAddress, "no address for mail"),
        (SignUp("ada@example.org", ("sprot",)), UnknownTopic, "'sprot'; there is harbour, sport, town"),
        (SignUp("ada@example.org", ()), UnknownTopic, "at least one"),
        (SignUp("ada@example.org", ("sport",), timezone="Mars/Base"), CadenceError, "Mars/Base"),
        (SignUp("ada@example.org", ("sport",), cadence="hourly"), CadenceError, "hourly"),
        (SignUp("ada@example.org", ("sport",), send_minute=421), CadenceError, "421"),
    ],
)
def test_bad_input_writes_nothing(engine: Engine, asked: SignUp, error: type[Exception], told: str) -> None:
    for verb in (roster.sign_up, roster.add):
        with pytest.raises(error, match=told) as caught, writing(engine) as session:
            verb(session, asked, now=NOW, hashes=[])
        assert "\n" not in str(caught.value)
    assert (count(engine, "subscriber"), count(engine, "consent")) == (0, 0)


def test_unknown_readers(engine: Engine) -> None:
    for address in ("eda@example.org", "nonsense"):
        with pytest.raises(UnknownReader), writing(engine) as session:
            roster.remove(session, address)


def test_the_list_goes_on_where_the_page_ended(engine: Engine) -> None:
    for number in range(7):
        ask(engine, f"reader{number}@example.org", "sport" if number % 2 else "town")
    with reading(engine) as session:
        first = roster.list_subscribers(session, limit=4)
        rest = roster.list_subscribers(session, limit=4, after_id=first[-1].id)
        sporty = roster.list_subscribers(session, topic="sport")
    assert [row.address for row in (*first, *rest)] == [f"reader{number}@example.org" for number in range(7)]
    assert [row.pending for row in sporty] == [("sport",)] * 3
    with pytest.raises(UnknownTopic), reading(engine) as session:
        roster.list_subscribers(session, topic="nope")


def test_equal_choices_share_one_profile(engine: Engine) -> None:
    first, second = (
        confirmed(engine, "a@example.org", "sport", "town"),
        confirmed(engine, "b@example.org", "sport", "town"),
    )
    third = confirmed(engine, "c@example.org", "town", "sport")
    with writing(engine) as session:
        ids = [profiles.intern_profile(session, each) for each in (first, second, third)]
        told = profiles.profiles(session, [*ids, 999])
        slugs = {topic.id: topic.slug for topic in topics.list_topics(session)}
    assert ids[0] == ids[1] != ids[2]
    assert [slugs[each] for each in told[ids[2]]["topics"]] == ["town", "sport"]
    assert told[ids[0]]["timezone"] == "Europe/Berlin"
    assert told[ids[0]]["send_minute"] == 420
    assert count(engine, "profile") == 2


def test_a_removed_topic_leaves_every_reader_consistent(engine: Engine) -> None:
    both, only = confirmed(engine, "a@example.org", "sport", "town"), confirmed(engine, "b@example.org", "town")
    with writing(engine) as session:
        topics.remove_topic(session, "town")
    assert (reader(engine, "a@example.org").topics, reader(engine, "b@example.org").topics) == (("sport",), ())
    assert reader(engine, "a@example.org").next_due_at is not None
    assert reader(engine, "b@example.org").next_due_at is None
    with writing(engine) as session:
        fresh = [profiles.intern_profile(session, each) for each in (both, only)]
        told = profiles.profiles(session, fresh)
        assert [len(told[each]["topics"]) for each in fresh] == [1, 0]
        assert count(engine, "profile") == 4, "the profiles of the removed topic were interned when it went"
    ask(engine, "b@example.org", "sport")
    with writing(engine) as session:
        roster.confirm(session, only, now=NOW)
    assert reader(engine, "b@example.org").next_due_at is not None


def test_topics(engine: Engine) -> None:
    confirmed(engine)
    with writing(engine) as session:
        topics.edit_topic(session, "town", name="City hall", language="de")
        assert [(row.slug, row.readers) for row in topics.list_topics(session, count=True)] == [
            ("town", 0),
            ("harbour", 1),
            ("sport", 0),
        ]
        assert topics.get_topic(session, "town").description == "All about Town hall"
    for slug, name, language, told in (
        ("town", "Again", "en", "already"),
        ("Town", "T", "en", "a-z"),
        ("a" * 65, "T", "en", "64"),
        ("x", "\u200b", "en", "name"),
        ("x", "X", "klingonese", "language"),
    ):
        with pytest.raises(BadTopic, match=told), writing(engine) as session:
            topics.add_topic(session, slug, name, now=NOW, language=language)
    with pytest.raises(UnknownTopic, match="harbour, sport, town"), writing(engine) as session:
        topics.remove_topic(session, "nope")


def test_an_empty_house_says_how_to_begin(database: Engine) -> None:
    with pytest.raises(UnknownTopic, match="digest topics add"), reading(database) as session:
        topics.get_topic(session, "harbour")


def test_a_crowd_of_equal_sign_ups_is_one_reader(engine: Engine) -> None:
    with ThreadPoolExecutor(8) as pool:
        done = list(
            pool.map(lambda number: ask(engine, "ADA@example.org" if number % 2 else "ada@example.org"), range(24))
        )
    assert len({asked.subscriber_id for asked in done}) == 1
    assert sum(asked.is_new for asked in done) == 1
    assert (count(engine, "subscriber"), count(engine, "subscription"), count(engine, "consent")) == (1, 1, 24)


def test_parallel_confirmations_intern_one_profile(engine: Engine) -> None:
    ids = [ask(engine, f"reader{number}@example.org").subscriber_id for number in range(12)]

    def settle(who: int | None) -> None:
        assert who is not None
        with writing(engine) as session:
            roster.confirm(session, who, now=NOW)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(settle, ids))
    assert count(engine, "profile") == 1
