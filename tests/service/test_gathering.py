"""Gathering over real HTTP into real databases."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from sqlalchemy import Engine, text

from digest.errors import FeedError, FetchError, InputError, StoreError
from digest.gather.fetch import Door
from digest.gather.rhythm import JITTER
from digest.gather.robots import Robots
from digest.service.fetching import Outside, bring
from digest.service.gathering import gather
from digest.service.keeping import keep
from digest.service.sourcing import Wishes, add_source, discover, edit_source, list_sources, remove_source
from digest.store import sources
from digest.store.db import open_database, reading, writing
from digest.types import GatherRow
from subscribers.topics import add_topic
from tests.gather.site import FEEDS, Reply, Site

NOW = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def rss(*titles: str, title: str = "The Gull", more: str = "") -> bytes:
    items = "".join(f"<item><title>{told}</title><link>https://g.example/{told}</link>{more}</item>" for told in titles)
    return f"<rss><channel><title>{title}</title><language>en-gb</language>{items}</channel></rss>".encode()


def topics(engine: Engine, *slugs: str) -> None:
    with writing(engine) as session:
        for slug in slugs:
            add_topic(session, slug, slug.title(), now=NOW)


def rows(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def run(engine: Engine, door: Door, now: datetime = NOW, **more: Any) -> list[GatherRow]:
    return gather(engine, door, Robots(door.get), now=lambda: now, **more)


def told(gathered: list[GatherRow]) -> list[tuple[str, int, int]]:
    return [(row.status, row.new, row.changed) for row in gathered]


def test_articles_arrive_once_change_and_stay(database: Engine, site: Site, door: Door) -> None:
    topics(database, "harbour", "weather")
    site.pages["/feed"] = Reply(rss("one", "two"))
    added = add_source(database, door, site["/feed"], topic_slugs=["harbour", "weather"], now=NOW)
    assert (added.name, added.url, added.articles, added.created) == ("The Gull", site["/feed"], 2, True)
    assert rows(database, "SELECT count(*) FROM article") == [(0,)]

    assert told(run(database, door)) == [("ok", 2, 0)]
    assert told(run(database, door, NOW + QUARTER)) == [("unchanged", 0, 0)]
    assert rows(database, "SELECT news_at FROM article") == [(None,), (None,)]  # the backlog of a new source
    assert rows(database, "SELECT count(*) FROM article_topic") == [(4,)]

    site.pages["/feed"] = Reply(rss("one", "two", "three", more="<description>changed</description>"))
    assert told(run(database, door, NOW + 2 * QUARTER)) == [("ok", 1, 2)]
    found = rows(database, "SELECT title, text, publisher, language, news_at IS NULL FROM article ORDER BY id")
    assert [row[:4] for row in found] == [(name, "changed", "The Gull", "en") for name in ("one", "two", "three")]
    assert [bool(row[4]) for row in found] == [True, True, False]
    assert told(run(database, door, NOW + 3 * QUARTER)) == [("unchanged", 0, 0)]


def test_a_publisher_that_knows_304_sends_no_body(database: Engine, site: Site, door: Door) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> Reply:
        if handler.headers.get("If-None-Match") == '"v1"':
            return Reply(status=304)
        return Reply(rss("one"), headers={"ETag": '"v1"'})

    site.pages["/feed"] = answer
    add_source(database, door, site["/feed"], topic_slugs=[], now=NOW)
    assert [run(database, door)[0].status for _ in range(3)] == ["ok", "unchanged", "unchanged"]
    assert list_sources(database)[0].etag == '"v1"'


def test_one_bad_source_never_stops_the_others(database: Engine, site: Site) -> None:
    release = threading.Event()

    def later(_: BaseHTTPRequestHandler) -> None:
        release.wait(60)

    site.pages |= {
        "/good": Reply(rss("one")),
        "/html": Reply(b"<!doctype html><p>Hello"),
        "/empty": Reply(b""),
        "/large": Reply(rss("x" * 5_000_000)),
        "/latin": Reply((FEEDS / "mislabelled.xml").read_bytes()),
        "/moved": Reply(status=301, headers={"Location": "/good2"}),
        "/good2": Reply(rss("two")),
        "/loop": Reply(status=302, headers={"Location": "/loop"}),
        "/inside": Reply(status=302, headers={"Location": "http://169.254.169.254/latest"}),
        "/slow": later,
    }
    urls = [
        site[path]
        for path in ("/good", "/html", "/empty", "/large", "/latin", "/moved", "/loop", "/inside", "/slow", "/gone")
    ]
    with writing(database) as session:
        for url in [*urls, "http://127.0.0.1:1/feed"]:
            sources.add_source(session, url, name="", language="", now=NOW)
    heard: list[GatherRow] = []
    with Door(user_agent="t", allow_private=True, first_seconds=1.0) as hasty:
        gathered = run(database, hasty, on_row=heard.append, workers=4)
    release.set()
    assert [row.source_id for row in gathered] == sorted(row.source_id for row in heard)
    found = {row.source.removeprefix(site.origin): row for row in gathered}
    assert [found[name].status for name in ("The Gull", "Voilà “quoted”")] == ["ok", "ok"]
    assert sum(row.status == "ok" for row in gathered) == 3
    reasons = {
        "/html": "is a web page, not a feed", "/empty": "the answer is empty", "/large": "larger than 5 MB",
        "/loop": "more than 5 redirects", "/inside": "169.254.169.254", "/slow": "within 1 s",
        "/gone": "404 Not Found", "http://127.0.0.1:1/feed": "connection refused",
    }  # fmt: skip
    for source, reason in reasons.items():
        assert found[source].status == "failed", source
        assert reason in found[source].reason
        assert "\n" not in found[source].reason
    assert rows(database, "SELECT count(*) FROM article") == [(3,)]
    problems = {row.url.removeprefix(site.origin): row.problem for row in list_sources(database)}
    assert problems["/good"] == ""
    assert "404" in problems["/gone"]


def test_failures_are_asked_less_and_less_and_recover(database: Engine, site: Site, door: Door) -> None:
    site.pages["/feed"] = Reply(rss("one"))
    number = add_source(database, door, site["/feed"], topic_slugs=[], now=NOW).id
    site.pages["/feed"] = Reply(status=500)
    pauses = []
    for _ in range(9):
        run(database, door)
        pauses.append(list_sources(database)[0].next_gather_at - NOW)
    for n, pause in enumerate(pauses):
        assert abs(pause / min(QUARTER * 2**n, timedelta(hours=24)) - 1) <= JITTER
    site.pages["/feed"] = Reply(rss("one"))
    assert told(run(database, door, only=[number])) == [("ok", 1, 0)]
    row = list_sources(database)[0]
    assert (row.failures, row.problem, row.failing_since) == (0, "", None)
    assert abs((row.next_gather_at - NOW) / QUARTER - 1) <= JITTER
    site.pages["/feed"] = Reply(status=429, headers={"Retry-After": "7200"})
    run(database, door)
    assert list_sources(database)[0].next_gather_at == NOW + timedelta(hours=2)


def test_only_due_sources_are_asked(database: Engine, site: Site, door: Door) -> None:
    site.pages["/a"] = site.pages["/b"] = Reply(rss("one"))
    first = add_source(database, door, site["/a"], topic_slugs=[], now=NOW).id
    add_source(database, door, site["/b"], topic_slugs=[], now=NOW)
    run(database, door, only=[first])
    site.seen.clear()
    assert len(run(database, door, NOW + timedelta(minutes=1), due_only=True)) == 1
    assert site.paths() == ["/b"]
    assert len(run(database, door, NOW + timedelta(minutes=18), due_only=True)) == 2
    assert run(database, door, NOW + timedelta(minutes=19), due_only=True) == []
    with pytest.raises(InputError, match="there is no source 99"):
        run(database, door, only=[first, 99])


def test_a_reader_that_breaks_is_a_row_and_a_log_entry(
    database: Engine, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug anywhere behind the door: here a resolver that breaks its word."""

    def resolve(host: str, port: int) -> list[str]:
        if host == "broken.test":
            raise RuntimeError("two\nlines")
        return ["127.0.0.1"]

    site.pages["/feed"] = Reply(rss("one"))
    with writing(database) as session:
        for url in ("http://broken.test/feed", site["/feed"]):
            sources.add_source(session, url, name="", language="", now=NOW)
    with Door(user_agent="t", allow_private=True, resolve=resolve) as odd:
        gathered = run(database, odd)
    assert told(gathered) == [("failed", 0, 0), ("ok", 1, 0)]
    assert gathered[0].reason == "could not be read: RuntimeError: two lines"
    assert "could not be read" in caplog.text


