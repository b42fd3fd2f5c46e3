"""Benchmarks are run by hand; here only that each one works, on inputs too small to say anything about speed."""

from __future__ import annotations

import json
import time
from importlib import import_module

import pytest

from benchmarks import __main__ as runner
from benchmarks import compose, dispatch, pages, polling, reading, rules, transfer
from benchmarks.report import Figure, json_lines, table
from benchmarks.turns import turns


@pytest.mark.parametrize("name", runner.BENCHMARKS)
def test_every_benchmark_can_be_run_quickly(name: str) -> None:
    run = import_module(f"benchmarks.{name}").run
    assert "quick" in run.__code__.co_varnames[: run.__code__.co_argcount]


def test_a_figure_says_what_was_reached() -> None:
    figures = [Figure("speed", 0.61, goal=0.6), Figure("memory", 251, "MB", 250, "lower"), Figure("told", 3.0)]
    lines = [json.loads(line) for line in json_lines(figures).splitlines()]
    assert lines[0] == {"figure": "speed", "value": 0.61, "goal": 0.6, "unit": "x", "ok": True}
    assert [line["ok"] for line in lines] == [True, False, True]
    assert "MISSED" in table(figures).splitlines()[2]


def test_turns_end_when_the_next_one_would_take_too_long() -> None:
    slow = 0
    for turn in turns(50, 2, 0.1):
        time.sleep(0.03)
        slow = turn + 1
    assert 2 <= slow <= 3
    assert list(turns(4, 1, 60)) == [0, 1, 2, 3]
    assert list(turns(5, 3, -1)) == [0, 1, 2]


def test_an_import_by_hand_and_ours_write_the_same_rows() -> None:
    ratio, memory, *_ = transfer.run(True, rows=300, times=1)
    assert ratio.value > 0
    assert 20 < memory.value < 250


def test_the_pages_answer_what_is_asked() -> None:
    one_click, preferences, *_ = pages.run(True, rounds=1, requests=8)
    assert (one_click.goal, preferences.goal) == (0.5, 0.6)
    assert min(one_click.value, preferences.value) > 0


def test_a_gather_polls_as_bare_httpx_does() -> None:
    ratio, *_ = polling.run(True, hosts=12, rounds=1)
    assert ratio.goal == 0.8
    assert ratio.value > 0


def test_rules_in_one_pass_match_what_rules_one_by_one_do() -> None:
    ratio, *_ = rules.run(True, count=40, sample=4)
    assert ratio.goal == 50
    assert ratio.value > 0


def test_mails_are_those_of_the_straightforward_way() -> None:
    figures = compose.run(True, mails=3, rounds=1, readers=120)
    assert [figure.goal for figure in figures if figure.goal] == [4000, 2000, 1200, 120, 200]
    assert all(figure.value > 0 for figure in figures)


def test_what_is_dispatched_is_what_is_posted_by_hand() -> None:
    figures = dispatch.run(True, mails=30, rounds=1)
    assert figures[0].value > 0, "the run itself compares what arrived"
    assert figures[-1].value > 10, "whole digests"


def test_a_mail_that_is_not_the_same_is_noticed() -> None:
    one, other = (b'{"html":"<p>a</p> <p>%s</p>","text":"a"}' % told for told in (b"b", b"c"))
    compose.same_payload(one, one.replace(b"> <", b"><"))
    with pytest.raises(AssertionError, match="HTML"):
        compose.same_payload(one, other)
    with pytest.raises(AssertionError, match="text"):
        compose.same_payload(one, one.replace(b'"text":"a"', b'"text":"b"'))


def test_our_reader_and_feedparser_read_the_same() -> None:
    goals = {figure.goal for figure in reading.run(True, feeds=2, rounds=1)}
    assert {12, 100, 300} <= goals


def test_an_unknown_benchmark_names_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        runner.main(["speed"])
    assert end.value.code == 2
    assert "web" in capsys.readouterr().err
