"""Text and markup at the door."""

from __future__ import annotations

import re
import threading
from html.parser import HTMLParser
from unicodedata import is_normalized, normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.gather import clean
from digest.gather.clean import scrub
from digest.gather.pictures import best, is_tracker
from digest.gather.plain import western

BASE = "https://harbour-post.example/news/"

# --- texts ------------------------------------------------------------------------------------------------------------


def test_a_run_of_combining_marks_is_cut_before_it_is_normalised() -> None:
    hostile = "a" + "\u0301\u0316" * 50_000 + "b"
    assert len(scrub(hostile)) <= 10
    assert scrub(hostile).endswith("b")


def test_characters_that_show_nothing_are_dropped() -> None:
    tags = "".join(chr(0xE0000 + ord(sign)) for sign in "buy this") + "\U000e007f"
    assert scrub(f"a{tags}b\u3164\u115f\u1160\uffa0\u180ec") == "abc"
    assert scrub("\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e007f 한국") == "\U0001f3f4 한국"


def test_marks_that_languages_use_stay() -> None:
    for told in ("مُحَمَّدٌ", "שָׁלוֹם", "Việt Nam", "é"):
        assert scrub(told) == normalize("NFC", told)


@given(st.text(alphabet=st.characters(max_codepoint=0x2122), max_size=200))
def test_the_short_cut_for_western_texts_leaves_out_nothing(text: str) -> None:
    assert is_normalized("NFC", scrub(text))
    assert not western(text) or (
        normalize("NFC", text) == text and not re.search(r"[\x00-\x08\x0b-\x1f\x7f\xad]", text)
    )


def test_an_address_that_grows_too_long_is_none() -> None:
    assert clean.address("/a", "https://harbour-post.example/") == "https://harbour-post.example/a"
    assert clean.address("/" + "ä" * 1_990, "https://harbour-post.example/") == ""


# --- markup as text ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>One<p>two<br>three", "One\ntwo\nthree"),
        ("<b>One</b>\n  <i>line</i>&nbsp;here", "One line here"),
        ("<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>", "1 2\n3"),
        ("<script>no</script><style>no</style><template><p>no</p></template><p>yes</p>", "yes"),
        ('<p HIDDEN>no</p><p STYLE="Display : None">no</p><div style="color:red">yes</div>', "yes"),
        ("<figure><img src=a.jpg><figcaption>caption</figcaption></figure>yes", "yes"),
        ('<xhtml:p xmlns:xhtml="x">One</xhtml:p><xhtml:p>two</xhtml:p>', "One\ntwo"),
        ("<p>a\x00b</p>", "ab"),
        ("<p>مرحبا&#x202e;</p>\r\n<p>e&#x301;</p>", "مرحبا\né"),
        ("<div>" * 1_500 + "deep" + "</div>" * 1_500 + "after", "deep\nafter"),
        ("1 < 2 &amp; 3", "1 < 2 & 3"),
        ("<" * 50, "<" * 50),
    ],
)
def test_markup_is_read_as_a_person_would(markup: str, text: str) -> None:
    assert clean.html(markup).text == text


def test_threads_read_markup_side_by_side() -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.extend(clean.html(f"<p>{n}<p>x", keep=True).html for n in range(50)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted([f"<p>{n}</p><p>x</p>" for n in range(50)] * 4)


# --- pictures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("markup", "urls"),
    [
        ('<img src="a.jpg" alt=" A  b ">', ["a.jpg"]),
        ('<img src="data:image/gif;base64,R0" data-src="real.jpg">', ["real.jpg"]),
        ('<img src="/blur-20.jpg" data-original="real.jpg">', ["real.jpg"]),
        ('<img src="/img/blank.gif" srcset="s.jpg 400w, m.jpg 1200w, l.jpg 3000w">', ["m.jpg"]),
        ('<img data-srcset="a,b.jpg 1x,c.jpg 2x">', ["c.jpg"]),
        ('<picture><source srcset="s.webp 800w"><img src="data:,"></picture>', ["s.webp"]),
        ('<img src="data:,"><noscript><img src="real.jpg"></noscript>', ["real.jpg"]),
        ('<img data-src="real.jpg"><noscript><img src="real.jpg"></noscript>', ["real.jpg"]),
        ('<img src="p.gif" width="1" height="1"><img src="q.gif" width="49px">', []),
        ('<img src="https://pixel.example.com/x.jpg"><img src="https://a.example/open.gif?u=1">', []),
        ('<div hidden><img src="a.jpg"></div><svg><image src="b.jpg"/></svg>', []),
        ('<img src="' + "," * 9_000 + '" srcset="' + "a 1w, " * 3_000 + '">', ["," * 9_000]),
    ],
)
def test_the_pictures_of_a_text(markup: str, urls: list[str]) -> None:
    assert [image.url for image in clean.html(markup + "<p>text</p>").images] == urls


