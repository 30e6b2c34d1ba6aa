"""What is told of long work, and when: a bar on a terminal, a line a minute in a log, nothing of what is soon done."""

from __future__ import annotations

import io
import logging
import os
import pty
import re
import select
import termios

import pytest

from ml.storage.progress import Progress


class Clock:
    """A clock that somebody moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def told(
    caplog: pytest.LogCaptureFixture, total: int, steps: list[tuple[float, int]], *, fails: bool = False
) -> list[str]:
    """The lines of work whose batches take so many seconds and have so many rows."""
    clock = Clock()
    with caplog.at_level(logging.INFO, logger="ml"):
        try:
            with Progress("validate", total, terminal=io.StringIO(), clock=clock) as progress:
                for seconds, rows in steps:
                    clock.now += seconds
                    progress.advance(rows)
                if fails:
                    raise KeyError
        except KeyError:
            assert fails
    return [record.message for record in caplog.records]


def test_nothing_is_told_of_what_is_done_in_five_seconds(caplog: pytest.LogCaptureFixture) -> None:
    assert told(caplog, 400, [(1.2, 100)] * 4) == []


def test_a_log_has_a_line_after_five_seconds_then_every_minute_and_one_at_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert told(caplog, 260_000, [(0.5, 1000)] * 260) == [
        "validate: 10,000 of 260,000 rows, 2,000 rows/s, about 2 min left",
        "validate: 130,000 of 260,000 rows, 2,000 rows/s, about 65 s left",
        "validate: 250,000 of 260,000 rows, 2,000 rows/s, about 5 s left",
        "validate: 260,000 rows in 130 s, 2,000 rows/s",
    ]


def test_the_estimate_follows_the_pace_since_the_last_line(caplog: pytest.LogCaptureFixture) -> None:
    lines = told(caplog, 10_000, [(5.0, 50), (60.0, 6000), (60.0, 60)])
    assert [re.sub(r".*rows/s", "", line) for line in lines] == [
        ", about 17 min left",
        ", about 40 s left",
        ", about 65 min left",
        "",
    ]


@pytest.mark.parametrize("total", [0, 90])
def test_without_a_known_number_of_rows_nothing_is_estimated(caplog: pytest.LogCaptureFixture, total: int) -> None:
    assert told(caplog, total, [(6.0, 120)])[0] == "validate: 120 rows, 20 rows/s"


def test_the_end_of_what_failed_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    assert len(told(caplog, 100, [(6.0, 50)], fails=True)) == 1


def test_a_terminal_has_a_bar_that_goes_away(caplog: pytest.LogCaptureFixture) -> None:
    reader, writer = pty.openpty()
    termios.tcsetwinsize(writer, (24, 100))
    clock = Clock()
    with caplog.at_level(logging.INFO, logger="ml"), os.fdopen(writer, "w") as terminal:
        with Progress("validate", 400, terminal=terminal, clock=clock) as progress:
            for seconds in (1.0, 5.0, 1.0):
                clock.now += seconds
                progress.advance(100)
        terminal.flush()
        written = b""
        while select.select([reader], [], [], 1.0)[0]:
            written += os.read(reader, 4096)
    os.close(reader)
    text = written.decode()
    assert "validate:  50%" in text
    assert "200/400" in text
    assert text.rstrip("\r").rpartition("\r")[2].strip() == "", "something was left on the terminal"
    assert caplog.records == []
