"""The engine of one process: wakes, goes on after errors, and stops in order."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import pytest

from digest.engine.inline import InlineEngine
from digest.errors import StoreError


def until(true: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Wait for something; whether it came."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.005)
    return true()


def test_a_wake_up_is_one_run_and_waking_twice_before_it_starts_is_one() -> None:
    runs: list[str] = []
    inside, go_on = threading.Event(), threading.Event()

    def send(_: threading.Event) -> None:
        runs.append("send")
        inside.set()
        go_on.wait(5)

    engine = InlineEngine({"send": send})
    engine.start()
    engine.wake("send")
    assert inside.wait(5)
    for _ in range(5):
        engine.wake("send")  # while it runs: something may have come after it looked
    go_on.set()
    assert until(lambda: len(runs) == 2)
    time.sleep(0.05)
    assert runs == ["send", "send"]
    assert engine.stop()


def test_a_wake_up_before_the_start_is_not_lost() -> None:
    done = threading.Event()
    engine = InlineEngine({"send": lambda _: done.set()})
    engine.wake("send")
    engine.start()
    assert done.wait(5)
    assert engine.stop()


def test_works_take_turns() -> None:
    order: list[str] = []
    engine = InlineEngine({"one": lambda _: order.append("one"), "two": lambda _: order.append("two")})
    engine.wake("two")
    engine.wake("one")
    engine.start()
    assert until(lambda: len(order) == 2)
    assert order == ["two", "one"]
    assert engine.stop()


@pytest.mark.parametrize("problem", [StoreError("the disk is full"), ZeroDivisionError("a defect")])
def test_a_failing_run_ends_no_later_one(problem: Exception, caplog: pytest.LogCaptureFixture) -> None:
    runs: list[int] = []

    def send(_: threading.Event) -> None:
        runs.append(len(runs))
        if len(runs) == 1:
            raise problem

    engine = InlineEngine({"send": send})
    engine.start()
    with caplog.at_level(logging.ERROR):
        engine.wake("send")
        assert until(lambda: len(runs) == 1)
        engine.wake("send")
        assert until(lambda: len(runs) == 2)
    assert engine.stop()
    (record,) = caplog.records
    assert "send" in record.getMessage()
    assert (record.exc_info is not None) == isinstance(problem, ZeroDivisionError), (
        "an operator's error has no traceback"
    )


def test_stopping_asks_the_run_to_end_and_waits_for_it() -> None:
    inside, ended = threading.Event(), threading.Event()

    def send(stop: threading.Event) -> None:
        inside.set()
        stop.wait(5)
        time.sleep(0.05)
        ended.set()

    engine = InlineEngine({"send": send})
    engine.start()
    engine.wake("send")
    assert inside.wait(5)
    engine.wake("send")
    assert engine.stop()
    assert ended.is_set()


def test_a_run_that_does_not_end_is_told_of() -> None:
    free = threading.Event()
    inside = threading.Event()

    def send(_: threading.Event) -> None:
        inside.set()
        free.wait(5)

    engine = InlineEngine({"send": send})
    engine.start()
    engine.wake("send")
    assert inside.wait(5)
    assert engine.stop(timeout=0.05) is False
    free.set()
    assert engine.stop() is True


def test_an_idle_engine_and_one_that_never_started_stop_at_once() -> None:
    engine = InlineEngine({})
    engine.start()
    assert engine.stop(1)
    assert InlineEngine({}).stop(1)


def test_unknown_work_is_a_mistake() -> None:
    with pytest.raises(KeyError, match="dance"):
        InlineEngine({}).wake("dance")
