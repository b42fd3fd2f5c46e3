"""Mails that readers share but for their tokens: however one is put together, its bytes are the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from digest.compose.assemble import Composer
from digest.compose.content import Frozen
from digest.compose.strips import LINKS, joined, marks, strip, strip_of
from digest.errors import TemplateError
from digest.types import Due, Envelope, ReaderProfile, Recipient
from tests.compose.edition import EDITION, HANDS, SINCE, card, compose, freeze, own_tokens, profile, theme, tokens

TOKENS = (b"VIEW", b"LEAVE", b"MANAGE", b"TUNE")


@pytest.mark.parametrize("names", [(), ("tune",), ("leave", "tune", "tune", "view", "manage")])
def test_a_strip_puts_each_token_into_its_hole(names: tuple[str, ...]) -> None:
    of_names = strip([b"a", *([b"b"] * len(names))], names, LINKS)
    of_a_body = strip_of(joined([of_names], marks()))
    expected = b"a" + b"".join(TOKENS[LINKS.index(name)] + b"b" for name in names)
    for made in (of_names, of_a_body):
        assert joined([made], TOKENS) == expected
        assert joined([made], TOKENS) == expected, "a strip serves many"


def test_a_value_that_nobody_gives_is_named() -> None:
    with pytest.raises(TemplateError, match="asks for the personal value 'mood', which nobody gives"):
        strip([b"", b""], ["mood"], LINKS)


def _mail(composer: Composer, reader: ReaderProfile, subscriber_id: int) -> Envelope:
    to = Recipient(subscriber_id, f"reader{subscriber_id}@example.org", "Ada")
    mail = composer.compose(Due(EDITION, subscriber_id, reader.id, SINCE), reader, to)
    assert isinstance(mail, Envelope)
    return mail


@pytest.mark.parametrize("encoding", ["raw", "json", "qp"])
@pytest.mark.parametrize("choices", [{}, {"max_stories": 3}, {"format": "text"}, {"topics": (2,)}])
def test_the_first_reader_and_the_hundredth_get_what_each_would_get_alone(
    encoding: str, choices: dict[str, object]
) -> None:
    frozen, reader = freeze([(card(number), (number % 3 + 1,), ()) for number in range(1, 15)]), profile(**choices)
    composer = Composer(EDITION, frozen, theme(), HANDS, encoding)
    for subscriber_id in range(1, 6):
        alone = compose(frozen, reader, subscriber_id=subscriber_id, encoding=encoding)
        assert _mail(composer, reader, subscriber_id) == alone


def test_a_profile_that_is_not_the_one_of_before_gets_its_own_mail() -> None:
    frozen = freeze([(card(number), (number % 3 + 1,), ()) for number in range(1, 15)])
    composer = Composer(EDITION, frozen, theme(), HANDS, "raw")
    for reader in (profile(), profile(topics=(3,)), profile(format="text"), profile()):
        for subscriber_id in (1, 2, 3):
            assert _mail(composer, reader, subscriber_id) == compose(frozen, reader, subscriber_id=subscriber_id)


def test_a_theme_may_put_any_link_into_a_story() -> None:
    frozen = freeze([(card(number), (1,), ()) for number in range(1, 5)])
    own = {
        key: (*part[:-1], f"{part[-1]}/preferences/", "manage", ".")
        for key, part in frozen.html.items()
        if "card/" in key
    }
    frozen = Frozen(frozen.manifest, {**frozen.html, **own}, frozen.text)
    composer = Composer(EDITION, frozen, theme(), HANDS, "raw")
    plain = replace(profile(), max_stories=4)
    for subscriber_id in (1, 2, 3):
        found = [
            token for where, token in tokens(_mail(composer, plain, subscriber_id).html.decode()) if where == "manage"
        ]
        assert found == [own_tokens(subscriber_id).manage] * 6, "one in each card, and three at the foot"
