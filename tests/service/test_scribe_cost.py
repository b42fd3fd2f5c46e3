"""What summaries by a language model cost, and for how long they are kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from digest.compose.content import unpack_manifest
from digest.service.tidying import SUMMARIES_KEPT, tidy
from digest.store import editions, machine
from digest.store.db import reading, writing
from tests.service.desk import desk_of
from tests.service.model_server import Model
from tests.service.scribing import DAY, WRITTEN, answers, article, spent, tell
from tests.service.town import NOW, Town


def test_a_days_tokens_hold_over_restarts_and_the_next_day_has_new_ones(
    database: Engine, make_town: Callable[..., Town], model: Model, caplog: pytest.LogCaptureFixture
) -> None:
    town = make_town(database, llm_tokens_per_day=5_000)
    tell(town, "Petrel")
    model.always = lambda handler: handler.say(WRITTEN.format("Petrel"), {"total_tokens": 4_900})
    assert town.morning() == 1
    assert spent(town) == 4_900

    again = make_town(database, llm_tokens_per_day=5_000)
    again.story("Heron aground", "harbour", text=article("Heron"))
    again.service.send_by_hand(None, None, since=NOW - timedelta(days=1), key="second")
    assert len(model.calls) == 1
    assert "LLM_TOKENS_PER_DAY (5000) are used up" in caplog.text
    assert spent(town) == 4_900

    model.always = None
    again.clock.at = NOW + timedelta(days=1)
    again.service.send_by_hand(None, None, since=NOW - timedelta(days=1), key="third")
    assert len(model.calls) == 2


@pytest.mark.parametrize("usage", [{}, {"total_tokens": -9}, {"total_tokens": "many"}, {"total_tokens": True}, [], "x"])
def test_what_the_server_does_not_count_is_counted_in_full(
    make_town: Callable[..., Town], model: Model, usage: object
) -> None:
    town = make_town()
    tell(town, "Petrel")
    model.always = lambda handler: handler.say(WRITTEN.format("Petrel"), usage)
    assert town.morning() == 1
    assert spent(town) > 900


def test_two_processes_never_reserve_more_than_there_is(database: Engine) -> None:
    with writing(database) as session:
        taken = [machine.reserve(session, DAY, 40, limit=100) for _ in range(4)]
    with writing(database) as session:
        machine.correct(session, DAY, -30)
        taken.append(machine.reserve(session, DAY, 50, limit=100))
        taken.append(machine.reserve(session, DAY, 1, limit=100))
    assert taken == [True, True, False, False, True, False]


def test_old_answers_and_days_are_forgotten(make_town: Callable[..., Town]) -> None:
    town = make_town()
    tell(town, "Petrel")
    assert town.morning() == 1
    town.clock.at = NOW + SUMMARIES_KEPT
    tidy(desk_of(town))
    assert len(answers(town)) == 1
    town.clock.at = NOW + SUMMARIES_KEPT + timedelta(days=1)
    tidy(desk_of(town))
    assert (answers(town), spent(town)) == ([], 0)


def test_only_stories_that_may_become_cards_are_asked_about(make_town: Callable[..., Town], model: Model) -> None:
    town = make_town()
    tell(town, *(f"Ship {chr(65 + number)}" for number in range(20)))
    assert town.morning() == 1
    assert len(model.calls) == 12
    blob = town.editions()[0].blob or ""
    with reading(town.engine) as session:
        manifest = unpack_manifest(editions.blobs(session, [blob])[blob])
    assert len(manifest.stories) == 20
