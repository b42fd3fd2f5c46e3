"""What other rights make of the articles a source brought already: over real HTTP, in real databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from json import dumps

import pytest
from sqlalchemy import Engine, text

from digest.gather.fetch import Door
from digest.gather.robots import Robots
from digest.service.fetching import FULL_TEXTS
from digest.service.gathering import gather
from digest.service.sourcing import Wishes, add_source, edit_source
from digest.types import GatherRow
from tests.gather.site import Reply, Site
from tests.service.town import Town

NOW = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ONE, TWO = "<p>The crane is <b>here</b>.</p>", "<p>The tide is <i>out</i>.</p>"
LONG = " ".join(f"Sentence {number} of the harbour's long report." for number in range(40))


def feed(*items: tuple[str, str, str]) -> Reply:
    """Items of (guid, link, body as markup)."""
    told = "".join(
        f"<item><title>Story at {link}</title><guid isPermaLink='false'>{guid}</guid><link>{link}</link>"
        f"<description><![CDATA[{body}]]></description></item>"
        for guid, link, body in items
    )
    return Reply(f"<rss version='2.0'><channel><title>The Gull</title>{told}</channel></rss>".encode())


def run(engine: Engine, door: Door, hours: int) -> GatherRow:
    (row,) = gather(engine, door, Robots(door.get), now=lambda: NOW + hours * HOUR)
    return row


def kept(engine: Engine) -> list[tuple[str, str, int]]:
    """(text, markup, version) of each article, the oldest first."""
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT text, html, version FROM article ORDER BY source_id, id"))
        return [(row.text, row.html, row.version) for row in rows]


def to(engine: Engine, door: Door, number: int, rights: str) -> None:
    edit_source(engine, door, number, now=NOW, wishes=Wishes(rights=rights))


def test_full_rights_bring_the_markup_of_what_the_feed_still_shows(database: Engine, site: Site, door: Door) -> None:
    a, b = site["/a"], site["/b"]
    site.pages["/feed"] = feed(("1", a, ONE), ("2", b, TWO))
    number = add_source(database, door, site["/feed"], topic_slugs=[], now=NOW).id
    run(database, door, 0)
    assert [html for _, html, _ in kept(database)] == ["", ""]

    to(database, door, number, "full")
    site.pages["/feed"] = feed(("another", a, ONE), ("2", b, TWO))  # known by its address alone
    row = run(database, door, 1)
    assert (row.status, row.new, row.changed) == ("ok", 0, 0), "other rights change nothing that was said"
    assert kept(database) == [("The crane is here.", ONE, 1), ("The tide is out.", TWO, 1)]


@pytest.mark.parametrize("rights", ["title", "excerpt"])
def test_lesser_rights_take_the_markup_at_once_and_leave_the_text(
    database: Engine, site: Site, door: Door, rights: str
) -> None:
    site.pages["/feed"] = feed(("1", site["/a"], ONE))
    site.pages["/other"] = feed(("1", site["/b"], TWO))
    number, _ = (
        add_source(database, door, site[path], topic_slugs=[], now=NOW, wishes=Wishes(rights="full")).id
        for path in ("/feed", "/other")
    )
    gather(database, door, Robots(door.get), now=lambda: NOW)
    assert [html for _, html, _ in kept(database)] == [ONE, TWO]
    to(database, door, number, rights)
    assert kept(database) == [("The crane is here.", "", 1), ("The tide is out.", TWO, 1)]


def test_markup_comes_beside_the_full_text_of_a_page(database: Engine, site: Site, door: Door) -> None:
    site.pages["/feed"] = feed(("2", site["/b"], TWO))
    number = add_source(database, door, site["/feed"], topic_slugs=[], now=NOW, wishes=Wishes(full_text=True)).id
    run(database, door, 0)
    site.pages["/a"] = Reply(f"<html><body><article><h1>A</h1><p>{LONG}</p></article></body></html>".encode())
    site.pages["/feed"] = feed(("1", site["/a"], ONE), ("2", site["/b"], TWO))
    run(database, door, 1)
    before = kept(database)[1]
    assert len(before[0]) > 1_000, "its page was read"

    to(database, door, number, "full")
    del site.pages["/a"]
    assert run(database, door, 2).status == "ok"
    assert kept(database)[1] == (before[0], ONE, 1), "the text of its page stays"


def test_a_push_said_again_brings_its_markup(town: Town, door: Door) -> None:
    desk = town.service.push
    town.topics("Harbour")
    key = desk.add_key("gull", topics=["harbour"]).key
    item = {"id": "crane", "url": "https://gull.example/crane", "title": "A new crane", "html": ONE}
    for rights, html in (("excerpt", ""), ("full", ONE), ("title", "")):
        to(town.engine, door, 1, rights)
        caller = desk.caller(key)
        assert caller is not None
        desk.store(caller, dumps({"articles": [item]}).encode())
        assert kept(town.engine) == [("The crane is here.", html, 1)]


def test_more_full_texts_than_a_gather_fetches_stay(database: Engine, site: Site, door: Door) -> None:
    site.pages["/feed"] = feed(("z", site["/z"], TWO))
    number = add_source(database, door, site["/feed"], topic_slugs=[], now=NOW, wishes=Wishes(full_text=True)).id
    run(database, door, 0)
    page = Reply(f"<html><body><article><h1>A</h1><p>{LONG}</p></article></body></html>".encode())
    shown = [(str(n), site[f"/{n}"], ONE) for n in range(FULL_TEXTS + 2)]
    site.pages |= {f"/{n}": page for n in range(len(shown))}
    for hour, count in enumerate((FULL_TEXTS, len(shown)), 1):
        site.pages["/feed"] = feed(*shown[:count])
        run(database, door, hour)
    to(database, door, number, "full")
    site.seen.clear()
    run(database, door, 3)
    assert site.paths() == ["/feed"], "no page is asked for again"
    assert [(len(told) > 1_000, html) for told, html, _ in kept(database)[1:]] == [(True, ONE)] * len(shown)