def test_a_site_leads_to_its_feed(database: Engine, site: Site, door: Door) -> None:
    site.pages["/"] = Reply(
        b'<!doctype html><link rel="alternate" type="application/rss+xml" href="/dead">'
        b'<link rel="alternate" type="application/atom+xml" href="/atom">'
    )
    site.pages["/atom"] = Reply((FEEDS / "atom.xml").read_bytes())
    added = add_source(database, door, site["/"], topic_slugs=[], now=NOW)
    assert (added.url, added.name) == (site["/atom"], "Le & Rivage")
    assert discover(door, site["/"])[1].title == "Le & Rivage"


def test_common_places_are_tried_and_nothing_found_is_said(database: Engine, site: Site, door: Door) -> None:
    site.pages["/"] = Reply(b"<!doctype html><p>plain")
    with pytest.raises(FeedError, match=r"no feed found at http.*; give the feed's own address"):
        add_source(database, door, site["/"], topic_slugs=[], now=NOW)
    assert list_sources(database) == []
    site.pages["/rss.xml"] = Reply(rss("one"))
    assert add_source(database, door, site["/"], topic_slugs=[], now=NOW).url == site["/rss.xml"]
    with pytest.raises(FetchError, match="404"):
        discover(door, site["/nothing"])
    site.pages["/list"] = Reply(b"<opml/>")
    with pytest.raises(FeedError, match="OPML"):
        discover(door, site["/list"])


