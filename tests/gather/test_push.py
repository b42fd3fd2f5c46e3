"""What callers of the inbound API may send, and what they are told about everything else."""

from __future__ import annotations

import json
import time
import unicodedata
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.gather.push import FIELDS, MAX_ITEMS, BadBody, Pushed, Refused, read_body, read_item, read_items
from digest.types import RawArticle

CRANE = {"id": "gull-1", "url": "https://gull.example/crane", "title": "A new crane"}


def raw(**told: Any) -> RawArticle:
    found = read_item({**CRANE, **told})
    assert isinstance(found, Pushed), found
    return found.raw


def refused(told: Any) -> Refused:
    found = read_item(told)
    assert isinstance(found, Refused), found
    return found


def test_every_field_arrives() -> None:
    told = raw(
        html='<p>It <b>lifts</b> 40 t.</p><img src="/pier.jpg" alt="The pier">',
        summary="Forty tonnes.",
        author="Ada Example",
        publisher="The Gull",
        language="en-GB",
        image={"url": "https://gull.example/crane.jpg", "alt": "The crane"},
        published_at="2026-03-02T09:30:00+01:00",
    )
    assert told == RawArticle(
        guid="gull-1",
        url="https://gull.example/crane",
        title="A new crane",
        text="It lifts 40 t.",
        summary="Forty tonnes.",
        author="Ada Example",
        publisher="The Gull",
        language="en",
        image_url="https://gull.example/crane.jpg",
        image_alt="The crane",
        published_at=datetime(2026, 3, 2, 8, 30, tzinfo=UTC),
    )


def test_a_title_is_enough_and_null_is_nothing() -> None:
    least = read_item({"title": "A new crane"})
    assert least == read_item({"title": "A new crane", "image": None, **dict.fromkeys(FIELDS.keys() - {"title"})})
    assert isinstance(least, Pushed)
    assert not least.named
    assert (least.raw.title, least.raw.url, least.raw.published_at) == ("A new crane", "", None)


def test_the_name_is_the_id_or_the_address_or_the_title() -> None:
    assert read_item(CRANE) == Pushed(raw(), named=True)
    by_address = read_item({**CRANE, "id": None})
    assert isinstance(by_address, Pushed)
    assert (by_address.raw.guid, by_address.named) == ("https://gull.example/crane", False)
    one, two = (read_item({"title": title}) for title in ("A new crane", "An old crane"))
    assert isinstance(one, Pushed)
    assert isinstance(two, Pushed)
    assert one.raw.guid != two.raw.guid
    long = read_item({"title": "x", "url": "https://gull.example/" + "a" * 1500})
    assert isinstance(long, Pushed)
    assert len(long.raw.guid) < 100


def test_texts_are_cleaned_like_those_of_feeds() -> None:
    told = raw(
        title="A \u202enew\u202c <b>crane</b> &amp; more\x00",
        html="<p onclick=x>One</p><script>alert(1)</script><p>Two\x00</p>",
        author="desk@gull.example (Ada)",
    )
    assert (told.title, told.text, told.author) == ("A new crane & more", "One\nTwo", "Ada")
    assert raw(text="One\n\nTwo <b>").text == "One\nTwo <b>"


def test_markup_is_kept_when_it_is_asked_for() -> None:
    item = {**CRANE, "html": '<p onclick="x()">One <a href="/two">two</a></p><script>x()</script>'}
    (kept,), (left,) = read_items([item], html=True), read_items([item])
    assert isinstance(kept, Pushed)
    assert isinstance(left, Pushed)
    assert left.raw.html == ""
    assert "https://gull.example/two" in kept.raw.html
    assert "onclick" not in kept.raw.html
    assert "script" not in kept.raw.html


def test_the_first_picture_of_the_markup_is_taken_when_none_is_named() -> None:
    html = '<img src="javascript:x()"><img src="/pier.jpg" alt="The pier"><img src="/other.jpg">'
    told = raw(html=html)
    assert (told.image_url, told.image_alt) == ("https://gull.example/pier.jpg", "The pier")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("title", None, "required"),
        ("title", "", "required"),
        ("title", "\u202e \u200b", "nothing"),
        ("title", 7, "a number"),
        ("title", ["x"], "a list"),
        ("title", {"x": 1}, "an object"),
        ("title", True, "true or false"),
        ("title", "x" * 1001, "1001 characters"),
        ("id", "", "at least one"),
        ("id", "a b", "no space"),
        ("id", "a\x00", "control"),
        ("id", "a\u202eb", "invisible"),
        ("id", "\ud800", "invisible"),
        ("id", "x" * 1001, "1001"),
        ("url", "javascript:alert(1)", "http"),
        ("url", "data:text/html,x", "http"),
        ("url", "/crane", "absolute"),
        ("url", "https://", "absolute"),
        ("url", "", "absolute"),
        ("url", "https://gull.example:99999/", "absolute"),
        ("text", "beside", "html"),
        ("html", "x" * 200_001, "200001"),
        ("language", "klingon", "language tag"),
        ("language", "", "language tag"),
        ("published_at", "2026-03-02", "RFC 3339"),
        ("published_at", "2026-03-02T09:30:00", "zone"),
        ("published_at", "Mon, 02 Mar 2026 09:30:00 GMT", "RFC 3339"),
        ("published_at", "2026-02-30T09:30:00Z", "RFC 3339"),
        ("published_at", "2026-03-02T24:00:00Z", "RFC 3339"),
        ("published_at", "1970-01-01T00:00:00Z", "1990"),
        ("published_at", "9999-12-31T23:59:59-10:00", "RFC 3339"),
        ("published_at", "٢٠٢٦-03-02T09:30:00Z", "RFC 3339"),
        ("image", "https://gull.example/x.jpg", "a string"),
        ("image.url", None, "required"),
        ("image.url", "javascript:alert(1)", "http"),
        ("image.alt", 1, "a number"),
        ("image.size", "1", "url, alt"),
        ("titel", "x", "there is id, url, title"),
    ],
)
def test_what_is_wrong_is_told_by_its_field(field: str, value: Any, message: str) -> None:
    told: dict[str, Any] = {**CRANE, "html": "<p>x</p>"}
    inside = field.partition(".")[2]
    if inside:
        told["image"] = {"url": "https://gull.example/x.jpg", inside: value}
    else:
        told[field] = value
    found = refused(told)
    assert found.field == field
    assert message in found.message


