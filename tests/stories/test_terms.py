from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.stories.terms import LEAD_WORDS, language_of, near_equal, terms_of, words


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("The ferries’ captain’s boxes", "en", ["ferry", "captain", "box"]),
        ("12 of 1,200 voters, 3.5 percent", "en", ["12", "1200", "voter", "3.5", "percent"]),
        ("ＦＥＲＲＹ Straße", "en", ["ferry", "strasse"]),
        ("Die Brücken und der Brücke", "de", ["bruck", "bruck"]),
        ("des Unfalls am Bahnhof", "de", ["unfall", "bahnhof"]),
        ("والمَدِينَة المـدينة مدينة", "ar", ["مدينه", "مدينه", "مدينه"]),
        ("東京都 AI", "ja", ["東京", "京都", "ai"]),
        ("Выборы мэра", "ru", ["выборы", "мэра"]),
        ("l’eau d'Annecy", "fr", ["eau", "annecy"]),
        ("🚢 !!! __", "en", []),
        ("", "", []),
    ],
)
def test_words(text: str, language: str, expected: list[str]) -> None:
    assert words(text, language) == expected


def test_title_words_weigh_more_and_only_the_lead_of_the_text_counts() -> None:
    text = "harbour " + " ".join(f"filler{i}" for i in range(LEAD_WORDS)) + " unseen"

    found = terms_of("Ferry sinks in harbour", text, "en")

    assert found.title == ("ferry", "sink", "harbour")
    assert found.weights["harbour"] > found.weights["ferry"] > found.weights["filler1"]
    assert "ferry sink" in found.weights
    assert "unseen" not in found.weights


def test_names_are_capitals_inside_sentences() -> None:
    found = terms_of("Ferry 12 sinks", "Storms hit Marlow. Rescuers met Lady Anwen. “Never,” said Ida.", "en")

    assert found.names == {"marlow", "lady", "anwen", "ida", "12"}


@pytest.mark.parametrize("title", ["Morning briefing", "Live blog", "Wetter", "نشرة الأخبار", "2025", "🌞", ""])
def test_format_headlines_are_not_starred(title: str) -> None:
    assert not terms_of(title, "", language_of("", title, "")).starred


@pytest.mark.parametrize(
    ("declared", "title", "text", "expected"),
    [
        ("en-GB", "Colour", "", "en"),
        ("de_AT", "Brücke", "", "de"),
        ("", "Die Fähre und der Hafen sind nicht mehr in Betrieb", "", "de"),
        ("", "The ferry and the harbour are not in service", "", "en"),
        ("", "Marlow", "", ""),
        ("en", "زلزال بقوة 5.8 درجات يضرب المدينة", "", "ar"),
        ("fa", "زلزله در شهر", "", "fa"),
        ("en", "東京で地震", "", "zh"),
        ("ja", "東京で地震", "", "ja"),
        ("fr", "La mairie", "", "fr"),
    ],
)
def test_language_of(declared: str, title: str, text: str, expected: str) -> None:
    assert language_of(declared, title, text) == expected


def test_near_equal_needs_comparable_sizes() -> None:
    assert near_equal(["a", "b", "c", "d"], ["a", "b", "c", "e"])
    assert not near_equal(["a"], ["a", "b", "c", "d"])
    assert not near_equal([], [])


@given(st.text(), st.text(), st.sampled_from(["", "en", "de", "ar", "ja", "xx"]))
@settings(deadline=None)
def test_any_text_becomes_terms_without_complaint(title: str, text: str, language: str) -> None:
    found = terms_of(title, text, language)

    assert set(found.title) <= set(found.weights)
    assert all(weight > 0 for weight in found.weights.values())
    assert words(title, language) == words(title, language)
