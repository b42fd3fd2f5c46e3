"""What a gather decides, and what becomes news."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from digest.gather.decide import FLOOD, by_title, content_hash, decide, may_be_flood
from digest.gather.identity import url_key
from digest.types import Known, KnownArticle, RawArticle

NOW = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def item(guid: str, published_at: datetime | None = None, title: str = "t") -> RawArticle:
    return RawArticle(guid=guid, url=f"https://x.example/{guid}", title=title, published_at=published_at)


def known_as(number: int, raw: RawArticle) -> KnownArticle:
    return KnownArticle(number, raw.guid, content_hash(raw), raw.title, url_key(raw.url), raw.published_at)


def knowing(*raws: RawArticle) -> Known:
    articles = [known_as(number, raw) for number, raw in enumerate(raws, 1)]
    return Known({each.guid: each for each in articles}, {each.url_key: each for each in articles if each.url_key})


def news_of(published_at: datetime | None, *, first: bool) -> datetime | None:
    intents = decide(Known(), [item("a", published_at)], now=NOW, first_gather=first)
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
        (new,) = decide(Known(), [item("a", NOW + 25 * HOUR)], now=NOW, first_gather=first).new
        assert new.raw.published_at is None
        assert new.news_at == expected


def test_known_items_are_unchanged_or_changed() -> None:
    same, other = item("same"), item("other", title="new title")
    known = knowing(same, item("other"))
    intents = decide(known, [same, other, item("third")], now=NOW, first_gather=False)
    assert intents.unchanged == 1
    assert [(change.id, change.raw.title, change.retitled) for change in intents.changed] == [(2, "new title", True)]
    assert [new.raw.guid for new in intents.new] == ["third"]


def test_of_equal_guids_the_first_counts() -> None:
    intents = decide(Known(), [item("a", title="one"), item("a", title="two")], now=NOW, first_gather=True)
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
        told = decide(Known(), [item("a", published_at)], now=NOW, first_gather=False, last_gather=last_gather)
        return told.new[0].news_at

    assert back(NOW - 60 * HOUR, NOW - 70 * HOUR) == NOW
    assert back(NOW - 60 * HOUR, NOW - 50 * HOUR) == NOW - 60 * HOUR, "it was there before and is only put up again"
    assert back(NOW - 400 * HOUR, NOW - 500 * HOUR) == NOW - 400 * HOUR, "half a month is no news any more"


# --- who is who -------------------------------------------------------------------------------------------------------


def test_a_new_guid_at_a_known_address_is_no_new_article() -> None:
    old = item("old")
    again = replace(old, guid="new", url=old.url + "?utm_source=feed")
    intents = decide(knowing(old), [again], now=NOW, first_gather=False)
    assert (intents.new, [change.id for change in intents.changed]) == ((), [1])
    assert not intents.changed[0].retitled
    assert decide(knowing(old), [replace(old, guid="x")], now=NOW, first_gather=False).unchanged == 1


def test_items_that_share_a_guid_are_told_apart_by_their_addresses() -> None:
    site = [replace(item(f"{number}", title=f"t{number}"), guid="https://x.example/") for number in range(3)]
    intents = decide(Known(), site, now=NOW, first_gather=False)
    assert [new.raw.title for new in intents.new] == ["t0", "t1", "t2"]
    assert len({new.raw.guid for new in intents.new}) == 3
    nameless = [replace(each, url="") for each in site]
    assert len(decide(Known(), nameless, now=NOW, first_gather=False).new) == 3


def test_a_guid_given_to_another_article_names_a_new_one() -> None:
    old = item("1", NOW - 72 * HOUR, title="Yesterday's ferry")
    other = replace(old, url="https://x.example/else", title="Today's storm", published_at=NOW)
    (new,) = decide(knowing(old), [other], now=NOW, first_gather=False).new
    assert new.raw.guid == "url:https://x.example/else"
    seen = decide(knowing(old, new.raw), [other], now=NOW, first_gather=False)
    assert (seen.new, seen.unchanged) == ((), 1)


def test_an_edit_of_headline_and_address_is_an_edit() -> None:
    old = item("1", NOW - 2 * HOUR, title="Ferry late")
    edited = replace(old, url="https://x.example/ferry-sunk", title="Ferry sunk")
    intents = decide(knowing(old), [edited], now=NOW, first_gather=False)
    assert (intents.new, [change.retitled for change in intents.changed]) == ((), [True])


def test_refining_reaches_what_is_new_or_changed_and_the_hash_is_of_what_was_told() -> None:
    same, other = item("same"), item("other")
    seen: list[str] = []

    def refine(raw: RawArticle) -> RawArticle:
        seen.append(raw.guid)
        return replace(raw, title=raw.title.upper(), text="two words")

    known = knowing(same, replace(other, title="before"))
    intents = decide(known, [same, other, item("third")], now=NOW, first_gather=False, refine=refine)
    assert sorted(seen) == ["other", "third"]
    (new,) = intents.new
    assert (new.raw.title, new.words, new.url_key) == ("T", 2, url_key(new.raw.url))
    assert new.content_hash == content_hash(item("third"))


# --- floods -----------------------------------------------------------------------------------------------------------


def archive(count: int, at: datetime | None = None) -> list[RawArticle]:
    """Articles of a paper that puts one out every day, as its new system names them."""
    return [
        replace(
            item(f"cms-{number}", at or NOW - number * 24 * HOUR, title=f"Headline {number}"),
            url=f"https://x.example/archive/{number}",
        )
        for number in range(count)
    ]


def of_old_system(count: int) -> Known:
    raws = [replace(each, guid=f"old-{n}", url=f"https://x.example/?p={n}") for n, each in enumerate(archive(count))]
    known = knowing(*raws)
    return replace(known, by_title=by_title(known.by_guid.values()))


def test_a_migrated_archive_is_recognised_by_its_headlines() -> None:
    known = of_old_system(30)
    intents = decide(known, archive(200), now=NOW, first_gather=False, last_gather=NOW - HOUR)
    assert len(intents.changed) == 30
    assert all(change.renamed and not change.retitled for change in intents.changed)
    assert [change.raw.guid for change in intents.changed[:2]] == ["cms-0", "cms-1"]
    assert len(intents.new) == 170
    assert all(new.news_at and new.news_at < NOW - 24 * HOUR for new in intents.new)
    assert intents.republished == 200


def test_an_import_that_dates_everything_alike_is_backlog() -> None:
    told = archive(200, NOW - timedelta(minutes=10))
    intents = decide(of_old_system(30), told, now=NOW, first_gather=False, last_gather=NOW - HOUR)
    assert {new.news_at for new in intents.new} == {None}
    assert (len(intents.new), len(intents.changed)) == (170, 30)


def test_two_hundred_preprints_of_one_midnight_are_news() -> None:
    known = replace(knowing(item("old")), by_title=by_title([known_as(1, item("old"))]))
    intents = decide(known, archive(200, NOW - HOUR), now=NOW, first_gather=False, last_gather=NOW - 24 * HOUR)
    assert {new.news_at for new in intents.new} == {NOW}
    assert intents.republished == 0


def test_what_was_published_in_a_long_absence_is_news_even_when_it_is_much() -> None:
    told = archive(40)
    intents = decide(of_old_system(0), told, now=NOW, first_gather=False, last_gather=NOW - 10 * 24 * HOUR)
    assert sum(new.news_at == NOW for new in intents.new) == 11
    assert all(new.news_at for new in intents.new)


def test_what_may_be_a_flood() -> None:
    many = archive(FLOOD)
    assert may_be_flood(many, Known())
    assert not may_be_flood(many[1:], Known())
    assert not may_be_flood(many, Known(), passed_over=FLOOD)
    assert not may_be_flood(many, knowing(*many))


def test_headlines_of_several_articles_name_none() -> None:
    one, two = known_as(1, item("a", title="Live blog")), known_as(2, item("b", title="live  BLOG"))
    assert by_title([one, two, known_as(3, item("c", title="Once"))]).keys() == {"once"}


def test_a_front_page_without_dates_that_turns_over_is_news() -> None:
    told = [replace(each, published_at=None) for each in archive(25)]
    known = replace(knowing(item("old")), by_title=by_title([known_as(1, item("old"))]))
    intents = decide(known, told, now=NOW, first_gather=False, last_gather=NOW - HOUR)
    assert [new.news_at for new in intents.new] == [NOW] * 25


def test_episodes_that_link_to_their_show_are_articles_of_their_own() -> None:
    def episode(number: int, at: datetime | None) -> RawArticle:
        return RawArticle(f"ep{number}", "https://show.example/", f"Episode {number}", published_at=at)

    for at in (None, NOW):
        known = knowing(replace(episode(1, at), published_at=at and NOW - 24 * HOUR))
        intents = decide(known, [episode(3, at), episode(2, at)], now=NOW, first_gather=False)
        assert [new.raw.title for new in intents.new] == ["Episode 3", "Episode 2"]
        assert intents.changed == ()


def test_two_items_are_never_one_article() -> None:
    old = item("old")
    told = [replace(old, guid="a"), replace(old, guid="b")]
    intents = decide(knowing(old), told, now=NOW, first_gather=False)
    assert (intents.unchanged, [new.raw.guid for new in intents.new]) == (1, ["b"])
    both = decide(knowing(old), [replace(old, guid="a"), old], now=NOW, first_gather=False)
    assert (both.unchanged, [new.raw.guid for new in both.new]) == (1, ["a"])
