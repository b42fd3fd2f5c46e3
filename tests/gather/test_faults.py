"""A corpus with a file for each fault: what a person could read is read, everything else gets a reason of one line.

Each document is read in another process that is given up when it hangs, and that hears every file and connection which
is opened. The files are our own; what would be too large to store is made in `tests.gather.hostile`.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from digest.types import Feed
from tests.gather import hostile
from tests.gather.guarded import Guarded, hang, look_up, open_a_file
from tests.gather.site import FEEDS

FAULTS = FEEDS / "faults"
BOTH = ("Crane back at work", "Ferry late")
CRANE = BOTH[:1]
CAFE = ("Café open",)
PAGE = "is a web page, not a feed"

EXPECTED: dict[str, tuple[str, ...] | str] = {
    # the titles of the articles, or the reason why there are none
    "answer-of-a-program.json": "is JSON but not a JSON Feed",
    "atom-base-that-is-none.atom": CRANE,
    "atom-xhtml-broken.atom": CRANE,
    "attribute-twice.xml": CRANE,
    "attributes-without-quotes.xml": BOTH,
    "bidi.xml": ("Photo gpj.exe of the crane", "\u200fשלום מהרציף"),  # a mark that is part of a language stays
    "billion-laughs.xml": ("Crane &l11; back",),
    "blank-lines-in-front.xml": BOTH,
    "blank.xml": "the answer is empty",
    "cdata-around-everything.xml": "the feed holds no items",
    "cdata-end-in-text.xml": ("How ]]> ends a section", "Ferry late"),
    "cdata-holds-items.xml": ("How a feed looks", "Ferry late"),
    "cdata-nested.xml": ("Crane <![CDATA[two back]]>", "Ferry late"),
    "cdata-unclosed.xml": CRANE,
    "clock-nonsense.xml": tuple(f"Item {n}" for n in range(1, 19)),
    "comment-holds-items.xml": BOTH,
    "comment-unclosed.xml": CRANE,
    "control-characters.xml": ("Crane back[31m at work", "Ferry late"),
    "empty.xml": "the answer is empty",
    "entities-unknown.xml": ("Café & bar … &nosuch; &",),
    "external-doctype.xml": CAFE,
    "external-entity.xml": ("Crane &f; back",),
    "gzip.xml": "the answer is binary data",
    "invisible-characters.xml": ("Crane back",),
    "items-in-items.xml": BOTH,
    "items-that-say-nothing.xml": "none of the feed's 3 items has a title or a link",
    "json-escapes.json": CRANE,
    "json-keys-twice.json": CRANE,
    "json-line-breaks.json": ("Crane back at work",),
    "json-not-a-number.json": CRANE,
    "json-of-wrong-types.json": ("Ferry late",),
    "json-under-an-xml-name.xml": CRANE,
    "links-that-are-none.xml": tuple(f"Link {n}" for n in range(1, 13)),
    "mark-in-the-middle.xml": CRANE,
    "markup-that-bites.xml": ("<script>alert(1)</script>Crane <img src=x onerror=alert(1)> back",),  # text, not markup
    "mixed-encodings.xml": ("Café open", "Grüße from “the quay”"),
    "no-items.xml": "the feed holds no items",
    "null-bytes-behind.xml": BOTH,
    "null-bytes.xml": BOTH,
    "only-null-bytes.xml": "the answer is empty",
    "page-that-holds-a-feed.xml": PAGE,
    "page-under-an-xml-name.xml": PAGE,
    "parameter-entity.xml": ("Crane &x; back",),
    "picture.xml": "the answer is binary data",
    "prefixes-undeclared.xml": CRANE,
    "quadratic-blowup.xml": ("Crane back",),
    "rdf-without-channel.rdf": CRANE,
    "same-guid-twice.xml": ("Crane back at work", "Ferry late", "Crane back at work"),
    "says-an-encoding-nobody-knows.xml": CAFE,
    "says-koi8-is-windows-1251.xml": ("Паром опоздал",),
    "says-latin-1-is-utf-8.xml": ("Café — “open”",),
    "says-utf-8-is-windows-1252.xml": ("Café — “open”",),
    "stylesheet-and-xinclude.xml": CRANE,
    "tags-crossed.xml": BOTH,
    "tags-in-wrong-case.xml": BOTH,
    "tags-unclosed.xml": BOTH,
    "text-behind.xml": BOTH,
    "truncated-in-a-character.xml": ("Crane back at work", "Caf"),
    "truncated-in-a-tag.xml": BOTH,
    "truncated-in-a-word.xml": BOTH,
    "truncated-in-an-entity.xml": ("Crane back at work", "Ferry & crane"),
    "truncated-in-cdata.xml": BOTH,
    "truncated-in-the-head.xml": "the feed holds no items",
    "truncated.json": "begins like JSON but cannot be read",
    "two-declarations.xml": BOTH,
    "two-marks.xml": BOTH,
    "two-roots.xml": BOTH,
    "utf-16-with-an-odd-byte.xml": CAFE,
    "utf-16-without-a-mark.xml": CAFE,
    "utf-7.xml": ("+ADw-script+AD4-",),
    "warning-in-between.xml": BOTH,
    "warning-in-front.xml": BOTH,
    "xml-under-a-json-name.json": BOTH,
}
DATES = {
    "Item 6": datetime(
        2126, 3, 2, 9, tzinfo=UTC
    ),  # in the future: as told; deciding what is news is another's business
    "Item 7": datetime(2026, 3, 2, 9, tzinfo=UTC),  # a year of minus 2026
    "Item 10": datetime(2026, 3, 2, 9, 0, 59, tzinfo=UTC),  # a leap second
    "Item 11": datetime(2026, 3, 3, tzinfo=UTC),  # 24:00
    "Item 12": datetime(2026, 3, 2, 9, tzinfo=UTC),  # a shift of 99 hours is no zone
    "Item 15": datetime(2026, 3, 2, 9, tzinfo=UTC),  # which was no Wednesday
    "Item 16": datetime(2026, 3, 1, 19, tzinfo=UTC),
}
"""Of clock-nonsense.xml; all others are None (year 0 and 9999, 1970, 25:61, February 30, seconds since 1970, "now",
a day that may be a month)."""
LINKS = {
    "Link 4": "https://evil.example/x",
    "Link 7": "https://quay.example/a%20b",
    "Link 8": "https://quay.example/%22%3E%3Cb%3E",
    "Link 9": "http://user:pw@quay.example/",
    "Link 11": "https://quay.example/nohost",
    "Link 12": "https://quay.example/relative",
}


@pytest.fixture(scope="module")
def guarded() -> Iterator[Guarded]:
    other = Guarded()
    other.call(hostile.warm)
    yield other
    other.close()


def read(guarded: Guarded, name: str, content_type: str = "", *, html: bool = True) -> Feed | str:
    """The feed, or why it is none."""
    outcome = guarded.call(hostile.read_file, (FAULTS / name).read_bytes(), content_type, html)
    assert outcome.opened == ()
    assert (outcome.value is None) == bool(outcome.refused)
    return outcome.refused or outcome.value


def test_every_file_is_expected() -> None:
    assert {path.name for path in FAULTS.iterdir()} == set(EXPECTED)


@pytest.mark.parametrize("content_type", ["", "text/html; charset=utf-8", "application/json"])
@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_faults(guarded: Guarded, name: str, content_type: str) -> None:
    """Whatever the server calls it: feeds come under every type."""
    expected = EXPECTED[name]
    found = read(guarded, name, content_type)
    if isinstance(expected, str):
        assert isinstance(found, str)
        assert found.startswith("feeds.example: ")
        assert expected in found
        return
    assert isinstance(found, Feed), found
    assert tuple(item.title for item in found.items) == expected
    assert read(guarded, name, content_type, html=False) == _without_markup(found)


def _without_markup(feed: Feed) -> Feed:
    return replace(feed, items=tuple(replace(item, html="") for item in feed.items))


def test_what_is_read_of_them(guarded: Guarded) -> None:
    """Fields besides the title, where the fault lies in them."""

    def items(name: str) -> dict[str, tuple[str, str, str]]:
        found = read(guarded, name)
        assert isinstance(found, Feed)
        return {item.title: (item.url, item.text, item.author) for item in found.items}

    clock = read(guarded, "clock-nonsense.xml")
    assert isinstance(clock, Feed)
    assert {item.title: item.published_at for item in clock.items if item.published_at} == DATES
    assert {title: found[0] for title, found in items("links-that-are-none.xml").items() if found[0]} == LINKS
    assert items("tags-unclosed.xml")["Crane back at work"] == ("https://quay.example/1", "It lifts again.", "")
    assert items("warning-in-between.xml")["Ferry late"] == ("https://quay.example/2", "", "")
    assert items("truncated-in-a-word.xml")["Ferry late"][1] == "Nin"
    assert items("prefixes-undeclared.xml")["Crane back at work"][1:] == ("It lifts again.", "Ines Okafor")
    assert items("cdata-end-in-text.xml")["How ]]> ends a section"][1] == "a ]]> b"
    assert items("control-characters.xml")["Crane back[31m at work"][1] == "It lifts again."
    assert items("billion-laughs.xml")["Crane &l11; back"][1] == "&l11;"
    assert items("external-entity.xml")["Crane &f; back"][1] == "&h;"
    assert items("atom-base-that-is-none.atom")["Crane back at work"][0] == "https://feeds.example/news/1.html"
    assert items("json-of-wrong-types.json")["Ferry late"][2] == "Ines Okafor"
    bites = read(guarded, "markup-that-bites.xml")
    assert isinstance(bites, Feed)
    assert bites.items[0].html == '<p>It lifts.</p>more<img src="https://quay.example/c.jpg">'


def test_a_guid_that_is_used_twice_is_still_told(guarded: Guarded) -> None:
    """Which of them counts is decided where the store is known (`decide`)."""
    found = read(guarded, "same-guid-twice.xml")
    assert isinstance(found, Feed)
    assert [item.guid for item in found.items] == ["same"] * 3


@pytest.mark.parametrize("name", hostile.DOCUMENTS)
@pytest.mark.parametrize("function", [hostile.read, hostile.read_kept, hostile.read_as_page])
def test_documents_beyond_all_measure_are_read_or_refused(guarded: Guarded, function: object, name: str) -> None:
    assert callable(function)
    outcome = guarded.call(function, name)
    assert outcome.opened == ()
    if outcome.refused:
        assert name in REFUSED or function is hostile.read_as_page
        return
    assert outcome.value.items == ITEMS.get(name, 1)
    assert outcome.value.first.startswith(("Item", "é"))


ITEMS = {
    "100,000 items": 2_000,  # MAX_ITEMS
    "100,000 items of JSON": 2_000,
    "20,000 items in each other": 253,  # as deep as libxml2 goes
    **dict.fromkeys(
        ("50 MB in an item", "50 MB of markup in an item", "50 MB in a title", "deep markup", "a long date",
         "100,000 authors", "100,000 enclosures"), 2,
    ),
}  # fmt: skip
REFUSED = {
    *("deep JSON", "deep JSON that is whole", "a number of a million digits"),
    *("a million ampersands", "100,000 document types"),
}


def test_the_guard_hears_what_is_opened_and_ends_what_hangs(
    guarded: Guarded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "read me"
    file.write_text("x", encoding="utf-8")
    assert guarded.call(open_a_file, str(file)).opened == (f"open {file}",)
    with socket.create_server(("127.0.0.1", 0)) as server:
        heard = guarded.call(look_up, server.getsockname()[1]).opened
    assert any(each.startswith("socket.connect") for each in heard)
    monkeypatch.setattr("tests.gather.guarded.PATIENCE", 0.5)
    with pytest.raises(TimeoutError, match="hang did not end"):
        guarded.call(hang)
