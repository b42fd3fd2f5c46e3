"""Alembic's entry point.

`digest.store.schema` hands over an open connection; there is no alembic.ini and no other way in.
"""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import BigInteger
from sqlmodel import SQLModel

import digest.models
import subscribers.models
from subscribers.models import UtcDateTime

TABLES = (digest.models, subscribers.models)
"""Importing both packages is what fills the one metadata."""


def short_names(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Lets a new migration say `BigId` and `UtcDateTime()`, as the models do."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "UtcDateTime()"
    if kind == "type" and isinstance(item, BigInteger):
        return "BigId"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    # SQLite cannot alter most of a table; Alembic then copies it (https://alembic.sqlalchemy.org/en/latest/batch.html).
    render_as_batch=context.config.attributes.get("batch", True),
    render_item=short_names,
)
with context.begin_transaction():
    context.run_migrations()
