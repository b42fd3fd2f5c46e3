"""The database as commands find it: made when it is SQLite and not there yet, asked for otherwise."""

from __future__ import annotations

from sqlalchemy import Engine

from digest.settings import Settings
from digest.store.db import open_database
from digest.store.schema import is_current, upgrade


def prepare(settings: Settings) -> Engine:
    """The configured database with the current schema.

    SQLite is upgraded on the spot: there is nothing to configure (design, section 7). PostgreSQL is never changed
    behind
    an operator's back: the service then raises StoreError, which names `digest db upgrade`.
    """
    engine = open_database(settings.database_url)
    if engine.dialect.name == "sqlite" and not is_current(engine):
        upgrade(engine)
    return engine
