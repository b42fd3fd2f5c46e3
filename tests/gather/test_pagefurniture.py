"""Furniture between paragraphs, and the file that lists it."""

from __future__ import annotations

import pytest

from digest.gather.pagefurniture import Verdict, read_rules, rules


@pytest.mark.parametrize(
    ("line", "verdict", "rest"),
    [
        ("Must Watch", Verdict.FURNITURE, ""),
        ("MUST  WATCH!", Verdict.FURNITURE, ""),
        ("No comments yet", Verdict.END, ""),
        ("Noch keine Kommentare", Verdict.END, ""),
        ("The engine was new.Swipe Left For Next Video", Verdict.TEXT, "The engine was new."),
        ("Swipe left for next video", Verdict.FURNITURE, ""),
        ("It was repaired. Try our app", Verdict.TEXT, "It was repaired."),
        ("It was repaired. Must Watch Try our app", Verdict.TEXT, "It was repaired."),
        ("It was repaired. Must Watch. Try our app", Verdict.TEXT, "It was repaired."),
        ("Spend less. Save.", Verdict.TEXT, "Spend less. Save."),
        ("Facebook X WhatsApp Copy link", Verdict.FURNITURE, ""),
        ("Facebook bought the pier", Verdict.TEXT, "Facebook bought the pier"),
        ("Also read: Gulls return", Verdict.FURNITURE, ""),
        ("Read full story at Mint Quay", Verdict.MORE, "Mint Quay"),
        ("Read full story", Verdict.MORE, ""),
        ("Den ganzen Artikel lesen bei Hafenbote", Verdict.MORE, "Hafenbote"),
        ("* * *", Verdict.FURNITURE, ""),
        ("إعلان", Verdict.FURNITURE, ""),
        (
            "Follow us on deck, the captain called when the last passengers had come aboard and the lamps were lit.",
            Verdict.TEXT,
            "Follow us on deck, the captain called when the last passengers had come aboard and the lamps were lit.",
        ),
    ],
)
def test_lines(line: str, verdict: Verdict, rest: str) -> None:
    assert rules().judge(line) == (verdict, rest)


def test_a_text_ends_where_its_page_says_so() -> None:
    assert rules().clean("One.\nMust Watch\nTwo. Watch now\nNo comments yet\nBe kind.") == "One.\nTwo."


def test_names_of_icons_as_their_fonts_write_them() -> None:
    assert [rules().without_icon(words) for words in ("time", "time Mint", "Mint schedule")] == ["", "Mint", "Mint"]
    assert [rules().without_icon(words) for words in ("Time", "Daytime", "Event Horizon")] == [
        "Time", "Daytime", "Event Horizon",
    ]  # fmt: skip


def test_classes_and_ids() -> None:
    assert rules().marks("card newsletter-box")
    assert not rules().marks("newsletter-reader heading")


def test_own_rules() -> None:
    mine = read_rules("# a comment\n\nline Ring the bell\nend That is all\n")
    assert mine.judge("Ring the bell!") == (Verdict.FURNITURE, "")
    assert mine.judge("Must Watch") == (Verdict.TEXT, "Must Watch")
    assert mine.judge("that is all") == (Verdict.END, "")


@pytest.mark.parametrize("line", ["lines Ring the bell", "line", "line ...", "Ring"])
def test_a_line_that_is_no_rule_is_named(line: str) -> None:
    with pytest.raises(ValueError, match="line 2: expected one of any, line"):
        read_rules(f"# one\n{line}\n")
