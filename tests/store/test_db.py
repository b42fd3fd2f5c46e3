"""The two doors of the database."""

from __future__ import annotations

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, func, insert, select, update
from sqlalchemy.exc import IntegrityError, StatementError

from digest.errors import StoreError
from digest.models import Source
from digest.store.db import committing, database_time, glancing, open_database, reading, writing
from subscribers.models import Topic
from subscribers.sql import table

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TOPIC = table(Topic)


def topic(slug: str = "town", created_at: datetime = NOON) -> Topic:
    return Topic(slug=slug, name="Town", created_at=created_at)


def how_many(engine: Engine) -> int:
    with reading(engine) as session:
        return int(session.execute(select(func.count()).select_from(Topic)).scalar_one())


def test_what_was_written_is_there_for_the_next_reader(database: Engine) -> None:
    with writing(database) as session:
        session.add(topic())
    assert how_many(database) == 1


def write_and_fail(database: Engine) -> None:
    with writing(database) as session:
        session.add(topic())
        session.flush()
        raise RuntimeError("in between")


def test_a_block_that_raises_leaves_no_trace(database: Engine) -> None:
    with pytest.raises(RuntimeError, match="in between"):
        write_and_fail(database)
    assert how_many(database) == 0


def test_times_come_back_aware_and_in_utc(database: Engine) -> None:
    with writing(database) as session:
        session.add(topic())
    with reading(database) as session:
        found = session.execute(select(Topic)).scalar_one().created_at
    assert found == NOON
    assert found.utcoffset() is not None
    assert found.utcoffset() == NOON.utcoffset()


def test_a_naive_time_never_reaches_a_table(database: Engine) -> None:
    with pytest.raises(StatementError, match="naive datetime"), writing(database) as session:
        session.add(topic(created_at=NOON.replace(tzinfo=None)))
    assert how_many(database) == 0


def test_foreign_keys_are_enforced(database: Engine) -> None:
    from digest.models import TopicSource

    with pytest.raises(IntegrityError), writing(database) as session:
        session.add(TopicSource(topic_id=404, source_id=404))


def test_deleting_a_topic_forgets_its_sources_but_not_the_source(database: Engine) -> None:
    from digest.models import TopicSource

    with writing(database) as session:
        session.add(topic())
        session.add(Source(url="https://a.example/feed", created_at=NOON, next_gather_at=NOON))
        session.flush()
        session.add(TopicSource(topic_id=1, source_id=1))
    with writing(database) as session:
        session.delete(session.get_one(Topic, 1))
    with reading(database) as session:
        assert session.execute(select(func.count()).select_from(TopicSource)).scalar_one() == 0
        assert session.execute(select(func.count()).select_from(Source)).scalar_one() == 1


def test_the_databases_clock_is_unix_time_with_fractions(database: Engine) -> None:
    with reading(database) as session:
        first = database_time(session)
        time.sleep(0.02)
    with reading(database) as session:
        second = database_time(session)
    assert abs(first - time.time()) < 5
    assert 0.01 < second - first < 5


def test_a_reader_is_not_held_up_by_a_writer(sqlite_database: Engine) -> None:
    with writing(sqlite_database) as session:
        session.add(topic())
        session.flush()
        assert how_many(sqlite_database) == 0
    assert how_many(sqlite_database) == 1


def test_every_sqlite_connection_is_durable_and_in_wal_mode(sqlite_database: Engine) -> None:
    with sqlite_database.connect() as one, sqlite_database.connect() as two:
        for connection in (one, two):
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1


def test_a_locked_database_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digest.store.db.BUSY_SECONDS", 0.1)
    file = tmp_path / "busy.db"
    engine = open_database(f"sqlite:///{file}")
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match=r"busy\.db: another process holds it"), writing(engine) as session:
        session.connection()
    holder.close()
    engine.dispose()


def test_a_glance_is_one_select_and_nothing_around_it(sqlite_database: Engine) -> None:
    heard: list[str] = []

    @event.listens_for(sqlite_database, "before_cursor_execute")
    def hear(*told: object) -> None:
        heard.append(str(told[2]).split()[0])

    query = select(func.count()).select_from(TOPIC)
    with glancing(sqlite_database) as connection:
        assert connection.execute(query).scalar_one() == 0
    assert heard == ["SELECT"]
    with writing(sqlite_database) as session:  # the same connection from the pool: what is looked at holds no lock
        session.add(topic())
    with glancing(sqlite_database) as connection:
        assert connection.execute(query).scalar_one() == 1


def commit_and_fail(database: Engine) -> None:
    with committing(database) as connection:
        connection.execute(insert(TOPIC).values(topic().model_dump(exclude={"id"})))
        raise RuntimeError("in between")


def test_writing_without_a_session_is_all_or_nothing_too(database: Engine) -> None:
    with pytest.raises(RuntimeError, match="in between"):
        commit_and_fail(database)
    assert how_many(database) == 0
    with committing(database) as connection:
        connection.execute(insert(TOPIC).values(topic().model_dump(exclude={"id"})))
    assert how_many(database) == 1


def test_writers_of_one_process_take_turns(database: Engine) -> None:
    with writing(database) as session:
        session.add(topic())

    def longer(_: int) -> None:
        with committing(database) as connection:
            held = connection.execute(select(TOPIC.c.name).with_for_update()).scalar_one()
            connection.execute(update(TOPIC).values(name=held + "n"))

    with ThreadPoolExecutor(8) as threads:
        assert len(list(threads.map(longer, range(40)))) == 40
    with reading(database) as session:
        assert session.execute(select(TOPIC.c.name)).scalar_one() == "Town" + "n" * 40


def test_a_turn_that_never_comes_is_one_clear_line(sqlite_database: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digest.store.db.BUSY_SECONDS", 0.1)
    told = r"another transaction of this process takes more than 0\.1 s"
    with writing(sqlite_database), pytest.raises(StoreError, match=told):
        commit_and_fail(sqlite_database)
    with pytest.raises(RuntimeError, match="in between"):
        commit_and_fail(sqlite_database)


def test_missing_tables_name_the_command(empty_database_url: str) -> None:
    engine = open_database(empty_database_url)
    with pytest.raises(StoreError, match="run `digest db upgrade`"):
        how_many(engine)
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("nonsense", "DATABASE_URL is not a database address"),
        ("mysql://user@host/name", "it must be sqlite or postgresql"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(url: str, told: str) -> None:
    with pytest.raises(StoreError, match=told):
        open_database(url)


def test_an_unreachable_server_is_one_clear_line() -> None:
    engine = open_database("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(StoreError, match=r"^database none: [^\n]+$"), reading(engine) as session:
        session.connection()
    engine.dispose()
