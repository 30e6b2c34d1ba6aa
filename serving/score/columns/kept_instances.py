"""The customers of a file as the model takes them, kept on disk until the best are known."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import IO

from serving.score.columns.extra_columns import Cells, ExtraColumns
from serving.score.requests import Score
from serving.tables.customers import Customer, Instance


class KeptInstances:
    """Keeps them as they pass: eight bytes of memory for each.

    Args:
        file: A file for reading and writing.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._ends = array("q", [0])

    def passing(self, scored: Iterable[tuple[Customer, Score | None]]) -> Iterator[tuple[Customer, Score | None]]:
        """Passes rows on, and keeps each."""
        end = 0
        for customer, score in scored:
            end += self._file.write(json.dumps(customer.instance).encode())
            self._ends.append(end)
            yield customer, score

    def of(self, number: int) -> Instance | None:
        """The row with a number, from 0, as the model takes it; None when it is not a customer."""
        start, end = self._ends[number], self._ends[number + 1]
        self._file.seek(start)
        found: Instance | None = json.loads(self._file.read(end - start))
        return found


class RankedCells:
    """The cells of a ranking, which are asked for in order and filled some at a time.

    Args:
        extra: Fills them.
        instances: Those of all rows.
        best: The numbers of the rows of the ranking, best first.
    """

    def __init__(self, extra: ExtraColumns, instances: KeptInstances, best: Sequence[int]) -> None:
        self._cells = (
            cells for batch in extra.batches(best) for cells in extra.cells([instances.of(number) for number in batch])
        )

    def of(self, _rank: int) -> Cells:
        """Those of the next rank."""
        return next(self._cells)
