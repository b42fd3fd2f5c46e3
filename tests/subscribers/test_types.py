"""Addresses and names as strangers type them."""

from __future__ import annotations

import pytest

from subscribers.errors import BadAddress
from subscribers.types import address_key, check_address, clean_name, wire_address


@pytest.mark.parametrize(
    ("typed", "kept", "key"),
    [
        ("ada@example.org", "ada@example.org", "ada@example.org"),
        (" Ada+News@Example.ORG\n", "Ada+News@Example.ORG", "ada+news@example.org"),
        ("o'hara@example.org", "o'hara@example.org", "o'hara@example.org"),
        ("ada@BÜCHER.example", "ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("ada@ｅxample.org", "ada@example.org", "ada@example.org"),
    ],
)
def test_addresses_are_kept_as_typed_and_unique_without_case(typed: str, kept: str, key: str) -> None:
    assert check_address(typed) == kept
    assert address_key(kept) == key
    assert wire_address(kept).isascii()


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "ada",
        "ada@",
        "@example.org",
        "ada@localhost",
        "ada@@example.org",
        "a b@example.org",
        "ada@example.org, eda@example.org",
        "Ada <ada@example.org>",
        "ädä@example.org",
        "ada@exa\u202emple.org",
        "ada\r\nBcc: all@example.org",
        "ada@-x.org",
        "ada@[127.0.0.1]",
        "x" * 65 + "@example.org",
        "ada@" + "x" * 9000 + ".org",
        ".ada@example.org",
        '"a b"@example.org',
        "ada@x.test",
    ],
)
def test_what_is_no_address(wrong: str) -> None:
    with pytest.raises(BadAddress) as caught:
        check_address(wrong)
    assert "\n" not in str(caught.value)
    assert "\u202e" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("  Ada\r\n\tLovelace ", "Ada Lovelace"),
        ("A\u202eda\u200b \u2066x\u2069", "Ada x"),
        ("\x00\x1b[31mAda", "[31mAda"),
        ("A\u0308da", "Äda"),
        ("نور", "نور"),
        ("x" * 10_000, "x" * 200),
        ("\u200b" * 10_000, ""),
        ("\u3164\u3164", ""),
        ("\u115f\u1160\uffa0", ""),
        ("\u2800 \u2800", ""),
        ("\ufe0f" * 10, ""),
        ("\U000e0100\u17b4\u17b5\u180b\u034f", ""),
        ("\u0301\u0301", ""),
        ("a" + "\u0301" * 150, "\u00e1\u0301\u0301"),
        ("A\ufe0fda\u3164", "Ada"),
        ("कर्ज़ीं", "कर्ज़ीं"),
        ("မြွှာ", "မြွှာ"),
        ("김철수", "김철수"),
        ("x" + "\u0e31" * 9, "x" + "\u0e31" * 4),
    ],
)
def test_names_lose_what_cannot_be_seen(typed: str, kept: str) -> None:
    assert clean_name(typed) == kept
