"""Reading feeds: every format from files, and what real feeds do beyond their specifications."""

from __future__ import annotations

import time
import unicodedata
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.errors import FeedError
from digest.gather.feed import is_page, parse_feed
from digest.types import Feed, RawArticle
from tests.gather.site import FEEDS

URL = "https://feeds.example/news/feed.xml"


def read(name: str) -> Feed:
    return parse_feed((FEEDS / name).read_bytes(), url=URL)


def rss(item: str, head: str = "") -> RawArticle:
    namespaces = 'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/"'
    text = f"<rss version='2.0' {namespaces}><channel>{head}<item>{item}</item></channel></rss>"
    return parse_feed(text.encode(), url=URL).items[0]


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def reason(body: bytes, content_type: str = "") -> str:
    with pytest.raises(FeedError) as caught:
        parse_feed(body, content_type=content_type, url=URL)
    told = str(caught.value)
    assert told.startswith("feeds.example: ")
    assert "\n" not in told
    return told


def test_rss_2() -> None:
    feed = read("rss2.xml")
    assert (feed.title, feed.language, feed.site_url) == (
        "The Harbour Lantern & Tide",
        "en",
        "https://lantern.example/",
    )
    assert (len(feed.items), feed.dropped) == (3, 1)
    ferry, notice, trap = feed.items
    assert ferry == RawArticle(
        guid="lantern-1",
        url="https://lantern.example/2026/ferry?a=1&b=2",
        title="Ferry Petrel returns – how the <video> element helped",
        text="The ferry came home.\nSecond\nline",
        author="Ines Okafor",
        publisher="The Harbour Lantern & Tide",
        language="en",
        image_url="https://lantern.example/img/ferry.jpg",
        image_alt="The ferry & its crew",
        published_at=at(2026, 3, 2, 12, 5),
        summary="Short version.",
    )
    assert notice.title == "A notice without any headline, whose first words have to do instead of one, as far as…"
    assert (notice.image_url, notice.image_alt) == ("https://lantern.example/wide.jpg", "Nets")
    assert (notice.publisher, notice.guid) == ("The Gull", "https://lantern.example/untitled")
    assert (trap.title, trap.author) == ("A script link and a bidi trap gpj.exe", "The desk")
    assert (trap.url, trap.published_at) == ("https://lantern.example/chart.png", None)
    assert trap.image_url == "https://lantern.example/chart.png"


def test_rss_1_with_another_prefix() -> None:
    feed = read("rss1.rdf")
    assert (feed.title, feed.language) == ("Bergbote", "de")
    (item,) = feed.items
    assert (item.guid, item.author, item.published_at) == (
        "https://berg.example/1",
        "Maria Huber",
        at(2026, 3, 2, 7, 30),
    )


def test_atom() -> None:
    feed = read("atom.xml")
    assert (feed.title, feed.language, feed.site_url) == ("Le & Rivage", "fr", "https://rivage.example/")
    first, second = feed.items
    assert (first.guid, first.url) == ("urn:rivage:1", "https://rivage.example/blog/1.html")
    assert first.text == "L’eau monte.\nEncore."
    assert (first.image_url, first.image_alt) == ("https://rivage.example/blog/images/eau.jpg", "L’eau")
    assert (first.author, first.published_at) == ("La rédaction", at(2026, 3, 1, 21, 59, 59))
    assert (second.title, second.url, second.language) == ("a < b", "https://rivage.example/blog/2", "br")
    assert (second.author, second.publisher, second.text) == ("Yann", "Ouest", "Berr")
    assert second.published_at == at(2026, 3, 1)


def test_atom_03() -> None:
    (item,) = read("atom03.xml").items
    assert (item.title, item.url, item.text) == ("From before", "http://old.example/1", "Body")
    assert item.published_at == at(2004, 5, 6, 7, 8, 9)


def test_json_feed() -> None:
    feed = read("feed.json")
    assert (feed.title, feed.language, feed.site_url, feed.dropped) == (
        "Signal Box",
        "en",
        "https://signal.example/",
        1,
    )
    first, second = feed.items
    assert (first.guid, first.url, first.text) == ("7", "https://feeds.example/7", "One\nTwo")
    assert (first.author, first.image_url) == ("The crew", "https://feeds.example/7.jpg")
    assert first.published_at == at(2026, 3, 2, 10)
    assert (second.title, second.text) == ("Plain & simple", "Plain & simple\nnext")
    assert (second.author, second.language, second.url) == ("Kim Lo", "nl", "https://elsewhere.example/8")


