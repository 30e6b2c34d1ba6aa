"""Writes scored customers: a file that appears whole or not at all, and the ranking of the best."""

from __future__ import annotations

import csv
import os
import stat
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from serving.score.expected_precision import Expected
from serving.score.requests import Score
from serving.tables.csv_layout import BOM, FileError, Layout
from serving.tables.csv_rows import Customer

SCORE_COLUMNS = ("probability", "label")
RANKING_COLUMNS = ("rank", "expected_precision")
_BOTH = "\r\n"


@dataclass
class Written:
    """What was written: how many customers, how many of each label, and where each one's line is.

    Twelve bytes a customer are kept for the ranking, and nothing else of them.
    """

    rows: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    probabilities: array[float] = field(default_factory=lambda: array("f"))
    ends: array[int] = field(default_factory=lambda: array("q"))

    def best(self, count: int) -> np.ndarray[Any, np.dtype[np.intp]]:
        """The numbers (from 0) of the `count` most probable customers, best first; equal ones as in the file."""
        return np.argsort(-np.frombuffer(self.probabilities, dtype=np.float32), kind="stable")[:count]


def check_columns(path: Path, layout: Layout, *, ranked: bool) -> None:
    """Raises a `FileError` when the file has a column that is about to be added."""
    added = {*SCORE_COLUMNS, *(RANKING_COLUMNS if ranked else ())}
    taken = sorted(added & set(layout.names))
    if taken:
        raise FileError(f"{path}: it already has a column {taken[0]!r}. Rename it, or score the original file.")


def write_scored(layout: Layout, scored: Iterable[tuple[Customer, Score]], out: IO[bytes]) -> Written:
    """The rows as they were, with the two columns of the score behind, in the layout of the file."""
    written = Written()
    # csv.writer quotes a line end within a value only if it is among the characters of its own.
    writer = csv.writer(_Encoded(out, layout.line_end), delimiter=layout.separator, lineterminator=_BOTH)
    out.write(BOM if layout.bom else b"")
    writer.writerow([*layout.header, *SCORE_COLUMNS])
    written.ends.append(out.tell())
    end = written.ends[0]
    for customer, score in scored:
        end += writer.writerow([*customer.row, f"{score.probability:.6f}", score.label])
        written.rows += 1
        written.labels[score.label] += 1
        written.probabilities.append(score.probability)
        written.ends.append(end)
    out.flush()
    return written


def write_ranking(
    layout: Layout, written: Written, count: int, expected: Expected | None, scored: IO[bytes], out: IO[bytes]
) -> float:
    """The `count` best customers, best first; returns the probability of the last of them.

    Two more columns: `rank` before, and behind, the precision to expect of all customers down to this one (empty when
    nothing is known of the version).
    """
    separator, line_end = layout.separator.encode(), layout.line_end.encode()
    scored.seek(0)
    header = scored.read(written.ends[0]).removeprefix(BOM).removesuffix(line_end)
    names = [name.encode() for name in RANKING_COLUMNS]
    out.write((BOM if layout.bom else b"") + separator.join([names[0], header, names[1]]) + line_end)
    best: list[int] = written.best(count).tolist()
    for rank, number in enumerate(best, start=1):
        start, end = written.ends[number], written.ends[number + 1]
        scored.seek(start)
        row = scored.read(end - start).removesuffix(line_end)
        precision = f"{expected.at(rank, written.rows).precision:.3f}" if expected else ""
        out.write(separator.join([str(rank).encode(), row, precision.encode()]) + line_end)
    return written.probabilities[best[-1]]


class _Encoded:
    """What csv.writer writes a row at a time to; `write` returns bytes, so that `writerow` does."""

    def __init__(self, out: IO[bytes], line_end: str) -> None:
        self._write: Callable[[bytes], int] = out.write
        self._line_end = line_end

    def write(self, text: str) -> int:
        return self._write((text.removesuffix(_BOTH) + self._line_end).encode())


def check_out(path: Path) -> Path:
    """Where a file of that name would be written: behind symbolic links.

    Raises:
        FileError: Something is there that is no regular file, or nothing can be made there.
    """
    real = Path(os.path.realpath(path))
    if os.path.lexists(real) and not real.is_file():
        raise FileError(
            f"{path}: is no regular file. Name a file with --out; it is made, or replaced when all is done."
        )
    if not real.parent.is_dir():
        raise FileError(f"{path}: cannot be written (No such file or directory). Make {real.parent} first.")
    if not os.access(real.parent, os.W_OK | os.X_OK):
        raise FileError(f"{path}: cannot be written (no permission to make a file in {real.parent}).")
    return real


@contextmanager
def appearing(path: Path) -> Iterator[IO[bytes]]:
    """A file that gets its name when the block ends well; after an error nothing is left of it.

    It has the permissions of the one it replaces.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else None
        beside.touch(0o666 if mode is None else 0o600)
        with beside.open("w+b") as file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise FileError(f"{path}: cannot be written ({error.strerror or error}).") from error
    finally:
        beside.unlink(missing_ok=True)
