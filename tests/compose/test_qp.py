"""Quoted-printable in pieces."""

from __future__ import annotations

import quopri

from hypothesis import given
from hypothesis import strategies as st

from digest.compose.qp import encode_qp

TEXT = st.text(
    alphabet=st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("=. \t\r\n\0aé—"), st.just("F")),
    max_size=200,
)


def normal(text: str) -> bytes:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n").encode()


@given(st.lists(TEXT, max_size=8))
def test_pieces_joined_in_any_order_decode_to_the_texts_joined(texts: list[str]) -> None:
    joined = b"".join(encode_qp(text) for text in texts)
    assert quopri.decodestring(joined) == b"".join(normal(text) for text in texts)
    assert joined.isascii()
    assert joined == b"" or joined.endswith(b"\r\n")
    for line in joined.split(b"\r\n"):
        assert len(line) <= 76
        assert b"\n" not in line
        assert b"\r" not in line
        assert not line.endswith((b" ", b"\t"))


def test_long_words_and_line_ends_of_every_length() -> None:
    for length in range(70, 160):
        for letter in ("a", "é", "=", " "):
            text = letter * length
            encoded = encode_qp(text)
            assert max(map(len, encoded.split(b"\r\n"))) <= 76
            assert quopri.decodestring(encoded + encode_qp("b")) == (text + "b").encode()
    assert encode_qp("") == b""
    assert encode_qp("café\n") == b"caf=C3=A9\r\n"
    assert encode_qp("a b") == b"a b=\r\n"
