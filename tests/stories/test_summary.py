from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.stories.summary import news_since, sentences, summarise
from tests.stories.telling import telling


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        (
            "Dr. Ida Solberg won 3.5 percent. “Why?” she asked. J. R. Dahl left at 5 p.m. Today he rests.",
            "en",
            [
                "Dr. Ida Solberg won 3.5 percent.",
                "“Why?” she asked.",
                "J. R. Dahl left at 5 p.m.",
                "Today he rests.",
            ],
        ),
        ("He was 32. She was 31.", "en", ["He was 32.", "She was 31."]),
        (
            "Am 3. März kam er. „Warum?“, fragte sie. „Nein.“ Es kostet 1.200 Euro bzw. mehr.",
            "de",
            ["Am 3. März kam er.", "„Warum?“, fragte sie.", "„Nein.“", "Es kostet 1.200 Euro bzw. mehr."],
        ),
        ("Das war im Jahr 2024. Danach kam der 1. FC.", "de", ["Das war im Jahr 2024.", "Danach kam der 1. FC."]),
        ("ماذا حدث؟ قال د. سامي إن الأمر بسيط. انتهى!", "ar", ["ماذا حدث؟", "قال د. سامي إن الأمر بسيط.", "انتهى!"]),
        ("首相が来た。「本当？」と聞いた。終わり", "ja", ["首相が来た。", "「本当？」と聞いた。", "終わり"]),
        ("One line\nanother  line", "en", ["One line", "another line"]),
        ("Wait... what? Yes!", "en", ["Wait... what?", "Yes!"]),
        (" \n ", "", []),
    ],
)
def test_sentences(text: str, language: str, expected: list[str]) -> None:
    assert sentences(text, language) == expected


TITLE = "Twelve rescued as ferry sinks off Marlow"


def test_summary_is_whole_sentences_in_order() -> None:
    text = "One man swam ashore. Two boats came. Three dogs barked at them. Four more arrived."

    assert summarise(TITLE, text, language="en") == "One man swam ashore. Two boats came. Three dogs barked at them."
    assert summarise(TITLE, text, language="en", limit=1) == "One man swam ashore."
    assert summarise(TITLE, text, language="en", max_chars=40) == "One man swam ashore. Two boats came."


def test_summary_does_not_repeat_the_title() -> None:
    text = "TWELVE RESCUED as ferry sinks off Marlow. The harbour master blames a rock. Read more here."

    assert summarise(TITLE, text, language="en") == "The harbour master blames a rock."
    assert summarise(TITLE, TITLE + ".", language="en") == ""
    assert summarise(TITLE, "", language="en") == ""
    assert summarise("🚢", "🚢", language="") == ""


def test_summary_shortens_only_a_first_sentence_that_is_too_long() -> None:
    text = "The harbour master, a patient man, said that nobody could have seen the rock. Short."

    assert summarise(TITLE, text, language="en", max_chars=38) == "The harbour master, a patient man…"


def test_summary_leaves_out_what_the_feed_cut_off() -> None:
    assert summarise(TITLE, "The rock is old. The captain had sai […]", language="en") == "The rock is old."
    assert summarise(TITLE, "The captain had sai...", language="en") == "The captain had sai..."


@given(st.text(), st.text(), st.integers(1, 5), st.integers(10, 400))
@settings(deadline=None)
def test_summary_fits_and_comes_from_the_text(title: str, text: str, limit: int, max_chars: int) -> None:
    told = summarise(title, text, limit=limit, max_chars=max_chars)

    assert len(told) <= max_chars
    assert "".join(told.removesuffix("…").split()) in "".join(text.split()) or len(sentences(text)) > 1


BEFORE = [
    telling(
        1, "Ferry Lady Anwen sinks off Marlow", "Twelve passengers were rescued from the sea. The ship struck a rock."
    )
]


def test_only_what_is_new_is_news() -> None:
    after = [
        telling(
            2, "Marlow ferry", "Twelve passengers were rescued from the cold sea. Lady Anwen struck a rock and sank."
        ),
        telling(3, "Inquiry", "Inspectors found the buoy 210 metres out of place. More follows."),
    ]

    assert news_since(BEFORE, after) == [("Inspectors found the buoy 210 metres out of place.", 3)]
    assert news_since(BEFORE, after[:1]) == []
    assert news_since(BEFORE, BEFORE) == []
    assert news_since([], []) == []


def test_the_most_informative_news_are_told_in_order_and_once() -> None:
    after = [
        telling(
            2, "a", "Divers reached the wreck near Cutler Bank. Salvage costs 4 million crowns and lasts until June."
        ),
        telling(
            3, "b", "Salvage will cost 4 million crowns, lasting until June. The owner Sound Lines apologised on air."
        ),
    ]

    news = news_since(BEFORE, after, limit=2)

    assert len(news) == 2
    assert [sentence for sentence, _ in news if "million" in sentence] == [
        news[0][0] if "million" in news[0][0] else news[1][0]
    ]
    assert len(news_since(BEFORE, after, limit=1)) == 1
