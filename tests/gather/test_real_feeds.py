"""Feeds of real publishers as captured: what a person finds in each, looked up by eye in the files.

All 999 articles were read by eye beside their files, every field.
Titles, links, names and dates were also held against what an XML parser alone shows of the files, texts against
feedparser's (test_feedparser.py), and every difference looked up. What looks odd and is right:

| file | what was found | why we read it so |
|---|---|---|
| atom-customfields | text and picture come from media:group | the entry has no others |
| craigslist | titles hold `&#x0024;` and `<sup>` within CDATA | a person sees "$4300" and "ft2" |
| craigslist | one article without a picture | it has no enclosure |
| craigslist | the channel's dc:creator is no author | it is a robot's address, and no item's |
| feedburner, many-links | links lead to feedproxy.google.com | rel=alternate says so; origLink is no standard |
| feedburner, many-links | the author is the blog's account, though the text is signed | atom:author says so |
| feedburner | `&lt;a href` in a text | its HTML shows an example of escaped markup |
| many-links | words without a blank between ("formand") | so does the file |
| many-links | code has lost its indentation in texts | lines are folded; the markup keeps it |
| many-links, guardian | mailto links are words only | markup is kept for pages and mails of others |
| feedburner, many-links | thumbnails of 72 by 72 were taken | mended: crops of the text's picture, or a face |
| giantbomb-podcast | `&amp;amp;` in nineteen texts became "&" | a description is HTML, escaped again as XML |
| giantbomb-podcast | "PST" in summer, by its pictures an hour late | RFC 822, 5.1: PST is -0800 |
| giantbomb-podcast | 137 texts of 255 bytes end anywhere | so does the file |
| giantbomb-podcast | no summary | itunes:summary and itunes:subtitle are the description |
| giantbomb-podcast | a picture for eight articles; titles of another day | so does the file |
| gulp-atom | links are relative, without xml:base | they belong to the feed's address (RFC 3986, 5.1.3) |
| gulp-atom | no pictures | the thumbnails are avatars of 30 by 30 |
| guardian | five articles without an author | their dc:creator is empty; media:credit names photographers |
| heise | the author is that of the feed | RFC 4287, 4.2.1 |
| heise | titles of pictures come from the content; no summary | the content repeats it, below its picture |
| heraldsun | no dates; the publisher is another site | RSS 0.92 had none; `source` names it |
| instant-article | the link is the guid | there is no link, and a guid is one unless it says otherwise |
| narro | no author | `author` is a bare address, which is nobody's name |
| narro | the summary repeats the title | itunes:subtitle; `refine` drops it |
| reddit-atom | "submitted byNAMEtoPLACE" | the file has no blanks there, and browsers show none |
| reddit-home | guids such as t3_42tizy | only their sameness counts (RFC 4287, 4.2.6.1) |
| uolNoticias | weekdays and months in Portuguese, no zone but -0300 | read as such |
| uolNoticias | Latin-1 that no declaration names | no valid UTF-8, so windows-1252 |
| uolNoticias | a text begins within a word; four have none | so does the file |
| missing-fields | refused | one entry with an id alone: nothing that a person could open or read |
| unrecognized | refused | the page of a server that has moved |
"""

from __future__ import annotations

from pathlib import Path

import pytest

from digest.errors import FeedError
from digest.gather.feed import parse_feed
from digest.types import Feed
from tests.gather import freeze_real_feeds as frozen

pytestmark = pytest.mark.shared

EXPECTED = {
    # file: items, feed title, language, first title, its date, its author, whether it has a picture
    "atom-customfields.atom": (15, "L2inc", "", "Buy Now, Bitches*", "2017-09-14T18:03:34", "L2inc", True),
    "content-encoded.rss": (
        7, "Food in Invironment on Medium", "", "THE CREATIVE FORAGER",
        "2018-04-09T18:55:38", "Jeremy Puma", True,
    ),
    "craigslist.rss": (
        25, "craigslist SF bay area | apts/housing for rent search", "en",
        "Bright, Spacious Beautiful Victorian (oakland north / temescal) $4300 3bd 1930ft2",
        "2017-06-21T17:33:10", "", True,
    ),
    "feedburner.atom": (
        25, "Google Ads Developer Blog", "", "AdWords and DFP Java client library will soon require Java 7+",
        "2016-06-03T14:38:00", "Google Ads Developer Advisor", False,
    ),
    "giantbomb-podcast.rss": (
        730, "Giant Bombcast", "en", "Giant Bombcast 603: Call of Tuesday",
        "2019-10-01T22:30:00", "Giant Bomb", True,
    ),
    "guardian.rss": (
        55, "The Guardian", "en", "Trump State of the Union address promised unity but emphasized discord",
        "2018-01-31T07:26:05", "David Smith in Washington", True,
    ),
    "gulp-atom.atom": (10, "Release notes from gulp", "en", "v3.9.0", "2015-06-01T21:49:41", "contra", False),
    "heise.atom": (
        15, "heise developer neueste Meldungen", "", "Java-Anwendungsserver: Red Hat gibt WildFly 10 frei",
        "2016-02-01T16:22:00", "heise online", True,
    ),
    "heraldsun.rss": (2, "RSS0.92 Example", "en", "The First Item", None, "", False),
    "instant-article.rss": (
        1, "Instant Article Test", "en", "My first Instant Article",
        "2016-05-04T06:53:45", "tobi", False,
    ),
    "many-links.rss": (
        25, "Google Testing Blog", "", "Code Health: Providing Context with Commit Messages and Bug Reports",
        "2017-09-11T21:01:00", "Google Testing Bloggers", False,
    ),
    "narro.rss": (1, "foobar on Narro", "en", "FAQ for Narro", "2015-02-20T09:51:15", "", True),
    "pagination-links.rss": (
        1, "New Show - With Episode Block", "en", "The First Episode",
        "2021-01-21T07:58:00", "Steve Thompson", True,
    ),
    "reddit-atom.rss": (
        24, "reddit: the front page of the internet", "", "The Difficulties in Space",
        "2016-01-23T15:40:37", "", True,
    ),
    "reddit-home.rss": (
        24, "reddit: the front page of the internet", "", "How the British as seen by Americans and Europeans",
        "2016-01-26T20:31:34", "/u/AngryRedditorsBelow", True,
    ),
    "reddit.rss": (
        24, "reddit: the front page of the internet", "", "The water is too deep, so he improvises",
        "2015-11-12T21:16:39", "", True,
    ),
    "uolNoticias.rss": (
        15, "UOL Noticias", "", "Ibope: Bolsonaro perde de Haddad, Ciro e Alckmin em simulações de 2º turno",
        "2018-09-24T22:42:40", "", True,
    ),
}  # fmt: skip
REFUSED = {
    "missing-fields.atom": "news.example: none of the feed's 1 items has a title or a link",
    "unrecognized.rss": "news.example: is a web page, not a feed",
}


