"""Which calls may run on the event loop's thread: those that were fast, until one of them is slow."""

from __future__ import annotations

from serving.batching.pace import FAST_SECONDS, Pace, Stopwatch


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_nothing_runs_on_the_loop_before_a_call_of_its_size_was_fast_elsewhere() -> None:
    pace = Pace(Clock())
    assert not pace.allows(1)
    pace.saw(1, FAST_SECONDS / 2)
    assert pace.allows(1)
    assert not pace.allows(2)


def test_a_slow_call_bars_its_size_and_larger_ones_for_a_hundred_times_as_long() -> None:
    clock = Clock()
    pace = Pace(clock)
    for rows in (1, 8, 64):
        pace.saw(rows, FAST_SECONDS)
    pace.saw(8, 0.02)
    assert [pace.allows(rows) for rows in (1, 8, 64)] == [True, False, False]
    clock.now += 1.99
    assert not pace.allows(8)
    clock.now += 0.02
    assert [pace.allows(rows) for rows in (1, 8, 64)] == [True, True, True]


def test_large_calls_never_run_on_the_loop() -> None:
    pace = Pace(Clock())
    pace.saw(256, FAST_SECONDS / 10)
    assert not pace.allows(256)
    pace.saw(255, FAST_SECONDS / 10)
    assert pace.allows(255)


def test_a_slow_first_call_allows_nothing() -> None:
    pace = Pace(Clock())
    pace.saw(1, 1.0)
    assert not pace.allows(1)


def test_the_stopwatch_counts_work_and_long_waits_of_ones_own() -> None:
    import time

    watch = Stopwatch(patience=0.01)
    time.sleep(0.05)
    assert watch.seconds() >= 0.05
    patient = Stopwatch(patience=10.0)
    time.sleep(0.05)
    assert patient.seconds() < 0.05
