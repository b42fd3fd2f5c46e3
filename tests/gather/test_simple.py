"""Markup read without a tree says the same as markup read with one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.gather import markup, simple

LIMIT = 10_000


def same(told: str) -> bool:
    """Whether `told` is simple; then both readers must agree on its text and pictures."""
    read = simple.read(told, LIMIT)
    if read is None:
        return False
    careful = markup.read(told, LIMIT)
    assert (read.text, tuple(read.images), read.html) == (careful.text, careful.images, "")
    return True


@pytest.mark.parametrize(
    "told",
    [
        "<p>One <a href='/x' class=\"y z\">two</a>,\n three.</p>\n<p>Four&nbsp;&rsquo;s &amp; five</p>",
        "<h2>Head</h2><ul><li>a</li><li>b <em>c</em></li></ul>un<b>clo<i>sed",
        "<a href='/x?a=1&copy=2&b=3'>a</a><img src='/x?a=1&copy=2&lang=3&amp;b=&notit;' alt='AT&T'>",
        "before<br>after<br/>more<br />end<hr>",
        "<figure><img src='https://x.example/a.jpg' alt='A &amp; B' width='640' height=\"360\"/></figure><p>x</p>",
        "<p>a</p><img src=\"/p.gif\" width='1' height='1'><img src='/b.jpg'><img alt='none'><img src='/b.jpg'>",
        "<img src='data:image/gif;base64,R0' data-src='/lazy.jpg' srcset='/s.jpg 300w, /l.jpg 900w'>",
        "<p>&#8220;quoted&#x201d; &#146; &lt;b&gt; &amp;amp;</p>",
        "<div style='color: red'><p class='hide-me'>seen</p></div>",
        "tabs\tand\t\tspaces   <p>\t </p> \u2028x",
        "<p>\u0437\u0435\u043c\u043b\u044f e\u0301 \u202ebidi\u202c \u200bzero</p>",
        "<p>closed</b> by</i> the wrong name</a></p>",
    ],
)
def test_simple_markup(told: str) -> None:
    assert same(told)


@pytest.mark.parametrize(
    "told",
    [
        "<p hidden>no</p>", "<p style='display: none'>no</p>", "<p style=\"x\" HIDDEN>no</p>",
        "<script>no</script>", "<style>no</style>", "<table><tr><td>a</td></tr></table>", "<!-- no --><p>a</p>",
        "plain\n\nwords", "", "<p>a < b</p>", "<P>capitals</P>", "<p/>a", "<b />a",
        "<p class=bare>a</p>", "<p title='a > b'>a</p>", "<p>AT&T</p>",
        "<p>&copy 2026</p>", "<p>&#10;line&#9;tab</p>", "<iframe src='x'></iframe>", "<xhtml:p>a</xhtml:p>",
        "<figcaption>no</figcaption>", "<<b>p>", "<<br>b>", "<video>no</video>", "a\0b<p>", "a\ue000b<p>", "<p",
        "<a href='x'title='y'>a</a>", "</br>", "<p>" + "x" * markup.MAX_HTML,
    ],
)  # fmt: skip
def test_what_is_not_simple_is_left_to_the_tree(told: str) -> None:
    assert not same(told)


_NAMES = st.sampled_from(
    ["p", "div", "h2", "ul", "li", "blockquote", "br", "hr", "a", "b", "em", "strong", "span", "img", "section",
     "article", "figure", "sub", "u", "footer", "code"]
)  # fmt: skip
_ATTRIBUTES = st.sampled_from(
    ["", " class='x'", ' href="/a?b=1&amp;c=2"', " src='/i.jpg'", ' alt="An &eacute;l&egrave;ve"', " width='40'",
     " title", " style='margin:0'", " data-src='/z.jpg'", "\n id='n'", " /"]
)  # fmt: skip
_TEXTS = st.sampled_from(
    ["words", " ", "\n", "\t", "\r\n", "&amp;", "&lt;", "&nbsp;", "&rsquo;", "&#8212;", "&#x2014;", "&#150;", "’",
     "é", "e\u0301", "\u00ad", "\u200b", "\xa0", "  ", "]]>", "&", ";", "\u2028", "日本"]
)  # fmt: skip
_STARTS = st.builds(
    lambda name, attributes: (name, f"<{name}{''.join(dict.fromkeys(attributes))}>"),
    _NAMES, st.lists(_ATTRIBUTES, max_size=3),
)  # fmt: skip
_LEAVES = _TEXTS | st.builds("<{0}>{1}</{0}>".format, st.sampled_from(["p", "h2", "li"]), _TEXTS)
"""Paragraphs hold no blocks: what stands in them then closes them, and their own end is one too many."""
_NESTED = st.recursive(
    _LEAVES,
    lambda inner: st.builds(
        lambda start, inside: start[1] + ("" if start[0] in ("br", "hr", "img") else f"{''.join(inside)}</{start[0]}>"),
        _STARTS.filter(lambda start: start[0] not in ("p", "h2", "li")),
        st.lists(inner, max_size=4),
    ),
    max_leaves=12,
)
_TAGS = _STARTS.map(lambda start: start[1]) | _NAMES.map("</{}>".format)


@settings(max_examples=1_000, deadline=None)
@given(st.lists(_NESTED, max_size=6).map("".join))
def test_both_readers_agree_on_markup_nested_rightly(told: str) -> None:
    same(told)


@settings(max_examples=1_000, deadline=None)
@given(st.lists(_TAGS | _TEXTS, max_size=14).map("".join))
def test_both_readers_find_the_same_letters_and_pictures_in_any_mixture(told: str) -> None:
    read = simple.read(told, LIMIT)
    if read is not None:
        careful = markup.read(told, LIMIT)
        assert "".join(read.text.split()) == "".join(careful.text.split())
        assert tuple(read.images) == careful.images


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="<>/ab p=\"'&;\t\n", max_size=40))
def test_both_readers_find_the_same_letters_in_rubbish(told: str) -> None:
    read = simple.read(told, LIMIT)
    if read is not None:
        assert "".join(read.text.split()) == "".join(markup.read(told, LIMIT).text.split())
