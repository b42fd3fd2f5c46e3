"""Markup that is kept says what the text says, and its links lead where its author meant."""

from __future__ import annotations

import pytest

from digest.gather import clean, kept
from digest.gather.identity import link

BASE = "https://harbour-post.example/news/crane"


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("<p>two<span> </span>words</p>", "<p>two words</p>"),
        ("<p>two<b>&nbsp;</b>words</p>", "<p>two&nbsp;words</p>"),
        ("<p>one<i></i>word</p>", "<p>oneword</p>"),
        ("<p>now <strike>Monday</strike> Tuesday</p>", "<p>now <s>Monday</s> Tuesday</p>"),
        ("<p><tt>ls</tt></p>", "<p><code>ls</code></p>"),
        ('<p>see<a href="#fn1">1</a></p>', "<p>see1</p>"),
        ('<p><a href=" #fn1">1</a></p>', "<p>1</p>"),
    ],
)
def test_what_is_kept(told: str, found: str) -> None:
    once = kept.keep(told, BASE)
    assert once == found
    assert kept.keep(once, BASE) == once


@pytest.mark.parametrize("told", ["<p>two<span> </span>words</p>", "<div>a<p> </p>b</div>", "<p>a<a href='/x'> </a>b"])
def test_the_text_is_the_same_with_and_without_markup(told: str) -> None:
    assert clean.html(told, base=BASE, keep=True).text == clean.html(told, base=BASE).text


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (f"{BASE}?utm_source=rss#chapter-2", f"{BASE}#chapter-2"),
        (f"{BASE}#gid=17", f"{BASE}#gid=17"),
        (f"{BASE}#:~:text=crane", f"{BASE}#:~:text=crane"),
        (f"{BASE}#xtor=RSS-1", BASE),
        (f"{BASE}#utm_source=rss&utm_medium=feed", BASE),
        (f"{BASE}#", BASE),
        (f"{BASE}#/route", f"{BASE}#/route"),
        (f"{BASE}#Übersicht", f"{BASE}#%C3%9Cbersicht"),
        ("mailto:x#y", "mailto:x#y"),
    ],
)
def test_a_link_keeps_its_place_in_the_page(told: str, found: str) -> None:
    assert link(told) == found
    assert link(found) == found
