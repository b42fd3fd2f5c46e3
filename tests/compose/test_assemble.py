"""Joining: the same inputs give the same bytes, everybody gets their own links, and no text can break out."""

from __future__ import annotations

import dataclasses
import email.utils
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.compose.assemble import Composer
from digest.compose.blocks import BlockCache
from digest.compose.content import Card, Frozen, pack_manifest, unpack_manifest
from digest.compose.fragments import pack, unpack
from digest.compose.theme import shorten
from digest.types import Due, LeftOut, Pick, ReaderProfile, Recipient
from tests.compose.edition import (
    EDITION,
    HANDS,
    KEYRING,
    SINCE,
    SITE,
    card,
    compose,
    decoded,
    freeze,
    own_tokens,
    parsed,
    profile,
    theme,
    tokens,
    visible,
)

Story = tuple[Card, Sequence[int], Sequence[Card]]

NASTY = "<script>alert(1)</script> \"quoted\" 'single' & <!--/block--> 100% %(n)s {{ p.leave }} zq5hole <b>"
HOSTILE = [NASTY, "--><img src=x onerror=alert(1)>", "zq5holex6c65617665x", "a\u202eb", "“Look up” – it’s <open>"]


def stories(count: int = 20, **values: Any) -> list[Story]:
    return [
        (card(number, image_url=f"https://paper.example/{number}.jpg", **values), (number % 3 + 1,), ())
        for number in range(1, count + 1)
    ]


@pytest.mark.parametrize("encoding", ["raw", "json", "qp"])
def test_same_inputs_same_bytes(encoding: str) -> None:
    """Compiled twice, through the store's bytes and back, with other readers before it: nothing changes a mail."""
    one, two = freeze(stories(), languages=("en", "de")), freeze(stories(), languages=("de", "en"), cache=BlockCache())
    stored = Frozen(
        unpack_manifest(pack_manifest(two.manifest)),
        {key: unpack(pack(fragment)) for key, fragment in two.html.items()},
        {key: unpack(pack(fragment)) for key, fragment in two.text.items()},
    )
    reader = profile(max_stories=5)
    busy = Composer(EDITION, stored, theme(), HANDS, encoding)
    for other in range(1, 6):
        busy.compose(
            Due(EDITION, other, 2, SINCE),
            profile(id=2, topics=(3, 1), language="de"),
            Recipient(other, "x@y.example", ""),
        )
    due, to = Due(EDITION, 42, 1, SINCE), Recipient(42, "reader42@example.org", "Ada")
    assert busy.compose(due, reader, to) == compose(one, reader, encoding=encoding)


def test_threads_may_share_a_composer() -> None:
    frozen = freeze(stories())
    composer = Composer(EDITION, frozen, theme(), HANDS, "json")
    readers = [profile(id=number, topics=(1 + number % 3, 1 + (number + 1) % 3)) for number in range(1, 40)]

    def one(reader: ReaderProfile) -> object:
        return composer.compose(
            Due(EDITION, reader.id, reader.id, SINCE), reader, Recipient(reader.id, "a@b.example", "")
        )

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, readers)) == [one(reader) for reader in readers]


def test_the_three_encodings_say_the_same() -> None:
    frozen = freeze([*stories(14), (card(99, NASTY, language="ar", direction="rtl"), (1,), ())])
    raw = compose(frozen, profile())
    for encoding in ("json", "qp"):
        mail = compose(frozen, profile(), encoding=encoding)
        assert decoded(mail.html, encoding) == raw.html.decode()
        assert decoded(mail.text, encoding) == raw.text.decode()
        assert (mail.subject, mail.headers, mail.picks) == (raw.subject, raw.headers, raw.picks)
    for line in compose(frozen, profile(), encoding="qp").html.split(b"\r\n"):
        assert len(line) <= 76


def test_every_personal_link_is_the_readers_own() -> None:
    frozen = freeze(stories())
    composer = Composer(EDITION, frozen, theme(), HANDS, "raw")
    for subscriber in (1, 42, 2**40):
        mail = composer.compose(Due(EDITION, subscriber, 1, SINCE), profile(), Recipient(subscriber, "a@b.example", ""))
        assert not isinstance(mail, LeftOut)
        header = dict(mail.headers)["List-Unsubscribe"]
        for part in (mail.html.decode(), mail.text.decode(), header):
            found = tokens(part)
            assert found
            for purpose, token in found:
                claim = KEYRING.unseal(token, purpose) if purpose == "tune" else KEYRING.read(token, purpose)
                assert (claim.subscriber_id, claim.context) == (subscriber, EDITION)
        assert {purpose for purpose, _ in tokens(mail.html.decode())} == {"leave", "view", "manage", "tune"}
        assert header == f"<{SITE.public_url}/leave/{own_tokens(subscriber).leave}>"


