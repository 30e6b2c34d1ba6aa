"""Where in a file something stands: line numbers for messages, looked up only when there is one to write."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

SHOWN_LINES = 3


def records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the line at which each record of a CSV begins, counted from 1, and its fields; the first is the header.

    Blank lines are left out, and before the header those with nothing but blanks, too.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        begins, in_table = 1, False
        for fields in reader:
            if any(fields) if in_table else any(map(str.strip, fields)):
                in_table = True
                yield begins, fields
            begins = reader.line_num + 1


def broken_lines(path: Path) -> list[int]:
    """Return the first lines whose records have another number of fields than the header, at most `SHOWN_LINES`."""
    found: list[int] = []
    width = None
    for line, fields in records(path):
        width = len(fields) if width is None else width
        if len(fields) != width:
            found.append(line)
        if len(found) == SHOWN_LINES:
            break
    return found


def long_lines(path: Path, size: int) -> list[tuple[int, str]]:
    """Return the first line of more than `size` bytes, with nothing of its text; none if there is no such line."""
    with path.open("rb") as file:
        line = 1
        while part := file.readline(size):
            if len(part) == size and not part.endswith(b"\n"):
                return [(line, "")]
            line += 1
    return []


def lines_with(path: Path, column: str, is_meant: Callable[[str], bool]) -> list[tuple[int, str]]:
    """Return the first lines, with the text there, in which the stripped text of `column` is meant."""
    found: list[tuple[int, str]] = []
    place = None
    for line, fields in records(path):
        if place is None:
            names = [name.strip() for name in fields]
            if column not in names:
                return []
            place = names.index(column)
            continue
        text = fields[place].strip() if place < len(fields) else ""
        if is_meant(text):
            found.append((line, text))
        if len(found) == SHOWN_LINES:
            break
    return found
