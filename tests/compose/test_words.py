"""Every text of the mails is in every catalogue, complete."""

from __future__ import annotations

import re

import pytest
from babel.messages.pofile import read_po

from digest.languages import mail_texts, missing
from tests.compose import morning


@pytest.mark.parametrize("language", [lang for lang in morning.LANGUAGES if lang != "en"])
def test_every_text_of_the_mails_is_translated(language: str) -> None:
    with (morning.TEMPLATES / "locale" / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language, abort_invalid=True)
    texts = mail_texts()
    assert len(texts) > 20
    lacking = missing(catalogue, texts)
    assert not lacking, f"{language}.po lacks: {lacking}"
    for text in texts:
        entry = catalogue.get(text.id)
        assert entry is not None
        strings = (entry.string,) if isinstance(entry.string, str) else tuple(entry.string or ())
        known = set(re.findall(r"%\((\w+)\)s", f"{text.id} {text.plural}"))
        for string in strings:
            asked = set(re.findall(r"%\((\w+)\)s", string))
            assert asked <= known, f"{language}.po: {string!r} asks for {sorted(asked - known)}"
            if not text.plural:
                assert asked == known, f"{language}.po: {string!r} drops {sorted(known - asked)}"
