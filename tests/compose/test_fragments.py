"""Fragments: nobody but a template makes a hole, and nothing is lost on the way to the store and back."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markupsafe import escape

from digest.compose.fragments import MARK, address, cut, guard, hole, holes, pack, unpack

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no failure."""

names = st.text(min_size=1, max_size=20)
texts = st.text(max_size=60).filter(lambda text: MARK not in text.lower())
hostile = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from([MARK, MARK.upper(), "zq5", "hole", "ZQ5hO", "le", "x6e78x", hole("leave"), hole("n"), " "])
    ).map("".join),
)


@CALM
@given(st.lists(st.tuples(texts, names)), texts)
def test_cut_finds_the_holes_that_were_printed(parts: list[tuple[str, str]], last: str) -> None:
    fragment = cut("".join(text + hole(name) for text, name in parts) + last)
    assert holes(fragment) == tuple(name for _, name in parts)
    assert fragment[0::2] == (*(text for text, _ in parts), last)


@CALM
@given(st.lists(st.tuples(st.text(), names)), st.text())
def test_packing_loses_nothing(parts: list[tuple[str, str]], last: str) -> None:
    fragment = (*(piece for part in parts for piece in part), last)
    try:
        data = pack(fragment)
    except UnicodeEncodeError:
        assert any("\ud800" <= char <= "\udfff" for piece in fragment for char in piece)
        return
    assert unpack(data) == fragment
    assert address(data) == address(pack(unpack(data)))


@CALM
@given(hostile)
def test_guarded_text_makes_no_hole(text: str) -> None:
    kept = guard(text)
    assert MARK not in kept.lower()
    assert cut(kept) == (kept,)
    assert guard(kept) == kept
    assert cut(f'<a title="{escape(kept)}">{escape(kept)}</a>' + hole("own"))[1::2] == ("own",)


@pytest.mark.parametrize("text", ["zq5zq5holehole", "ZQ5HOLEx6e78x", "zq5hozq5holele", hole("leave")])
def test_guard_takes_the_marker_out_however_it_is_nested(text: str) -> None:
    assert MARK not in guard(text).lower()


def test_guard_leaves_other_text_alone() -> None:
    assert guard("A hole in the sea wall, zq5") == "A hole in the sea wall, zq5"
