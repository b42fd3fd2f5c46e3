"""Bodies set aside before parsing are the bodies that parsing would have found."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.gather import slices, tree
from digest.gather.feed import parse_feed
from digest.gather.shelf import LEAST, Shelf

URL = "https://news.example/feed"
LONG = b"<p>" + b"word " * 80 + b"</p>"


def item(*fields: bytes) -> bytes:
    return b"<item><title>T</title><link>https://news.example/a</link>" + b"".join(fields) + b"</item>"


def rss(*items: bytes) -> bytes:
    head = b'<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>N</title>'
    return head + b"".join(items) + b"</channel></rss>"


def cdata(name: bytes, body: bytes, blank: bytes = b"") -> bytes:
    return b"<%b>%b<![CDATA[%b]]>%b</%b>" % (name, blank, body, blank, name)


def is_lifted(document: bytes) -> bool:
    return Shelf().lift(document) != document


def same(document: bytes, *, html: bool = False) -> None:
    """The feed is as it is without a shelf (a zero-width mark of the shelf's own switches it off)."""
    plain = parse_feed(document.replace(b"<title>N</title>", b"<title>N\x7f</title>"), url=URL, html=html)
    assert parse_feed(document, url=URL, html=html) == plain


@pytest.mark.parametrize(
    "field",
    [
        cdata(b"content:encoded", LONG),
        cdata(b"description", LONG, b"\n   "),
        cdata(b"content:encoded", LONG.replace(b" ", b"\r\n", 9).replace(b" ", b"\r", 9)),
        cdata(b"content:encoded", LONG + b" a[0]] > ]> ] b"),
        cdata(b"description", b"short") + cdata(b"content:encoded", LONG),
        cdata(b"description", LONG.replace(b"word", "Wörter’".encode())),
        b'<description type="html"><![CDATA[%b]]></description>' % LONG,
    ],
)
@pytest.mark.parametrize("html", [False, True])
def test_a_long_body_is_set_aside_and_found_again(field: bytes, html: bool) -> None:
    document = rss(item(field), item(cdata(b"content:encoded", LONG + b"<p>second</p>")))
    assert is_lifted(document)
    same(document, html=html)
    assert parse_feed(document, url=URL).items[1].text.endswith("second")


@pytest.mark.parametrize(
    "field",
    [
        cdata(b"title", LONG),
        cdata(b"description", b"x" * (LEAST - 1)),
        b"<description>before <![CDATA[%b]]></description>" % LONG,
        b"<description><![CDATA[%b]]> behind</description>" % LONG,
        b"<description><![CDATA[%b]]><![CDATA[%b]]></description>" % (LONG, LONG),
        b"<description><![CDATA[ <![CDATA[ %b ]]></description>" % LONG,
        b'<category><![CDATA[ <content:encoded x="]]>  <![CDATA[%b]]></category>' % LONG,
        cdata(b"description", LONG) + b"<category>\x7f0</category>",
        b"<description>\x7f0</description>",
    ],
)
def test_anything_else_stays(field: bytes) -> None:
    document = rss(item(field))
    assert not is_lifted(document)
    same(document)


def test_a_mark_without_a_body_is_text() -> None:
    shelf = Shelf()
    assert [shelf.content(told) for told in ("\x7f0", "\x7f", "\x7f-1", " \x7f٣", "x", "")] == [
        "\x7f0", "\x7f", "\x7f-1", " \x7f٣", "x", "",
    ]  # fmt: skip


def test_control_characters_in_a_body_do_not_spoil_the_document() -> None:
    """libxml2 refuses them; whoever reads the body takes them out."""
    document = rss(item(cdata(b"content:encoded", LONG + b"<p>a\x01b\x1fc</p>")), item(cdata(b"description", LONG)))
    feed = parse_feed(document, url=URL)
    assert feed.slices
    assert [article.text[-4:] for article in feed.items] == ["\nabc", "word"]


_PIECES = st.sampled_from(
    [LONG, b"<![CDATA[", b"]]>", b"]]", b">", b"<description>", b"</description>", b"<content:encoded>",
     b"</content:encoded>", b"x", b" ", b"&amp;", b"<p>", b"\x7f0", b"<!--", b"-->"]
)  # fmt: skip


@settings(max_examples=1_000, deadline=None)
@given(st.lists(_PIECES, max_size=12).map(b"".join))
def test_every_document_that_can_be_cut_reads_the_same(inside: bytes) -> None:
    document = rss(item(inside), item(cdata(b"description", LONG)))
    root = tree.parse_sound(document, URL)
    if isinstance(slices.cut(document), slices.Cut) and root is not None:
        same(document)
