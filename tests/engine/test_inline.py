"""The engine of one process: wakes, goes on after errors, and stops in order."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import pytest

from digest.engine.inline import Again, InlineEngine, Work
from digest.errors import StoreError


def until(true: Callable[[], bool], seconds: float = 30.0) -> bool:
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
        go_on.wait(30)

    engine = InlineEngine({"send": send})
    engine.start()
    engine.wake("send")
    assert inside.wait(30)
    for _ in range(5):
        engine.wake("send")  # while it runs: something may have come after it looked
    go_on.set()
    assert until(lambda: len(runs) == 2)
    time.sleep(0.05)
    assert runs == ["send", "send"]
    assert engine.stop()


def test_a_work_may_ask_to_run_again_by_itself() -> None:
    runs: list[float] = []

    def work(_: threading.Event) -> Again | None:
        runs.append(time.monotonic())
        return Again(0.05) if len(runs) < 3 else None

    engine = InlineEngine({"work": work})
    engine.start()
    engine.wake("work")
    assert until(lambda: len(runs) == 3)
    assert runs[2] - runs[0] >= 0.1
    time.sleep(0.1)
    assert len(runs) == 3, "asked for no more"
    assert engine.stop()


def test_who_waits_to_run_again_is_woken_and_stopped_at_once() -> None:
    runs: list[int] = []

    def work(_: threading.Event) -> Again:
        runs.append(1)
        return Again(60)

    engine = InlineEngine({"work": work})
    engine.start()
    engine.wake("work")
    assert until(lambda: len(runs) == 1)
    engine.wake("work")
    assert until(lambda: len(runs) == 2)
    assert engine.stop(30)


def test_a_wake_up_before_the_start_is_not_lost() -> None:
    done = threading.Event()
    engine = InlineEngine({"send": lambda _: done.set()})
    engine.wake("send")
    engine.start()
    assert done.wait(30)
    assert engine.stop()


def test_no_work_waits_for_another() -> None:
    """A confirmation must not wait behind a digest to a million."""
    inside, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def long(_: threading.Event) -> None:
        inside.set()
        go_on.wait(30)

    engine = InlineEngine({"long": long, "short": lambda _: done.set()})
    engine.start()
    engine.wake("long")
    assert inside.wait(30)
    engine.wake("short")
    assert done.wait(30)
    assert not go_on.is_set()
    go_on.set()
    assert engine.stop()


def test_one_work_never_runs_twice_at_once() -> None:
    at_once, most = [0], [0]
    runs: list[int] = []

    def work(_: threading.Event) -> None:
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        time.sleep(0.01)
        at_once[0] -= 1
        runs.append(1)

    engine = InlineEngine({"work": work})
    engine.start()
    for _ in range(5):
        engine.wake("work")
        time.sleep(0.005)
    assert until(lambda: len(runs) >= 2)
    assert engine.stop()
    assert most == [1]


def test_waking_and_stopping_at_once_never_hangs() -> None:
    """The stop's own wake-up must not be lost between a look at the bell and a look at the stop."""
    for _ in range(200):
        engine = InlineEngine({"one": lambda _: None, "two": lambda _: None})
        engine.start()
        engine.wake("one")
        engine.wake("two")
        assert engine.stop(30)


def test_stopping_waits_for_every_work_within_one_limit() -> None:
    """Forty that hang, and half a second for all together: a limit of its own for each would make it twenty seconds."""
    free = threading.Event()
    inside = {f"work {number}": threading.Event() for number in range(40)}

    def stuck(name: str) -> Work:
        def work(_: threading.Event) -> None:
            inside[name].set()
            free.wait(60)

        return work

    engine = InlineEngine({name: stuck(name) for name in inside})
    engine.start()
    for name, begun in inside.items():
        engine.wake(name)
        assert begun.wait(30)
    started = time.monotonic()
    assert engine.stop(timeout=0.5) is False
    assert time.monotonic() - started < 10
    free.set()
    assert engine.stop() is True


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
        stop.wait(30)
        time.sleep(0.05)
        ended.set()

    engine = InlineEngine({"send": send})
    engine.start()
    engine.wake("send")
    assert inside.wait(30)
    engine.wake("send")
    assert engine.stop()
    assert ended.is_set()


def test_a_run_that_does_not_end_is_told_of() -> None:
    free = threading.Event()
    inside = threading.Event()

    def send(_: threading.Event) -> None:
        inside.set()
        free.wait(30)

    engine = InlineEngine({"send": send})
    engine.start()
    engine.wake("send")
    assert inside.wait(30)
    assert engine.stop(timeout=0.05) is False
    free.set()
    assert engine.stop() is True


def test_an_idle_engine_and_one_that_never_started_stop_at_once() -> None:
    engine = InlineEngine({})
    engine.start()
    assert engine.stop(30)
    assert InlineEngine({}).stop(30)


def test_unknown_work_is_a_mistake() -> None:
    with pytest.raises(KeyError, match="dance"):
        InlineEngine({}).wake("dance")
