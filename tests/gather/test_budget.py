"""Feeds whose bodies are made to hurt: a second of work at most, and every item is there."""

from __future__ import annotations

import json
import time

import pytest

from digest.gather import clean, kept, markup
from digest.gather.feed import parse_feed
from digest.types import Feed

URL = "https://quay.example/feed"
HEAD = "<rss xmlns:content='http://purl.org/rss/1.0/modules/content/'><channel><title>The Quay</title>"
BODY = markup.MAX_HTML
ITEMS = 24
LIMIT = 2.0
"""Seconds of processor time for what takes one at most when nothing else runs."""

BODIES = {
    "20,000 attributes": "<p " + " ".join(f"a{n}=1" for n in range(20_000)) + ">x",
    "attributes with > in them": "<p " + " ".join(f"a{n}='>'" for n in range(14_000)) + ">x",
    "attributes without values": "<p " + " ".join(f"a{n}" for n in range(25_000)) + ">x",
    "a hundred attributes each": ("<p " + " ".join(f"a{n}=1" for n in range(100)) + ">x") * 300,
    "pictures": "<img src=https://quay.example/b.jpg>",
    "links never closed": "<a href=x>",
    "line breaks": "<br>",
    "headings": "<h1>x",
    "noscript": "<noscript><img src=https://quay.example/b.jpg></noscript>",
    "tables": "<table><tr><td>",
    "hidden": "<p style='display:none'>x",
    "open tags": "<p a b ",
    "open quotes": '<a x="<a x="',
    "less than": "<",
    "open comments": "<!--",
    "open scripts": "<script><style>",
}


def feed(body: str, items: int = ITEMS) -> bytes:
    whole = (body * (BODY // len(body) + 1))[:BODY]
    entry = "<item><title>Item {0}</title><link>https://quay.example/{0}</link><content:encoded><![CDATA[{1}]]>"
    entries = (entry.format(n, whole) + "</content:encoded></item>" for n in range(items))
    return (HEAD + "".join(entries) + "</channel></rss>").encode()


def timed(body: bytes, html: bool) -> Feed:
    began = time.thread_time()
    read = parse_feed(body, url=URL, html=html)
    assert time.thread_time() - began < LIMIT
    return read


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("html", [False, True])
def test_bodies_of_five_megabytes(name: str, html: bool) -> None:
    assert len(timed(feed(BODIES[name]), html).items) == ITEMS


def test_bodies_of_five_megabytes_in_json() -> None:
    body = BODIES["pictures"] * (BODY // 40)
    items = [{"id": str(n), "title": f"Item {n}", "content_html": body, "summary": body} for n in range(ITEMS // 2)]
    assert len(timed(json.dumps({"items": items}).encode(), True).items) == ITEMS // 2


def test_behind_the_budget_only_paragraphs_are_kept() -> None:
    body = "<p>The <b>ferry</b> &amp; crane</p><p>&lt;two&gt;</p><img src='/a.jpg' alt='A pier'>"
    budget = clean.Budget(kept=150)
    first = clean.html(body, keep=True, base=URL, budget=budget)
    second = clean.html(body, keep=True, base=URL, budget=budget)
    assert "<b>ferry</b>" in first.html
    assert "<img" in first.html
    assert second.html == "<p>The ferry &amp; crane</p><p>&lt;two&gt;</p>"
    assert second.text == first.text == "The ferry & crane\n<two>"
    assert [image.url for image in second.images] == ["/a.jpg"]
    assert kept.keep(second.html) == second.html


def test_a_body_that_is_too_much_leaves_the_budget_to_those_behind_it() -> None:
    budget = clean.Budget(kept=150)
    assert not budget.keeps("<br>" * 1_000)
    assert budget.keeps("<p>one</p>")


@pytest.mark.parametrize("keep", [False, True])
def test_behind_the_budget_of_reading_words_are_left(keep: bool) -> None:
    told = "<p>One &amp; <b>two</b></p><SCRIPT>no</SCRIPT><!-- no --><style>no"
    assert clean.html(told, keep=keep, budget=clean.Budget(read=10)).text == "One & two"


def test_a_feed_as_publishers_write_it_is_kept_as_it_is() -> None:
    body = "<p>The old crane at the <a href='/x'>harbour</a> is taken down today, and nobody minds.</p>" * 12
    whole = HEAD + "".join(
        f"<item><title>Item {n}</title><description><![CDATA[{body}]]></description></item>" for n in range(500)
    )
    read = timed((whole + "</channel></rss>").encode(), True)
    assert all("<a " in item.html for item in read.items)


def test_what_follows_the_hundredth_attribute_of_a_tag_is_text() -> None:
    told = "<p " + " ".join(f"a{n}=1" for n in range(markup.MAX_ATTRIBUTES + 2)) + ">One</p><p>two</p>"
    assert clean.html(told).text == "a100=1 a101=1>One\ntwo"
