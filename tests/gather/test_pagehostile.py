"""Pages made to hurt: no exception but FeedError, and a second of work at most."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import FeedError
from digest.gather import markup, pagedom
from digest.gather.discover import leads
from digest.gather.fulltext import full_text
from digest.gather.page import read_text
from tests.gather.pages import HOME, NOW, PAGES, fetched, page

SIZE = 5_000_000
LINK = "<li><a href='/n/{0}'>The old crane number {0} at the harbour</a><span>Mint2 hours ago</span></li>"


def filled(part: str, begin: str = "<html><body>") -> str:
    return begin + part * (SIZE // len(part))


PAGE_BOMBS = {
    "100,000 links": "<html><body>" + "".join(map(LINK.format, range(100_000))),
    "links nested deeply": "<div>" * 240 + "".join(map(LINK.format, range(40_000))),
    "depth": filled("<div>"),
    "attributes": "<p " + " ".join(f"a{n}=1" for n in range(400_000)) + ">",
    "attributes behind a quote": '<p x" ' + " ".join(f"a{n}=1" for n in range(400_000)) + '">',
    "open quotes": filled("<a x='\" "),
    "one long attribute": "<p a='" + "x" * SIZE,
    "script soup": filled("var x='<p><script></p>';", "<script>"),
    "one word": filled("x", "<article><p>"),
    "paragraphs": filled("<p>The old crane at the harbour is taken down today.</p>", "<article>"),
    "line breaks": filled("abc def<br>", "<article><p>"),
    "spans": filled("<span>abc </span>", "<article><p>"),
    "heads": filled("<h1>The title of the thing</h1>2 hours ago<br>"),
    "articles in articles": filled("<article><h2>Title of it</h2><p>abc</p>"),
    "json depth": filled("[", "<script type='application/ld+json'>"),
    "json articles": filled(
        '{"@type":"NewsArticle","headline":"abc def gh","url":"/x"},', "<script type='application/ld+json'>["
    ),
    "links of feeds": filled("<link rel=alternate type=application/rss+xml href=/feed title=x><a href=/feed>x</a>"),
    "classes": "".join(
        f'<div class="{" ".join(f"c{m}" for m in range(50))} k{n}"><a href=/y/{n}>Some headline number {n}</a></div>'
        for n in range(12_000)
    ),
    "pictures": filled("<img src=/a.jpg>"),
    "metas": filled("<meta name=a content=b><link rel=canonical href=/x>"),
    "less than": "<" * SIZE,
    "nothing": "\0" * SIZE,
}
TEXT_BOMBS = {
    "articles": "Headline of the number\nMint2 hours ago\nBody of the thing that is long enough.\n" * 70_000,
    "one line": "x" * SIZE,
    "short lines": "abc def ghi\n" * 400_000,
    "ages": "2 hours ago\n" * 400_000,
    "half ages": "1 hour " * 700_000,
    "bars": ("Facebook X " * 18 + "z\n") * 25_000,
    "dots": ("." * 190 + "\n") * 25_000,
    "separators": ("|" * 150 + "\n") * 30_000,
    "commas": ("a, " * 50 + "2 hours ago\n") * 30_000,
}


def seconds(call: object, *arguments: object, **named: object) -> float:
    """Processor time, as other tests run beside this one."""
    began = time.process_time()
    with suppress(FeedError):
        call(*arguments, **named)  # type: ignore[operator]
    return time.process_time() - began


@pytest.mark.parametrize("name", PAGE_BOMBS)
def test_pages(name: str) -> None:
    body = PAGE_BOMBS[name][:SIZE].encode()
    assert seconds(page, body) < 1.0
    assert seconds(page, body, selector="div a") < 1.0
    assert seconds(full_text, fetched(body)) < 1.0
    assert seconds(leads, body, HOME, content_type="text/html") < 1.0


@pytest.mark.parametrize("name", TEXT_BOMBS)
def test_texts(name: str) -> None:
    assert seconds(read_text, TEXT_BOMBS[name][:SIZE], url="bomb.txt", now=NOW) < 1.0


def test_a_tag_is_cut_behind_a_hundred_attributes() -> None:
    told = "<p " + " ".join(f'a{n}="{n}"' for n in range(markup.MAX_ATTRIBUTES)) + ">"
    assert markup.tame(told) == told
    longer = told.replace("<p ", '<p x="1" ')
    assert markup.tame(longer).count(">") == 2
    root = pagedom.parse(longer + "after")
    assert root is not None
    node = next(root.iter("p"))
    assert (len(node.attrib), pagedom.text(node)[-5:]) == (markup.MAX_ATTRIBUTES, "after")


PARTS = st.sampled_from(
    [
        *(
            "<article>",
            "</article>",
            "<h1>",
            "<h2>",
            "</h2>",
            "<p>",
            "</p>",
            "<a href='/x'>",
            "</a>",
            "<time datetime='",
        ),
        *(
            "2 hours ago",
            "Mint",
            "vor 3 Stunden",
            "By ",
            "'>",
            "<img src=",
            "<ul>",
            "<li>",
            "<nav>",
            "</nav>",
            "|",
            " · ",
        ),
        *(
            "A headline of some words",
            "Read full story at Mint",
            "No comments yet",
            "A sentence that ends.",
            "\n",
            "<!--",
        ),
        *(
            "<script type='application/ld+json'>",
            "{",
            "}",
            "[",
            "</script>",
            '"@type":"NewsArticle"',
            ",",
            "<base href='",
        ),
        *("&#0;", "\ud800", "\x00", "<blockquote>", "http://[", "<b", "class='author'", "منذ ساعتين", "\u202e"),
    ]
)


@settings(deadline=None, max_examples=150)
@given(st.lists(PARTS, max_size=60).map("".join))
def test_anything_is_read_or_refused(told: str) -> None:
    body = told.encode("utf-8", "surrogatepass")
    with suppress(FeedError):
        assert page(body).items
    with suppress(FeedError):
        assert full_text(fetched(body)).text
    with suppress(FeedError):
        assert read_text(told, url="any.txt", now=NOW).items


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 4_000), st.integers(0, 4_000), st.binary(max_size=6))
def test_a_page_that_was_damaged_on_its_way(start: int, end: int, junk: bytes) -> None:
    whole = (PAGES / "aggregator.html").read_bytes()
    with suppress(FeedError):
        assert page(whole[:start] + junk + whole[end:], HOME).items
