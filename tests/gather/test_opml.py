"""Lists of feeds: read, written, and read again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from digest.errors import FeedError
from digest.gather import clean
from digest.gather.opml import MAX_BYTES, MAX_FEEDS, MAX_FOLDERS, MAX_NAME, Outline, Problem, read_opml, write_opml

NOW = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)

LIST = b"""<?xml version="1.0" encoding="utf-8"?>
<opml version="1.1"><head><title>Ada&apos;s &amp; Bo's</title></head>
<body>
<outline text="News" title="News">
 <outline text="Local &amp; near">
  <outline type="rss" text="The Gull" title="The Gull" xmlUrl="https://gull.example/feed?a=1&b=2" htmlUrl="https://gull.example"/>
  <outline text="Bare" xmlUrl="https://bare.example/rss"/>
 </outline>
 <outline type="RSS" title="Top" xmlurl="feed://top.example/rss"/>
</outline>
<outline text="Mine"><outline><outline type="atom" text="Deep" xmlUrl="feed:https://deep.example/atom"/></outline></outline>
<outline type="rss" text="Alone" xmlUrl="https://alone.example/rss" category="/Boats/Lamps/,/Sport"/>
<outline type="rss" text="https://quiet.example/rss" xmlUrl="https://quiet.example/rss"/>
</body></opml>"""


def test_folders_are_the_innermost() -> None:
    read = read_opml(LIST)
    assert (read.title, read.problems, read.sound) == ("Ada's & Bo's", (), True)
    assert [(feed.url, feed.title, feed.folder, feed.line) for feed in read.feeds] == [
        ("https://gull.example/feed?a=1&b=2", "The Gull", "Local & near", 6),
        ("https://bare.example/rss", "Bare", "Local & near", 7),
        ("http://top.example/rss", "Top", "News", 9),
        ("https://deep.example/atom", "Deep", "Mine", 11),
        ("https://alone.example/rss", "Alone", "Lamps", 12),
        ("https://alone.example/rss", "Alone", "Sport", 12),
        ("https://quiet.example/rss", "", "", 13),
    ]
    assert [feed.site_url for feed in read.feeds[:2]] == ["https://gull.example", ""]


def test_what_cannot_be_used_is_named_with_its_line() -> None:
    body = b"""<!DOCTYPE opml [
<!ENTITY boom "boom">
]>
<opml><body>
<outline text="Script" xmlUrl="javascript:alert(1)"/>
<outline text="File" type="rss" xmlUrl="file:///etc/passwd"/>
<outline text="Nothing" type="rss"/>
<outline text="Link" type="link" url="https://page.example/"/>
<outline text="More" type="include" url="https://page.example/more.opml"/>
<outline text="Good &boom;" xmlUrl="https://good.example/rss"/>
<outline text="Good" xmlUrl="https://good.example/rss"/>
<outline text="An empty folder"/>
</body></opml>"""
    read = read_opml(body)
    assert read.problems == (
        Problem(5, "Script", "'javascript:alert(1)' is no web address"),
        Problem(6, "File", "'file:///etc/passwd' is no web address"),
        Problem(7, "Nothing", "no xmlUrl"),
        Problem(8, "Link", "is a link, not a feed"),
        Problem(9, "More", "is another list; import it too"),
    )
    assert read.feeds == (Outline("https://good.example/rss", "Good &boom;", "", "", 10),), "no entity is ever defined"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "plain text or binary"),
        (b"https://a.example/rss\nhttps://b.example/rss", "plain text or binary"),
        (b"\x89PNG\r\n\x1a\n" + bytes(5000), "plain text or binary"),
        (b"<html><body>Hello</body></html>", "its root is <html>"),
        (b"<rss><channel/></rss>", "its root is <rss>"),
        (b"<opml>" + b" " * MAX_BYTES, "larger than 10 MB"),
        (b"<opml><body>" + b"<outline text='a'>" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_list_is_refused_in_one_line(body: bytes, told: str) -> None:
    with pytest.raises(FeedError, match=told) as refused:
        read_opml(body)
    assert "\n" not in str(refused.value)


def test_hostile_lists_cost_little() -> None:
    laughs = b'<!DOCTYPE opml [<!ENTITY a "ha">' + b"".join(
        b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(10)
    )
    laughs += b']><opml><body><outline text="&k;" xmlUrl="https://a.example/rss"/></body></opml>'
    started = thread_time()
    assert [feed.title for feed in read_opml(laughs).feeds] == ["&k;"]
    assert thread_time() - started < 2


def _list(outlines: str) -> bytes:
    return f"<opml><body>{outlines}</body></opml>".encode()


def test_a_list_of_as_many_feeds_as_allowed_is_read_and_a_longer_one_refused() -> None:
    outlines = [f'<outline text="b" xmlUrl="https://a.example/{n}"/>' for n in range(MAX_FEEDS)]
    started = thread_time()
    assert len(read_opml(_list("".join(outlines))).feeds) == MAX_FEEDS
    for longer in (outlines[:1] * 100_000, ["<outline text='a'/>"] * 100_000, [*outlines, outlines[0]]):
        with pytest.raises(FeedError, match="more than 20,000 feeds and folders; split it"):
            read_opml(_list("".join(longer)))
    assert thread_time() - started < 5  # four lists


def test_one_feed_lies_in_fifty_folders_at_most() -> None:
    told = ",".join(f"/{n}" for n in range(600_000))
    started = thread_time()
    read = read_opml(_list(f'<outline xmlUrl="https://a.example/" category="{told}"/>'))
    assert thread_time() - started < 2
    assert [feed.folder for feed in read.feeds] == [str(n) for n in range(MAX_FOLDERS)]
    many = f'<outline xmlUrl="https://a.example/" category="{",/" * 60}"/>' * 10_000
    with pytest.raises(FeedError, match="more than 20,000"):
        read_opml(_list(many))
    assert thread_time() - started < 4


def test_a_broken_list_says_that_something_may_be_missing() -> None:
    read = read_opml(b'<opml><body><outline text="News"><outline xmlUrl="https://a.example/rss"/></body></opml>')
    assert ([feed.url for feed in read.feeds], read.sound) == (["https://a.example/rss"], False)


NAMES = st.text(max_size=40).map(lambda told: clean.line(told, MAX_NAME))
URLS = st.builds(
    lambda host, path, query: clean.address(f"https://{host}.example/{path}?q={query}", ""),
    st.from_regex(r"[a-z]{1,8}", fullmatch=True),
    st.text(max_size=10),
    st.text(max_size=10),
).filter(bool)
FEEDS = st.lists(
    st.builds(Outline, url=URLS, title=NAMES, site_url=st.sampled_from(["", "https://a.example/"]), folder=NAMES),
    unique_by=lambda feed: (feed.url, feed.folder),
)


@given(FEEDS, NAMES)
def test_what_was_written_is_read_again(feeds: list[Outline], title: str) -> None:
    body = write_opml(title, feeds, now=NOW)
    read = read_opml(body)
    folders = ["", *dict.fromkeys(feed.folder for feed in feeds)]
    wanted = sorted(feeds, key=lambda feed: folders.index(feed.folder))
    assert (read.title, read.problems, read.sound) == (title, (), True)
    assert [replace(feed, line=0) for feed in read.feeds] == wanted


@given(st.text(), st.text(), st.text())
def test_whatever_the_names_the_list_is_well_formed(title: str, name: str, folder: str) -> None:
    feed = Outline("https://a.example/?a=<&b=\"'", name, "", folder)
    root = etree.fromstring(write_opml(title, [feed], now=NOW))
    assert (root.tag, root.get("version")) == ("opml", "2.0")
    (found,) = [node for node in root.iter("outline") if node.get("xmlUrl")]
    assert found.get("xmlUrl") == feed.url
    assert root.findtext("head/dateCreated") == "Mon, 02 Mar 2026 07:00:00 +0000"