def test_a_broken_document_is_read_as_far_as_it_goes() -> None:
    feed = read("broken.xml")
    assert (feed.title, feed.site_url) == ("Café & Bar", "https://cafe.example/?x=1&y=2")
    first, second = feed.items
    assert first.title == "Fish & chips … &b;"  # the entity was never defined: no expansion, whatever the document says
    assert (first.url, first.author, first.text) == ("https://cafe.example/1?x=1&y=2", "Jo", "It’s open")
    assert first.published_at == at(2026, 3, 2, 13)
    assert (second.title, second.text) == ("Cut off", "The document ends in the mid")


def test_a_wrong_declaration_of_the_encoding_does_not_matter() -> None:
    feed = read("mislabelled.xml")
    assert feed.title == "Voilà “quoted”"
    assert feed.items[0].title == "Grüße été"


@pytest.mark.parametrize(
    ("declared", "actual", "content_type"),
    [
        ("utf-8", "utf-8-sig", ""), ("utf-16", "utf-16", ""), ("", "utf-16-le", ""), ("", "utf-16-be", ""),
        ("utf-32", "utf-32", ""), ("iso-8859-1", "utf-8", ""), ("utf-8", "cp1252", "text/xml; charset=utf-8"),
        ("", "utf-8", "text/xml; charset=iso-8859-1"), ("", "koi8-r", "text/xml; charset=koi8-r"),
        ("windows-1251", "windows-1251", "text/xml"), ("shift_jis", "shift_jis", ""),
        ("iso-2022-jp", "iso-2022-jp", ""),
        ("utf-16", "utf-8", ""), ("rot13", "utf-8", ""), ("no-such-thing", "utf-8", "x; charset=zip"),
    ],
)  # fmt: skip
def test_encodings(declared: str, actual: str, content_type: str) -> None:
    title = {"koi8-r": "Новости", "windows-1251": "Новости", "shift_jis": "新聞", "iso-2022-jp": "新聞"}.get(
        actual, "Café Öl"
    )
    declaration = f'<?xml version="1.0" encoding="{declared}"?>' if declared else '<?xml version="1.0"?>'
    text = f"{declaration}<rss><channel><title>{title}</title><item><title>{title}</title></item></channel></rss>"
    feed = parse_feed(text.encode(actual), content_type=content_type, url=URL)
    assert (feed.title, feed.items[0].title) == (title, title)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "the answer is empty"),
        (b" \n\r\n", "the answer is empty"),
        (b"<!DOCTYPE html><html><body>hi</body></html>", "is a web page, not a feed; `digest sources add`"),
        (
            b"<?xml version='1.0'?><!DOCTYPE html PUBLIC 'x' 'y'><html xmlns='http://www.w3.org/1999/xhtml'/>",
            "is a web page",
        ),
        (b"<head><title>Moved</title></head><body>x</body>", "is a web page"),
        (b"just words", "plain text"),
        (b"a < b", "neither XML nor JSON"),
        (b"<opml version='2.0'><body/></opml>", "a list of feeds (OPML)"),
        (b"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'/>", "a sitemap"),
        (b"<note><to>you</to></note>", "its root is <note>"),
        (b"<rss version='2.0'><channel><title>x</title></channel></rss>", "the feed holds no items"),
        (b"<rss><channel><item><pubDate>x</pubDate></item></channel></rss>", "none of the feed's 1 items"),
        (b'{"items": []}', "the feed holds no items"),
        (b'{"error": 1}', "not a JSON Feed"),
        (b"[1, 2]", "not a JSON Feed"),
        (b'{"items": [', "cannot be read"),
        (b'{"items": ' + b"[" * 100_000, "JSON"),
        (b"\x1f\x8b\x08\x00abc", "binary data"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "binary data"),
        (b"%PDF-1.7", "binary data"),
    ],
)
def test_what_is_no_feed_says_what_it_is(body: bytes, told: str) -> None:
    assert told in reason(body)


