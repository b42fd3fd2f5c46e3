"""Catalogues: complete, harmless, and spoken of correctly."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from digest.languages import missing, page_texts
from subscribers.i18n import Catalogues, accepted, direction, own_name, when
from subscribers.zones import place_of

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "templates" / "locale"
HOLES = re.compile(r"%\(\w+\)[sd]")


@pytest.mark.parametrize("language", ["de", "ar"])
def test_every_text_of_the_pages_is_translated(language: str) -> None:
    with (FOLDER / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language, abort_invalid=True)
    texts = page_texts()
    assert len(texts) > 80
    lacking = missing(catalogue, texts)
    assert not lacking, f"{language}.po lacks: {lacking}"
    for message in catalogue:
        if isinstance(message.id, str) and message.id:
            assert set(HOLES.findall(message.id)) == set(HOLES.findall(str(message.string))), message.id
        assert not message.fuzzy or not message.id


def test_a_missing_text_or_language_falls_back_to_english(tmp_path: Path) -> None:
    (tmp_path / "de.po").write_text('msgid ""\nmsgstr "Language: de\\n"\n\nmsgid "Undo"\nmsgstr "Zurück"\n', "utf-8")
    catalogues = Catalogues(tmp_path)
    assert catalogues.languages == ("en", "de")
    assert catalogues.translations("de-AT").gettext("Undo") == "Zurück"
    assert catalogues.translations("de").gettext("Sign up") == "Sign up"
    assert catalogues.translations("fr").gettext("Undo") == "Undo"
    assert catalogues.negotiate(["fr", "de_CH"]) == "de"
    assert catalogues.nearest("nonsense!") == "en"


def test_directions_and_names() -> None:
    assert [direction(each) for each in ("en", "de", "ar", "ur", "he-IL", "nonsense", "")] == [
        "ltr", "ltr", "rtl", "rtl", "rtl", "ltr", "ltr",
    ]  # fmt: skip
    assert own_name("de") == "Deutsch"
    assert place_of("America/Argentina/Buenos_Aires", "en") == "Buenos Aires"
    assert place_of("UTC", "de") == "UTC"
    assert (place_of("Asia/Kolkata", "de"), place_of("Europe/Kyiv", "de")) == ("Kalkutta", "Kiew")
    assert place_of("Etc/GMT+5", "de") == "Etc/GMT+5"


def test_what_browsers_ask_for() -> None:
    assert accepted("de-AT, de;q=0.9, *;q=0.1, en;q=0") == ["de-AT", "de"]
    assert accepted("en;q=abc, ar;q=0.4, de;q=0.8") == ["de", "ar"]
    assert accepted("") == []


@pytest.mark.parametrize(
    ("moment", "language", "told"),
    [
        ("2026-03-02T10:00", "en", "today at 11:00, Berlin time"),
        ("2026-03-03T06:00", "en", "tomorrow at 07:00, Berlin time"),
        ("2026-03-02T23:30", "en", "tomorrow at 00:30, Berlin time"),
        ("2026-03-07T06:00", "en", "on Saturday, March 7 at 07:00, Berlin time"),
        ("2026-03-07T06:00", "de", "am Samstag, 7. März um 07:00 Uhr (Zeitzone: Berlin)"),
        ("2026-03-03T06:00", "ar", "غدًا في الساعة 07:00 بتوقيت برلين"),
    ],
)
def test_times_to_come(moment: str, language: str, told: str) -> None:
    at, now = datetime.fromisoformat(f"{moment}+00:00"), datetime(2026, 3, 2, 9, tzinfo=UTC)
    translations = Catalogues(FOLDER).translations(language)
    assert when(at, "Europe/Berlin", now=now, translations=translations, language=language) == told
