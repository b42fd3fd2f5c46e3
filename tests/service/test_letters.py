"""System mails: which link each may hold, what is frozen, and that a recomposition is the same."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from digest.compose.content import Manifest, unpack_manifest
from digest.models import Blob
from digest.service.answers import FIRST
from digest.service.composing import Press
from digest.service.letters import LETTERS, LINK, freeze_system, language_of, links_of, listed, prepare
from digest.store import editions
from digest.store.db import reading, writing
from digest.types import Due, Envelope
from subscribers.due import audience
from subscribers.errors import BadToken
from subscribers.tokens import Keyring
from tests.service.town import NOW, Town

OLD, NEW = "a-key-that-only-the-tests-know-about-0001", "another-key-that-only-the-tests-know-0002"
NUMBER = 77


def freeze(town: Town, reader: int, mail: str, language: str = "en") -> int:
    """A system mail to one reader, frozen; its edition."""
    values = {"topics": "Harbour"} if mail in ("confirm", "known") else {LINK: str(NUMBER)}
    shop = town.service.shop
    with writing(town.engine) as session:
        slot, key_id = f"system:{mail}:{reader}-{language}", town.service.keyring.key_id
        edition_id, at, _ = editions.open_edition(
            session, "system", slot, planned_at=NOW, key_id=key_id, priority=FIRST
        )
        readers = audience(None, reader, any_status=True)
        editions.plan_chunk(session, edition_id, readers, after_id=0, planned_at=at)
        freeze_system(shop, session, edition_id, mail, language, values, now=NOW)
    return edition_id


def composed(press: Press, town: Town, edition_id: int, encoding: str = "raw") -> Envelope:
    (row,) = town.deliveries(edition_id)
    (mail,) = press.compose(edition_id, [Due(edition_id, row.subscriber_id, row.profile_id, row.since)], encoding)
    assert isinstance(mail, Envelope)
    return mail


PATHS = {
    "confirm": "confirm",
    "known": "preferences",
    "fresh": "account",
    "move": "move",
    "moving": "stop-move",
    "goodbye": "back",
}


@pytest.mark.parametrize("mail", LETTERS)
def test_each_mail_holds_its_own_link_and_no_other(small_town: Town, mail: str) -> None:
    small_town.topics("Harbour")
    reader = small_town.reader("ada@example.org", "harbour")
    sent = composed(small_town.service.press, small_town, freeze(small_town, reader, mail))
    html, text = sent.html.decode(), sent.text.decode()
    ours = re.compile(rf"{re.escape(small_town.service.settings.public_url)}/([\w-]+)/([\w-]{{38}})")
    found = set(ours.findall(html)) | set(ours.findall(text))
    assert len(found) == 1
    ((path, token),) = found
    assert path == PATHS[mail]
    keyring, name = small_town.service.keyring, LETTERS[mail]
    claim = keyring.read(token, name) if name == "confirm" else keyring.unseal(token, name)
    minute = int(NOW.timestamp() // 60)
    assert (claim.subscriber_id, claim.context) == (reader, minute if name in ("confirm", "steer") else NUMBER)
    assert sent.headers == (("Auto-Submitted", "auto-generated"),), "nobody subscribed to a system mail"
    assert sent.recipient.name == ""
    assert html.count('class="button"') == 2, "one button: its cell and its link"


def test_what_tells_the_old_address_cannot_confirm_the_new_one(small_town: Town) -> None:
    """Even in a template of an operator's own: the mail is given no other link."""
    keyring = small_town.service.keyring
    manifest = Manifest("moving", NOW, small_town.service.shop.site, {}, {}, {}, {}, {}, {}, {}, {LINK: "5"})
    links = links_of(keyring, manifest, keyring.key_id, 9)
    assert list(links) == ["stop"]
    with pytest.raises(BadToken):
        keyring.unseal(links["stop"], "fresh")


@pytest.mark.parametrize("mail", LETTERS)
def test_composed_again_after_a_rotation_of_keys_a_mail_is_the_same(small_town: Town, mail: str) -> None:
    """A call in doubt is repeated byte for byte; a day later, with a new key in front, it must still be."""
    small_town.topics("Harbour")
    edition_id = freeze(small_town, small_town.reader("ada@example.org", "harbour"), mail)
    first = composed(small_town.service.press, small_town, edition_id, "json")
    small_town.clock.at += timedelta(hours=20)
    rotated = Press(small_town.engine, small_town.service.theme, Keyring((NEW, OLD)))
    assert composed(rotated, small_town, edition_id, "json") == first


def test_nothing_that_is_frozen_names_a_person(small_town: Town) -> None:
    small_town.topics("Harbour")
    reader = small_town.reader("ada.lovelace@example.org", "harbour", name="Ada Lovelace")
    for mail in LETTERS:
        freeze(small_town, reader, mail)
    with reading(small_town.engine) as session:
        kept = [bytes(data) for data in session.execute(select(Blob.data)).scalars()]  # type: ignore[call-overload]
    assert len(kept) > len(LETTERS)
    for data in kept:
        assert b"lovelace" not in data.lower()
        assert b"@example.org" not in data or b'"sender"' in data, "only our own sender's address"
        if data.startswith(b"{"):
            assert b"ada" not in json.dumps(dict(unpack_manifest(data).values)).encode().lower()


def test_a_text_reader_gets_system_mails_as_text(small_town: Town) -> None:
    small_town.topics("Harbour")
    reader = small_town.reader("ada@example.org", "harbour")
    with small_town.engine.begin() as connection:
        connection.exec_driver_sql("""UPDATE profile SET data = replace(data, '"format":"html"', '"format":"text"')""")
    sent = composed(small_town.service.press, small_town, freeze(small_town, reader, "fresh"))
    assert sent.html == b""
    assert b"/account/" in sent.text


def test_letters_are_compiled_once_for_every_language(small_town: Town) -> None:
    shop = small_town.service.shop
    prepare(shop)
    assert set(shop.letters) == {(mail, language) for mail in LETTERS for language in shop.languages}
    before = dict(shop.letters)
    prepare(shop)
    assert all(shop.letters[key] is before[key] for key in before)


@pytest.mark.parametrize(
    ("locale", "language"), [("de-AT", "de"), ("de_CH", "de"), ("ar", "ar"), ("en-GB", "en"), ("xx", "en"), ("", "en")]
)
def test_the_language_of_a_locale(small_town: Town, locale: str, language: str) -> None:
    assert language_of(small_town.service.shop, locale) == language


def test_topics_are_listed_as_the_language_does(small_town: Town) -> None:
    shop = small_town.service.shop
    assert listed(shop, ["Harbour", "Energy"], "en", NOW) == "Harbour and Energy"
    assert listed(shop, ["Hafen", "Energie"], "de", NOW) == "Hafen und Energie"
    assert listed(shop, ["Harbour"], "ar", NOW) == "\u2068Harbour\u2069"
