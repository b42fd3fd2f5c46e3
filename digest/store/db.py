"""The database: one engine, two doors. `reading` never blocks anybody; `writing` is one transaction, all or nothing.
`glancing` and `committing` are the same without a session, for what is asked for all day.

SQLite runs in WAL mode with `synchronous=FULL` on every connection (a commit that returned survives a power cut; with
NORMAL it need not: https://sqlite.org/pragma.html#pragma_synchronous). Writers start with BEGIN IMMEDIATE: a deferred
transaction that reads before it writes fails with SQLITE_BUSY_SNAPSHOT without waiting when somebody wrote in between.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, exc, text
from sqlalchemy.engine import make_url
from sqlmodel import Session

from digest.errors import StoreError

BUSY_SECONDS = 15
"""How long a SQLite writer waits for another before it gives up with a clear line."""


def open_database(url: str) -> Engine:
    """An engine for `url`. Creates the folder of a SQLite file; opens no connection yet.

    `postgresql://` is taken to mean psycopg 3. Raises StoreError for an address that cannot be understood or a driver
    that is not installed.
    """
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):
        raise StoreError("DATABASE_URL is not a database address; try sqlite:///data/digest.db") from None
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise StoreError(f"DATABASE_URL names {parsed.get_backend_name()}; it must be sqlite or postgresql")
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed.database or "", parsed)
    try:
        return create_engine(parsed, pool_pre_ping=True, hide_parameters=True)
    except ModuleNotFoundError:
        raise StoreError("PostgreSQL needs the driver psycopg: pip install 'digest-service[postgres]'") from None


def _sqlite(file: str, url: Any) -> Engine:
    if file and file != ":memory:":
        try:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot create the folder of the database {file}: {error.strerror}") from None
    # hide_parameters: what a statement carried (an address, say) must not reach the log with an exception.
    engine = create_engine(
        url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}, hide_parameters=True
    )

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        # None hands transaction control to us; the driver would otherwise begin late and deferred.
        connection.isolation_level = None
        cursor = connection.cursor()
        _write_ahead(cursor)
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if not options.get("alone"):
            connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("immediate") else "BEGIN")

    return engine


def _write_ahead(cursor: Any) -> None:
    """Put the file into WAL mode, once in its life. SQLite's busy timeout does not cover this switch: of two processes
    that open a new file at once, one is told at once that the database is locked (seen with two first upgrades).
    """
    give_up = time.monotonic() + BUSY_SECONDS
    while cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return  # an in-memory database stays what it is
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            time.sleep(0.02)


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A session for looking. What it sees is one consistent snapshot on SQLite, read committed on PostgreSQL."""
    with clear_errors(engine), Session(engine) as session:
        yield session


@contextmanager
def glancing(engine: Engine) -> Iterator[Connection]:
    """A connection for one SELECT, which is a snapshot by itself (https://sqlite.org/isolation.html). For the page that
    is opened all day: session, BEGIN and ROLLBACK took twice as long as the SELECT."""
    with clear_errors(engine), _alone(engine).connect() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """One transaction: durable when the block ends, without any trace when it raises."""
    door = Session(_immediate(engine), expire_on_commit=False)
    with _turn(engine), clear_errors(engine), door as session, session.begin():
        yield session


@contextmanager
def committing(engine: Engine) -> Iterator[Connection]:
    """`writing` without a session, which took a tenth of a one-click unsubscribe."""
    with _turn(engine), clear_errors(engine), _immediate(engine).begin() as connection:
        yield connection


@contextmanager
def _turn(engine: Engine) -> Iterator[None]:
    """On SQLite, one writer of this process after the other. Only for speed: SQLite itself keeps writers apart, of
    other processes too, but lets them look again after growing pauses (https://sqlite.org/c3ref/busy_timeout.html), in
    which the lock is free and nobody takes it. With four connections that cost a quarter of the one-click unsubscribes.

    Raises StoreError after BUSY_SECONDS.
    """
    if engine.dialect.name != "sqlite":
        yield
        return
    queue = _queue(engine)
    if not queue.acquire(timeout=BUSY_SECONDS):
        told = f"another transaction of this process takes more than {BUSY_SECONDS} s; wait, or start the process anew"
        raise StoreError(_line(engine, told))
    try:
        yield
    finally:
        queue.release()


@lru_cache(16)
def _queue(engine: Engine) -> threading.Lock:
    return threading.Lock()


@lru_cache(16)
def _alone(engine: Engine) -> Engine:
    """The same engine without BEGIN; PostgreSQL's driver begins a transaction all the same."""
    return engine.execution_options(alone=True)


@lru_cache(16)
def _immediate(engine: Engine) -> Engine:
    """The same engine, beginning its transactions by taking the write lock. Kept: making it anew for each transaction
    took a tenth of a one-click unsubscribe."""
    return engine.execution_options(immediate=True)


def database_time(session: Session) -> float:
    """Unix seconds by the database's own clock: leases must not depend on which machine asks (design, section 5)."""
    sqlite = session.get_bind().dialect.name == "sqlite"
    now = "(julianday('now') - 2440587.5) * 86400.0" if sqlite else "extract(epoch FROM clock_timestamp())"
    return float(session.connection().execute(text(f"SELECT {now}")).scalar_one())


@contextmanager
def clear_errors(engine: Engine) -> Iterator[None]:
    """Turn what an operator can mend (locked, unwritable, unreachable, full, not yet created) into one line."""
    try:
        yield
    except exc.OperationalError as error:
        raise StoreError(_line(engine, str(error.orig).strip().splitlines()[0])) from error
    except exc.ProgrammingError as error:
        if "UndefinedTable" in type(error.orig).__name__:
            raise StoreError(_line(engine, "no such table")) from error
        raise
    except exc.DatabaseError as error:
        if type(error.orig) is sqlite3.DatabaseError:  # not one of its subclasses: the file itself is unfit
            raise StoreError(_line(engine, str(error.orig))) from error
        raise


def _line(engine: Engine, told: str) -> str:
    where = engine.url.database or str(engine.url.host)
    cures = {
        "database is locked": f"another process holds it for more than {BUSY_SECONDS} s; stop that process or wait",
        "readonly": "it cannot be written; check the file's and the folder's permissions",
        "unable to open": "it cannot be opened; check the path and its permissions",
        "disk is full": "the disk is full; free some space",
        "not a database": "it is a file of another kind; check DATABASE_URL",
        "malformed": "it is damaged; restore a backup",
        "no such table": "its tables are missing; run `digest db upgrade`",
    }
    for sign, cure in cures.items():
        if sign in told:
            return f"database {where}: {cure}"
    return f"database {where}: {told}"
