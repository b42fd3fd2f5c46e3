"""A town on each kind of database."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine

from digest.settings import Settings
from tests.service.town import Town


@pytest.fixture
def town(database: Engine, settings: Settings) -> Iterator[Town]:
    """An empty town, once on each kind of database."""
    made = Town(database, settings)
    yield made
    made.service.close()


@pytest.fixture
def small_town(sqlite_database: Engine, make_settings: Callable[..., Settings]) -> Iterator[Town]:
    """An empty town on SQLite."""
    made = Town(sqlite_database, make_settings())
    yield made
    made.service.close()
