"""What a gather decides, and what becomes news."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from digest.gather.decide import content_hash, decide
from digest.types import KnownArticle, RawArticle

NOW = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def item(guid: str, published_at: datetime | None = None, title: str = "t") -> RawArticle:
    return RawArticle(guid=guid, url=f"https://x.example/{guid}", title=title, published_at=published_at)


def news_of(published_at: datetime | None, *, first: bool) -> datetime | None:
    intents = decide({}, [item("a", published_at)], now=NOW, first_gather=first)
    return intents.new[0].news_at


def test_a_new_source_brings_backlog() -> None:
    assert news_of(None, first=True) is None
    assert news_of(NOW - 100 * HOUR, first=True) == NOW - 100 * HOUR
    assert news_of(NOW - HOUR, first=True) == NOW - HOUR
    assert news_of(NOW + HOUR, first=True) == NOW


def test_later_what_is_undated_or_fresh_is_news_now() -> None:
    assert news_of(None, first=False) == NOW
    assert news_of(NOW - 48 * HOUR, first=False) == NOW
    assert news_of(NOW + 23 * HOUR, first=False) == NOW


def test_an_old_item_put_up_again_is_not_news() -> None:
    old = NOW - 48 * HOUR - timedelta(seconds=1)
    assert news_of(old, first=False) == old


def test_a_date_far_ahead_is_no_date() -> None:
    for first, expected in ((True, None), (False, NOW)):
        (new,) = decide({}, [item("a", NOW + 25 * HOUR)], now=NOW, first_gather=first).new
        assert new.raw.published_at is None
        assert new.news_at == expected


def test_known_items_are_unchanged_or_changed() -> None:
    same, other = item("same"), item("other", title="new title")
    known = {
        "same": KnownArticle(1, "same", content_hash(same)),
        "other": KnownArticle(2, "other", content_hash(item("other"))),
    }
    intents = decide(known, [same, other, item("third")], now=NOW, first_gather=False)
    assert intents.unchanged == 1
    assert [(change.id, change.raw.title) for change in intents.changed] == [(2, "new title")]
    assert [new.raw.guid for new in intents.new] == ["third"]


def test_of_equal_guids_the_first_counts() -> None:
    intents = decide({}, [item("a", title="one"), item("a", title="two")], now=NOW, first_gather=True)
    assert [new.raw.title for new in intents.new] == ["one"]


def test_only_what_readers_see_is_a_change() -> None:
    base = RawArticle(guid="g", url="u", title="t", text="x", image_url="i")
    assert len(content_hash(base)) == 32
    for field in ("url", "title", "text", "image_url"):
        assert content_hash(replace(base, **{field: "other"})) != content_hash(base), field  # type: ignore[arg-type]
    assert content_hash(replace(base, author="A", publisher="P", published_at=NOW)) == content_hash(base)
    assert content_hash(replace(base, title="tx", text="")) != content_hash(base)


def test_what_appeared_while_a_source_was_out_of_reach_is_news_when_it_is_back() -> None:
    def back(published_at: datetime, last_gather: datetime) -> datetime | None:
        told = decide({}, [item("a", published_at)], now=NOW, first_gather=False, last_gather=last_gather)
        return told.new[0].news_at

    assert back(NOW - 60 * HOUR, NOW - 70 * HOUR) == NOW
    assert back(NOW - 60 * HOUR, NOW - 50 * HOUR) == NOW - 60 * HOUR, "it was there before and is only put up again"
    assert back(NOW - 400 * HOUR, NOW - 500 * HOUR) == NOW - 400 * HOUR, "half a month is no news any more"
