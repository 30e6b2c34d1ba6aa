"""Writing scored customers, and the ranking of the best, to a file that appears whole or not at all."""

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

from serving.score.expected_precision import ExpectedPrecision
from serving.score.requests import Score
from serving.tables.csv_layout import BOM, CsvLayout, FileError
from serving.tables.csv_rows import Customer

SCORE_COLUMNS = ("probability", "label")
RANKING_COLUMNS = ("rank", "expected_precision")
_BOTH = "\r\n"


@dataclass
class ScoredRows:
    """What the ranking needs of the rows that were written: twelve bytes for each customer.

    Attributes:
        rows: The number of customers.
        labels: The number of customers by label.
        probabilities: The probability of each customer, as float32.
        ends: The byte at which the header ends, and then each customer's row.
    """

    rows: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    probabilities: array[float] = field(default_factory=lambda: array("f"))
    ends: array[int] = field(default_factory=lambda: array("q"))

    def best(self, count: int) -> np.ndarray[Any, np.dtype[np.intp]]:
        """The indices of the `count` most probable customers, best first; equal ones in the order of the file."""
        return np.argsort(-np.frombuffer(self.probabilities, dtype=np.float32), kind="stable")[:count]


def check_columns(path: Path, layout: CsvLayout, *, ranked: bool) -> None:
    """Makes sure that no column that is about to be added is in the file already.

    Raises:
        FileError: A column has such a name.
    """
    added = {*SCORE_COLUMNS, *(RANKING_COLUMNS if ranked else ())}
    taken = sorted(added & set(layout.names))
    if taken:
        raise FileError(f"{path} already has a column {taken[0]!r}. Rename it, or score the original file.")


def write_scored(layout: CsvLayout, scored: Iterable[tuple[Customer, Score]], out: IO[bytes]) -> ScoredRows:
    """Writes the rows as they were, followed by the two columns of the score, in the layout of the file.

    Args:
        layout: The layout of the file of customers.
        scored: Each customer with its score.
        out: Where the rows go.
    """
    written = ScoredRows()
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
    layout: CsvLayout,
    written: ScoredRows,
    count: int,
    expected: ExpectedPrecision | None,
    scored: IO[bytes],
    out: IO[bytes],
) -> float:
    """Writes the best customers, best first.

    There are two more columns: `rank` comes first, and `expected_precision` last: the precision to expect of all
    customers down to this one, which is empty when it is not known.

    Args:
        layout: The layout of the file of customers.
        written: What `write_scored` returned.
        count: How many customers to write.
        expected: The precision to expect, if it is known.
        scored: The file that `write_scored` wrote.
        out: Where the ranking goes.

    Returns:
        The probability of the last customer that was written.
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
    """A text file for csv.writer over a file of bytes; `write`, and so `writerow`, returns the number of bytes."""

    def __init__(self, out: IO[bytes], line_end: str) -> None:
        self._write: Callable[[bytes], int] = out.write
        self._line_end = line_end

    def write(self, text: str) -> int:
        return self._write((text.removesuffix(_BOTH) + self._line_end).encode())


def resolve_output(path: Path) -> Path:
    """The path to which --out leads, with symbolic links resolved.

    Raises:
        FileError: What exists there is not a regular file, or no file can be made there.
    """
    real = Path(os.path.realpath(path))
    if os.path.lexists(real) and not real.is_file():
        raise FileError(
            f"{path} is not a regular file. Give --out the name of a file; it is made, or replaced at the end."
        )
    if not real.parent.is_dir():
        raise FileError(f"{path} cannot be written (no such directory). Make {real.parent} first.")
    if not os.access(real.parent, os.W_OK | os.X_OK):
        raise FileError(f"{path} cannot be written (no permission to make a file in {real.parent}).")
    return real


@contextmanager
def write_atomically(path: Path) -> Iterator[IO[bytes]]:
    """A file that gets its name when the block ends without an error; after an error nothing of it is left.

    It gets the permissions of the file that it replaces.

    Raises:
        FileError: The file cannot be written.
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
        raise FileError(f"{path} cannot be written ({error.strerror or error}).") from error
    finally:
        beside.unlink(missing_ok=True)
