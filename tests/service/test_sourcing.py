"""Finding a site's feeds over real HTTP, and storing what was found."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Engine, text

from digest.errors import FeedError, FetchError, InputError
from digest.gather.discover import Candidate, How
from digest.gather.fetch import Door
from digest.service import finding
from digest.service.finding import MAX_FETCHES, find
from digest.service.sourcing import Wishes, add_source, edit_source, list_sources, out_of_order
from digest.store import sources
from digest.store.db import writing
from subscribers.topics import add_topic
from tests.gather.site import Reply, Site

NOW = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
HTML = {"Content-Type": "text/html"}


@pytest.fixture
def door() -> Iterator[Door]:
    """Every name is this machine: a well-known host is then played by the scripted site."""
    with Door(user_agent="digest-tests", allow_private=True, resolve=lambda host, port: ["127.0.0.1"]) as opened:
        yield opened


def rss(*titles: str, title: str = "The Gull") -> Reply:
    items = "".join(f"<item><title>{told}</title><link>https://g.example/{told}</link></item>" for told in titles)
    return Reply(f"<rss><channel><title>{title}</title>{items}</channel></rss>".encode())


def page(head: str = "", body: str = "") -> Reply:
    return Reply(f"<!doctype html><html><head>{head}</head><body>{body}</body></html>".encode(), headers=HTML)


def declared(*paths: str) -> str:
    return "".join(f'<link rel="alternate" type="application/rss+xml" href="{path}">' for path in paths)


def paths(found: tuple[Candidate, ...]) -> list[tuple[str, How]]:
    return [(urlsplit(each.url).path, each.how) for each in found]


# --- finding ----------------------------------------------------------------------------------------------------------


def test_all_that_a_page_names_is_looked_at(site: Site, door: Door) -> None:
    site.pages["/"] = page(declared("/comments/feed", "/feed", "/gone"), '<a href="/sport.rss">Sport</a>')
    site.pages |= {"/feed": rss("one", "two"), "/comments/feed": rss("c"), "/sport.rss": rss("s", title="Sport")}
    heard: list[tuple[int, int]] = []
    found = find(door, site["/"], on_fetch=lambda done, known: heard.append((done, known)))
    assert paths(found) == [
        ("/feed", How.DECLARED),
        ("/sport.rss", How.LINK),
        ("/comments/feed", How.DECLARED),
    ]
    assert (found[0].title, found[0].format, len(found[0].feed.items)) == ("The Gull", "RSS", 2)
    assert heard == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_an_address_that_is_a_feed_is_the_only_one(site: Site, door: Door) -> None:
    site.pages["/feed"] = rss("one")
    assert paths(find(door, f"  feed:{site['/feed']} ")) == [("/feed", How.ITSELF)]
    assert site.paths() == ["/feed"]


def test_a_page_that_lists_the_feeds_is_followed_once(site: Site, door: Door) -> None:
    site.pages["/"] = page(body='<a href="/rss">Our feeds</a>')
    site.pages["/rss"] = page(body='<a href="/news.rss">News</a> <a href="/more.rss">More</a> <a href="/rss">here</a>')
    site.pages["/more.rss"] = page(body='<a href="/deep.rss">Deeper</a>')
    site.pages |= {"/news.rss": rss("one"), "/deep.rss": rss("two")}
    assert paths(find(door, site["/"])) == [("/news.rss", How.LINK)]
    assert "/deep.rss" not in site.paths()


def test_common_places_come_last_and_stop_at_the_first_feed(site: Site, door: Door) -> None:
    site.pages["/blog/"] = page()
    site.pages |= {"/blog/rss.xml": rss("one"), "/feed": rss("two")}
    assert paths(find(door, site["/blog/"])) == [("/blog/rss.xml", How.GUESS)]
    assert "/feed" not in site.paths()


def test_a_known_host_is_found_though_it_refuses_its_page(site: Site, door: Door) -> None:
    origin = site.origin.replace("127.0.0.1", "gitlab.town.example")
    site.pages["/quay/ferry"] = Reply(b"no programs, please", 403)
    site.pages |= {"/quay/ferry/-/releases.atom": rss("v2", "v1"), "/quay/ferry.atom": rss("v2", "pushed")}
    found = find(door, f"{origin}/quay/ferry")
    assert paths(found) == [("/quay/ferry/-/releases.atom", How.CONVENTION), ("/quay/ferry.atom", How.CONVENTION)]
    site.pages.clear()
    with pytest.raises(FetchError, match="404"):
        find(door, f"{origin}/quay/ferry")


def test_nothing_found_names_the_ways_out(site: Site, door: Door) -> None:
    site.pages["/"] = page(declared("/dead"))
    with pytest.raises(FeedError, match=r"the feed it names cannot be used: .*404.*--kind page watches the page"):
        find(door, site["/"])
    site.pages["/sitemap.xml"] = Reply(b"<urlset/>")
    with pytest.raises(FeedError, match="a sitemap, not a feed"):
        find(door, site["/sitemap.xml"])


def test_a_search_is_bounded(site: Site, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    site.pages["/"] = page(declared(*(f"/dead/{n}" for n in range(500))))
    with pytest.raises(FeedError, match="no feed found"):
        find(door, site["/"])
    assert len(site.seen) == MAX_FETCHES + 1

    def slow(_: BaseHTTPRequestHandler) -> Reply:
        time.sleep(0.3)
        return Reply(b"", 404)

    site.seen.clear()
    site.pages |= {f"/dead/{n}": slow for n in range(500)}
    monkeypatch.setattr(finding, "SEARCH_SECONDS", 0.2)  # patience, not behaviour
    with pytest.raises(FeedError, match="no feed found"):
        find(door, site["/"])
    assert len(site.seen) <= 1 + finding.AT_ONCE


# --- storing ----------------------------------------------------------------------------------------------------------


def test_whoever_is_asked_chooses(database: Engine, site: Site, door: Door) -> None:
    site.pages["/"] = page(declared("/a", "/b"))
    site.pages |= {"/a": rss("one"), "/b": rss("two", title="Other")}
    added = add_source(database, door, site["/"], topic_slugs=[], now=NOW, choose=lambda found: found[1])
    assert (added.url, added.name) == (site["/b"], "Other")

    def never(found: object) -> Candidate:
        raise InputError("none of them")

    with pytest.raises(InputError, match="none of them"):
        add_source(database, door, site["/"], topic_slugs=[], now=NOW, choose=never)
    assert [row.url for row in list_sources(database)] == [site["/b"]]


def test_wishes_are_stored_and_kept(database: Engine, site: Site, door: Door) -> None:
    site.pages["/feed"] = rss("one")
    asked = Wishes(rights="full", full_text=True)
    number = add_source(database, door, site["/feed"], topic_slugs=[], now=NOW, wishes=asked).id
    (row,) = list_sources(database)
    assert (row.kind, row.rights, row.full_text, row.selector) == ("feed", "full", True, "")
    add_source(database, door, site["/feed"], topic_slugs=[], now=NOW)
    assert list_sources(database)[0].rights == "full", "what is not said anew stays"
    changed = edit_source(database, door, number, now=NOW, wishes=Wishes(rights="title"))
    assert (changed.rights, changed.full_text) == ("title", True)
    assert edit_source(database, door, number, now=NOW, wishes=Wishes(full_text=False)).full_text is False


def test_a_weight_is_stored_and_makes_nobody_read_the_feed_again(database: Engine, site: Site, door: Door) -> None:
    site.pages["/feed"] = rss("one")
    number = add_source(database, door, site["/feed"], topic_slugs=[], now=NOW).id
    with writing(database) as session:
        session.connection().execute(text("UPDATE source SET body_hash = 'known'"))
    changed = edit_source(database, door, number, now=NOW, wishes=Wishes(weight=0.1))
    assert (changed.weight, changed.body_hash) == (0.1, "known")
    add_source(database, door, site["/feed"], topic_slugs=[], now=NOW)
    assert list_sources(database)[0].weight == 0.1
    add_source(database, door, site["/feed"], topic_slugs=[], now=NOW, wishes=Wishes(weight=10))
    assert list_sources(database)[0].weight == 10.0


@pytest.mark.parametrize(
    ("kind", "wishes", "told"),
    [
        ("push", Wishes(), "there is feed and page"),
        ("feed", Wishes(rights="all"), "there is title, excerpt, full"),
        ("feed", Wishes(selector="a"), "only a page has a selector"),
        ("feed", Wishes(weight=0.09), "from 0.1 to 10, usually 1; 0.09 is not"),
        ("feed", Wishes(weight=10.1), "from 0.1 to 10, usually 1; 10.1 is not"),
        ("feed", Wishes(weight=float("nan")), "nan is not"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_fetched(
    database: Engine, site: Site, door: Door, kind: str, wishes: Wishes, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        add_source(database, door, site["/"], topic_slugs=[], now=NOW, kind=kind, wishes=wishes)
    assert site.seen == []


def test_who_fails_for_days_is_out_of_order(database: Engine) -> None:
    with writing(database) as session:
        number = sources.add_source(session, "https://a.example/rss", name="", language="", now=NOW)
        row = sources.get_source(session, number)
    assert not out_of_order(row, NOW + timedelta(days=9))
    failing = replace(row, failing_since=NOW)
    assert not out_of_order(failing, NOW + timedelta(days=2, hours=23))
    assert out_of_order(failing, NOW + timedelta(days=3))
    assert not out_of_order(replace(failing, retired_at=NOW), NOW + timedelta(days=9))


def test_editing_a_source_to_another_address_takes_the_best_there(database: Engine, site: Site, door: Door) -> None:
    with writing(database) as session:
        add_topic(session, "harbour", "Harbour", now=NOW)
    site.pages |= {"/": page(declared("/new")), "/new": rss("one"), "/old": rss("two")}
    number = add_source(database, door, site["/old"], topic_slugs=["harbour"], now=NOW).id
    assert edit_source(database, door, number, url=site["/"], now=NOW).url == site["/new"]
