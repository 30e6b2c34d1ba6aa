"""Writing a list to a file: its customers, best first, with the columns of the ranking and of the list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO

import numpy as np
from numpy.typing import NDArray

from serving.expectation.calibration import Calibration
from serving.score.lists.list_columns import COLUMNS, ListColumns
from serving.score.output_files import DIGITS, RANKING_COLUMNS, SCORE_COLUMNS, ScoredRows, kept_row
from serving.score.row_writers import Number, RowWriter


@dataclass(frozen=True)
class MoreColumns:
    """Columns of a ranking after the usual ones.

    Attributes:
        names: Their names.
        cells: The cells of the customer with a rank, from 1, one for each name.
    """

    names: Sequence[str] = ()
    cells: Callable[[int], Sequence[Number | str]] = lambda _rank: ()


def write_list(
    header: Sequence[str],
    written: ScoredRows,
    listed: ListColumns,
    calibration: Calibration | None,
    kept: IO[bytes],
    out: RowWriter,
    more: MoreColumns | None = None,
) -> None:
    """Writes a list: the best customers, best first, and those who were drawn by lot.

    There are two more columns: `rank` comes first, and `expected_precision` after those of the score: the mean
    calibrated probability of all customers down to this one who are contacted, which is empty without a calibration.
    `more` may follow, and last come those of the list.

    Args:
        header: The names of the columns.
        written: What `keep_scored` returned.
        listed: The list, which was drawn, and its columns.
        calibration: The calibration of the version, if it is known.
        kept: The file that `keep_scored` wrote.
        out: Where the list goes.
        more: The columns between these.

    Raises:
        ValueError: The list was not drawn.
    """
    if listed.drawn is None:
        raise ValueError("a list that was not drawn")
    more = more or MoreColumns()
    out.write([RANKING_COLUMNS[0], *header], [*SCORE_COLUMNS, RANKING_COLUMNS[1], *more.names, *COLUMNS])
    rows = listed.drawn.draw.rows
    probability = written.by_row()[rows]
    precision = _precision(calibration.apply(probability), listed.drawn.contacted) if calibration else None
    for rank, number in enumerate(rows.tolist(), start=1):
        start, end = written.ends[number], written.ends[number + 1]
        kept.seek(start)
        *row, label = kept_row(kept.read(end - start))
        expected = "" if precision is None or precision[rank - 1] < 0 else Number(float(precision[rank - 1]), 3)
        ours = [Number(float(probability[rank - 1]), DIGITS), label, expected, *more.cells(rank)]
        out.write([str(rank), *row], [*ours, *listed.cells(rank - 1, written.lines[number])])


def _precision(calibrated: NDArray[np.float64], contacted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The mean of those who are contacted, down to each customer; -1 where there is none yet."""
    contacts = np.cumsum(contacted)
    return np.where(contacts > 0, np.cumsum(calibrated * contacted) / np.maximum(contacts, 1), -1.0)
