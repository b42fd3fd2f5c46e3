"""robots.txt, asked for through the real door from a real server."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from digest.errors import FetchError
from digest.gather import robots
from digest.gather.fetch import Door
from digest.gather.robots import Robots, parse
from tests.gather.site import Reply, Site, serving

HOUR = 3600.0
AGENT = "digest-service"


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def asked(clock: Clock) -> Iterator[Robots]:
    with Door(user_agent="t", allow_private=True) as door:
        yield Robots(door.get, clock=clock)


def test_our_group_goes_before_everybodys(site: Site, asked: Robots) -> None:
    site.pages["/robots.txt"] = Reply(
        b"User-agent: *\nDisallow: /\n\nuser-agent: other\nUser-Agent: Digest-Service/1.0\nDisallow: /private\n"
        b"Allow: /private/open\nCrawl-delay: 2.5\n\nSitemap: https://elsewhere.example/news.xml\nSitemap: /relative\n"
    )
    assert asked.allowed(site["/news"])
    assert not asked.allowed(site["/private/x"])
    assert asked.allowed(site["/private/open/x"])
    assert asked.crawl_delay(site["/"]) == 2.5
    assert asked.sitemaps(site["/"]) == ("https://elsewhere.example/news.xml",)
    assert site.paths() == ["/robots.txt"]


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("", True),
        ("<html><p>Nothing here", True),
        ("User-agent: *\nDisallow:", True),
        ("User-agent: *\nDisallow: /news", False),
        ("\ufeffUser-agent: *\r\nDisallow: /*.html$\r\n", False),
        ("User-agent: *\nDisallow: /\nAllow: /news/", True),
        ("User-agent: digest\nDisallow: /", True),
        ("User-agent: my-digest-service\nDisallow: /", True),
        ("User-agent: DIGEST-SERVICE # us\nDisallow: /", False),
        ("User-agent: *\nDisallow: /\n\nUser-agent: digest-service\nDisallow: /other", True),
        ("User-agent: *bot\nDisallow: /", True),
        ("User agent *\nDisallow /", False),
    ],
)
def test_whose_rules_count(text: str, allowed: bool) -> None:
    assert parse(text.encode(), AGENT).can_fetch("https://a.example/news/1.html", AGENT) is allowed


@pytest.mark.parametrize(
    ("status", "allowed"),
    [(404, True), (401, True), (403, True), (410, True), (429, False), (500, False), (503, False)],
)
def test_what_an_error_means(site: Site, asked: Robots, status: int, allowed: bool) -> None:
    site.pages["/robots.txt"] = Reply(status=status)
    assert asked.allowed(site["/news"]) is allowed


def test_redirects_are_followed_and_too_many_count_as_no_rules(site: Site, asked: Robots) -> None:
    site.pages["/robots.txt"] = Reply(status=302, headers={"Location": "/there"})
    site.pages["/there"] = Reply(b"User-agent: *\nDisallow: /\n")
    assert not asked.allowed(site["/news"])
    with serving() as other:
        other.pages["/robots.txt"] = Reply(status=302, headers={"Location": "/robots.txt"})
        assert asked.allowed(other["/news"])


def test_a_site_that_cannot_be_reached_is_left_alone_for_an_hour(asked: Robots, clock: Clock) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert not asked.allowed(f"{origin}/news")
    assert asked.crawl_delay(f"{origin}/news") == 0
    clock.now += HOUR
    assert not asked.allowed(f"{origin}/news")


def test_rules_hold_for_a_day_and_longer_while_the_site_is_in_trouble(site: Site, asked: Robots, clock: Clock) -> None:
    site.pages["/robots.txt"] = Reply(b"User-agent: *\nDisallow: /a\n")
    assert (asked.allowed(site["/a"]), asked.allowed(site["/b"])) == (False, True)
    site.pages["/robots.txt"] = Reply(status=500)
    clock.now += 24 * HOUR - 1
    assert asked.allowed(site["/b"])
    assert len(site.seen) == 1
    clock.now += 1
    assert (asked.allowed(site["/a"]), asked.allowed(site["/b"])) == (False, True)
    assert len(site.seen) == 2
    site.pages["/robots.txt"] = Reply(b"User-agent: *\nDisallow: /b\n")
    clock.now += HOUR
    assert (asked.allowed(site["/a"]), asked.allowed(site["/b"])) == (True, False)
    assert len(site.seen) == 3


def test_each_origin_has_its_own_rules(site: Site, asked: Robots) -> None:
    site.pages["/robots.txt"] = Reply(b"User-agent: *\nDisallow: /\n")
    with serving() as other:
        assert (asked.allowed(site["/news"]), asked.allowed(other["/news"])) == (False, True)


def test_only_so_many_sites_are_kept(site: Site, clock: Clock) -> None:
    port = site.origin.rpartition(":")[2]
    with Door(user_agent="t", allow_private=True, resolve=lambda host, port: ["127.0.0.1"]) as door:
        asked = Robots(door.get, clock=clock, most_sites=2)
        for name in ("a", "b", "a", "c", "a", "b"):
            assert asked.allowed(f"http://{name}.test:{port}/news")
    assert [headers["host"][0] for _, headers in site.seen] == ["a", "b", "c", "b"]


def test_many_threads_fetch_the_rules_once(site: Site, asked: Robots) -> None:
    site.pages["/robots.txt"] = Reply(parts=(b"User-agent: *\n", b"Disallow: /a\n"), pause=0.05)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(asked.allowed, [site["/a"], site["/b"]] * 8)) == [False, True] * 8
    assert len(site.seen) == 1


@pytest.mark.parametrize("url", ["ftp://a.example/", "news", "", "http://[::1", "http://xn--/", "javascript:alert(1)"])
def test_what_is_no_web_address_is_said(asked: Robots, url: str) -> None:
    with pytest.raises(FetchError, match="is not a web address"):
        asked.allowed(url)


def test_half_a_megabyte_is_read_up_to_a_whole_line() -> None:
    head = b"User-agent: *\nDisallow: /a\n"
    filler = b"#" * 99 + b"\n"
    late = b"Disallow: /beyond\n"
    body = head + filler * ((robots.MOST_BYTES - len(head)) // 100) + b"Disallow: /b-and-much-more" + late
    rules = parse(body, AGENT)
    assert not rules.can_fetch("https://a.example/a", AGENT)
    assert rules.can_fetch("https://a.example/b", AGENT)
    assert rules.can_fetch("https://a.example/beyond", AGENT)


@pytest.mark.parametrize(
    "body",
    [
        b"".join(b"User-agent: a%d\n" % n for n in range(12_000)) + b"Disallow: /a\n" * 20_000,
        b"User-agent: *\n" + b"Disallow: /*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b$\n" * 10_000,
        b"User-agent: *\nDisallow: /" + b"*a" * 200_000 + b"\n",
        b"\xff\xfe\x00" * 100_000,
        b"User-agent: *\nCrawl-delay: nan\nCrawl-delay: 1e400\nCrawl-delay: -1\n",
    ],
)
def test_hostile_rules_take_no_time(body: bytes) -> None:
    started = time.thread_time()
    rules = parse(body, AGENT)
    rules.can_fetch("https://a.example/" + "a" * 2000, AGENT)
    assert rules.crawl_delay(AGENT) is None
    assert time.thread_time() - started < 2


def test_a_delay_of_a_day_is_cut(site: Site, asked: Robots) -> None:
    site.pages["/robots.txt"] = Reply(b"User-agent: *\nCrawl-delay: 86400\n")
    assert asked.crawl_delay(site["/"]) == HOUR