@pytest.mark.parametrize("told", [None, 1, "x", [], True])
def test_an_item_is_an_object(told: Any) -> None:
    assert refused(told).field == ""


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("2026-03-02T09:30:00Z", datetime(2026, 3, 2, 9, 30, tzinfo=UTC)),
        ("2026-03-02t09:30:00.123z", datetime(2026, 3, 2, 9, 30, tzinfo=UTC)),
        ("2026-03-02 09:30:60-05:30", datetime(2026, 3, 2, 15, 0, 59, tzinfo=UTC)),
    ],
)
def test_dates_of_rfc_3339(told: str, expected: datetime) -> None:
    assert raw(published_at=told).published_at == expected


def test_of_two_items_with_one_name_the_first_counts() -> None:
    by_address = {"url": "https://gull.example/crane", "title": "x"}
    other = {"id": "https://gull.example/crane", "title": "x"}
    read = read_items([CRANE, {**CRANE, "title": "Other"}, by_address, other, {"title": "t"}, {"title": "t"}, 1])
    assert [type(each).__name__ for each in read] == [
        *("Pushed", "Refused", "Pushed", "Refused", "Pushed", "Refused", "Refused"),
    ]
    fields = [(each.field, each.message) for each in read if isinstance(each, Refused)]
    assert [field for field, _ in fields] == ["id", "id", "title", ""]
    assert "item 0 " in fields[0][1]
    assert "item 2 " in fields[1][1]


def body(*items: Any) -> bytes:
    return json.dumps({"articles": items}).encode()


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"articles": [NaN]}', "not JSON"),
        (b'{"articles": [-Infinity]}', "not JSON"),
        (b"\xff\xfe{}", "UTF-8"),
        (b'\xef\xbb\xbf{"articles": [{"title": "x"}]}', "not JSON"),
        (b'{"articles": [{"title": "\xed\xa0\x80"}]}', "UTF-8"),
        (b"[" * 100_000, "too deeply"),
        (b'{"articles": [' + b'{"a":' * 100_000, "too deeply"),
        (b"[]", "object"),
        (b'"x"', "object"),
        (b"{}", "articles"),
        (b'{"articles": {}}', "articles"),
        (b'{"articles": [{"title": "x"}], "more": 1}', "nothing but"),
        (body(), "here are 0"),
        (body(*[{"title": "x"}] * (MAX_ITEMS + 1)), "here are 1001"),
    ],
)
def test_bodies_that_are_none(told: bytes, message: str) -> None:
    with pytest.raises(BadBody, match=message):
        read_body(told)


def test_numbers_cost_nothing_and_are_no_text() -> None:
    """Python reads an integer of n digits in time by the square of n, and refuses one of more than 4,300."""
    begun = time.thread_time()
    items = read_body(b'{"articles": [{"title": ' + b"9" * 4_000_000 + b'}, {"title": 1e999}]}')
    assert time.thread_time() - begun < 1
    assert [refused(each).message for each in items] == ["must be a string, not a number"] * 2


def test_a_thousand_items_are_read() -> None:
    read = read_items(read_body(body(*({"id": str(number), "title": "x"} for number in range(MAX_ITEMS)))))
    assert sum(isinstance(each, Pushed) for each in read) == MAX_ITEMS


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text() | st.sampled_from([*FIELDS, "image"]), inside),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from([*FIELDS, "image"]), anything | st.text()))
def test_no_item_breaks_it_and_what_it_lets_through_is_clean(told: dict[str, Any]) -> None:
    found = read_item(told)
    if isinstance(found, Refused):
        assert found.message
        return
    told_texts = [getattr(found.raw, name) for name in ("guid", "url", "title", "text", "summary", "author")]
    for each in told_texts:
        each.encode()
        assert "\0" not in each
        assert unicodedata.is_normalized("NFC", each)
    assert found.raw.url == "" or found.raw.url.startswith(("http://", "https://"))
