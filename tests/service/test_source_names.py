"""Whom articles are credited to when a feed changes its title: over real HTTP, in real databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Engine, text

from digest.gather.fetch import Door
from digest.gather.robots import Robots
from digest.service.gathering import gather
from digest.service.sourcing import add_source
from tests.gather.site import Reply, Site

NOW = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
WIRE = "<source url='https://wire.example/'>The Wire</source>"


def credited(engine: Engine, site: Site, door: Door, *titles: str, whose: str = "", name: str = "") -> list[str]:
    """The publisher of one new article for each of the titles that the feed has, one after the other."""
    for number, title in enumerate(titles):
        items = "".join(f"<item><title>Story {n}</title><guid>{n}</guid>{whose}</item>" for n in range(number, -1, -1))
        site.pages["/feed"] = Reply(
            f"<rss version='2.0'><channel><title>{title}</title>{items}</channel></rss>".encode()
        )
        if not number:
            add_source(engine, door, site["/feed"], topic_slugs=[], now=NOW, name=name)
        gather(engine, door, Robots(door.get), now=partial(NOW.__add__, number * timedelta(hours=1)))
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT publisher FROM article ORDER BY id")).scalars())


def test_an_aggregating_feed_credits_whose_items_they_are(database: Engine, site: Site, door: Door) -> None:
    assert credited(database, site, door, "Mint", "Mint News", whose=WIRE) == ["The Wire", "The Wire"]


@pytest.mark.parametrize("name", ["Mint", "House Name"])
def test_a_given_name_stands_for_all_even_where_it_is_the_title(
    database: Engine, site: Site, door: Door, name: str
) -> None:
    assert credited(database, site, door, "Mint", "Mint News", whose=WIRE, name=name) == [name, name]


def test_a_feed_whose_title_names_the_day_is_one_publisher(database: Engine, site: Site, door: Door) -> None:
    titles = ["The Gull, Monday", "The Gull, Tuesday", "The Gull, Wednesday"]
    assert credited(database, site, door, *titles) == ["The Gull, Monday"] * 3
