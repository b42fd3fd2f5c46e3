"""The tables' version: bring a database up to this program's tables, and refuse one that is not.

Migrations are Alembic's, run without alembic.ini so that they work from a wheel. The whole upgrade is **one
transaction** on both databases: when `upgrade` returns, every step is durable; when it raises or the machine dies,
the database is as it was. Of two processes that upgrade at once, the second waits (SQLite: BEGIN IMMEDIATE;
PostgreSQL: an advisory lock that ends with the transaction, so PgBouncer's transaction mode cannot lose it) and then
finds nothing left to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from digest.errors import StoreError
from digest.store.db import clear_errors, reading

UPGRADE_LOCK = 0x646967657374
"""The key of PostgreSQL's advisory lock: "digest" in ASCII."""

_MIGRATIONS = Path(__file__).parent.parent / "migrations"


def configured(connection: Connection | None = None) -> Config:
    """Alembic's configuration for this package's migrations, to be run on `connection`."""
    config = Config(stdout=StringIO(), attributes={"connection": connection})
    # Config values are interpolated: a percent sign in the path of the checkout must be doubled.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.set_main_option("path_separator", "os")
    return config


def upgrade(engine: Engine) -> None:
    """Create what is missing and bring every table up to date; does nothing to a database that is current.

    Durable on return. Raises StoreError when the database cannot be written or belongs to a newer program.
    """
    with clear_errors(engine), _alone(engine) as connection:
        if _unknown(_version(connection)):
            raise StoreError(_newer(engine))
        command.upgrade(configured(connection), "head")


def is_current(engine: Engine) -> bool:
    """Whether the tables are exactly the ones this program works with. Raises StoreError when nobody can tell."""
    with reading(engine) as session:
        return _version(session.connection()) == _head()


def require_current(engine: Engine) -> None:
    """Raises StoreError, naming the cure, unless the tables are the ones this program works with."""
    with reading(engine) as session:
        found = _version(session.connection())
    if found == _head():
        return
    if _unknown(found):
        raise StoreError(_newer(engine))
    state = "has no tables yet" if found is None else f"is at version {found}, this program needs {_head()}"
    raise StoreError(f"database {_name(engine)} {state}; run `digest db upgrade`")


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """One transaction in which nobody else migrates.

    SQLite alters a table by copying it and dropping the old one, and a drop counts as a delete that cascades: foreign
    keys are off meanwhile and verified before the commit (https://sqlite.org/lang_altertable.html#otheralter). The
    pragma does nothing inside a transaction, hence the driver's own connection.
    """
    sqlite = engine.dialect.name == "sqlite"
    with engine.execution_options(immediate=True).connect() as connection:
        driver: Any = connection.connection.driver_connection
        if sqlite:
            driver.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                if not sqlite:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK})
                yield connection
                if sqlite and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").first()):
                    raise StoreError(f"the upgrade would leave rows of {broken[0]} without their {broken[2]}; undone")
        finally:
            if sqlite:
                driver.execute("PRAGMA foreign_keys=ON")


def _version(connection: Connection) -> str | None:
    heads = MigrationContext.configure(connection).get_current_heads()
    return heads[0] if heads else None


def _head() -> str:
    head = ScriptDirectory.from_config(configured()).get_current_head()
    if head is None:
        raise StoreError("this installation holds no migrations; install the package again")
    return head


def _unknown(version: str | None) -> bool:
    known = {script.revision for script in ScriptDirectory.from_config(configured()).walk_revisions()}
    return version is not None and version not in known


def _newer(engine: Engine) -> str:
    return f"database {_name(engine)} was upgraded by a newer version of this program; install that version"


def _name(engine: Engine) -> str:
    return engine.url.database or str(engine.url.host)