def test_a_srcset_without_a_fitting_candidate_gives_the_narrowest() -> None:
    assert best("a.jpg 4000w, b.jpg 2000w") == "b.jpg"
    assert best(" , ") == ""


def test_trackers_are_told_by_host_and_path() -> None:
    assert is_tracker("https://ad.doubleclick.net/x")
    assert is_tracker("//stats.example.com/b")
    assert is_tracker("http://feeds.example.com/~r/x/~4/y")
    assert not is_tracker("https://img.example.com/open-day.jpg")
    assert not is_tracker("/pictures/tracks/train.jpg")


# --- markup that is kept ----------------------------------------------------------------------------------------------


def kept(markup: str, base: str = BASE) -> str:
    return clean.html(markup, base=base, keep=True).html


REL = ' rel="noopener noreferrer nofollow"'


@pytest.mark.parametrize(
    ("markup", "shown"),
    [
        ('<p class="a" id="b" style="x" data-c="d" onclick="e">Hi</p>', "<p>Hi</p>"),
        (
            '<a href="/a?utm_source=rss&amp;b=1#part">x</a>',
            f'<a href="https://harbour-post.example/a?b=1#part"{REL}>x</a>',
        ),
        ('<a href="javascript:alert(1)">x</a><a href="mailto:a@b.example">y</a>', "<p>xy</p>"),
        ("<h1>One</h1><h3>two</h3>", "<h3>One</h3><h5>two</h5>"),
        ("<h4>Stays</h4>", "<h4>Stays</h4>"),
        (
            '<img src="data:," data-src="a.jpg" alt="A" width="80%" height="90px"><noscript><img src=a.jpg></noscript>',
            '<img src="https://harbour-post.example/news/a.jpg" alt="A" height="90">',
        ),
        (
            '<p>x</p><img src="blank.gif"><noscript><img src="/r.jpg"></noscript>',
            '<p>x</p><img src="https://harbour-post.example/r.jpg">',
        ),
        ('<p><img src="https://pixel.example.com/x.gif" width="1" height="1"></p><p>y</p>', "<p>y</p>"),
        ('<p dir="rtl" lang="ar">مرحبا</p><p dir="evil">x</p>', '<p dir="rtl" lang="ar">مرحبا</p><p>x</p>'),
        ("<p>e&#x301;&#x202e;</p>", "<p>é</p>"),
        ('<form action="/x"><input value="q">in a form</form><base href="https://evil.example/">', "<p>in a form</p>"),
        ("plain &amp; simple\n\nmore", "<p>plain &amp; simple</p><p>more</p>"),
        ("", ""),
    ],
)
def test_markup_that_is_kept(markup: str, shown: str) -> None:
    assert kept(markup) == shown


def test_kept_markup_is_bounded_even_when_addresses_grow() -> None:
    long_base = "https://harbour-post.example/" + "a" * 1_500 + "/"
    told = kept("<a href=b>x</a>" * 12_000, long_base)
    assert len(told) <= 400_000
    assert 100 < told.count("<a href=") < 150
    assert told.endswith("xxx")


