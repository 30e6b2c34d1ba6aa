"""Changes the customers of a CSV: every so many of them, or a column of all."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

Row = dict[str, str]
Edit = Callable[[int, Row], None]
"""Is given the number of a row, from 0, and the row to change."""


def edited(source: Path, copy: Path, edit: Edit) -> Path:
    """Write the rows of `source` to `copy`, each after the edit, and return `copy`."""
    rows = _read(source)
    for number, row in enumerate(rows):
        edit(number, row)
    return _write(copy, rows)


def thinned(source: Path, copy: Path, *, most: int) -> Path:
    """Write at most `most` rows of `source`, spread evenly over it, to `copy`, and return `copy`."""
    rows = _read(source)
    return _write(copy, [rows[number * len(rows) // most] for number in range(most)] if len(rows) > most else rows)


def put(every: int, **values: str) -> Edit:
    """Write these values into every so many rows, 1 for all."""
    return lambda number, row: row.update(values) if number % every == 0 else None


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _write(path: Path, rows: list[Row]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path