def test_headers_of_a_digest() -> None:
    mail = compose(freeze(stories(3)), profile())
    headers = dict(mail.headers)
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers["List-Id"] == "<digest.example.org>", "a name with a quote is left out, not mangled"
    assert all(value.isascii() for value in headers.values())
    assert re.fullmatch(r"<7\.42\.[0-9a-f]{16}@example\.org>", mail.message_id)
    assert email.utils.format_datetime(mail.sheet.date) == "Wed, 04 Mar 2026 06:00:00 +0000"
    assert (mail.sheet.sender, mail.sheet.reply_to) == (SITE.sender, SITE.reply_to)


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_text_stays_text(text: str) -> None:
    """In headline, summary, publisher, picture and address, in text and in attributes alike."""
    bad = card(
        1, text, summary=text, publisher=text, image_url=f"https://paper.example/'\"><script>/{text}", image_alt=text
    )
    many: list[Story] = [(bad, (1,), ()), (dataclasses.replace(bad, story_id=2), (1,), ()), *stories(12)[2:]]
    mail = compose(freeze(many), profile(max_stories=3))
    page = parsed(mail.html.decode())
    assert not page.xpath("//script|//b|//*[@onerror]")
    assert [node.text_content() for node in page.xpath("//h2[contains(@class,'lead')]")] == [bad.title]
    assert page.xpath("//img/@alt")[0] == bad.image_alt
    assert " ".join(bad.title.split()) in " ".join(mail.text.decode().split())
    assert " ".join(bad.summary.split()) in visible(mail.html.decode())
    assert mail.subject == shorten(bad.title)
    assert [token for _, token in tokens(mail.html.decode())].count(own_tokens(42).leave) == 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn", "Co"]), min_size=1, max_size=40),
        min_size=1,
        max_size=4,
    )
)
def test_any_headline_arrives_as_it_is(titles: list[str]) -> None:
    told = [card(number, title) for number, title in enumerate(titles, 1)]
    mail = compose(freeze([(each, (1,), ()) for each in told]), profile())
    page = parsed(mail.html.decode())
    shown = [" ".join(node.text_content().split()) for node in page.xpath("//h2//a|//h3//a")]
    assert shown == [" ".join(each.title.split()) for each in told]
    for encoding in ("json", "qp"):
        assert (
            decoded(compose(freeze([(e, (1,), ()) for e in told]), profile(), encoding=encoding).html, encoding)
            == mail.html.decode()
        )


def test_the_view_is_nobodys() -> None:
    frozen = freeze(stories())
    mail = compose(frozen, profile(max_stories=4))
    view = Composer(EDITION, frozen, theme(), HANDS, "raw").view(mail.picks, profile(max_stories=4), SINCE)
    assert view.subject == mail.subject
    for part in (view.html, view.text):
        assert not tokens(part)
        assert "/leave/" not in part
        assert "/why/" not in part
        assert "Mute" not in part
        assert "example.org/view" not in part
    for full, _, _ in stories(9):
        assert (full.title in view.html) == (full.title.encode() in mail.html)
    shared = visible(mail.html.decode()).replace("Why this? · Mute", "")
    assert visible(mail.html.decode()).count("Why this?") == len(mail.picks)
    assert shared.replace(" ", "").startswith(visible(view.html).replace(" ", "")[:200])


def test_text_numbers_are_in_order_and_lead_to_the_right_story() -> None:
    frozen = freeze(stories())
    mail = compose(frozen, profile(max_stories=6))
    text = mail.text.decode()
    by_number = dict(re.findall(r"^\[(\d+)\] (\S+)$", text, re.MULTILINE))
    assert list(by_number) == [str(number) for number in range(1, len(mail.picks) + 1)]
    named = re.findall(r"\[(\d+)\] Headline number (\d+)", text)
    assert [number for number, _ in named] == list(by_number)
    for number, story in named:
        assert by_number[number] == f"https://paper.example/{story}?a=1&b=2"
    assert {f"https://paper.example/{pick.story_id}?a=1&b=2" for pick in mail.picks} == set(by_number.values())
    for line in text.splitlines():
        assert len(line) <= 72 or "http" in line, line


