"""`digest templates`."""

from __future__ import annotations

import pytest

from digest.service.specimens import MAILS
from tests.cli.conftest import Digest


def test_lint_of_the_shipped_mails(digest: Digest) -> None:
    done = digest("templates", "lint")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"checked {9 * len(MAILS)} mails: 0 errors, 0 warnings, "), "3 themes, 3 languages"
    assert "(--notes shows them)" in done.out
    assert digest("templates", "lint", "--strict", "--lang", "ar", "digest", "quiet").code == 0
    assert not (digest.folder / "data").exists(), "it needs no database and no key"


def test_a_logo_another_type_and_a_bright_accent_are_fine_in_every_theme(
    digest: Digest, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = {"LOGO_URL": "https://tide.example/logo.png?v=2&size=400", "LOGO_WIDTH": "200", "FONTS": "system"}
    for name, value in {**ours, "ACCENT": "#ffdd00", "PUBLIC_URL": "https://tide.example"}.items():
        monkeypatch.setenv(name, value)
    done = digest("templates", "lint", "--strict", "one", "confirm")
    assert done.code == 0, done.out
    assert done.out.startswith("checked 18 mails: 0 errors, 0 warnings, ")


def test_lint_shows_notes_and_json(digest: Digest) -> None:
    lines = digest("templates", "lint", "confirm", "--lang", "de", "--theme", "paper", "--notes").out.splitlines()
    assert lines[0].split() == ["severity", "what", "mail", "theme", "language", "where", "clients", "cure"]
    assert any("prefers-color-scheme" in line and "fallback:" in line and "Gmail" in line for line in lines)
    assert lines[-1].startswith("checked 1 mail: 0 errors, 0 warnings, ")
    rows = digest("templates", "lint", "confirm", "--lang", "de", "--json").rows
    assert {row["severity"] for row in rows} == {"note"}
    assert set(rows[0]) == {
        "mail",
        "reader",
        "theme",
        "language",
        "severity",
        "check",
        "what",
        "where",
        "line",
        "clients",
        "cure",
    }
    assert {row["theme"] for row in rows} == {"paper", "compact", "letter"}
    assert any(row["what"] == "links lead to this machine" for row in rows)
    night = next(row for row in rows if "prefers-color-scheme" in row["what"])
    assert "Gmail (iOS)" in night["clients"]
    assert night["line"] > 1


def test_lint_fails_for_an_error_and_says_where(digest: Digest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", "http://paper.example")
    done = digest("templates", "lint", "one", "confirm")
    assert done.code == 1
    assert "not https: 'http://paper.example/" in done.out
    assert "a whole https address" in done.out
    rows = digest("templates", "lint", "one", "--json").rows
    assert {"a.button[href]", "a.ask[href]"} & {row["where"] for row in rows if row["severity"] == "error"}
    assert digest("templates", "lint", "one", "--json").code == 1


def test_lint_refuses_what_is_not_there(digest: Digest) -> None:
    digest("templates", "lint", "nope").fails("no mail 'nope'", "digest", "moving")
    digest("templates", "lint", "--lang", "xx").fails("'xx'", "en, ar, de")
    digest("templates", "lint", "--theme", "nope").fails("no theme 'nope'; there are paper, compact, letter")


def test_templates_of_ones_own(digest: Digest, monkeypatch: pytest.MonkeyPatch) -> None:
    digest("templates", "copy", "confirm").fails("TEMPLATES_DIR is not set")
    monkeypatch.setenv("TEMPLATES_DIR", str(digest.folder / "own"))
    digest("templates", "list").fails("no such folder")
    done = digest("templates", "copy", "email/confirm/body.html")
    assert done.out.splitlines() == [
        f"copied email/confirm/body.html to {digest.folder / 'own'}",
        "check what you change: digest templates lint",
    ]
    digest("templates", "copy", "confirm").fails("there already", "--force")
    assert digest("templates", "copy", "confirm", "--force").code == 0
    rows = digest("templates", "list", "--json").rows
    assert {"template": "email/confirm/body.txt", "origin": "own, as shipped"} in rows
    assert {"template": "email/digest/body.html", "origin": "shipped"} in rows
    file = digest.folder / "own" / "email" / "confirm" / "body.html"
    file.write_text(file.read_text() + "<bdi>x</bdi>")
    done = digest("templates", "lint", "confirm", "--lang", "en")
    assert done.code == 1
    assert "<bdi>: not supported" in done.out


def test_a_theme_of_ones_own(digest: Digest, monkeypatch: pytest.MonkeyPatch) -> None:
    own = digest.folder / "own"
    monkeypatch.setenv("TEMPLATES_DIR", str(own))
    assert digest("templates", "copy", "themes/letter").code == 0
    (own / "email" / "themes" / "letter").rename(own / "email" / "themes" / "evening")
    rows = {row["template"]: row["origin"] for row in digest("templates", "list", "--json").rows}
    assert rows["email/themes/evening/digest/body.html"] == "own"
    assert rows["email/themes/letter/digest/body.html"] == "shipped"
    (own / "email" / "themes" / "evening" / "digest" / "body.htm").write_text("")
    assert {"template": "email/themes/evening/digest/body.htm", "origin": "own, never used"} in digest(
        "templates", "list", "--json"
    ).rows
    monkeypatch.setenv("THEME", "evening")
    assert digest("templates", "lint", "one", "--theme", "evening", "--lang", "en").code == 0
    monkeypatch.setenv("THEME", "eve")
    digest("topics", "list").fails("THEME is 'eve'; there are paper, compact, evening, letter")