ATTACKS = (
    "<script>alert(1)</script>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img src='javascript:alert(1)'>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<a href='&#106;ava&#115;cript:alert(1)'>x</a>",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a href=' \x01javascript:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='vbscript:x'>x</a>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data='javascript:alert(1)'></object><embed src='javascript:alert(1)'>",
    "<base href='javascript:alert(1)//'><a href='x'>y</a>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<link rel=stylesheet href='//evil.example/x.css'>",
    "<style>@import 'javascript:alert(1)';</style>",
    "<div style='background:url(javascript:alert(1))'>x</div>",
    "<input autofocus onfocus=alert(1)><button formaction=javascript:alert(1)>b</button>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<template><img src=x onerror=alert(1)></template>",
    "<textarea><img title='</textarea><img src=x onerror=alert(1)>'></textarea>",
    "<xmp><p title='</xmp><img src=x onerror=alert(1)>'></xmp>",
    "<plaintext><script>alert(1)</script>",
    "<!--[if gte IE 4]><script>alert(1)</script><![endif]-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<b <script>alert(1)</script>0",
    "<img srcset='javascript:alert(1) 2x' data-src='javascript:alert(1)'>",
    "<video><source onerror=alert(1)></video><audio src=x onerror=alert(1)>",
    "<table><td background='javascript:alert(1)'>x",
    "<a href='//evil.example\\@harbour-post.example/'>x</a>",
    '"><script>alert(1)</script>',
    "<x:script xmlns:x='http://www.w3.org/1999/xhtml'>alert(1)</x:script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<p>\u0338</p><b>\u0338x</b>",
)
PIECES = (
    *ATTACKS,
    *("<p>", "</p>", "<table>", "<tr>", "<td>", "</table>", "<a href='/b'>", "</a>", "<b>", "<li>", "<h1>", "<ul>"),
    *("<blockquote>", "<pre>\n", "text ", "é &amp; ", "<!--", "-->", "<svg>", "</svg>", "<math>", "</ul>", "'"),
)
_ALLOWED_WORDS = """
    a abbr b bdi bdo blockquote br caption cite code col colgroup dd del dfn div dl dt em figcaption figure h3 h4 h5
    h6 hr i img ins kbd li mark ol p pre q rp rt ruby s samp small span strong sub sup table tbody td tfoot th thead
    time tr u ul var wbr
    """
ALLOWED = frozenset(_ALLOWED_WORDS.split())
_ATTRIBUTES_WORDS = """
    href src alt title width height start colspan rowspan datetime lang dir rel
    """
ATTRIBUTES = frozenset(_ATTRIBUTES_WORDS.split())


class Seen(HTMLParser):
    """What another parser than ours finds in the result."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.urls: list[str] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.urls += [value or "" for name, value in attrs if name in ("href", "src")]


def check(markup: str) -> None:
    read = clean.html(markup, base=BASE, keep=True)
    seen = Seen(read.html)
    assert seen.tags <= ALLOWED
    assert seen.attributes <= ATTRIBUTES
    assert all(url.startswith(("https://", "http://")) for url in seen.urls)
    again = clean.html(read.html, base="https://other.example/", keep=True)
    assert again.html == read.html
    assert again.text == read.text == clean.html(read.html).text


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_attack_passes(attack: str) -> None:
    check(attack)
    check(f"<p>Before {attack} after</p>")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_no_mixture_of_attacks_passes_and_cleaning_twice_is_cleaning_once(markup: str) -> None:
    check(markup)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="<>/='\"& abips!-\u0301\u0338\n#;x", max_size=80))
def test_no_jumble_of_signs_passes(markup: str) -> None:
    check(markup)


def test_the_words_of_kept_markup_are_those_of_the_text() -> None:
    markup = "<div><h2>What <i>now</i></h2><p>One &amp; two<br>three</p><ul><li>four</ul><script>no</script></div>"
    read = clean.html(markup, keep=True)
    assert re.sub(r"<[^>]+>", " ", read.html).replace("&amp;", "&").split() == read.text.split()
    assert read.text == clean.html(markup).text
