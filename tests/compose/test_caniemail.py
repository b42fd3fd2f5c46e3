"""The data that says what mail programs know: taken as it is, used as it says."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest

from digest.compose.caniemail import FILE, PARTLY, UNSUPPORTED, compact, data, packed, read
from digest.compose.lint import allowed
from digest.compose.lint.mail import opened
from digest.compose.lint.names import ATTRIBUTES, ELEMENTS, FUNCTIONS, KEYWORDS, MEDIA, PROPERTIES, VALUES
from digest.compose.lint.uses import uses
from digest.service.specimens import MAILS
from tests.compose.bench import built


@pytest.mark.shared
def test_it_is_what_was_published(shared: Path) -> None:
    raw = json.loads((shared / "openapi" / "caniemail" / "caniemail.json").read_text())
    assert packed(compact(raw)) == (files("digest.compose.caniemail") / FILE).read_text()
    licence = (files("digest.compose.caniemail") / "LICENSE").read_text()
    assert licence == (shared / "openapi" / "caniemail" / "LICENSE").read_text()


def test_of_each_mail_program_the_newest_version_counts() -> None:
    raw = {
        "last_update_date": "2026-05-13 14:45:41 +0000",
        "nicenames": {
            "family": {"gmail": "Gmail", "outlook": "Outlook"},
            "platform": {"ios": "iOS", "outlook-com": "Outlook.com"},
        },
        "data": [
            {
                "slug": "css-x",
                "title": " x ",
                "stats": {
                    "gmail": {"ios": {"2019": "n", "2024": "a #2 #7"}},
                    "outlook": {"outlook-com": {"2019": "n", "2024": "y #1"}},
                },
                "notes_by_num": {"1": "Old.", "2": "Half."},
            }
        ],
    }
    kept = read(json.loads(packed(compact(raw))))
    assert kept.tried == "2026-05-13"
    assert dict(kept.clients) == {"gmail/ios": "Gmail (iOS)", "outlook/outlook-com": "Outlook.com"}
    feature = kept.features["css-x"]
    assert (feature.title, feature.url) == ("x", "https://www.caniemail.com/features/css-x/")
    assert {client: (told.verdict, told.notes) for client, told in feature.answers.items()} == {
        "gmail/ios": (PARTLY, ("Half.",))
    }


def test_the_shipped_data_is_all_of_it() -> None:
    assert len(data().features) > 300
    answers = data().features["html-bdi"].answers
    assert {answers[client].verdict for client in ("gmail/ios", "outlook/windows")} == {UNSUPPORTED}
    assert "apple-mail/ios" not in answers


def test_every_page_that_a_table_names_is_there() -> None:
    tables = (ATTRIBUTES, ELEMENTS, FUNCTIONS, KEYWORDS, MEDIA, PROPERTIES, VALUES)
    pages = {page for table in tables for page in table.values()}
    assert {page for page in pages if page not in data().features} == set()


def test_every_declared_fallback_is_needed_by_a_mail_of_ours() -> None:
    told: set[tuple[str, int]] = set()
    for mail in MAILS:
        for use in uses(opened(built(mail, "ar")), data()):
            declared = allowed.ALLOWED.get(use.slug or "", ())
            first = next((place for place, each in enumerate(declared) if each.holds(use)), None)
            if first is not None and data().features[use.slug or ""].answers:
                told.add((use.slug or "", first))
    every = {(slug, place) for slug, declared in allowed.ALLOWED.items() for place in range(len(declared))}
    assert every - told == set(), "declared, but nothing needs it"
