"""The mails that are shipped, in every language: built as they are sent, and nothing wrong with any of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from digest.compose.blocks import BlockCache
from digest.compose.lint import CHECKS, Severity, lint
from digest.compose.lint.mail import Finding
from digest.compose.theme import Theme, theme_names
from digest.errors import InputError, TemplateError
from digest.service.letters import LETTERS, REPORT
from digest.service.linting import Linted, Report, lint_mails
from digest.service.specimendays import DAYS
from digest.service.specimens import DIGESTS, MAILS, Bench, readings, specimens
from subscribers.i18n import Catalogues
from subscribers.roster import MAX_STORIES
from tests.compose.bench import bench, built
from tests.compose.morning import SITE, TEMPLATES, theme
from tests.parts import ROOT

LANGUAGES = Catalogues(TEMPLATES / "locale").languages
THEMES = theme_names(TEMPLATES)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("mail", MAILS)
@pytest.mark.parametrize("look", THEMES)
def test_a_shipped_mail_has_nothing_wrong(mail: str, language: str, look: str) -> None:
    told = [each for each in lint(built(mail, language, look)) if each.severity != Severity.NOTE]
    assert told == []


def test_every_kind_of_mail_and_block_is_among_the_specimens() -> None:
    assert set(MAILS) == {*DIGESTS, *LETTERS, *DAYS}
    folders = {folder.name for folder in (TEMPLATES / "email").iterdir() if not folder.name.startswith("_")}
    assert folders == {"digest", "themes", *LETTERS, REPORT}
    assert THEMES == ("paper", "compact", "letter")
    html = built("digest").html
    for part in ('class="preheader"', "<h1", 'class="lead"', 'class="section"', 'class="card"', 'class="thumb"'):
        assert part in html
    for said in ("Update", "written by a machine", "and 4 others", "Why this?", "That’s all.", 'dir="ltr" lang="de"'):
        assert said in html
    assert built("largest").html.count("<h3") == MAX_STORIES - 1
    assert built("largest").html.count('class="brief"') > 5
    assert "Good to have you here" in built("welcome").html
    assert "Nothing has happened yet today" in built("quiet").html
    assert "there was nothing new for you on" in built("all-quiet").html
    assert 'dir="rtl"' in built("digest", "ar").html


def test_every_mail_and_check_is_in_the_reference() -> None:
    told = (ROOT / "docs" / "templates.md").read_text()
    assert [mail for mail in MAILS if f"`{mail}`" not in told] == []
    assert [check for check in CHECKS if f"\n| {check} |" not in told] == []


def test_specimens_are_the_same_every_time() -> None:
    (one,), (other,) = (list(specimens(bench(), ["digest"], ["de"])) for _ in range(2))
    assert one == other
    assert one.message.startswith(b"From: ")
    assert b"quoted-printable" in one.message


def test_what_is_asked_for_is_checked_and_told() -> None:
    told: list[tuple[int, int]] = []
    report = lint_mails([theme()], SITE, ["en", "ar"], ["confirm"], on_mail=lambda *counts: told.append(counts))
    assert told == [(1, 2), (2, 2)]
    assert report.built == 2
    assert {(row.mail, row.language) for row in report.rows} == {("confirm", "en"), ("confirm", "ar")}
    assert not report.fails(strict=True)
    with pytest.raises(InputError, match="there is no mail 'nope'; there are digest, bare"):
        lint_mails([theme()], SITE, ["en"], ["nope"])


def broken(tmp_path: Path, mail: str, old: str, new: str) -> Theme:
    """The shipped templates with one change."""
    shutil.copytree(TEMPLATES, tmp_path / "templates")
    file = tmp_path / "templates" / "email" / mail / "body.html"
    source = file.read_text()
    assert old in source
    file.write_text(source.replace(old, new))
    return Theme(tmp_path / "templates", Catalogues(TEMPLATES / "locale").translations)


def test_a_template_that_cannot_be_rendered_is_an_error_among_the_others(tmp_path: Path) -> None:
    report = lint_mails([broken(tmp_path, "move", "site=site.name", "site=site.nmae")], SITE, ["en"], ["move", "fresh"])
    (bad,) = [row for row in report.rows if row.finding.severity == Severity.ERROR]
    assert (bad.mail, bad.language) == ("move", "en")
    assert "email/move/body.html, line 3" in bad.finding.what
    assert {row.mail for row in report.rows} == {"move", "fresh"}
    assert report.fails(strict=False)


def test_a_story_block_that_fails_is_not_dropped_in_silence(tmp_path: Path) -> None:
    theme = broken(tmp_path, "digest", "{% if story.summary %}", "{% if story.sumary %}")
    with pytest.raises(TemplateError, match=r"^digest \(en\): template email/digest/body.html, line \d+: .*sumary"):
        list(specimens(Bench(theme, SITE, BlockCache()), ["digest"], ["en"]))


def test_a_change_for_the_worse_is_seen(tmp_path: Path) -> None:
    theme = broken(tmp_path, "digest", "{{ story.publisher | apart(dir) }}", "<bdi>{{ story.publisher }}</bdi>")
    report = lint_mails([theme], SITE, ["ar"], ["one"])
    assert {row.finding.what for row in report.rows if row.finding.severity == Severity.ERROR} == {
        "<bdi>: not supported"
    }


def test_what_only_some_readers_get_is_checked_too(tmp_path: Path) -> None:
    part = """{% personal %}{% if p.cadence == "weekly" %}<bdi>weekly</bdi>{% endif %}{% endpersonal %}"""
    theme = broken(tmp_path, "digest", "{{ story.summary }}</p>", f"{{{{ story.summary }}}}{part}</p>")
    report = lint_mails([theme], SITE, ["en"], ["one"])
    errors = [row for row in report.rows if row.finding.severity == Severity.ERROR]
    assert {(row.reader, row.finding.what) for row in errors} == {("cadence weekly", "<bdi>: not supported")}
    assert report.built == 1


def test_a_mail_that_asks_nothing_is_read_in_one_way(tmp_path: Path) -> None:
    assert [each.reader for each in readings(bench(), "confirm", "en")] == [""]
    digest = [each.reader for each in readings(bench(), "digest", "en")]
    assert digest == ["", "cadence weekly"], "who gets one a week is offered none"


@pytest.mark.parametrize(
    ("severity", "fails", "fails_strictly"),
    [(Severity.ERROR, True, True), (Severity.WARNING, False, True), (Severity.NOTE, False, False)],
)
def test_when_a_report_fails(severity: Severity, fails: bool, fails_strictly: bool) -> None:
    report = Report((Linted("one", "paper", "en", Finding(severity, "text", "x")),), 1)
    assert (report.fails(strict=False), report.fails(strict=True)) == (fails, fails_strictly)
