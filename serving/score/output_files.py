"""Writing scored customers, and the ranking of the best, to a file that appears whole or not at all."""

from __future__ import annotations

import csv
import os
import stat
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from serving.score.columns.extra_columns import ExtraColumns
from serving.score.lists.list_columns import COLUMNS, ListColumns
from serving.score.requests import Score
from serving.score.row_writers import Number, RowWriter, csv_writer
from serving.tables.customers import Customer
from serving.tables.file_errors import FileError

SCORE_COLUMNS = ("probability", "label")
RANKING_COLUMNS = ("rank", "expected_precision")
DIGITS = 6
"""Of a probability that is written. Customers whose written probabilities are equal are ties."""


@dataclass
class ScoredRows:
    """What the ranking needs of the rows that were scored: 24 bytes for each.

    Attributes:
        rows: The number of customers.
        labels: The number of customers by label.
        probabilities: The probability of each row, as float32; NaN for one that is not a customer.
        ends: The byte at which each row ends in the file that keeps them, after the one at which the first begins.
        lines: The line of the file on which each row begins, from 1.
        label_numbers: The place of each row's label among `labels`; -1 for one that is not a customer.
    """

    rows: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    probabilities: array[float] = field(default_factory=lambda: array("f"))
    ends: array[int] = field(default_factory=lambda: array("q", [0]))
    lines: array[int] = field(default_factory=lambda: array("q"))
    label_numbers: array[int] = field(default_factory=lambda: array("i"))
    _numbers: dict[str, int] = field(default_factory=dict)

    def add(self, score: Score | None, line: int) -> None:
        """Count one row.

        Args:
            score: Its score; None when it is not a customer.
            line: The line on which it begins.
        """
        self.probabilities.append(score.probability if score else float("nan"))
        self.lines.append(line)
        self.label_numbers.append(self._numbers.setdefault(score.label, len(self._numbers)) if score else -1)
        if score:
            self.rows += 1
            self.labels[score.label] += 1

    def by_row(self) -> NDArray[np.float32]:
        """The probability of each row of the file, NaN for one that is not a customer."""
        return np.frombuffer(self.probabilities, dtype=np.float32)

    def all(self) -> NDArray[np.float32]:
        """The probabilities of all customers, in the order of the file."""
        found = self.by_row()
        return found[~np.isnan(found)]

    def best(self, count: int, *, at_most: bool = False) -> NDArray[np.intp]:
        """The indices of about `count` of the most probable customers, best first; ties in the order of the file.

        Customers with the same written probability are taken or left together, whichever is nearer to `count`; they
        are taken when nobody else would be left. With `at_most` there are never more than `count`: ties are left
        together, and split only when nobody else would be left.
        """
        found = self.by_row().astype(np.float64)
        written = np.round(np.where(np.isnan(found), -1.0, found), DIGITS)
        order = np.argsort(-written, kind="stable")[: self.rows]
        if not count:
            return np.asarray(order[:0])
        ranked = -written[order]
        start, end = (int(np.searchsorted(ranked, ranked[count - 1], side=side)) for side in ("left", "right"))
        if at_most and end > count:
            return np.asarray(order[: start or count])
        leave = start > 0 and count - start < end - count
        return np.asarray(order[: start if leave else end])


def check_columns(path: Path, header: Sequence[str], *, ranked: bool, more: Sequence[str] = ()) -> None:
    """Makes sure that no column that is about to be added, `more` among them, is in the file already.

    Raises:
        FileError: A column has such a name.
    """
    added = {*SCORE_COLUMNS, *(RANKING_COLUMNS if ranked else ()), *more}
    taken = sorted(added & {name.strip() for name in header})
    if taken:
        raise FileError(f"{path} already has a column {taken[0]!r}. Rename it, or score the original file.")


def write_scored(
    header: Sequence[str],
    scored: Iterable[tuple[Customer, Score | None]],
    extra: ExtraColumns,
    out: RowWriter,
    listed: ListColumns | None = None,
) -> ScoredRows:
    """Writes the rows as they were, followed by the columns of the score, empty for what is not a customer.

    Args:
        header: The names of the columns.
        scored: Each row with its score.
        extra: Fills the columns after those of the score.
        out: Where the rows go.
        listed: Fills the columns of a list after these; the list is all customers in the order of the file.
    """
    written = ScoredRows()
    names = COLUMNS if listed else ()
    empty = ("",) * len(names)
    out.write(header, (*SCORE_COLUMNS, *extra.names, *names))
    for batch in extra.batches(scored):
        cells = extra.cells([customer.instance for customer, _ in batch])
        for (customer, score), more in zip(batch, cells, strict=True):
            ours = (Number(score.probability, DIGITS), score.label) if score else ("", "")
            known = listed.cells(written.rows, customer.line) if listed and score else empty
            out.write(customer.row, (*ours, *more, *known))
            written.add(score, customer.line)
    return written


def keep_scored(scored: Iterable[tuple[Customer, Score | None]], out: IO[bytes]) -> ScoredRows:
    """Keeps scored rows in a file of our own, from which `write_list` fetches the best.

    Args:
        scored: Each row with its score.
        out: A file for reading and writing.
    """
    written = ScoredRows()
    write, end = csv_writer(out, ",", "\n"), 0
    for customer, score in scored:
        end += write([*customer.row, score.label if score else ""])
        written.add(score, customer.line)
        written.ends.append(end)
    out.flush()
    return written


def kept_row(data: bytes) -> list[str]:
    """The values of a row that `keep_scored` wrote, and last its label."""
    return next(csv.reader([data.decode()]))


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
