"""An operator's own templates stand in for the shipped ones of the same name, and for nothing else."""

from __future__ import annotations

import quopri
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from digest.compose.theme import Theme
from digest.errors import InputError, SettingError
from digest.service.core import DigestService
from digest.service.letters import letter
from digest.service.linting import lint_mails
from digest.service.owntemplates import chosen_theme, copied, listed, own_folder
from digest.settings import Settings
from digest.types import Due, Envelope
from subscribers.i18n import Catalogues
from tests.compose.morning import SITE, TEMPLATES
from tests.service.town import Town


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return tmp_path / "templates of our own"


@pytest.fixture
def ours(own: Path) -> Settings:
    return Settings(templates_dir=str(own))


def test_a_copy_is_listed_and_says_when_it_differs(own: Path, ours: Settings) -> None:
    assert copied(ours, ["confirm", "email/_base/inline.css"]) == [
        *("email/confirm/body.html", "email/confirm/body.txt", "email/confirm/subject.txt", "email/_base/inline.css"),
    ]
    (own / "email" / "confirm" / "subject.txt").write_text("Yes?")
    (own / "email" / "confirm" / "body.htm").write_text("a name that nothing asks for")
    told = {each.name: each.origin for each in listed(ours)}
    assert told["email/confirm/body.html"] == told["email/_base/inline.css"] == "own, as shipped"
    assert told["email/confirm/subject.txt"] == "own"
    assert told["email/confirm/body.htm"] == "own, never used"
    assert told["email/digest/body.html"] == "shipped"
    assert {each.origin for each in listed(Settings())} == {"shipped"}


def test_nothing_is_written_over_and_nothing_half_done(own: Path, ours: Settings) -> None:
    copied(ours, ["email/move/body.html"])
    mine = own / "email" / "move" / "body.html"
    mine.write_text("mine")
    with pytest.raises(InputError, match=r"move/body\.html is there already; .* --force"):
        copied(ours, ["confirm", "move"])
    assert (mine.read_text(), (own / "email" / "confirm").exists()) == ("mine", False)
    copied(ours, ["move"], force=True)
    assert mine.read_bytes() == (TEMPLATES / "email" / "move" / "body.html").read_bytes()
    with pytest.raises(InputError, match=r"no template 'nope'; there are _base, confirm, digest"):
        copied(ours, ["confirm", "nope"], force=True)
    with pytest.raises(InputError, match=r"no template '\.\./web/base\.html'"):
        copied(ours, ["../web/base.html"])
    (own / "email" / "fresh").write_text("a file in the way")
    with pytest.raises(InputError, match="cannot write to TEMPLATES_DIR"):
        copied(ours, ["fresh"], force=True)


def test_a_folder_that_is_not_there_is_said_at_once(
    own: Path, ours: Settings, sqlite_database: Engine, make_settings: Callable[..., Settings]
) -> None:
    assert own_folder(Settings()) is None
    with pytest.raises(SettingError, match="TEMPLATES_DIR is not set"):
        copied(Settings(), ["confirm"])
    with pytest.raises(SettingError, match="there is no such folder; `digest templates copy` makes it"):
        own_folder(ours)
    with pytest.raises(SettingError, match="no such folder"):
        DigestService(make_settings(templates_dir=str(own)), engine=sqlite_database)


def test_mails_are_made_of_them(
    own: Path, ours: Settings, sqlite_database: Engine, make_settings: Callable[..., Settings]
) -> None:
    copied(ours, ["email/digest/body.html", "email/_base/inline.css"])
    for name, old, new in (
        ("digest/body.html", "That’s all.", "Good day!"),
        ("_base/inline.css", "#5c5850", "#123456"),
    ):
        file = own / "email" / name
        file.write_text(file.read_text().replace(old, new))
    settings = make_settings(templates_dir=str(own))
    town = Town(sqlite_database, settings)
    town.topics("Harbour")
    town.reader("ada@example.org", "harbour")
    town.story("Ferry aground", "harbour")
    assert town.morning() == 1
    (mail,) = town.mails()
    sent = quopri.decodestring(mail.read_bytes()).decode()
    assert "Good day!" in sent
    assert "#123456" in sent
    assert "#5c5850" not in sent


