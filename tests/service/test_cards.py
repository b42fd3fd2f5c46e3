"""What a card says of a story, within the rights of its articles' sources."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from digest.service.cards import cards_of
from digest.types import Telling

NOW = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
LONG = " ".join(
    f"The {word} quay was closed because ferry number {number} ran aground there."
    for number, word in enumerate(("northern", "southern", "eastern", "western", "inner", "outer", "old", "new"))
)


def telling(number: int, rights: str, **told: object) -> Telling:
    base = Telling(
        id=number,
        title="Ferries run aground",
        text=LONG,
        publisher="Mint",
        language="en",
        url=f"https://mint.example/{number}",
        news_at=NOW + timedelta(minutes=number),
        story_id=1,
        story_version=1,
        rights=rights,
    )
    return replace(base, **told)  # type: ignore[arg-type]


@pytest.mark.parametrize("rights", ["title", "excerpt", "full"])
def test_a_card_shows_no_more_than_it_may(rights: str) -> None:
    (card,) = cards_of([telling(1, rights)], [])
    assert card.title == "Ferries run aground"
    assert (card.summary == "") == (rights == "title")
    assert len(card.summary.split()) <= 60


def test_a_wire_copy_names_the_agency() -> None:
    (card,) = cards_of([telling(1, "excerpt", credit="Reuters")], [])
    assert card.publisher == "Reuters via Mint"


def test_who_may_be_quoted_leads() -> None:
    silent = telling(1, "title", publisher="First")
    own = "Captain Okafor blames the sandbank that grew after the winter storms. " * 4
    (card,) = cards_of([silent, telling(2, "excerpt", publisher="Second", text=own)], [])
    assert card.publisher == "Second"
    assert card.summary


def test_an_update_quotes_only_who_may_be_quoted() -> None:
    news = "Divers raised the ferry Petrel from the harbour basin on Tuesday evening with two cranes."
    first = telling(1, "excerpt")
    silent = telling(2, "title", text=news, story_version=2, publisher="Silent")
    assert len(cards_of([first, silent], [1])) == 1
    open_ = replace(silent, id=3, rights="excerpt", publisher="Open")
    _, update = cards_of([first, silent, open_], [1])
    assert (update.publisher, update.summary, update.from_version) == ("Open", news, 1)
