"""Keys of the inbound API, and calls that are made once, on both databases."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from digest.errors import InputError, StaleFence
from digest.store import calls, keys, sources
from digest.store.db import reading, writing
from subscribers.topics import add_topic

NOW = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
KEY = "dk_only-the-tests-know-this-one"


@pytest.fixture
def key_id(database: Engine) -> int:
    """A key of a push source that feeds two topics."""
    with writing(database) as session:
        topics = [add_topic(session, slug, slug, now=NOW).id for slug in ("sport", "harbour")]
        told = {"publisher": "The Gull", "language": "en", "rights": "full"}
        source = keys.add_push_source(session, "gull", **told, now=NOW)
        sources.link_topics(session, source, topics)
        return keys.add_key(session, "gull", KEY, hint="dk_only", scopes=["articles:write"], source_id=source, now=NOW)


def begin(
    engine: Engine, key_id: int, name: str = "one", body: str = "b", now: datetime = NOW
) -> calls.Begun | calls.Finished | calls.InFlight | calls.OtherBody:
    with writing(engine) as session:
        return calls.begin(session, key_id, name, body, now=now)


def begun(engine: Engine, key_id: int, name: str = "one", now: datetime = NOW) -> calls.Begun:
    call = begin(engine, key_id, name, now=now)
    assert isinstance(call, calls.Begun)
    return call


def finish(engine: Engine, call: calls.Begun, response: str = "{}") -> None:
    with writing(engine) as session:
        calls.finish(session, call, 200, response)


def store_and_finish(engine: Engine, call: calls.Begun) -> None:
    with writing(engine) as session:
        add_topic(session, "ghost", "Ghost", now=NOW)
        calls.finish(session, call, 200, "ghost")


def count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608 - ours


def test_a_key_opens_its_source_until_it_is_revoked(database: Engine, key_id: int) -> None:
    with reading(database) as session:
        caller = keys.find_caller(session, KEY)
        assert keys.find_caller(session, KEY + "x") is None
        source = sources.get_source(session, caller.source_id if caller else 0)
    assert caller == keys.Caller(key_id, source.id, frozenset({"articles:write"}), "full")
    assert (source.kind, source.url, source.name, source.language) == ("push", "push:gull", "The Gull", "en")
    with writing(database) as session:
        assert keys.revoke_key(session, "gull", now=NOW + SECOND)
        assert not keys.revoke_key(session, "gull", now=NOW + 2 * SECOND)
        assert keys.find_caller(session, KEY) is None
        (row,) = keys.list_keys(session)
        assert row.revoked_at == NOW + SECOND
        with pytest.raises(InputError, match="no key 'nix'"):
            keys.revoke_key(session, "nix", now=NOW)


def test_what_is_stored_of_a_key_is_its_hash(database: Engine, key_id: int) -> None:
    with reading(database) as session:
        (row,) = keys.list_keys(session)
    assert (row.id, row.name, row.hint, row.topics, row.used_at) == (
        key_id,
        "gull",
        "dk_only",
        ("harbour", "sport"),
        None,
    )
    with database.connect() as connection:
        stored = connection.execute(text("SELECT * FROM api_key")).one()
    assert KEY not in [str(value) for value in stored]
    assert stored.key_hash == keys.hash_of(KEY)
    assert len(stored.key_hash) == 64


def test_names_are_given_once(database: Engine, key_id: int) -> None:
    with writing(database) as session:
        (row,) = keys.list_keys(session)
        keys.add_key(session, "second", "dk_2", hint="dk_2", scopes=["a", "b"], source_id=row.source_id, now=NOW)
        assert [each.scopes for each in keys.list_keys(session)] == [("articles:write",), ("a", "b")]
        with pytest.raises(InputError, match="a key 'gull' already"):
            keys.add_key(session, "gull", "dk_3", hint="dk_3", scopes=["a"], source_id=row.source_id, now=NOW)
        with pytest.raises(InputError, match=f"--source {row.source_id} "):
            keys.add_push_source(session, "gull", publisher="", language="", rights="full", now=NOW)


def test_a_name_that_two_give_at_once_goes_to_one(database: Engine, key_id: int) -> None:
    with reading(database) as session:
        source = keys.list_keys(session)[0].source_id
    barrier = threading.Barrier(2, timeout=10)

    def make(number: int) -> str:
        barrier.wait()
        try:
            with writing(database) as session:
                keys.add_key(session, "new", f"dk_{number}", hint="", scopes=["a"], source_id=source, now=NOW)
        except InputError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(2) as pool:
        told = sorted(pool.map(make, range(2)))
    assert told[0] == ""
    assert "a key 'new' already" in told[1]


def test_keys_write_to_push_sources_only(database: Engine) -> None:
    with writing(database) as session:
        feed = sources.add_source(session, "https://gull.example/feed", name="", language="", now=NOW)
        with pytest.raises(InputError, match="is a feed"):
            keys.check_push_source(session, feed)
        with pytest.raises(InputError, match="no source 99"):
            keys.check_push_source(session, 99)


def test_a_push_source_is_never_due(database: Engine, key_id: int) -> None:
    with reading(database) as session:
        assert sources.due_sources(session, NOW + timedelta(days=1000)) == []


def test_the_last_use_is_kept_to_the_minute(database: Engine, key_id: int) -> None:
    def used(at: datetime) -> datetime | None:
        with writing(database) as session:
            keys.note_use(session, key_id, now=at)
            return keys.list_keys(session)[0].used_at

    assert used(NOW) == NOW
    assert used(NOW + 59 * SECOND) == NOW
    assert used(NOW + 60 * SECOND) == NOW + 60 * SECOND


def test_a_source_that_is_held_is_for_one_at_a_time(database: Engine, key_id: int) -> None:
    with reading(database) as session:
        source = keys.list_keys(session)[0].source_id
    order: list[str] = []
    begun = threading.Event()

    def first() -> None:
        with writing(database) as session:
            keys.hold_source(session, source)
            begun.set()
            time.sleep(0.3)
            order.append("first")

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(first)
        assert begun.wait(10)
        with writing(database) as session:
            keys.hold_source(session, source)
            order.append("second")
        done.result()
    assert order == ["first", "second"]


def test_keys_go_with_their_source(database: Engine, key_id: int) -> None:
    begun(database, key_id)
    with writing(database) as session:
        sources.remove_source(session, keys.list_keys(session)[0].source_id)
    assert (count(database, "api_key"), count(database, "api_call")) == (0, 0)


# --- calls ------------------------------------------------------------------------------------------------------------


def test_a_call_is_answered_again_as_it_was_at_first(database: Engine, key_id: int) -> None:
    call = begun(database, key_id)
    assert begin(database, key_id) == calls.InFlight(120)
    assert begin(database, key_id, body="other") == calls.OtherBody()
    finish(database, call, '{"é": 1}')
    assert begin(database, key_id) == calls.Finished(200, '{"é": 1}')
    assert begin(database, key_id, body="other") == calls.OtherBody()
    assert isinstance(begin(database, key_id, "two"), calls.Begun)


def test_a_call_of_another_key_is_another_call(database: Engine, key_id: int) -> None:
    with writing(database) as session:
        source = keys.list_keys(session)[0].source_id
        other = keys.add_key(session, "other", "dk_2", hint="", scopes=["a"], source_id=source, now=NOW)
    finish(database, begun(database, key_id))
    assert isinstance(begin(database, other), calls.Begun)


def test_a_dead_call_is_taken_over_and_its_ghost_stores_nothing(database: Engine, key_id: int) -> None:
    ghost = begun(database, key_id)
    assert begin(database, key_id, now=NOW + calls.DEAD_AFTER - SECOND) == calls.InFlight(1)
    heir = begun(database, key_id, now=NOW + calls.DEAD_AFTER)
    with pytest.raises(StaleFence):
        store_and_finish(database, ghost)
    with writing(database) as session:
        calls.give_up(session, ghost)
    assert count(database, "topic") == 2
    assert begin(database, key_id, now=heir.at) == calls.InFlight(120)
    finish(database, heir, "heir")
    assert begin(database, key_id, now=heir.at) == calls.Finished(200, "heir")
    with pytest.raises(StaleFence):
        finish(database, ghost)


def test_a_call_that_was_given_up_is_free_at_once(database: Engine, key_id: int) -> None:
    call = begun(database, key_id)
    with writing(database) as session:
        calls.give_up(session, call)
    again = begun(database, key_id, now=NOW + SECOND)
    finish(database, again)
    with writing(database) as session:
        calls.give_up(session, again)
    assert begin(database, key_id) == calls.Finished(200, "{}"), "an answer is not given up"


@pytest.mark.parametrize("dead", [False, True])
def test_of_many_at_once_one_begins(database: Engine, key_id: int, dead: bool) -> None:
    if dead:
        begun(database, key_id, now=NOW - calls.DEAD_AFTER)
    barrier = threading.Barrier(6, timeout=10)

    def one(_: int) -> str:
        barrier.wait()
        return type(begin(database, key_id)).__name__

    with ThreadPoolExecutor(6) as pool:
        told = list(pool.map(one, range(6)))
    assert sorted(told) == ["Begun"] + ["InFlight"] * 5


def test_old_calls_go_a_few_at_a_time(database: Engine, key_id: int) -> None:
    for number in range(5):
        call = begun(database, key_id, f"old-{number}", now=NOW - calls.KEPT - (5 - number) * SECOND)
        if number % 2:
            finish(database, call)
    finish(database, begun(database, key_id, "young", now=NOW - calls.KEPT))
    with writing(database) as session:
        assert calls.prune(session, now=NOW, most=3) == 3
    assert isinstance(begin(database, key_id, "old-4", now=NOW - calls.KEPT), calls.InFlight), "the oldest went first"
    with writing(database) as session:
        assert calls.prune(session, now=NOW) == 2
        assert calls.prune(session, now=NOW) == 0
    assert count(database, "api_call") == 1