def read(folder: Path, name: str) -> Feed:
    return parse_feed((folder / name).read_bytes(), url="https://news.example/feed")


@pytest.fixture
def real_feeds(shared: Path) -> Path:
    return shared / "real-feeds"


def test_every_file_is_expected(real_feeds: Path) -> None:
    found = {path.name for path in real_feeds.iterdir()} - {"INDEX.md"}
    assert found == set(EXPECTED) | set(REFUSED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_articles_of(real_feeds: Path, name: str) -> None:
    feed = read(real_feeds, name)
    count, title, language, first, published, author, picture = EXPECTED[name]
    item = feed.items[0]
    assert (len(feed.items), feed.title, feed.language, feed.dropped) == (count, title, language, 0)
    told = item.published_at.strftime("%Y-%m-%dT%H:%M:%S") if item.published_at else None
    assert (item.title, told, item.author, bool(item.image_url)) == (first, published, author, picture)
    assert all(item.url.startswith("http") and item.title and item.guid for item in feed.items)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_reasons_of(real_feeds: Path, name: str) -> None:
    with pytest.raises(FeedError) as caught:
        read(real_feeds, name)
    assert str(caught.value).startswith(REFUSED[name])


def test_details_found_by_eye(real_feeds: Path) -> None:
    guardian = read(real_feeds, "guardian.rss").items[0]
    assert "w=460" in guardian.image_url  # of 140 and 460 pixels, the wider
    assert guardian.text.startswith("The president’s ‘new American moment’ speech stirred Republican applause")
    assert guardian.text.count("\n") == 3
    assert read(real_feeds, "gulp-atom.atom").items[0].url == "https://news.example/gulpjs/gulp/releases/tag/v3.9.0"
    assert {item.publisher for item in read(real_feeds, "heraldsun.rss").items} == {"Another Site"}
    heise = read(real_feeds, "heise.atom").items[0]
    assert heise.image_alt == "WildFly 10"
    assert heise.url.startswith("http://www.heise.de/developer/meldung/Java-Anwendungsserver")
    assert all(item.published_at for item in read(real_feeds, "uolNoticias.rss").items)
    assert read(real_feeds, "instant-article.rss").items[0].text == "Lorem ipsum"
    assert read(real_feeds, "craigslist.rss").items[0].image_url.endswith("00l0l_fbVZikCjEKO_300x300.jpg")


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_the_text_is_the_same_beside_markup(real_feeds: Path, name: str) -> None:
    kept = parse_feed((real_feeds / name).read_bytes(), url="https://news.example/feed", html=True)
    assert [article.text for article in kept.items] == [article.text for article in read(real_feeds, name).items]


def test_every_field_of_every_article_is_as_it_was_reviewed() -> None:
    names = [file.name for file in frozen.files()]
    assert names == sorted(path.name.removesuffix(".txt") for path in frozen.EXPECTED.iterdir())
    found = [
        difference
        for file in frozen.files()
        for difference in frozen.differences(
            file.name,
            (frozen.EXPECTED / f"{file.name}.txt").read_text(encoding="utf-8").splitlines(),
            frozen.lines(file),
        )
    ]
    assert found == []


def test_a_difference_is_told_by_file_article_and_field() -> None:
    before = ["articles=1", " ".join(frozen.FIELDS), " ".join("-" for _ in frozen.FIELDS)]
    after = [*before[:2], " ".join(["-", "-", "-", frozen.told("x"), *["-"] * (len(frozen.FIELDS) - 4)])]
    (line,) = frozen.differences("a.rss", before, after)
    assert line.startswith("a.rss, article 0, title: - -> ")
    assert frozen.differences("a.rss", before, ["articles=2", *before[1:], before[2]]) != []
