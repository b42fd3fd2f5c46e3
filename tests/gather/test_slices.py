"""Polls read only the items that are new or changed, and never anything else than a full reading would find."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.errors import FeedError
from digest.gather import tree
from digest.gather.feed import parse_feed
from digest.gather.slices import MAX_ITEMS, WIDTH, Cut, Doubt, Known, cut
from digest.types import Feed
from tests.gather.site import FEEDS

URL = "https://feeds.example/news/feed.xml"
HEAD = (
    "<rss version='2.0' xmlns:dc='http://purl.org/dc/elements/1.1/' xml:base='https://paper.example/deep/'>"
    "<channel><title>The Gull</title><language>en</language>"
)
FOOT = "<ttl>30</ttl></channel></rss>"


def item(name: str, inside: str = "") -> str:
    return f"<item><title>{name}</title><link>{name.lower()}.html</link>{inside}</item>"


def rss(*items: str, head: str = HEAD, between: str = "\n", foot: str = FOOT) -> bytes:
    return (head + between.join(items) + foot).encode()


def read(body: bytes, known: bytes = b"") -> Feed:
    return parse_feed(body, url=URL, known=known)


def titles(feed: Feed) -> list[str]:
    return [each.title for each in feed.items]


def doubt(body: bytes) -> Cut | Doubt:
    return cut(tree.prepare(body))


def test_a_poll_reads_what_is_new_and_what_was_edited() -> None:
    before = read(rss(item("One"), item("Two"), item("Three")))
    after = rss(item("Four"), item("One"), item("Two", "<dc:creator>Ann</dc:creator>"), item("Three"))
    polled = read(after, before.slices)
    assert titles(polled) == ["Four", "Two"]
    assert polled.items == (read(after).items[0], read(after).items[2])
    assert (polled.passed_over, polled.slices) == (2, read(after).slices)
    assert polled.items[0].url == "https://paper.example/deep/four.html"  # xml:base stands in what is read every time
    assert (polled.title, polled.language, polled.pace) == ("The Gull", "en", before.pace)
    assert len(polled.slices) == 4 * WIDTH


def test_nothing_new_is_no_mistake() -> None:
    before = read(rss(item("One"), item("Two")))
    renamed = rss(item("One"), item("Two"), head=HEAD.replace("Gull", "Tern"))
    polled = read(renamed, before.slices)
    assert (polled.items, polled.passed_over, polled.title) == ((), 2, "The Tern")


def test_items_that_moved_vanished_or_stand_twice() -> None:
    before = read(rss(item("One"), item("Two"), item("Three"), item("Two")))
    assert read(rss(item("Three"), item("One")), before.slices).items == ()
    polled = read(rss(item("New"), item("Three"), item("New"), item("Two")), before.slices)
    assert (titles(polled), polled.passed_over) == (["New", "New"], 2)
    again = read(rss(item("One"), item("New")), read(rss(item("New")), before.slices).slices)
    assert titles(again) == ["One"]  # it is the reading before that counts, not all there ever were


def test_cdata_comments_and_instructions_may_say_item_within_an_item() -> None:
    inside = (
        "<description><![CDATA[<item>no</item> ]] > ]>]]></description><!-- </item><item> --><?php </item> ?>"
        "<note a='b > c'/>"
    )
    before = read(rss(item("One", inside), item("Two")))
    polled = read(rss(item("Three", inside), item("One", inside), item("Two")), before.slices)
    assert (titles(polled), polled.passed_over) == (["Three"], 2)


@pytest.mark.parametrize(
    ("head", "tail", "entry"),
    [
        (
            "<feed xmlns='http://www.w3.org/2005/Atom'><author><name>Kai</name></author>", "</feed>",
            "<entry xml:lang='de'><title>{}</title><link href='{}'/></entry>",
        ),
        (
            "<a:feed xmlns:a='http://www.w3.org/2005/Atom'>", "</a:feed>",
            "<a:entry ><a:title>{}</a:title><a:link href='{}'/></a:entry\n>",
        ),
        (
            "<R:RDF xmlns:R='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><channel><title>T</title></channel>",
            "</R:RDF>",
            "<item R:about='https://x.example/{}'><title>{}</title></item>",
        ),
        ("<RSS><CHANNEL>", "</CHANNEL></RSS>", "<ITEM><TITLE>{}</TITLE><LINK>{}</LINK></ITEM>"),
    ],
)  # fmt: skip
def test_every_xml_format_can_be_cut(head: str, tail: str, entry: str) -> None:
    one, two, three = (entry.format(name, name) for name in ("one", "two", "three"))
    before = read((head + one + two + tail).encode())
    after = (head + three + one + two + tail).encode()
    polled = read(after, before.slices)
    assert (polled.items, polled.passed_over) == (read(after).items[:1], 2)


def test_other_encodings_can_be_cut() -> None:
    text = rss(item("Grüße"), item("Größe")).decode()
    for declared in ("iso-8859-1", "utf-16"):
        written = f"<?xml version='1.0' encoding='{declared}'?>{text}".encode(declared)
        added = f"<?xml version='1.0' encoding='{declared}'?>{text}".replace("<item>", item("Öl") + "<item>", 1)
        polled = read(added.encode(declared), read(written).slices)
        assert (titles(polled), polled.passed_over) == (["Öl"], 2)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<rss><channel><title>t</title></channel></rss>", Doubt.NO_ITEM),
        (b"<rss><!-- <item> --><channel><title>t</title></channel></rss>", Doubt.NO_ITEM),
        (rss(item("One"), "<item/>", item("Two")), Doubt.ITEM),
        (rss("<item/>"), Doubt.ITEM),
        (rss(item("One", "<item><title>in it</title></item>")), Doubt.ITEM),
        (rss(item("One"), "<item><title>never ends</title>"), Doubt.ITEM),
        (rss(item("One"), item("Two"), between="<title>between</title>"), Doubt.ITEM),
        (rss(item("One"), item("Two"), between="words"), Doubt.ITEM),
        (rss(item("One"), item("Two"), between="<!-- between -->"), Doubt.ITEM),
        (rss(item("One"), item("Two")) + b"</item>", Doubt.ITEM),
        (rss(item("One", "<![CDATA["), item("Two")), Doubt.OPAQUE),
        (rss(item("One", "<!-- "), item("Two")), Doubt.OPAQUE),
        (rss(item("One", "<? "), item("Two")), Doubt.OPAQUE),
        (rss(item("One", "<!-- <![CDATA[ -->"), item("Two", "<!-- ]]> -->")), Doubt.OPAQUE),
        (rss(item("One", "<![CDATA["), item("Two", "]]>")), Doubt.ITEM),
        (rss(item("One", "<!-- "), item("Two", " -->")), Doubt.ITEM),
        (rss(item("One"), foot="<!DOCTYPE late>" + FOOT), Doubt.OPAQUE),
    ],
)  # fmt: skip
def test_a_document_whose_borders_are_in_doubt_is_read_whole(body: bytes, reason: Doubt) -> None:
    found = doubt(body)
    if isinstance(found, Cut):  # one item, whose CDATA or comment holds the border
        assert (reason, found.total) == (Doubt.ITEM, 1)
        return
    assert found is reason
    with suppress(FeedError):
        assert read(body).slices == b""


@pytest.mark.parametrize(
    "body",
    [
        rss(item("One", "<b>"), item("Two")),
        rss(item("One"), item("Two"), foot=""),
        rss(item("One"), "<Item><title>Two</title></Item>"),
        rss(item("One", "\x01"), item("Two")),
        rss(item("One"), foot="<x:item xmlns:x='urn:x'/>" + FOOT).replace(b"<item>", b"<item xmlns='urn:x'>"),
    ],
)
def test_only_sound_documents_hand_out_names(body: bytes) -> None:
    """Where libxml2 has to guess, an item may be more or less than its tags say."""
    with suppress(FeedError):
        assert read(body).slices == b""
    assert isinstance(cut(tree.prepare(body)), Cut)


def test_references_that_only_html_knows_do_not_hinder() -> None:
    before = read(rss(item("Fish &amp; chips"), item("Caf&eacute; & bar")))
    assert before.slices
    polled = read(rss(item("P&amp;L &hellip;"), item("Fish &amp; chips"), item("Caf&eacute; & bar")), before.slices)
    assert (titles(polled), polled.passed_over) == (["P&L …"], 2)


def test_what_is_known_is_judged_by_its_bytes_alone() -> None:
    body = rss(item("One"), item("Two"))
    for known in (b"x", b"\0" * WIDTH, b"\xff" * (3 * WIDTH + 1), read(body).slices[::-1]):
        assert read(body, known) == read(body)
    assert not Known(b"x")


def test_items_beyond_the_bound_are_neither_read_nor_known() -> None:
    many = [item(f"N{number}") for number in range(MAX_ITEMS + 5)]
    before = read(rss(*many))
    assert (len(before.items), len(before.slices)) == (MAX_ITEMS, MAX_ITEMS * WIDTH)
    polled = read(rss(item("New"), *many), before.slices)
    assert (titles(polled), polled.passed_over) == (["New"], MAX_ITEMS - 1)
    shorter = read(rss(*many[10:]), before.slices)
    assert titles(shorter) == [f"N{number}" for number in range(MAX_ITEMS, MAX_ITEMS + 5)]


def test_json_feeds_are_passed_over_by_item() -> None:
    def document(*items: dict[str, Any], **options: Any) -> bytes:
        return json.dumps({"version": "1.1", "title": "T", "items": items}, **options).encode()

    one, two = {"id": "1", "title": "One"}, {"id": "2", "title": "Two", "url": "https://x.example/2"}
    before = read(document(one, two))
    polled = read(document({"id": "3", "title": "Three"}, dict(reversed(two.items())), one, indent=4), before.slices)
    assert (titles(polled), polled.passed_over) == (["Three"], 2)
    assert read(document(two), before.slices).items == ()
    assert titles(read(document({**two, "title": "Two!"}), before.slices)) == ["Two!"]


# --- any two versions of a feed ---------------------------------------------------------------------------------------

_TRICKS = st.sampled_from(
    ["<item>", "</item>", "<item ", "</item><item>", "<![CDATA[", "]]>", "]]", "<!--", "-->", "--", "<?", "?>",
     "&", "&amp;", "&nbsp;", "&#0;", "<b>", "</b>", "<br/>", "'", '"', ">", "words", "é", " ", "\n",
     "xmlns='urn:x'", "<!DOCTYPE x>"]
)  # fmt: skip
_TRICKERY = st.lists(_TRICKS, max_size=5).map("".join)
_HOLDERS = st.sampled_from(
    ["<description><![CDATA[{}]]></description>", "<!--{}-->", "<description>{}</description>", "<?x {}?>",
     "<x y='{}'/>", "{}", "<x>", "</x>"]
)  # fmt: skip
_INSIDE = st.lists(st.tuples(_HOLDERS, _TRICKERY), max_size=3).map(
    lambda parts: "".join(holder.format(trick) for holder, trick in parts)
)
_NUMBERED = st.lists(_INSIDE, min_size=1, max_size=6).map(
    lambda insides: [item(f"T{number}", inside) for number, inside in enumerate(insides)]
)
_BETWEEN = st.sampled_from(["", "\n", "\n\t", " "]) | _TRICKERY


def same(before: bytes, after: bytes) -> None:
    """A poll finds of `after` what a full reading finds, without what is known from `before`."""
    known = b""
    with suppress(FeedError):
        known = read(before).slices
    try:
        whole = read(after)
    except FeedError:
        whole = None
    try:
        polled = read(after, known)
    except FeedError:
        assert whole is None
        return
    if whole is None:
        assert (polled.items, polled.passed_over > 0) == ((), True)
        return
    assert polled.slices == whole.slices
    names = list(Known(whole.slices))
    if not names or not polled.passed_over:
        assert polled == whole
        return
    assert polled.passed_over == sum(name in Known(known) for name in names)
    if not whole.dropped:  # every item has a title here, so items and names go together
        fresh = (each for each, name in zip(whole.items, names, strict=True) if name not in Known(known))
        assert polled.items == tuple(fresh)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(items=_NUMBERED, picks=st.tuples(*2 * [st.lists(st.integers(0, 5), min_size=1, max_size=6)]), between=_BETWEEN)
def test_any_two_versions(items: list[str], picks: tuple[list[int], list[int]], between: str) -> None:
    before, after = ([items[pick % len(items)] for pick in each] for each in picks)
    same(rss(*before, between=between), rss(*after, between=between))


@settings(max_examples=200, deadline=None)
@given(old=st.lists(st.integers(0, 9), min_size=1), new=st.lists(st.integers(0, 19), min_size=1))
def test_sound_items_are_read_when_they_are_new_and_only_then(old: list[int], new: list[int]) -> None:
    def written(number: int) -> str:
        return item(f"N{number}", f"<description><![CDATA[<p>{number} ]] <item></p>]]></description>")

    polled = read(rss(*map(written, new)), read(rss(*map(written, old))).slices)
    assert titles(polled) == [f"N{number}" for number in new if number not in old]


_SEEDS = [path.read_bytes() for path in sorted(FEEDS.glob("*.*")) if path.is_file()]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.sampled_from(_SEEDS),
    edits=st.lists(
        st.tuples(st.integers(0, 4000), st.integers(0, 60), _TRICKS.map(str.encode) | st.binary(max_size=4)), max_size=4
    ),
)
def test_damage_between_two_polls(seed: bytes, edits: list[tuple[int, int, bytes]]) -> None:
    body = seed
    for place, gone, put in edits:
        place %= len(body) + 1
        body = body[:place] + put + body[place + gone :]
    same(seed, body)
    same(body, seed)