def test_their_mistakes_are_found_by_lint(own: Path, ours: Settings) -> None:
    copied(ours, ["confirm"])
    file = own / "email" / "confirm" / "body.html"
    file.write_text(file.read_text().replace("<b>{{ p.topics }}</b>", '<b style="display:flex">{{ p.topics }}</b>'))
    theme = Theme(TEMPLATES, Catalogues(TEMPLATES / "locale").translations, own)
    report = lint_mails([theme], SITE, ["en"], ["confirm", "fresh"])
    assert {(row.mail, row.finding.what) for row in report.rows if row.finding.severity == "error"} == {
        ("confirm", "display: flex: not supported")
    }


def test_a_file_stands_in_for_the_one_of_its_name_and_a_theme_prefers_its_own(own: Path, ours: Settings) -> None:
    translations = Catalogues(TEMPLATES / "locale").translations
    copied(ours, ["digest", "themes/letter/digest"])
    shared, mine = own / "email" / "digest" / "body.html", own / "email" / "themes" / "letter" / "digest" / "body.html"
    shared.write_text(shared.read_text().replace("That’s all.", "Good day!"))
    mine.write_text(mine.read_text() + "{% macro end() %}Yours sincerely{% endmacro %}")

    def ends(theme: str) -> str:
        return str(chosen_theme(ours, translations, theme).macros("digest", "html", "en", SITE).end())

    assert "Good day!" in ends("paper")
    assert "Good day!" in ends("compact"), "what a theme does not say otherwise is the shared file, here ours"
    assert ends("letter") == "Yours sincerely"
    shared.unlink()
    assert "That’s all." in ends("compact")


@pytest.mark.parametrize("theme", ["..", "nope", "", "Paper", "letter/digest"])
def test_a_theme_that_is_not_there_is_said_at_start(
    theme: str, sqlite_database: Engine, make_settings: Callable[..., Settings]
) -> None:
    with pytest.raises(SettingError, match=r"^THEME is '.*'; there are paper, compact, letter$"):
        DigestService(make_settings(theme=theme), engine=sqlite_database)


def test_what_is_frozen_keeps_its_theme(sqlite_database: Engine, make_settings: Callable[..., Settings]) -> None:
    town = Town(sqlite_database, make_settings(theme="letter", logo_url="https://tide.example/logo.png"))
    town.topics("Harbour")
    town.reader("ada@example.org", "harbour")
    town.story("Ferry aground", "harbour")
    assert town.morning() == 1
    (row,) = [row for row in town.deliveries() if row.picks]
    due = Due(
        row.edition_id, row.subscriber_id, row.profile_id, row.since, town.told(row.edition_id, row.subscriber_id)
    )
    (sent,) = town.service.press.compose(row.edition_id, [due], "raw")
    changed = Town(sqlite_database, make_settings(theme="compact", fonts="sans"))
    assert changed.service.press.compose(row.edition_id, [due], "raw") == [sent]
    assert isinstance(sent, Envelope)
    assert b"font-size:18px" in sent.html
    assert b'src="https://tide.example/logo.png"' in sent.html
    confirmed = {theme: town_letter(sqlite_database, make_settings(theme=theme)) for theme in ("paper", "letter")}
    assert ("font-size:18px" in confirmed["letter"], "font-size:18px" in confirmed["paper"]) == (True, False)


def town_letter(engine: Engine, settings: Settings) -> str:
    """The body of a mail that asks to confirm, as the service compiles it."""
    return "".join(letter(Town(engine, settings).service.shop, "confirm", "en")["body"])
