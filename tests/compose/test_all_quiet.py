"""The mail of a day without anything new: to whom it is composed, and that no two composers make it differently."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from digest.compose.assemble import Composer
from digest.compose.blocks import BlockCache, chrome_blocks, compile_blocks
from digest.compose.content import ALL_QUIET, Frozen
from digest.types import Due, Envelope, LeftOut, Pick, Recipient
from tests.compose.edition import (
    EDITION,
    FROZEN_AT,
    HANDS,
    SINCE,
    SITE,
    TOPICS,
    card,
    decoded,
    freeze,
    own_tokens,
    parsed,
    profile,
    theme,
    visible,
)

TO = Recipient(42, "reader42@example.org", "Ada")
ASKS = Due(EDITION, 42, 1, SINCE)
WISHES = profile(all_quiet=True)


def quiet(*languages: str) -> Frozen:
    """An edition that tells one story, of topic 3, and has something to say to all others."""
    one = freeze([(card(1), (3,), ())], languages=languages or ("en",))
    blocks = [block for each in languages or ("en",) for block in chrome_blocks(TOPICS, each, all_quiet=True)]
    compiled = compile_blocks(theme(), SITE, blocks, BlockCache())
    html, text = {**one.html, **compiled.html}, {**one.text, **compiled.text}
    stored: dict[str, Any] = {
        "html": dict.fromkeys(html, ""),
        "text": dict.fromkeys(text, ""),
        "values": {ALL_QUIET: "1"},
    }
    return Frozen(replace(one.manifest, **stored), html, text)


def composed(frozen: Frozen, due: Due = ASKS, encoding: str = "raw", **choices: Any) -> Envelope | LeftOut:
    reader = profile(**{"all_quiet": True, "topics": (1, 2), **choices})
    return Composer(EDITION, frozen, theme(), HANDS, encoding).compose(due, reader, TO)


def mail(frozen: Frozen, due: Due = ASKS, encoding: str = "raw", **choices: Any) -> Envelope:
    made = composed(frozen, due, encoding, **choices)
    assert isinstance(made, Envelope)
    return made


def test_only_who_wishes_it_and_only_where_the_edition_has_it() -> None:
    empty = LeftOut(42, "skipped", "empty")
    assert composed(quiet(), all_quiet=False) == empty
    without = quiet()
    without = replace(without, manifest=replace(without.manifest, values={}))
    assert composed(without) == empty
    assert composed(without, replace(ASKS, picks=())) == empty
    assert mail(quiet()).picks == ()


def test_who_has_news_gets_the_news() -> None:
    told = mail(quiet(), topics=(1, 3))
    assert told.picks == (Pick(1, 1),)
    for part in (told.html, told.text):
        assert b"That\xe2\x80\x99s all." in part
        assert b"nothing new" not in part
    remembered = replace(ASKS, memory={1: (Pick(1, 1),)})
    assert mail(quiet(), remembered, topics=(1, 3)).picks == (), "what was sent before is nothing new"


@pytest.mark.parametrize("encoding", ["raw", "json", "qp"])
@pytest.mark.parametrize("language", ["en", "de", "ar"])
def test_the_same_bytes_whoever_composes_it_and_however_often(language: str, encoding: str) -> None:
    frozen = quiet("en", "de", "ar")
    composer = Composer(EDITION, frozen, theme(), HANDS, encoding)
    reader = replace(WISHES, topics=(1, 2), language=language)
    # The second and third of a profile come from a row that is kept; the last obeys what an attempt fixed.
    dues = [ASKS, ASKS, ASKS, replace(ASKS, picks=()), replace(ASKS, picks=(), since=FROZEN_AT)]
    made = [composer.compose(due, reader, TO) for due in dues]
    alone = mail(frozen, encoding=encoding, language=language)
    assert made == [alone] * len(dues)
    raw = mail(frozen, language=language)
    assert decoded(alone.html, encoding) == raw.html.decode()
    assert decoded(alone.text, encoding) == raw.text.decode()
    other = composer.compose(replace(ASKS, subscriber_id=43), reader, Recipient(43, "b@example.org", ""))
    assert isinstance(other, Envelope)
    assert own_tokens(43).leave in decoded(other.html, encoding)
    assert own_tokens(42).leave not in decoded(other.html, encoding)


def test_plain_text_alone_for_who_wants_that() -> None:
    told = mail(quiet(), format="text")
    assert told.html == b""
    assert told.text == mail(quiet()).text


def test_names_of_topics_are_escaped_and_the_order_is_the_readers() -> None:
    told = mail(quiet(), topics=(2, 1))
    assert "nothing new for you on Energy <new> and Harbour & Town." in visible(told.html.decode())
    (paragraph,) = parsed(told.html.decode()).xpath("//p[@class='letter']")
    assert not list(paragraph), "no name has become a tag"


def test_in_the_browser_it_has_nothing_personal() -> None:
    frozen = quiet()
    shown = Composer(EDITION, frozen, theme(), HANDS, "raw").view((), replace(WISHES, topics=(1, 2)), SINCE)
    sent = mail(frozen)
    assert shown.subject == sent.subject == "All quiet on Wednesday, March 4, 2026"
    assert "there was nothing new for you on" in shown.html
    for token in (own_tokens(42).leave, own_tokens(42).manage, own_tokens(42).view):
        assert token in sent.html.decode()
        assert token not in shown.html + shown.text
    assert "You get this because" not in shown.html


def test_another_day_has_another_subject() -> None:
    """Mail programs make one thread of equal subjects."""
    frozen = quiet("en", "de", "ar")
    for language in ("en", "de", "ar"):
        later = replace(frozen, manifest=replace(frozen.manifest, frozen_at=FROZEN_AT.replace(day=5)))
        one, two = mail(frozen, language=language).subject, mail(later, language=language).subject
        assert one != two
        assert not one.endswith("…"), "it has room"
