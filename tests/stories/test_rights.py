"""No more than the rights of a source allow, whatever the text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.stories.rights import EXCERPT, credited, shown, words
from digest.types import Rights

SENTENCE = "The harbour board met on Tuesday and heard what the divers had found. "


def test_a_title_source_shows_no_text() -> None:
    assert shown(SENTENCE, Rights.TITLE) == ""


def test_full_rights_show_all() -> None:
    assert shown(SENTENCE * 20, "full") == SENTENCE * 20


def test_a_short_text_is_its_own_excerpt() -> None:
    assert shown("Short.\nAnd calm.", Rights.EXCERPT) == "Short.\nAnd calm."


def test_an_excerpt_ends_with_the_last_whole_sentence() -> None:
    assert shown(SENTENCE * 20, Rights.EXCERPT) == (SENTENCE * 4).strip()


def test_where_no_sentence_ends_late_enough_the_cut_is_marked() -> None:
    told = shown("Rain. " + "drop, " * 200, Rights.EXCERPT)
    assert told.startswith("Rain. drop, drop")
    assert told.endswith("drop…")
    assert words(told) == EXCERPT


def test_scripts_without_blanks_are_cut_too() -> None:
    told = shown("港务局决定拆除旧起重机因为它太旧了" * 50, Rights.EXCERPT, "zh")
    assert len(told) == 2 * EXCERPT + 1
    assert told.endswith("…")


@given(st.text(alphabet="ab .,!?…。港務局\n\t'\"éж", max_size=2_000), st.sampled_from(["", "en", "de", "zh"]))
def test_an_excerpt_has_sixty_words_at_most_and_only_words_of_the_text(text: str, language: str) -> None:
    told = shown(text, Rights.EXCERPT, language)
    assert words(told) <= EXCERPT
    assert len(told.split()) <= EXCERPT
    assert "".join(text.split()).startswith("".join(told.split()).removesuffix("…").rstrip("…"))


def test_unknown_rights_are_an_error() -> None:
    with pytest.raises(ValueError, match="everything"):
        shown("text", "everything")


@pytest.mark.parametrize(
    ("publisher", "credit", "named"),
    [
        ("Mint", "Reuters", "Reuters via Mint"),
        ("Mint", "", "Mint"),
        ("", "Reuters", "Reuters"),
        ("reuters", "Reuters", "reuters"),
        ("", "", ""),
    ],
)
def test_a_wire_copy_names_the_agency_and_who_passed_it_on(publisher: str, credit: str, named: str) -> None:
    assert credited(publisher, credit) == named