def test_stories_stand_under_the_readers_first_topic() -> None:
    many: list[Story] = [(card(1), (1, 2), ()), (card(2), (1, 2), ()), (card(3), (2, 3), ()), (card(4), (3,), ())]
    told = visible(compose(freeze(many), profile(topics=(2, 3))).html.decode())
    energy, culture = told.index("Energy <new>"), told.index("Kultur")
    assert energy < told.index("Headline number 2") < told.index("Headline number 3") < culture
    assert culture < told.index("Headline number 4")
    assert "Harbour & Town" not in told


def test_an_arabic_mail_runs_from_right_to_left() -> None:
    stand: list[Story] = [(card(1, "جنوح العبّارة", language="ar", direction="rtl"), (1,), ()), (card(2), (1,), ())]
    page = compose(freeze(stand, languages=("ar", "en")), profile(language="ar")).html.decode()
    root = parsed(page)
    assert (root.get("lang"), root.get("dir")) == ("ar", "rtl")
    english = root.xpath("//*[@dir='ltr' and @lang='en']")
    assert english, "an English story in an Arabic mail says so"
    assert "الأربعاء" in page
    assert parsed(compose(freeze(stand), profile()).html.decode()).get("dir") == "ltr"


def test_a_german_mail_speaks_german() -> None:
    mail = compose(freeze(stories(5), languages=("de", "en")), profile(language="de"))
    assert "Mittwoch, 4. März 2026" in mail.html.decode()
    assert "Mittwoch, 4. März 2026" in mail.text.decode()
    assert "Unsubscribe" not in mail.html.decode()
    other = compose(freeze(stories(5), languages=("de", "en")), profile(language="fr"))
    assert "Wednesday, March 4, 2026" in other.html.decode(), "a language without a catalogue gets English"


def test_an_update_says_so_and_carries_only_what_is_new() -> None:
    full = card(1, "Ferry aground", version=2, summary="All of it.")
    update = card(1, "Ferry refloated", version=2, from_version=1, summary="Only the new part.", article_id=8)
    frozen = freeze([(full, (1,), (update,)), (card(2), (1,), ())])
    knows = compose(frozen, profile(), memory={1: (Pick(1, 1),)})
    told = visible(knows.html.decode())
    assert knows.picks == (Pick(2, 1), Pick(1, 2, 1))
    assert "Only the new part." in told
    assert "Update" in told
    assert "All of it." not in told
    alone = compose(frozen, profile(), memory={1: (Pick(1, 1),), 2: (Pick(2, 1),)})
    assert alone.subject == "Update: Ferry refloated"


def test_who_has_had_everything_gets_no_mail() -> None:
    frozen = freeze(stories(2))
    due = Due(EDITION, 42, 1, SINCE, memory={1: (Pick(1, 1),), 2: (Pick(2, 1),)})
    left = Composer(EDITION, frozen, theme(), HANDS, "raw").compose(due, profile(), Recipient(42, "a@b.example", ""))
    assert left == LeftOut(42, "skipped", "empty")


def test_fixed_picks_are_obeyed_whatever_memory_says() -> None:
    frozen = freeze(stories(6))
    picks = (Pick(5, 1), Pick(2, 1))
    due = Due(EDITION, 42, 1, SINCE, picks=picks, memory={5: (Pick(5, 1),)})
    mail = Composer(EDITION, frozen, theme(), HANDS, "raw").compose(due, profile(), Recipient(42, "a@b.example", ""))
    assert not isinstance(mail, LeftOut)
    assert mail.picks == picks
    assert mail.subject == "Headline number 5"


def test_the_next_digest_and_clock_times_are_local() -> None:
    frozen = freeze(stories(3))
    told = visible(compose(frozen, profile(timezone="Asia/Kathmandu", send_minute=705, id=9)).html.decode())
    assert "tomorrow 11:45" in told
    assert "Wed 10:45" in told, "the first story is an hour older than the edition"


def test_why_names_headline_and_place() -> None:
    frozen = freeze(stories(3))
    composer = Composer(EDITION, frozen, theme(), HANDS, "raw")
    headline, why = composer.why(Pick(1, 1), 0, SINCE, profile())
    assert headline == "Headline number 1"
    assert why.startswith("the lead in Energy <new>")
