"""Text at the door."""

from __future__ import annotations

from unicodedata import normalize

from digest.gather.clean import scrub


def test_a_run_of_combining_marks_is_cut_before_it_is_normalised() -> None:
    hostile = "a" + "\u0301\u0316" * 50_000 + "b"
    assert len(scrub(hostile)) <= 10
    assert scrub(hostile).endswith("b")


def test_marks_that_languages_use_stay() -> None:
    for told in ("مُحَمَّدٌ", "שָׁלוֹם", "Việt Nam", "é"):
        assert scrub(told) == normalize("NFC", told)
