"""Turns the bytes that a child process writes into log lines, and keeps tracebacks out that explain nothing."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

LIMIT = 4000
_END = re.compile(rb"[\r\n]+")
_HEAD = re.compile(r"\d\d:\d\d:\d\d (DEBUG|INFO|WARNING|ERROR|CRITICAL) +")


class LineSplitter:
    """Cuts a stream of bytes into lines; a progress bar's carriage return ends a line too.

    A line is cut at `limit` bytes, and the rest of it is counted but not kept: what a child writes without a
    line end must not fill the memory of the task.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._kept = b""
        self._dropped = 0

    def feed(self, chunk: bytes) -> list[str]:
        """Return the lines that `chunk` completes, without blank ones."""
        *complete, rest = _END.split(chunk)
        lines = []
        for part in complete:
            self._add(part)
            lines += self.flush()
        self._add(rest)
        return lines

    def flush(self) -> list[str]:
        """Return what has come of an unfinished line, as a list of one line or none."""
        text = self._kept.decode("utf-8", "replace").rstrip()
        if self._dropped:
            text += f" ... ({self._dropped} bytes more)"
        self._kept, self._dropped = b"", 0
        return [text] if text else []

    def _add(self, part: bytes) -> None:
        room = self._limit - len(self._kept)
        self._kept += part[:room]
        self._dropped += len(part[room:])


def level_and_text(line: str) -> tuple[int, str]:
    """Return the level that a line of `ml` names after its time, and the rest; INFO and all of it for any other line.

    Airflow writes time and level itself, and its log panel is narrow.
    """
    head = _HEAD.match(line)
    return (logging.getLevelNamesMapping()[head[1]], line[head.end() :]) if head else (logging.INFO, line)


class Told:
    """Marks an exception whose reason and cure stand in the log already: its traceback would only bury them."""


def keep_last_lines_last() -> None:
    """Let this process log nothing when an exception that is `Told` reaches Airflow.

    Airflow logs what a task raises with the frames of its own task runner. It has no switch for that; its processors
    are a list that its loggers share.
    """
    processors = structlog.get_config()["processors"]
    if isinstance(processors, list) and _drop_told not in processors:
        processors.insert(0, _drop_told)


def _drop_told(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    error = event.get("exc_info")
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(sys.exc_info()[1] if error is True else error, Told):
        raise structlog.DropEvent
    return event
