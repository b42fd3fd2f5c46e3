"""A town on each kind of database."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine

from digest.settings import Settings
from tests.dispatch.resend_calls import SECRET
from tests.service import model_server
from tests.service.model_server import Model
from tests.service.newsroom import Newsroom
from tests.service.scribing import KEY, MakeSettings
from tests.service.telling import Teller
from tests.service.town import Town


@pytest.fixture
def town(database: Engine, settings: Settings) -> Iterator[Town]:
    """An empty town, once on each kind of database."""
    made = Town(database, settings)
    yield made
    made.service.close()


@pytest.fixture
def told(database: Engine, make_settings: Callable[..., Settings]) -> Iterator[Teller]:
    """Somebody who speaks as Resend does of the mails of a town, once on each kind of database."""
    town = Town(database, make_settings(resend_webhook_secret=SECRET))
    yield Teller(town)
    town.service.close()


@pytest.fixture
def small_town(sqlite_database: Engine, make_settings: Callable[..., Settings]) -> Iterator[Town]:
    """An empty town on SQLite."""
    made = Town(sqlite_database, make_settings())
    yield made
    made.service.close()


@pytest.fixture
def room(database: Engine) -> Newsroom:
    """An empty newsroom, once on each kind of database."""
    return Newsroom(database)


@pytest.fixture
def small_room(sqlite_database: Engine) -> Newsroom:
    """An empty newsroom on SQLite."""
    return Newsroom(sqlite_database)


@pytest.fixture
def model() -> Iterator[Model]:
    with model_server.running() as running:
        yield running


@pytest.fixture
def make_town(sqlite_database: Engine, make_settings: MakeSettings, model: Model) -> Iterator[Callable[..., Town]]:
    """A town whose stories the model sums up; several on one database are several processes."""
    made: list[Town] = []

    def make(engine: Engine = sqlite_database, **changed: object) -> Town:
        ours = {"llm_url": model.url, "llm_model": "tiny", "llm_key": KEY, "llm_seconds": 20, **changed}
        made.append(Town(engine, make_settings(**ours)))
        return made[-1]

    yield make
    for town in made:
        town.service.close()
