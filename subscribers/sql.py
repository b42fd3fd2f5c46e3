"""Small pieces of SQL that both packages' stores share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Insert, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel

Key = TypeVar("Key")

ASK_AT_ONCE = 500
"""Ids in one IN (...): far below SQLite's 32,766 variables and PostgreSQL's 65,535."""


def table(model: type[SQLModel]) -> Table:
    """The Core table of a model: rows by the million are written by statements, not by the ORM."""
    return SQLModel.metadata.tables[str(model.__tablename__)]


def insert_new(connection: Connection, table: Table, values: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> int:
    """INSERT ... ON CONFLICT DO NOTHING on either database; returns how many rows are new."""
    statement: Insert
    if connection.dialect.name == "sqlite":
        statement = sqlite.insert(table).values(values).on_conflict_do_nothing()
    else:
        statement = postgresql.insert(table).values(values).on_conflict_do_nothing()
    # inline() keeps SQLAlchemy from adding RETURNING for an id; the count of an INSERT is only kept on request.
    counted = statement.inline().execution_options(preserve_rowcount=True)
    return connection.execute(counted).rowcount


def upsert(
    connection: Connection,
    table: Table,
    values: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    *,
    key: Sequence[str],
    changes: Callable[[Any], Mapping[str, Any]],
    only: Callable[[Any], ColumnElement[bool]] | None = None,
) -> None:
    """INSERT ... ON CONFLICT (key) DO UPDATE on either database.

    `changes` and `only` are given the row that was to be inserted (`excluded`): what to set, and when.
    """
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table).values(values)
    new = statement.excluded
    where = None if only is None else only(new)
    connection.execute(
        statement.on_conflict_do_update(index_elements=list(key), set_=dict(changes(new)), where=where).inline()
    )


def slices(keys: Iterable[Key]) -> Iterable[list[Key]]:
    """The keys (ids, slugs) in portions that fit into one statement."""
    every = list(keys)
    return (every[start : start + ASK_AT_ONCE] for start in range(0, len(every), ASK_AT_ONCE))
