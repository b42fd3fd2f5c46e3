"""Links that only we can make, for one person and one purpose."""

from __future__ import annotations

import string
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.errors import BadToken, KeyringError
from subscribers.tokens import PURPOSES, SEALS, Claim, Keyring

OLD, NEW, OTHER = "old-" * 10, "new-" * 10, "other" * 10
RING = Keyring([NEW, OLD])
ALPHABET = string.ascii_letters + string.digits + "-_"


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**32 - 1), st.sampled_from(PURPOSES))
def test_a_token_tells_what_it_was_made_for(subscriber: int, context: int, purpose: str) -> None:
    tokens = RING.tokens(subscriber, context)
    token = getattr(tokens, purpose)
    assert RING.read(token, purpose) == Claim(subscriber, context)
    assert len(token) == 38
    assert set(token) <= set(ALPHABET)
    assert len(set(tokens)) == 4
    for other in set(PURPOSES) - {purpose}:
        with pytest.raises(BadToken):
            RING.read(token, other)
    with pytest.raises(BadToken):
        Keyring([OTHER]).read(token, purpose)


@given(st.integers(0, 37), st.sampled_from(ALPHABET))
def test_no_character_can_be_changed(place: int, character: str) -> None:
    token = RING.tokens(7, 9).leave
    forged = token[:place] + character + token[place + 1 :]
    if forged == token:
        assert RING.read(forged, "leave") == Claim(7, 9)
    else:
        with pytest.raises(BadToken):
            RING.read(forged, "leave")


@given(st.one_of(st.text(), st.text(ALPHABET, min_size=36, max_size=40), st.binary(max_size=64).map(repr)))
def test_nonsense_is_a_bad_token_and_nothing_else(token: str) -> None:
    for purpose in PURPOSES:
        with pytest.raises(BadToken):
            RING.read(token, purpose)
    for purpose in SEALS:
        with pytest.raises(BadToken):
            RING.unseal(token, purpose)


def test_truncated_padded_and_reused_parts_are_refused() -> None:
    tokens = RING.tokens(7, 9)
    raw = urlsafe_b64decode(tokens.leave + "==")
    as_view = urlsafe_b64encode(raw[:1] + b"\x01" + raw[2:])[:38].decode()
    for wrong in (
        tokens.leave[:-1],
        tokens.leave + "=",
        tokens.leave + "==",
        tokens.leave + "A",
        f" {tokens.leave}",
        as_view,
    ):
        with pytest.raises(BadToken):
            RING.read(wrong, "leave")
    with pytest.raises(BadToken):
        RING.read(as_view, "view")


def test_an_old_key_still_reads_and_a_removed_one_does_not() -> None:
    before = Keyring([OLD])
    token = before.tokens(3, 4).leave
    assert RING.read(token, "leave") == Claim(3, 4)
    assert RING.tokens(3, 4, before.key_id).leave == token, "an edition signs with the key it froze"
    assert RING.tokens(3, 4).leave != token
    with pytest.raises(BadToken):
        Keyring([NEW]).read(token, "leave")
    with pytest.raises(KeyringError, match="no longer among SECRET_KEYS"):
        Keyring([NEW]).tokens(3, 4, before.key_id)


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**32 - 1), st.sampled_from(sorted(SEALS)))
def test_a_sealed_token_tells_what_it_was_sealed_for_and_is_a_kind_of_its_own(
    subscriber: int, context: int, purpose: str
) -> None:
    token = RING.seal(purpose, subscriber, context)
    assert RING.unseal(token, purpose) == Claim(subscriber, context)
    assert len(token) == 38
    assert set(token) <= set(ALPHABET)
    with pytest.raises(BadToken):
        Keyring([OTHER]).unseal(token, purpose)
    for other in set(SEALS) - {purpose}:
        with pytest.raises(BadToken):
            RING.unseal(token, other)
    for link in PURPOSES:
        with pytest.raises(BadToken):
            RING.read(token, link)
        with pytest.raises(BadToken):
            RING.unseal(getattr(RING.tokens(subscriber, context), link), purpose)


def test_keys_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(KeyringError, match="same id"):
        Keyring([NEW, NEW])
    with pytest.raises(KeyringError, match="SECRET_KEYS"):
        Keyring([])


@pytest.mark.parametrize(("subscriber", "context"), [(2**48, 1), (-1, 1), (1, 2**32), (1, -1)])
def test_numbers_that_do_not_fit(subscriber: int, context: int) -> None:
    with pytest.raises(KeyringError, match="does not fit"):
        RING.tokens(subscriber, context)


def test_address_hashes_ignore_case_and_survive_a_rotation() -> None:
    now = RING.address_hashes(" Ada@Example.org")
    assert now == RING.address_hashes("ada@example.ORG ")
    assert len(now) == 2
    assert {len(each) for each in now} == {32}
    assert Keyring([OLD]).address_hashes("ada@example.org")[0] in now
    assert not set(now) & set(RING.address_hashes("eda@example.org"))


def test_network_hashes() -> None:
    assert RING.network_hash("192.0.2.1") != RING.network_hash("192.0.2.2")
    assert RING.network_hash("2001:db8::1") == RING.network_hash("2001:db8::ffff:1"), "one household, one hash"
    assert RING.network_hash("2001:db8::1") != RING.network_hash("2001:db8:0:1::1")
    assert RING.network_hash("::ffff:192.0.2.1") == RING.network_hash("192.0.2.1"), "a socket for both kinds"
    assert RING.network_hash("testclient") is None


def test_networks_of_one_site_share_the_first_half() -> None:
    one, two, other = (RING.network_hash(f"2001:db8:{each}::1") for each in ("0:1", "0:2", "1:1"))
    assert one
    assert two
    assert other
    assert [len(each) for each in (one, two, other)] == [32, 32, 32]
    assert one[:16] == two[:16] != other[:16]
    assert one[16:] != two[16:]


def test_an_address_has_one_hash_however_its_domain_is_written() -> None:
    ring = Keyring(["k" * 40])
    assert ring.address_hashes("Ann@bücher.example") == ring.address_hashes("ann@xn--bcher-kva.example")
    assert ring.address_hashes("ann@buecher.example") != ring.address_hashes("ann@bücher.example")


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**32 - 1))
def test_the_links_of_a_mail_are_those_made_one_by_one(subscriber: int, edition: int) -> None:
    links, one_by_one = RING.mail_links(subscriber, edition), RING.tokens(subscriber, edition)
    assert (links.leave, links.view, links.manage) == (one_by_one.leave, one_by_one.view, one_by_one.manage)
    assert links.tune == RING.seal("tune", subscriber, edition)
    assert RING.mail_links(subscriber, edition, RING.key_id) == links