def test_unknown_topics_are_named_before_anything_is_fetched(database: Engine, site: Site, door: Door) -> None:
    topics(database, "harbour")
    with pytest.raises(InputError, match="'harbor'; there is harbour"):
        add_source(database, door, site["/feed"], topic_slugs=["harbor"], now=NOW)
    assert site.seen == []


def test_the_same_feed_again_only_adds_topics(database: Engine, site: Site, door: Door) -> None:
    topics(database, "harbour", "weather")
    site.pages["/feed"] = Reply(rss("one"))
    first = add_source(database, door, site["/feed"], topic_slugs=["harbour"], name="Our Gull", now=NOW)
    run(database, door)
    again = add_source(database, door, site["/feed"], topic_slugs=["weather"], now=NOW)
    assert (again.id, again.created, again.name) == (first.id, False, "Our Gull")
    assert list_sources(database)[0].topics == ("harbour", "weather")
    assert rows(database, "SELECT count(*) FROM article_topic") == [(2,)]


def test_editing_and_removing(database: Engine, site: Site, door: Door) -> None:
    topics(database, "harbour", "weather")
    site.pages["/feed"] = site.pages["/new"] = Reply(rss("one"))
    number = add_source(database, door, site["/feed"], topic_slugs=["harbour"], now=NOW).id
    add_source(database, door, site["/new"], topic_slugs=[], now=NOW)
    run(database, door)
    changed = edit_source(database, door, number, name="Gull", topic_slugs=["weather"], now=NOW)
    assert (changed.name, changed.topics, changed.url) == ("Gull", ("weather",), site["/feed"])
    assert rows(database, "SELECT slug FROM article_topic JOIN topic ON topic.id = topic_id") == [("weather",)]
    with pytest.raises(InputError, match="another source has the address"):
        edit_source(database, door, number, url=site["/new"], now=NOW)
    with pytest.raises(FetchError):
        edit_source(database, door, number, url=site["/gone"], name="never", now=NOW)
    assert list_sources(database)[0].name == "Gull"
    site.pages["/third"] = Reply(rss("one", "two"))
    assert edit_source(database, door, number, url=site["/third"], now=NOW).first_gathered_at is None
    assert told(run(database, door, only=[number])) == [("ok", 1, 0)]
    assert rows(database, "SELECT count(*) FROM article WHERE news_at IS NOT NULL") == [(0,)]
    remove_source(database, number, now=NOW)
    assert [row.url for row in list_sources(database)] == [site["/new"]]
    assert rows(database, "SELECT count(*) FROM article") == [(1,)]
    with pytest.raises(InputError, match=f"no source {number}"):
        remove_source(database, number, now=NOW)


