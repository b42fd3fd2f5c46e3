"""Adding a language: one command, which never loses a translation."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from digest.errors import InputError
from digest.languages import CODE, MARK, PLURAL, SINGLE, main, missing, texts, update
from subscribers.i18n import Catalogues
from tests.parts import ROOT

ALREADY = """\
# Translated by somebody.
msgid ""
msgstr ""
"Language: fr\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n > 1);\\n"

# A word of the translator's.
#. pages: every page
msgid "Skip to the content"
msgstr "Aller au contenu"

msgid "We say this no more"
msgstr "Nous ne le disons plus"
"""


def test_a_new_language_has_every_text_and_speaks_english_until_translated(tmp_path: Path) -> None:
    file, count, lacking = update("pt-br", tmp_path)
    assert (file.name, count, lacking) == ("pt_BR.po", len(texts()), len(texts()))
    assert count > 100
    assert file.read_text().count(f"#. {MARK}\n") == count
    spoken = Catalogues(tmp_path)
    assert spoken.languages == ("en", "pt_BR")
    assert spoken.translations("pt-BR").gettext("Skip to the content") == "Skip to the content"
    assert spoken.translations("pt-BR").ngettext("%(n)s story", "%(n)s stories", 2) == "%(n)s stories"


def test_running_it_again_keeps_what_is_translated_and_what_was_said_once(tmp_path: Path) -> None:
    (tmp_path / "fr.po").write_text(ALREADY)
    file, count, lacking = update("fr", tmp_path)
    told = file.read_text()
    assert lacking == count - 1
    assert told.startswith(ALREADY[: ALREADY.index("# A word")])
    assert '# A word of the translator\'s.\n#. pages: every page\nmsgid "Skip to the content"\n' in told
    assert told.count("Aller au contenu") == 1
    assert '#~ msgid "We say this no more"\n#~ msgstr "Nous ne le disons plus"\n' in told
    assert Catalogues(tmp_path).translations("fr").gettext("Skip to the content") == "Aller au contenu"
    assert update("fr", tmp_path)[1:] == (count, lacking)
    assert file.read_text() == told, "a second run changes nothing"
    assert [each.name for each in tmp_path.iterdir()] == ["fr.po"]


def test_a_text_that_is_said_again_gets_its_translation_back(tmp_path: Path) -> None:
    file, _, _ = update("fr", tmp_path)
    entry = f'#. {MARK}\nmsgid "Language"\nmsgstr ""\n'
    whole = file.read_text()
    assert entry in whole
    file.write_text(whole.replace(entry, "") + '\n#~ msgid "Language"\n#~ msgstr "Langue"\n')
    update("fr", tmp_path)
    assert Catalogues(tmp_path).translations("fr").gettext("Language") == "Langue"
    assert "#~" not in file.read_text()


def test_half_a_plural_is_missing(tmp_path: Path) -> None:
    file, _, lacking = update("fr", tmp_path)
    whole = file.read_text()
    empty = 'msgid_plural "%(n)s stories"\nmsgstr[0] ""\nmsgstr[1] ""\n'
    assert empty in whole
    file.write_text(whole.replace(empty, empty.replace('msgstr[0] ""', 'msgstr[0] "%(n)s article"')))
    assert update("fr", tmp_path)[2] == lacking
    with file.open("rb") as po:
        assert "%(n)s story" in missing(read_po(po, locale="fr"), texts())


@pytest.mark.parametrize("code", ["xx", "klingonisch", "../de", "fr\nde", "", "en"])
def test_what_is_no_language_is_one_line(tmp_path: Path, code: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError):
        update(code, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert main([code]) == 2
    told = capsys.readouterr()
    assert (told.out, len(told.err.splitlines())) == ("", 1)


def test_a_broken_catalogue_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "fr.po").write_bytes(b'msgid "a\nmsgstr \xff')
    with pytest.raises(InputError, match=r"fr\.po cannot be read"):
        update("fr", tmp_path)
    assert (tmp_path / "fr.po").read_bytes() == b'msgid "a\nmsgstr \xff'


def test_texts_stand_in_the_code_word_for_word() -> None:
    """A text that is put together at run time cannot be collected."""
    hidden = []
    for file in (file for room in CODE for file in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "say":
                shown = [part for part in ast.walk(node.args[0]) if isinstance(part, ast.JoinedStr | ast.BinOp)]
                if shown or not any(isinstance(part, ast.Constant) for part in ast.walk(node.args[0])):
                    hidden.append(f"{file.relative_to(ROOT)}:{node.lineno}")
    assert hidden == []
    assert {"say", "gettext"} == SINGLE
    assert {"ngettext"} <= PLURAL
