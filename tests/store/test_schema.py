"""The migrations, on both databases."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlmodel import SQLModel

from digest.errors import StoreError
from digest.store.db import open_database, writing
from digest.store.schema import is_current, require_current, upgrade


def test_upgrade_from_zero_makes_exactly_the_tables_of_the_models(empty_database_url: str) -> None:
    engine = open_database(empty_database_url)
    assert not is_current(engine)

    upgrade(engine)

    assert is_current(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        differences = compare_metadata(context, SQLModel.metadata)
    assert differences == [], "write a migration: python -m digest.migrations.make"
    assert {"topic", "delivery", "subscriber"} <= set(inspect(engine).get_table_names())
    engine.dispose()


def test_upgrade_leaves_a_current_database_alone(empty_database_url: str) -> None:
    engine = open_database(empty_database_url)
    upgrade(engine)
    with writing(engine) as session:
        session.connection().execute(
            text("INSERT INTO topic (slug, name, description, language, created_at) VALUES ('a', 'A', '', 'en', :at)"),
            {"at": "2026-01-01 00:00:00"},
        )
    upgrade(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM topic")).scalar_one() == 1
    engine.dispose()


def test_two_processes_that_upgrade_at_once_both_succeed(empty_database_url: str) -> None:
    program = (
        "import sys; from digest.store.db import open_database; from digest.store.schema import upgrade;"
        "engine = open_database(sys.argv[1]); print('ready', flush=True); sys.stdin.readline(); upgrade(engine)"
    )
    command = [sys.executable, "-W", "error", "-c", program, empty_database_url]
    both = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in both:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in both:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    told = [process.communicate(timeout=60)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    engine = open_database(empty_database_url)
    assert is_current(engine)
    engine.dispose()


def test_an_empty_database_is_refused_with_its_cure(empty_database_url: str) -> None:
    engine = open_database(empty_database_url)
    with pytest.raises(StoreError, match=r"has no tables yet; run `digest db upgrade`$"):
        require_current(engine)
    upgrade(engine)
    require_current(engine)
    engine.dispose()


def test_a_database_of_a_newer_program_is_refused_and_left_as_it_is(empty_database_url: str) -> None:
    engine = open_database(empty_database_url)
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for act in (require_current, upgrade):
        with pytest.raises(StoreError, match="upgraded by a newer version of this program"):
            act(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"
    engine.dispose()


def test_an_upgrade_that_fails_leaves_nothing_behind(empty_database_url: str) -> None:
    engine = open_database(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE subscriber (id INTEGER PRIMARY KEY)"))
    with pytest.raises(Exception, match="subscriber"):
        upgrade(engine)
    assert set(inspect(engine).get_table_names()) == {"subscriber"}
    engine.dispose()


def test_foreign_keys_are_on_again_after_an_upgrade(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'one.db'}")
    upgrade(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
    engine.dispose()


def test_an_upgrade_that_would_orphan_rows_is_undone(tmp_path: Path) -> None:
    file = tmp_path / "orphans.db"
    with sqlite3.connect(file) as raw:
        raw.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
        raw.execute("CREATE TABLE child (parent_id INTEGER REFERENCES parent (id))")
        raw.execute("INSERT INTO child VALUES (7)")
    raw.close()
    engine = open_database(f"sqlite:///{file}")
    with pytest.raises(StoreError, match="rows of child without their parent; undone"):
        upgrade(engine)
    assert set(inspect(engine).get_table_names()) == {"parent", "child"}
    engine.dispose()


def test_an_unwritable_folder_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot create the folder of the database"):
        open_database(f"sqlite:///{tmp_path / 'file' / 'digest.db'}")


def test_numbers_that_stand_in_links_are_never_given_twice(tmp_path: Path) -> None:
    """Alembic's batch mode copies a SQLite table without its AUTOINCREMENT, unless told not to copy it."""
    engine = open_database(f"sqlite:///{tmp_path / 'one.db'}")
    upgrade(engine)
    tables = SQLModel.metadata.tables
    wanted = [name for name, each in tables.items() if each.dialect_options["sqlite"]["autoincrement"]]
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master")
        made = {row.name: row.sql or "" for row in rows}
    engine.dispose()
    assert {"subscriber", "edition"} <= set(wanted)
    assert [name for name in wanted if "AUTOINCREMENT" not in made[name]] == []
