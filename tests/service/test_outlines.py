"""Lists of feeds into real databases, over real HTTP, and out again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from digest.errors import FeedError, InputError
from digest.gather.fetch import Door
from digest.gather.opml import Outline, read_opml, write_opml
from digest.service import outlines
from digest.service.outlines import ImportRow
from digest.service.sourcing import list_sources
from digest.store import sources
from digest.store.db import reading, writing
from subscribers import topics
from subscribers.topics import add_topic
from tests.gather.site import Reply, Site, serving

NOW = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as served:
        served.pages |= {f"/{n}": feed(f"Paper {n}", "de" if n % 2 else "en") for n in range(40)}
        yield served


def feed(title: str, language: str) -> Reply:
    item = "<item><title>one</title><link>https://g.example/1</link></item>"
    body = f"<rss><channel><title>{title}</title><language>{language}</language>{item}</channel></rss>"
    return Reply(body.encode())


def listed(*feeds: tuple[str, str, str]) -> bytes:
    return write_opml("Mine", [Outline(url, title, "", folder) for url, title, folder in feeds], now=NOW)


def bring(engine: Engine, door: Door, body: bytes, topic: str = "", **more: object) -> list[ImportRow]:
    planned = outlines.plan(engine, body, topic=topic)
    return outlines.bring_in(engine, door, planned, now=lambda: NOW, **more)  # type: ignore[arg-type]


def became(rows: list[ImportRow]) -> list[str]:
    return [row.became for row in rows]


def names(engine: Engine) -> dict[str, tuple[str, str]]:
    with reading(engine) as session:
        return {row.slug: (row.name, row.language) for row in topics.list_topics(session)}


def test_folders_become_topics_and_one_failure_stops_nothing(database: Engine, site: Site, door: Door) -> None:
    with writing(database) as session:
        add_topic(session, "harbour", "The harbour itself", now=NOW)
    site.pages["/page"] = Reply(b"<!doctype html><p>no feed")
    rows = bring(
        database,
        door,
        listed(
            (site["/1"], "My name", "Harbour"),
            (site["/gone"], "Gone", "Empty"),
            (site["/2"], "", "Energie & Klima"),
            (site["/page"], "Page", "Harbour"),
            (site["/1"], "My name", "新闻"),
            (site["/3"], "", ""),
        ),
    )
    assert sorted(became(rows)) == ["added", "added", "added", "failed", "failed"]
    problems = {row.name: row.reason for row in rows if row.reason}
    assert "404" in problems["Gone"]
    assert "is a web page" in problems["Page"]
    assert all(row.line > 1 for row in rows)
    stored = {row.url: (row.name, row.language, row.topics) for row in list_sources(database)}
    slug = next(slug for slug in names(database) if slug.startswith("topic-"))
    assert stored == {
        site["/1"]: ("My name", "de", ("harbour", slug)),
        site["/2"]: ("Paper 2", "en", ("energie-klima",)),
        site["/3"]: ("Paper 3", "de", ()),
    }
    assert names(database) == {
        "harbour": ("The harbour itself", "en"),
        "energie-klima": ("Energie & Klima", "en"),
        slug: ("新闻", "de"),
    }, "a folder whose feeds all fail makes no topic; a new topic has its first feed's language"


def test_an_import_goes_on_where_it_was_stopped(database: Engine, site: Site, door: Door) -> None:
    body = listed(*((site[f"/{n}"], "", "News") for n in range(40)))
    stop = threading.Event()
    first = bring(database, door, body, stop=stop, on_row=lambda row: stop.set())
    assert 0 < len(first) < 40
    assert len(list_sources(database)) == len(first)
    fetched = len(site.seen)
    rest = bring(database, door, body)
    assert became(rest).count("known") == len(first)
    assert became(rest).count("added") == 40 - len(first)
    assert len(site.seen) - fetched == 40 - len(first), "what is a source already is not fetched"
    assert became(bring(database, door, body)) == ["known"] * 40


def test_a_known_source_only_gains_topics(database: Engine, site: Site, door: Door) -> None:
    bring(database, door, listed((site["/1"], "First", "A")))
    assert became(bring(database, door, listed((site["/1"], "Second", "B")))) == ["linked"]
    (row,) = list_sources(database)
    assert (row.name, row.topics) == ("First", ("a", "b"))


def test_one_topic_for_all(database: Engine, site: Site, door: Door) -> None:
    body = listed((site["/1"], "", "A"), (site["/1"], "", "B"), (site["/2"], "", ""))
    with pytest.raises(InputError, match="no topic 'mine'"):
        outlines.plan(database, body, topic="mine")
    with writing(database) as session:
        add_topic(session, "mine", "Mine", now=NOW)
    assert became(bring(database, door, body, topic="mine")) == ["added", "added"]
    assert [row.topics for row in list_sources(database)] == [("mine",), ("mine",)]
    assert list(names(database)) == ["mine"]


def test_without_fetching_an_address_is_taken_as_it_stands(database: Engine, site: Site, door: Door) -> None:
    rows = bring(database, door, listed((site["/gone"], "Gone", "A"), (site["/1"], "", "A")), fetch=False)
    assert became(rows) == ["added", "added"]
    assert sorted(row.name for row in list_sources(database)) == ["", "Gone"]
    assert site.seen == []


def test_planning_writes_nothing(database: Engine, site: Site) -> None:
    planned = outlines.plan(database, listed((site["/1"], "", "A"), (site["/2"], "", "B")))
    assert planned.new_topics == ("a", "b")
    assert (list_sources(database), names(database), site.seen) == ([], {}, [])
    with pytest.raises(InputError, match="holds no feeds"):
        outlines.plan(database, b"<opml><body/></opml>")
    with pytest.raises(FeedError, match="OPML"):
        outlines.plan(database, b"<rss/>")


def test_what_is_exported_is_imported_again(database: Engine, site: Site, door: Door) -> None:
    with writing(database) as session:
        for slug, name in (("a", 'A & "B"'), ("c", "<C>")):
            add_topic(session, slug, name, now=NOW)
        ids = {row.slug: row.id for row in topics.list_topics(session)}
        for n, slugs in ((1, ("a", "c")), (2, ("c",)), (3, ())):
            number = sources.add_source(session, site[f"/{n}"], name=f"P{n} & <co>", language="", now=NOW)
            sources.link_topics(session, number, [ids[slug] for slug in slugs])
        sources.add_source(session, "https://page.example/", name="Page", language="", now=NOW, kind="page")
    body, feeds, others = outlines.export(database, title="Town", now=NOW)
    assert (feeds, others) == (3, 1)
    read = read_opml(body)
    assert read.title == "Town"
    assert {(one.url, one.title, one.folder) for one in read.feeds} == {
        (site["/1"], "P1 & <co>", 'A & "B"'),
        (site["/1"], "P1 & <co>", "<C>"),
        (site["/2"], "P2 & <co>", "<C>"),
        (site["/3"], "P3 & <co>", ""),
    }
    before = list_sources(database)
    with writing(database) as session:
        for row in before:
            sources.remove_source(session, row.id)
        for slug in ids:
            topics.remove_topic(session, slug)
    assert became(bring(database, door, body)) == ["added"] * 3
    told = {row.url: (row.name, len(row.topics)) for row in before if row.kind == "feed"}
    assert {row.url: (row.name, len(row.topics)) for row in list_sources(database)} == told
