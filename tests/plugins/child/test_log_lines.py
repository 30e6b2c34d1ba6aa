from __future__ import annotations

import logging

import pytest

from retraining.child.log_lines import LineSplitter, level_and_text


def test_lines_come_whole_however_the_bytes_are_cut() -> None:
    splitter = LineSplitter()
    assert [splitter.feed(bytes([byte])) for byte in "é\nb\n".encode()] == [[], [], ["é"], [], ["b"]]


def test_a_progress_bar_becomes_lines() -> None:
    assert LineSplitter().feed(b"10 %\r20 %\r\n\n30 %\n") == ["10 %", "20 %", "30 %"]


def test_an_endless_line_is_cut_and_says_how_much_is_missing() -> None:
    splitter = LineSplitter(limit=10)
    for _ in range(1000):
        assert splitter.feed(b"x" * 100) == []
    assert splitter.feed(b"\nnext\n") == ["x" * 10 + " ... (99990 bytes more)", "next"]


def test_bytes_that_are_not_text_do_not_stop_the_log() -> None:
    assert LineSplitter().feed(b"a\xffb\n") == ["a\ufffdb"]


def test_a_line_without_an_end_comes_at_the_end() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"last words") == []
    assert splitter.flush() == ["last words"]
    assert splitter.flush() == []


@pytest.mark.parametrize(
    ("line", "level", "text"),
    [
        ("12:00:01 ERROR   DataError: no", logging.ERROR, "DataError: no"),
        ("12:00:01 WARNING drift", logging.WARNING, "drift"),
        ("12:00:01 INFO    no ERROR here", logging.INFO, "no ERROR here"),
        ("ERROR without a time", logging.INFO, "ERROR without a time"),
    ],
)
def test_a_line_keeps_its_level_and_loses_what_airflow_writes_itself(line: str, level: int, text: str) -> None:
    assert level_and_text(line) == (level, text)
