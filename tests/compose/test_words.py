"""Every text of the mails is in every catalogue, complete."""

from __future__ import annotations

import re

import pytest
from babel.messages.extract import extract, extract_from_dir
from babel.messages.pofile import read_po

from tests import parts
from tests.compose import morning


def said() -> list[tuple[str, ...]]:
    """Every text of the mails: (id,) or (singular, plural)."""
    found = [
        message
        for _, _, message, _, _ in extract_from_dir(
            morning.TEMPLATES / "email",
            method_map=[("**.html", "jinja2"), ("**.txt", "jinja2")],
            options_map={"**": {"silent": "false"}},
        )
    ]
    with (parts.ROOT / "digest" / "compose" / "voice.py").open("rb") as code:
        # The first argument is the language there.
        found += [message for _, message, _, _ in extract("python", code, {"gettext": (2,), "ngettext": (2, 3)})]
    return sorted({message if isinstance(message, tuple) else (message,) for message in found})


@pytest.mark.parametrize("language", [lang for lang in morning.LANGUAGES if lang != "en"])
def test_every_text_of_the_mails_is_translated(language: str) -> None:
    with (morning.TEMPLATES / "locale" / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language, abort_invalid=True)
    texts = said()
    assert len(texts) > 20
    for text in texts:
        entry = catalogue.get(text[0])
        assert entry is not None, f"{language}.po lacks {text[0]!r}"
        assert not entry.fuzzy
        strings = (entry.string,) if isinstance(entry.string, str) else tuple(entry.string or ())
        assert len(strings) == (catalogue.num_plurals if len(text) > 1 else 1)
        known = set(re.findall(r"%\((\w+)\)s", " ".join(text)))
        for string in strings:
            assert string, f"{language}.po leaves {text[0]!r} empty"
            asked = set(re.findall(r"%\((\w+)\)s", string))
            assert asked <= known, f"{language}.po: {string!r} asks for {sorted(asked - known)}"
            if len(text) == 1:
                assert asked == known, f"{language}.po: {string!r} drops {sorted(known - asked)}"