def test_who_publishes(database: Engine, site: Site, door: Door) -> None:
    mixed = rss("one", title="Aggregate", more="<source url='https://o.example/'>The Original</source>")
    site.pages["/feed"] = site.pages["/named"] = Reply(mixed)
    add_source(database, door, site["/feed"], topic_slugs=[], now=NOW)
    add_source(database, door, site["/named"], topic_slugs=[], name="House Name", now=NOW)
    run(database, door)
    assert rows(database, "SELECT publisher FROM article ORDER BY source_id") == [("The Original",), ("House Name",)]


def test_a_feed_that_changes_its_title_still_names_whose_its_articles_are(
    database: Engine, site: Site, door: Door
) -> None:
    whose = "<source url='https://o.example/'>The Original</source>"
    site.pages["/feed"] = site.pages["/named"] = Reply(rss("one", title="Old Title", more=whose))
    number = add_source(database, door, site["/feed"], topic_slugs=[], now=NOW).id
    add_source(database, door, site["/named"], topic_slugs=[], name="House Name", now=NOW)
    run(database, door)
    site.pages["/feed"] = site.pages["/named"] = Reply(rss("one", "two", title="New Title", more=whose))
    run(database, door, now=NOW + timedelta(hours=2))
    query = "SELECT source_id, publisher FROM article ORDER BY source_id, id"
    assert [name for _, name in rows(database, query)] == [*["The Original"] * 2, *["House Name"] * 2]
    edit_source(database, door, number, name="Given Later", now=NOW)
    site.pages["/feed"] = Reply(rss("two", "three", title="New Title", more=whose))
    run(database, door, now=NOW + timedelta(hours=4))
    assert rows(database, query)[2] == (number, "Given Later")
    edit_source(database, door, number, name="", now=NOW)
    assert (list_sources(database)[0].name, list_sources(database)[0].named) == ("", False)


def test_markup_comes_and_goes_with_the_rights(database: Engine, site: Site, door: Door) -> None:
    body = "<description>&lt;p&gt;It &lt;b&gt;lifts&lt;/b&gt;.</description>"
    site.pages["/feed"] = Reply(rss("one", "two", more=body))
    number = add_source(database, door, site["/feed"], topic_slugs=[], now=NOW).id
    run(database, door)
    query = "SELECT count(*) FROM article WHERE html <> ''"
    assert rows(database, query) == [(0,)]
    edit_source(database, door, number, wishes=Wishes(rights="full"), now=NOW)
    assert told(run(database, door, NOW + timedelta(hours=2))) == [("ok", 0, 0)]
    assert rows(database, query) == [(2,)]
    assert told(run(database, door, NOW + timedelta(hours=4))) == [("unchanged", 0, 0)]
    edit_source(database, door, number, wishes=Wishes(rights="excerpt"), now=NOW)
    assert rows(database, query) == [(0,)]


def test_many_articles_are_saved_at_once(database: Engine, site: Site, door: Door) -> None:
    topics(database, "harbour")
    site.pages["/feed"] = Reply(rss(*(f"n{number}" for number in range(1_900))))
    add_source(database, door, site["/feed"], topic_slugs=["harbour"], now=NOW)
    assert told(run(database, door)) == [("ok", 1_900, 0)]
    assert rows(database, "SELECT count(*), count(DISTINCT guid_hash) FROM article") == [(1_900, 1_900)]
    assert rows(database, "SELECT count(*) FROM article_topic") == [(1_900,)]


def test_two_gathers_at_once_store_an_article_once(database: Engine, site: Site, door: Door) -> None:
    """Both have read the source before either wrote: the second finds its articles there and leaves them."""
    site.pages["/feed"] = Reply(rss("one", "two"))
    add_source(database, door, site["/feed"], topic_slugs=[], now=NOW)
    with reading(database) as session:
        before = sources.list_sources(session)[0]
    run(database, door)
    late = bring(Outside(database, door, Robots(door.get), lambda: NOW), before)
    (row,) = keep(database, [late], now=NOW)
    assert (row.status, row.new) == ("ok", 0)
    assert rows(database, "SELECT count(*) FROM article") == [(2,)]


def test_a_database_without_tables_is_one_clear_line(empty_database_url: str, door: Door) -> None:
    engine = open_database(empty_database_url)
    with pytest.raises(StoreError, match="digest db upgrade"):
        run(engine, door)
    engine.dispose()
