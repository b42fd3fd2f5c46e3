"""Whose turn it is."""

from __future__ import annotations

import random

import pytest

from digest.gather.lanes import Lanes, host_of


def first(item: str) -> str:
    return item[0]


def test_the_order_is_kept_and_a_busy_host_passed_over() -> None:
    lanes = Lanes(["a1", "a2", "a3", "b1", "a4", "c1"], first, limit=2)
    assert [lanes.take() for _ in range(5)] == ["a1", "a2", "b1", "c1", None]
    assert len(lanes) == 2
    lanes.done("b1")
    assert lanes.take() is None
    lanes.done("a2")
    assert [lanes.take(), lanes.take()] == ["a3", None]
    lanes.done("a1")
    lanes.done("a3")
    assert [lanes.take(), lanes.take(), len(lanes)] == ["a4", None, 0]


def test_nobody_is_there() -> None:
    lanes: Lanes[str] = Lanes([], first)
    assert (lanes.take(), len(lanes)) == (None, 0)


def test_what_was_never_taken_cannot_come_back() -> None:
    lanes = Lanes(["a1"], first)
    with pytest.raises(ValueError, match="nothing of 'a' is under way"):
        lanes.done("a1")


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_everything_comes_out_once_and_never_too_much_at_once(limit: int) -> None:
    dice = random.Random(limit)  # noqa: S311 - the same order every time
    items = [(dice.choice("abcdefgh"), number) for number in range(500)]
    lanes = Lanes(items, lambda item: item[0], limit)
    out: list[tuple[str, int]] = []
    busy: list[tuple[str, int]] = []
    while len(lanes) or busy:
        item = lanes.take()
        if item is None or (busy and dice.random() < 0.4):
            back = busy.pop(dice.randrange(len(busy)))
            lanes.done(back)
        if item is not None:
            out.append(item)
            busy.append(item)
        assert max((sum(each[0] == host for each in busy) for host in "abcdefgh"), default=0) <= limit
    assert sorted(out) == sorted(items)
    for host in "abcdefgh":
        assert [number for name, number in out if name == host] == [n for name, n in items if name == host]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://News.Example:8443/feed", "news.example"),
        ("http://[::1]:80/", "::1"),
        ("nonsense", ""),
        ("http://[", ""),
    ],
)
def test_the_host_of_an_address(url: str, host: str) -> None:
    assert host_of(url) == host
