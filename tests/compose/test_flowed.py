"""The text part: whole again where a mail program joins its lines, in columns where none does, and safe in Arabic."""

from __future__ import annotations

import re

import pytest

from digest.compose.theme import WIDTH, flowing, wrapped
from digest.types import Pick
from tests.compose.edition import card, compose, freeze, profile

LONG = (
    "A summary that is longer than one line of a screen, and goes on until it needs three of them or more to be read."
)
QUOTING = "aa " * 22 + "> " + "bb " * 20 + "From cc " + "dd " * 20 + "end."


def joined(text: str) -> list[str]:
    """Paragraphs as a program makes them that knows RFC 3676 (section 4.2): take one stuffed space away, join what ends
    with a space to what follows."""
    lines = [line.removeprefix(" ") for line in text.split("\n")]
    assert not any(line.startswith(">") for line in text.split("\n")), "it would be taken for a quotation"
    return re.sub(r"(?<=\S )\n", "", "\n".join(lines)).split("\n")


@pytest.mark.parametrize("language", ["en", "de", "ar"])
def test_paragraphs_come_whole_out_of_the_text_and_fit_its_columns(language: str) -> None:
    update = card(2, f"Update of two, {LONG}", version=2, from_version=1, summary=LONG, article_id=50, page="/story/2")
    told = [
        (card(1, summary=LONG, also=("Paper & Sons", "The Other Paper"), others=3, page="/story/1"), (1,), ()),
        (card(2, version=2), (2,), (update,)),
        (card(3, f"Headline three, {LONG}", summary=QUOTING, machine=True), (1,), ()),
        (card(4, LONG), (3,), ()),
    ]
    reader = profile(language=language, max_stories=4)
    mail = compose(freeze(told, languages=(language,)), reader, memory={2: (Pick(2, 1),)})
    text = mail.text.decode()
    paragraphs = joined(text)
    assert paragraphs.count(LONG) == 2
    assert QUOTING in paragraphs
    assert any(re.fullmatch(rf"\[\d\] Headline three, {LONG}", each) for each in paragraphs)
    for line in text.split("\n"):
        assert len(line) <= WIDTH or "://" in line, line
        assert line == line.rstrip() or line.rstrip() == line[:-1], "one space says that a line goes on"
    links = [each for each in paragraphs if "://" in each]
    assert all(re.search(r"https?://\S+$", each) for each in links), "an address ends its line"
    assert [f"    {each.strip()}" for each in links if "/why/" in each] == [each for each in links if "/why/" in each]


def test_every_number_leads_to_its_link() -> None:
    mail = compose(freeze([(card(number), (number % 3 + 1,), ()) for number in range(1, 9)]), profile(max_stories=4))
    text = mail.text.decode()
    stories = dict(re.findall(r"^\[(\d+)\] Headline number (\d+)", text, re.MULTILINE))
    links = dict(re.findall(r"^\[(\d+)\] https://paper\.example/(\d+)\?", text, re.MULTILINE))
    assert stories == links
    assert list(map(int, stories)) == list(range(1, 9))


def test_names_that_run_the_other_way_are_kept_apart() -> None:
    """First strong isolates (UAX #9): else the comma behind a Latin name jumps to the wrong side of an Arabic line."""
    foreign = card(1, publisher="The Paper & Sons", also=("Second, Inc.", "رصيف"), others=2)
    text = compose(freeze([(foreign, (1,), ())], languages=("ar",)), profile(language="ar")).text.decode()
    assert "\u2068The Paper & Sons\u2069" in text
    assert "\u2068Second, Inc.\u2069" in text
    assert "\u2068رصيف" not in text
    assert text.count("\u2068") == text.count("\u2069")
    assert not re.search("://\\S*[\u2068\u2069]", text), "no mail program would find the end of such an address"


def test_a_value_that_looks_like_a_quotation_is_none() -> None:
    assert joined(flowing(QUOTING)) == [QUOTING]
    assert flowing("short") == wrapped("short") == "short"