def test_pages_are_told_from_feeds() -> None:
    assert is_page(b"\n<!-- hi --><!doctype HTML><p>")
    assert is_page("<html>".encode("utf-16"))
    assert is_page(b"<?xml version='1.0'?>\n<!DOCTYPE html PUBLIC 'x' 'y'><html/>")
    assert not is_page((FEEDS / "rss2.xml").read_bytes())
    assert not is_page(b"{}")


def test_entities_cannot_read_files_or_grow() -> None:
    bomb = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    document = f"""<?xml version="1.0"?>
        <!DOCTYPE rss [<!ENTITY l0 "lol"><!ENTITY f SYSTEM "file:///etc/hostname">{bomb}]>
        <rss><channel><item><title>a &l11; &f; b</title><link href="&l11;">https://x.example/&l11;</link></item>
        </channel></rss>"""
    (item,) = parse_feed(document.encode(), url=URL).items
    assert item.title == "a &l11; &f; b"


def test_deep_and_hostile_markup_is_survived() -> None:
    deep = "<div>" * 5_000 + "bottom" + "</div>" * 5_000
    assert len(rss(f"<title>t</title><description><![CDATA[top {deep}]]></description>").text) >= 3
    nested = "<a>" * 5_000
    told = f"<rss><channel><item><title>before</title></item><item>{nested}</item></channel></rss>"
    assert parse_feed(told.encode(), url=URL).items[0].title == "before"
    many = "<b>" * 3_000 + "x" + "</b>" * 3_000
    assert rss(f"<title><![CDATA[{many}]]></title>").title.startswith("<b>")


def test_no_pattern_can_be_made_to_crawl() -> None:
    """A backtracking pattern has minutes of work with each of these."""
    started = time.thread_time()
    for body in (
        b"<!-- a -->" * 400 + b"<x>",
        b"<!DOCTYPE x [" * 5_000 + b"<x>",
        b"<?xml " * 5_000,
        b"<rss><channel><item><title>" + b"&lt;b " * 50_000 + b"</title></item></channel></rss>",
        b"<rss><channel><item><title>t</title><author>" + b"a@" * 50_000 + b"</author></item></channel></rss>",
        b"<rss><channel><item><title>t</title><description>"
        + b"\n \n" * 100_000
        + b"</description></item></channel></rss>",
        b"<rss><channel><item><title>t &" + b"<![CDATA[" * 20_000,
        b"<rss><channel><item><title>t</title><pubDate>" + b"1 a " * 50_000 + b"</pubDate></item></channel></rss>",
        b"<rss>" + b"<channel><item>" * 20_000,
    ):
        with suppress(FeedError):
            parse_feed(body, url=URL)
    assert time.thread_time() - started < 10


def test_texts_have_bounds_and_no_traps() -> None:
    item = rss(
        f"<title>{'word ' * 300}</title><link>https://x.example/{'a' * 3000}</link><guid>{'g' * 5000}</guid>"
        f"<description>{'Long text. ' * 5000}</description>"
    )
    assert len(item.title) <= 500
    assert item.title.endswith("word…")
    assert len(item.text) <= 10_000
    assert item.url == ""
    assert item.guid.startswith("hash:")
    trap = rss(
        "<title>e\u0301 a\u202eb\u2066c\ufeffd\u00ade&#x200B;f \u200fשלום</title><description>x&#133;y</description>"
    )
    assert trap.title == "é abcdef \u200fשלום"
    assert trap.text == "x…y"


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", "ftp://x/", "mailto:a@b", "http://[", "http:///"]
)
def test_only_web_links_are_kept(link: str) -> None:
    assert rss(f"<title>t</title><link>{link}</link>").url == ""


def test_links_are_found_where_feeds_hide_them() -> None:
    assert rss('<title>t</title><link>a b"c.html</link>').url == "https://feeds.example/news/a%20b%22c.html"
    assert rss("<title>t</title><guid>https://x.example/g</guid>").url == "https://x.example/g"
    assert rss("<title>t</title><guid isPermaLink='false'>https://x.example/g</guid>").url == ""
    atom = "<link xmlns='http://www.w3.org/2005/Atom' rel='{}' href='https://x.example/a'/>"
    assert rss("<title>t</title>" + atom.format("alternate")).url == "https://x.example/a"
    assert rss("<title>t</title>" + atom.format("self")).url == ""
    assert rss("<title>t</title><link/>", "<link>https://site.example/</link>").url == ""


