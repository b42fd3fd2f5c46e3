"""Whose wire copy an article is."""

from __future__ import annotations

import pytest

from digest.gather.credit import find

MINE = "Harbour Post"


@pytest.mark.parametrize(
    ("text", "agency"),
    [
        ("LONDON (Reuters) - The board met.", "Reuters"),
        ("LONDON, Jan 3 (Reuters) — The board met.", "Reuters"),
        ("(AP) —The board met.", "AP"),
        ("BEIJING, Jan. 3 (Xinhua) -- The board met.", "Xinhua"),
        ("Berlin (dpa) - Der Rat tagte.", "dpa"),
        ("Kiel (dpa/lno) - Der Rat tagte.", "dpa"),
        ("Wien (APA) – Der Rat tagte.", "APA"),
        ("LONDON (PA) - The board met.", "PA Media"),
        ("Reuters | The board met.", "Reuters"),
        ("AFP - The board met.", "AFP"),
        ("REUTERS – The board met.", "Reuters"),
        ("The board met.\nReuters", "Reuters"),
        ("The board met.\nSource: AFP", "AFP"),
        ("The board met.\n© 2026 AFP", "AFP"),
        ("Der Rat tagte. (dpa)", "dpa"),
        ("Der Rat tagte. (dpa/ab)", "dpa"),
        ("The board met.", ""),
        ("The AP (which nobody asked) said so.", ""),
        ("The crane (AP) fell.", ""),
        ("Reuters-owned firm sells its cranes.", ""),
        ("Bloomberg: the mayor who would not go.", ""),
        ("Spa - a place to rest.", ""),
        ("PA - a state.", ""),
        ("The board met. It spoke to Reuters", ""),
        ("", ""),
    ],
)
def test_the_agency_in_a_text(text: str, agency: str) -> None:
    assert find("", text, MINE) == agency


@pytest.mark.parametrize(
    ("author", "agency"),
    [
        ("Reuters", "Reuters"),
        ("reuters staff", "Reuters"),
        ("Associated Press", "AP"),
        ("Anna Berg, Reuters", "Reuters"),
        ("Reuters in Osthafen", "Reuters"),
        ("In Reuters' Garden", ""),
        ("Anna Berg | dpa", "dpa"),
        ("Anna Berg and AFP", "AFP"),
        ("PA", "PA Media"),
        ("Pa Sanders", ""),
        ("TT Andersson, Anna Berg", ""),
        ("Anna Berg", ""),
    ],
)
def test_the_agency_among_the_authors(author: str, agency: str) -> None:
    assert find(author, "The board met.", MINE) == agency


@pytest.mark.parametrize("publisher", ["Reuters", "Reuters UK", "Thomson Reuters News"])
def test_an_agency_that_publishes_itself_is_not_credited(publisher: str) -> None:
    assert find("Reuters", "LONDON (Reuters) - The board met.", publisher) == ""
