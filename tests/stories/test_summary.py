from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import FeedError
from digest.gather.feed import parse_feed
from digest.gather.refine import refine
from digest.stories.folding import fold
from digest.stories.rights import EXCERPT, fits
from digest.stories.rights import words as word_count
from digest.stories.summary import TITLE_WORDS, news_since, sentences, summarise
from digest.stories.terms import language_of
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


def test_the_title_is_repeated_neither_in_parts_nor_in_pieces_nor_within_something_longer() -> None:
    def told(title: str, text: str) -> str:
        return summarise(title, text, language="en")

    two = "Ferry sinks off Marlow. Twelve people rescued."
    assert told(two, f"{two} A rock is to blame.") == "A rock is to blame."
    assert (
        told("Ferry sinks off Marlow - The Quay", "Ferry sinks off Marlow! A rock is to blame.")
        == "A rock is to blame."
    )
    longer = "Ferry sinks off Marlow, the harbour master of the islands said on Tuesday, after a long search for it."
    assert told("Ferry sinks off Marlow", f"{longer} A rock is to blame.") == "A rock is to blame."
    split = "Who was Dr. No? Ferry sinks off Marlow"
    assert told(split, "Who was Dr. No? Ferry sinks off Marlow. A rock is to blame.") == "A rock is to blame."
    assert told("Weather", "Weather is bad today.") == "Weather is bad today."
    assert (
        summarise("首相が新しい法案を発表した", "首相が新しい法案を発表した。野党は反対している。")
        == "野党は反対している。"
    )


def test_no_sentence_is_broken_where_one_does_not_fit() -> None:
    long = "The harbour master, a patient man, said that nobody could have seen the rock."

    assert summarise(TITLE, long, language="en", max_chars=38) == ""
    assert summarise(TITLE, f"{long} Nobody was hurt.", language="en", max_chars=38) == "Nobody was hurt."
    assert summarise(TITLE, f"It was dark. {long} Nobody was hurt.", language="en", max_chars=38) == "It was dark."


def test_summary_leaves_out_what_the_feed_cut_off() -> None:
    assert summarise(TITLE, "The rock is old. The captain had sai […]", language="en") == "The rock is old."
    assert summarise(TITLE, "The captain had sai...", language="en") == ""


def test_bylines_and_captions_are_no_sentences_unless_there_is_nothing_else() -> None:
    assert summarise(TITLE, "By Ida Solberg\nThe rock is old.\nPhoto: A. Dahl", language="en") == "The rock is old."
    assert summarise(TITLE, "A rock, a raft and twelve lucky people", language="en").startswith("A rock, a raft")


def test_what_may_be_shown_is_kept_to_in_whole_sentences() -> None:
    def short(told: str) -> bool:
        return len(told.split()) <= 6

    text = "This one has rather more words than six. One man swam ashore. Two boats came. Three came later."
    assert summarise(TITLE, text, language="en", fits=short) == "One man swam ashore."
    assert summarise(TITLE, text, language="en", fits=lambda told: not told) == ""


piece = st.sampled_from(
    [
        "Twelve rescued as ferry sinks off Marlow",
        "The U.S. President met Dr. Ida Solberg at 5 p.m. GMT.",
        "J.K. Rowling was there.",
        "„Nein“, sagte er am 3. März.",
        "It cost 3.5 million!",
        "Who knows?",
        "انتهى البحث عن السفينة مساء اليوم.",
        "首相が来た。",
        "By A. Dahl",
        "1. A rock",
        "The captain had sai […]",
        "Well... That was it.",
    ]
)
texts = st.lists(piece | st.text(max_size=30), max_size=8).flatmap(
    lambda parts: st.sampled_from([" ", "\n", "  ", ""]).map(lambda joint: joint.join(parts))
)


@given(texts, texts, st.integers(1, 5), st.integers(10, 400), st.sampled_from(["", "en", "de", "ar"]))
@settings(deadline=None, max_examples=300)
def test_a_summary_is_whole_sentences_of_the_text_and_never_the_title(
    title: str, text: str, limit: int, max_chars: int, language: str
) -> None:
    told = summarise(title, text, language=language, limit=limit, max_chars=max_chars)

    assert len(told) <= max_chars
    rest, used = told, 0
    for sentence in sentences(text, language_of(language, title, text)):
        if rest and (rest == sentence or rest.startswith(sentence + " ")):
            rest, used = rest[len(sentence) :].lstrip(), used + 1
            assert fold(sentence).strip() != fold(title).strip() or not fold(title)
    assert (rest, used <= limit) == ("", True)
    if len(fold(title).split()) >= TITLE_WORDS:
        assert fold(title) not in fold(told)


@pytest.mark.parametrize(
    "text",
    [
        "He met U.S. President Ida Solberg.",
        "It ends at 5 p.m. GMT on the pier.",
        "J.K. Rowling wrote to J. R. Dahl in Roe v. Wade.",
        "Acme Inc. Chief Ida Solberg left, and so did Adm. Dahl.",
        "On Oct. 3 Lt. Gov. Dahl met Ph.D. Students.",
        "1. A rock is to blame.",
        "Das kam am 3. März bzw. Im Sommer.",
    ],
)
def test_no_sentence_is_broken_at_a_dot_that_ends_none(text: str) -> None:
    assert sentences(text, "de" if "März" in text else "en") == [text]


MARKS = ".!?…\"'”’»)"


@pytest.mark.shared
def test_both_promises_hold_for_the_feeds_of_real_publishers(shared: Path) -> None:
    """Held against the texts themselves, not against `sentences`: what is shown stands there word by word, ends with a
    mark or with its line, and begins a line or follows a mark. How many of the 999 are left without one is held too."""
    summaries = empty = 0
    for file in sorted((shared / "real-feeds").glob("*.*")):
        try:
            feed = parse_feed(file.read_bytes(), url=f"https://feeds.example/{file.name}")
        except FeedError:
            continue
        for item in (refine(raw, site_url=feed.site_url) for raw in feed.items):
            allowed = partial(fits, rights="excerpt", language=item.language)
            told = summarise(item.title, item.text, language=item.language, fits=allowed)
            summaries, empty = summaries + bool(told), empty + (not told)
            assert word_count(told) <= EXCERPT
            lines = [" ".join(line.split()) for line in item.text.splitlines()]
            for sentence in sentences(told, item.language):
                where = [(line[: line.find(sentence)], line) for line in lines if sentence in line]
                assert where, (file.name, item.title, sentence)
                assert any(not before or before.rstrip()[-1] in MARKS for before, _ in where), sentence
                assert sentence[-1] in MARKS or any(line.endswith(sentence) for _, line in where), sentence
            title = fold(item.title)
            if len(title.split()) >= TITLE_WORDS:
                assert title not in fold(told), (file.name, item.title, told)
    assert summaries + empty == 999
    assert empty <= 15


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