def test_undeclared_prefixes_and_missing_namespaces_are_understood() -> None:
    fields = "<title>t</title><dc:creator>Ann</dc:creator><content:encoded>&lt;p&gt;Hi</content:encoded>"
    text = f"<rss><channel><item>{fields}</item></channel></rss>"
    (item,) = parse_feed(text.encode(), url=URL).items
    assert (item.author, item.text) == ("Ann", "Hi")
    bare = "<feed><title>F</title><entry><title>t</title><link href='/x'/><summary>s</summary></entry></feed>"
    (entry,) = parse_feed(bare.encode(), url=URL).items
    assert (entry.url, entry.text, entry.publisher) == ("https://feeds.example/x", "s", "F")


def test_markup_becomes_paragraphs() -> None:
    html = (
        "<h2>Head</h2><p>One <i>two</i>\n three</p><ul><li>a</li><li>b</li></ul>"
        "<table><tr><td>c</td><td>d</td></tr></table>"
        "<noscript>no</noscript><p hidden>no</p><p style='Display : NONE'>no</p>"
        "<figcaption>no</figcaption><!-- no -->x<wbr>y"
    )
    assert (
        rss(f"<title>t</title><description><![CDATA[{html}]]></description>").text
        == "Head\nOne two three\na\nb\nc d\nxy"
    )


def test_markup_against_the_rules_is_read_too() -> None:
    item = rss(
        "<title>A <b>bold</b> one</title><description>x <p>y &lt; z</p><img src='/i.png' alt='I'/></description>"
    )
    assert (item.title, item.text) == ("A bold one", "x\ny < z")
    assert (item.image_url, item.image_alt) == ("https://feeds.example/i.png", "I")


def test_authors_are_people() -> None:
    assert rss("<title>t</title><author>mail@x.example</author>").author == ""
    assert rss("<title>t</title><author>Ann Lee &lt;mail@x.example&gt;</author>").author == "Ann Lee"
    assert rss("<title>t</title><dc:creator>A</dc:creator><dc:creator>B</dc:creator>").author == "A, B"


def test_items_without_identity_still_differ() -> None:
    text = "<rss><channel><item><title>one</title></item><item><title>two</title></item></channel></rss>"
    guids = {item.guid for item in parse_feed(text.encode(), url=URL).items}
    assert len(guids) == 2


def check(feed: Feed) -> None:
    for item in feed.items:
        assert item.guid
        assert item.title
        for told in (item.title, item.text, item.author, item.publisher, item.image_alt):
            assert told == unicodedata.normalize("NFC", told)
            assert not [c for c in told if unicodedata.category(c) in ("Cc", "Cs") and c != "\n"]
            assert not set(told) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
        assert "\n" not in item.title + item.author + item.publisher + item.guid + item.url
        for url in (item.url, item.image_url):
            assert url == "" or url.startswith(("http://", "https://"))


_SEEDS = [path.read_bytes() for path in sorted(FEEDS.glob("*.*")) if path.is_file()]
_BITS = st.sampled_from(
    [b"<", b">", b"&", b"]]>", b"<![CDATA[", b"&#0;", b"\xff", b"\0", b"<item>", b"</item>", b"&lt;script&gt;",
     b"\xe2\x80\xae",
     b'"', b"{", b"]", b"xml:base='//['", b"<link>http://[</link>", b"\\ud800", b"&#55296;", b"<!DOCTYPE x ["]
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.sampled_from(_SEEDS),
    edits=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 40), _BITS | st.binary(max_size=6)), max_size=8),
)
def test_damaged_feeds_are_read_or_refused_but_never_crash(seed: bytes, edits: list[tuple[int, int, bytes]]) -> None:
    body = seed
    for place, gone, put in edits:
        place %= len(body) + 1
        body = body[:place] + put + body[place + gone :]
    try:
        feed = parse_feed(body, url=URL)
    except FeedError as error:
        feed = Feed(str(error), "", "", ())
    assert "\n" not in feed.title
    check(feed)


def test_every_bundled_feed_is_clean() -> None:
    for path in filter(Path.is_file, FEEDS.glob("*.*")):
        check(read(path.name))
