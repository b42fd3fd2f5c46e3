"""What a hostile review of gathering found, on both databases: edits in flight, moves that cannot be stored, full
texts, guids that name several items, clocks, newer readers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler

import pytest
from sqlalchemy import Engine, text

from digest.gather.fetch import Door
from digest.gather.robots import Robots
from digest.service import fetching
from digest.service.fetching import Outside, bring
from digest.service.gathering import gather
from digest.service.keeping import keep
from digest.service.sourcing import Wishes, add_source, edit_source, list_sources
from digest.store.db import reading, writing
from digest.types import GatherRow
from subscribers.topics import add_topic
from tests.gather.site import Reply, Site

NOW = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
DAY = timedelta(days=1)
LONG = " ".join(
    f"Sentence number {number} of the long text tells of the harbour and its ferries." for number in range(30)
)


def item(name: str, *, guid: str = "", link: str = "", body: str = "short", comments: int = 0) -> str:
    told = f"<guid isPermaLink='false'>{guid or name}</guid>" + (f"<link>{link}</link>" if link else "")
    return f"<item><title>{name}</title>{told}<description>{body}</description><slash>{comments}</slash></item>"


def rss(*items: str, title: str = "The Gull") -> Reply:
    return Reply(f"<rss version='2.0'><channel><title>{title}</title>{''.join(items)}</channel></rss>".encode())


def tagged(handler: BaseHTTPRequestHandler) -> Reply:
    """A feed that never changes and says so."""
    tag = {"ETag": '"a"'}
    if handler.headers.get("If-None-Match"):
        return Reply(status=304, headers=tag)
    return replace(rss(item("one")), headers=tag)


def run(engine: Engine, door: Door, now: datetime = NOW, **more: object) -> list[GatherRow]:
    return gather(engine, door, Robots(door.get), now=lambda: now, **more)  # type: ignore[arg-type]


def rows(engine: Engine, query: str) -> list[tuple[object, ...]]:
    with reading(engine) as session:
        return [tuple(row) for row in session.connection().execute(text(query))]


def test_a_move_to_an_endless_address_stops_nobody(database: Engine, site: Site, door: Door) -> None:
    site.pages["/a"] = site.pages["/b"] = rss(item("one"))
    for path in ("/a", "/b"):
        add_source(database, door, site[path], topic_slugs=[], now=NOW)
    there = "/there?" + "x" * 12_000
    site.pages[there] = rss(item("one"))
    site.pages["/a"] = Reply(status=301, headers={"Location": site[there]})
    for days in range(4):
        told = run(database, door, NOW + days * DAY)
        assert [row.status for row in told][1] in ("ok", "unchanged")
    assert list_sources(database)[0].url == site["/a"]


def test_what_is_edited_while_it_is_gathered_is_read_again(database: Engine, site: Site, door: Door) -> None:
    site.pages["/feed"] = rss(item("one", body="&lt;p&gt;kept&lt;/p&gt;"))
    number = add_source(database, door, site["/feed"], topic_slugs=[], now=NOW).id
    before = list_sources(database)[0]
    late = bring(Outside(database, door, Robots(door.get), lambda: NOW), before)
    edit_source(database, door, number, now=NOW, wishes=Wishes(rights="full"))
    (row,) = keep(database, [late], now=NOW)
    assert row.reason == "was changed while it was gathered"
    assert rows(database, "SELECT count(*) FROM article") == [(0,)]
    assert [row.new for row in run(database, door)] == [1]
    assert rows(database, "SELECT html FROM article") == [("<p>kept</p>",)]


def test_an_answer_that_changed_nothing_does_not_undo_an_edit(database: Engine, site: Site, door: Door) -> None:
    def served(handler: BaseHTTPRequestHandler) -> Reply:
        tag = {"ETag": '"a"'}
        return (
            Reply(status=304, headers=tag)
            if handler.headers.get("If-None-Match")
            else replace(rss(item("one")), headers=tag)
        )

    site.pages["/feed"] = tagged
    number = add_source(database, door, site["/feed"], topic_slugs=[], now=NOW).id
    run(database, door)
    late = bring(Outside(database, door, Robots(door.get), lambda: NOW), list_sources(database)[0])
    edit_source(database, door, number, now=NOW, wishes=Wishes(full_text=True))
    list(keep(database, [late], now=NOW))
    assert (list_sources(database)[0].etag, list_sources(database)[0].body_hash) == ("", "")


def test_topics_are_those_of_now(database: Engine, site: Site, door: Door) -> None:
    with writing(database) as session:
        add_topic(session, "old", "Old", now=NOW)
        add_topic(session, "new", "New", now=NOW)
    site.pages["/feed"] = rss(item("one"))
    number = add_source(database, door, site["/feed"], topic_slugs=["old"], now=NOW).id
    late = bring(Outside(database, door, Robots(door.get), lambda: NOW), list_sources(database)[0])
    edit_source(database, door, number, now=NOW, topic_slugs=["new"])
    list(keep(database, [late], now=NOW))
    query = "SELECT t.slug FROM article_topic a JOIN topic t ON t.id = a.topic_id"
    assert rows(database, query) == [("new",)]


def test_a_guid_of_several_items_stays_no_name_in_polls(database: Engine, site: Site, door: Door) -> None:
    def story(number: int) -> str:
        return item(f"Story {number}", guid="https://gull.example/", link=f"https://gull.example/{number}")

    site.pages["/feed"] = rss(story(1), story(2))
    add_source(database, door, site["/feed"], topic_slugs=[], now=NOW)
    for count in range(2, 7):
        site.pages["/feed"] = rss(*(story(number) for number in range(count, 0, -1)))
        run(database, door)
    assert rows(database, "SELECT title FROM article ORDER BY title") == [(f"Story {n}",) for n in range(1, 7)]


def test_a_full_text_stays_when_its_feed_item_is_touched(database: Engine, site: Site, door: Door) -> None:
    page = Reply(f"<html><body><article><h1>one</h1><p>{LONG}</p></article></body></html>".encode())
    site.pages["/robots.txt"] = Reply(b"User-agent: *\nDisallow: /private", headers={"Content-Type": "text/plain"})
    site.pages["/feed"] = rss()
    site.pages["/one"] = page
    site.pages["/feed"] = rss(item("zero"))
    add_source(database, door, site["/feed"], topic_slugs=[], now=NOW, wishes=Wishes(full_text=True))
    run(database, door)
    link = site["/one"]
    site.pages["/feed"] = rss(item("one", link=link), item("zero"))
    (row,) = run(database, door)
    assert (row.status, row.new, row.reason) == ("ok", 1, "")

    def stored() -> str:
        return str(rows(database, "SELECT text FROM article WHERE title LIKE 'one%'")[0][0])

    assert len(stored()) > 1_000
    site.pages["/feed"] = rss(item("one", link=link, comments=7), item("zero"))
    assert [(row.new, row.changed) for row in run(database, door)] == [(0, 0)]
    site.pages["/feed"] = rss(item("one, corrected", guid="one", link=link), item("zero"))
    site.pages["/one"] = Reply(b"", 500)
    assert [row.changed for row in run(database, door)] == [1]
    assert len(stored()) > 1_000
    assert rows(database, "SELECT version FROM article WHERE title = 'one, corrected'") == [(2,)]


def test_a_full_text_behind_a_forbidden_redirect_is_left(database: Engine, site: Site, door: Door) -> None:
    site.pages["/robots.txt"] = Reply(b"User-agent: *\nDisallow: /private")
    site.pages["/open"] = Reply(status=302, headers={"Location": site["/private/one"]})
    site.pages["/private/one"] = Reply(f"<html><body><article><p>{LONG}</p></article></body></html>".encode())
    site.pages["/feed"] = rss(item("zero"))
    add_source(database, door, site["/feed"], topic_slugs=[], now=NOW, wishes=Wishes(full_text=True))
    run(database, door)
    site.pages["/feed"] = rss(item("one", link=site["/open"]), item("zero"))
    run(database, door)
    assert rows(database, "SELECT text FROM article WHERE title = 'one'") == [("short",)]


def test_a_clock_that_ran_ahead_silences_nobody(database: Engine, site: Site, door: Door) -> None:
    site.pages["/feed"] = rss(item("one"))
    add_source(database, door, site["/feed"], topic_slugs=[], now=NOW)
    run(database, door, NOW + 365 * DAY)
    assert len(run(database, door, NOW, due_only=True)) == 1
    assert run(database, door, NOW, due_only=True) == []


def test_a_retired_source_comes_back_at_its_own_address(database: Engine, site: Site, door: Door) -> None:
    site.pages["/feed"] = rss(item("one"))
    number = add_source(database, door, site["/feed"], topic_slugs=[], now=NOW).id
    for revive in (
        lambda: edit_source(database, door, number, now=NOW, url=site["/feed"]),
        lambda: add_source(database, door, site["/feed"], topic_slugs=[], now=NOW),
    ):
        site.pages["/feed"] = Reply(b"", 410)
        assert [row.status for row in run(database, door)] == ["retired"]
        assert run(database, door) == []
        site.pages["/feed"] = rss(item("one"))
        revive()
        assert [row.status for row in run(database, door, due_only=True)] == ["ok"]


def test_a_newer_reader_reads_everything_again(
    database: Engine, site: Site, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def served(handler: BaseHTTPRequestHandler) -> Reply:
        tag = {"ETag": '"a"'}
        return (
            Reply(status=304, headers=tag)
            if handler.headers.get("If-None-Match")
            else replace(rss(item("one")), headers=tag)
        )

    site.pages["/feed"] = tagged
    add_source(database, door, site["/feed"], topic_slugs=[], now=NOW)
    assert [[row.status for row in run(database, door)] for _ in range(2)] == [["ok"], ["unchanged"]]
    monkeypatch.setattr(fetching, "READER_VERSION", "3")
    assert [[row.status for row in run(database, door)] for _ in range(2)] == [["ok"], ["unchanged"]]


def test_headlines_that_alternate_are_kept_to_a_bound(database: Engine, site: Site, door: Door) -> None:
    site.pages["/feed"] = rss(item("A", guid="1"))
    add_source(database, door, site["/feed"], topic_slugs=[], now=NOW)
    for number in range(60):
        site.pages["/feed"] = rss(item("AB"[number % 2], guid="1"))
        run(database, door)
    assert rows(database, "SELECT version FROM article") == [(60,)]
    assert rows(database, "SELECT count(*) FROM article_version") == [(49,)]
