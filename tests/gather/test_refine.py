"""The last step at the door."""

from __future__ import annotations

import re
from dataclasses import replace
from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.gather.endings import first_characters, without_endings
from digest.gather.refine import (
    reading_minutes,
    refine,
    without_by,
    without_headline,
    without_publisher,
    words,
)
from digest.gather.rules import rules
from digest.types import RawArticle

BODY = "The crane goes. It was old."
RAW = RawArticle(
    guid="1",
    url="https://www.harbour-post.example/crane?utm_source=rss#top",
    title="Crane goes - The Harbour Post",
    text="Crane goes\nLONDON (Reuters) - The harbour board decided that the old crane should go.\nRead more",
    author="By Anna Berg",
    publisher="Harbour Post",
    summary="The old crane goes. Continue reading Crane goes →",
)


def test_an_article_is_refined() -> None:
    assert refine(RAW) == RawArticle(
        guid="1",
        url="https://www.harbour-post.example/crane",
        title="Crane goes",
        text="LONDON (Reuters) - The harbour board decided that the old crane should go.",
        author="Anna Berg",
        publisher="Harbour Post",
        language="en",
        summary="The old crane goes.",
        credit="Reuters",
    )


def test_refining_twice_is_refining_once() -> None:
    assert refine(refine(RAW)) == refine(RAW)


def test_what_was_declared_stays() -> None:
    told = refine(replace(RAW, language="fr", credit="AFP"))
    assert (told.language, told.credit) == ("fr", "AFP")


def test_a_summary_that_is_the_headline_is_none() -> None:
    assert refine(replace(RAW, summary="Crane goes.")).summary == ""


# --- endings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ending",
    [
        "\nThe post Crane goes appeared first on Harbour Post.",
        "\nContinue reading",
        " Continue reading Crane goes →",
        "\nRead more »",
        " (Read more)",
        " | Read the full story",
        " Click here to read about cranes.",
        "\nSign up for our newsletter",
        "\nWeiterlesen",
        "\nMehr dazu: Krane",
        "\nDer Beitrag Kran weg erschien zuerst auf Hafenbote.",
        " Lire la suite",
        "\nLeer más",
        "\nاقرأ المزيد",
        "\n© 2026 The Harbour Post. All rights reserved.",
        "\n(This story has not been edited by Harbour Post staff and is auto-generated from a syndicated feed.)",
        "\n12 comments\nLeave a comment\nThe post Crane first appeared on Harbour Post.",
        "\nRead more\nRead more\nRead more",
    ],
)
def test_endings_go(ending: str) -> None:
    assert without_endings(BODY + ending) == BODY


@pytest.mark.parametrize(
    "text",
    [
        BODY,
        "",
        "Read more",
        "[…]",
        "He told us to read more.",
        "She can continue reading, said the judge.",
        "Read more\nThe crane goes.",
        "We weiterlesen.",
        "Copyright law is old. It protects the crane.",
    ],
)
def test_what_an_author_wrote_stays(text: str) -> None:
    assert without_endings(text) == text


@pytest.mark.parametrize("mark", [" […]", " [...]", "...", " …", " (…)", " […] →", " […]\nContinue reading"])
def test_the_mark_of_a_cut_text_stays_as_an_ellipsis(mark: str) -> None:
    assert without_endings("The crane goes and" + mark) == "The crane goes and…"


@given(st.text(alphabet="read moweitrlsn.\n …|[]()©2026", max_size=200))
def test_a_text_never_becomes_nothing_and_only_its_end_goes(text: str) -> None:
    left = without_endings(text)
    assert not text.strip(" …") or left.strip(" …") or not text.strip()
    assert text.startswith(left.removesuffix("…").rstrip())


@pytest.mark.parametrize("piece", [". read more ", "\n", "the post ", "… ", ".", "- ", "\nread more", ". the post x "])
def test_no_text_costs_time(piece: str) -> None:
    began = thread_time()
    without_endings(piece * 20_000)
    assert thread_time() - began < 0.5


def test_every_rule_begins_with_fixed_words_and_is_a_pattern() -> None:
    for language, pattern in rules("endings.txt", 2):
        assert re.fullmatch("[a-z]{2}", language)
        assert re.compile(pattern)
        assert first_characters(pattern)


@pytest.mark.parametrize("pattern", [".*", "(?:a)?", "[ab]c", "", "a?b"])
def test_a_rule_that_might_begin_with_anything_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="fixed words"):
        first_characters(pattern)


# --- headlines and authors --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "left"),
    [
        ("Crane goes - The Harbour Post", "Crane goes"),
        ("Crane goes | Harbour Post", "Crane goes"),
        ("Crane - goes — HARBOUR POST", "Crane - goes"),
        ("Crane goes – harbour-post.example", "Crane goes"),
        ("Crane goes - Other Post", "Crane goes - Other Post"),
        ("Harbour Post", "Harbour Post"),
        (" - Harbour Post", " - Harbour Post"),
        ("Crane-Harbour Post", "Crane-Harbour Post"),
    ],
)
def test_the_publisher_behind_a_headline_goes(title: str, left: str) -> None:
    assert without_publisher(title, "The Harbour Post", "https://www.harbour-post.example/") == left


def test_a_headline_is_no_first_line_of_its_text() -> None:
    assert without_headline("CRANE goes!\nIt was old.", "Crane goes") == "It was old."
    assert without_headline("Crane goes", "Crane goes") == "Crane goes"
    assert (
        without_headline("Crane goes, says board\nIt was old.", "Crane goes") == "Crane goes, says board\nIt was old."
    )


@pytest.mark.parametrize(
    ("author", "language", "name"),
    [
        ("By Anna Berg", "", "Anna Berg"),
        ("by: Anna Berg", "de", "Anna Berg"),
        ("Von Anna Berg", "de", "Anna Berg"),
        ("Von Miller", "en", "Von Miller"),
        ("Par Anne Mont", "fr", "Anne Mont"),
        ("بقلم سارة", "ar", "سارة"),
        ("Byron", "", "Byron"),
        ("By", "", "By"),
    ],
)
def test_authors_are_names(author: str, language: str, name: str) -> None:
    assert without_by(author, language) == name


# --- reading time -----------------------------------------------------------------------------------------------------


def test_words_and_minutes() -> None:
    assert words("One two, three.") == 3
    assert words("世" * 500, "zh") == 238
    assert words("안녕하세요 여러분", "ko") == 4
    assert words("") == 0
    assert [reading_minutes(told) for told in (0, 1, 238, 500, 1_190)] == [0, 1, 1, 2, 5]
