"""The greeting of the theme letter: each reader's own name and hour, whatever the name is."""

from __future__ import annotations

import pytest

from digest.compose.assemble import Composer
from digest.compose.content import Frozen
from digest.types import Due, Envelope, ReaderProfile, Recipient
from tests.compose.edition import EDITION, HANDS, SINCE, card, decoded, freeze, parsed, profile, theme

FROZEN_AT_SIX_UTC = {
    "Europe/Berlin": "Good morning",
    "Asia/Kathmandu": "Good morning",
    "Asia/Tokyo": "Good afternoon",
    "Pacific/Auckland": "Good evening",
    "America/Los_Angeles": "Good evening",
}
NAMES = ["Ada", '"; DROP TABLE <b>', "=?utf-8?q?x?=", "😀" * 200, "{{ p.leave }}zq5hole", "אדה"]


def letters() -> Frozen:
    return freeze([(card(number), (1,), ()) for number in range(1, 4)], languages=("en", "de", "ar"), look="letter")


def mail(composer: Composer, reader: ReaderProfile, name: str, number: int = 42) -> Envelope:
    to = Recipient(number, f"reader{number}@example.org", name)
    made = composer.compose(Due(EDITION, number, reader.id, SINCE), reader, to)
    assert isinstance(made, Envelope)
    return made


def greeted(made: Envelope, encoding: str = "raw") -> tuple[str, str]:
    """What HTML and text say as their greeting."""
    (paragraph,) = parsed(decoded(made.html, encoding)).xpath("//p[@class='letter'][1]")
    in_text = decoded(made.text, encoding).split("\n\n")[1]
    return str(paragraph.text_content()), " ".join(in_text.split())


@pytest.mark.parametrize(("zone", "said"), FROZEN_AT_SIX_UTC.items())
def test_it_is_morning_where_the_reader_lives(zone: str, said: str) -> None:
    composer = Composer(EDITION, letters(), theme("letter"), HANDS, "raw")
    reader = profile(timezone=zone)
    assert greeted(mail(composer, reader, "Ada Quill")) == (f"{said}, Ada Quill.",) * 2
    assert greeted(mail(composer, reader, "")) == (f"{said}.",) * 2
    assert greeted(mail(composer, reader, "  ")) == (f"{said}.",) * 2


@pytest.mark.parametrize("encoding", ["raw", "json", "qp"])
@pytest.mark.parametrize("language", ["en", "de", "ar"])
def test_readers_who_share_a_mail_are_each_greeted_by_name(encoding: str, language: str) -> None:
    frozen, reader = letters(), profile(language=language)
    busy = Composer(EDITION, frozen, theme("letter"), HANDS, encoding)
    for number, name in enumerate([*NAMES, *NAMES], 1):
        made = mail(busy, reader, name, number)
        alone = Composer(EDITION, frozen, theme("letter"), HANDS, encoding)
        assert made == mail(alone, reader, name, number)
        in_html, in_text = greeted(made, encoding)
        assert in_html == in_text
        shown = "{{ p.leave }}" if "leave" in name else name[:59]
        assert shown in in_html
        assert len(in_html) < 90


def test_the_page_in_the_browser_greets_nobody_by_name() -> None:
    composer = Composer(EDITION, letters(), theme("letter"), HANDS, "raw")
    view = composer.view(mail(composer, profile(), "Ada Quill").picks, profile(), SINCE)
    assert "Good morning." in view.html
    assert "Ada" not in view.html + view.text


def test_other_themes_leave_the_name_to_the_header() -> None:
    frozen = freeze([(card(1), (1,), ())])
    made = mail(Composer(EDITION, frozen, theme(), HANDS, "raw"), profile(), "Ada Quill")
    assert b"Ada" not in made.html + made.text
