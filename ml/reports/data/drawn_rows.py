"""The rows that a page draws: all of an ordinary file, and of a huge one so many that its drawings look the same."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from ml.data.csv_reader import ArrowColumns, count_rows, read_columns
from ml.data.put_right import PutRight

DRAWN_BYTES = 64 << 20
"""Of a CSV, about a million rows: a share is then off by a tenth of a point at most."""


@dataclass(frozen=True)
class DrawnRows:
    """Rows of a file.

    Attributes:
        columns: Their columns.
        every: 1 if they are all rows, else n if they are every n-th.
    """

    columns: ArrowColumns
    every: int

    @classmethod
    def of(cls, csv: Path) -> DrawnRows:
        """Read those of a file.

        Raises:
            DataError: It cannot be read as a table.
        """
        every = max(1, math.ceil(csv.stat().st_size / DRAWN_BYTES))
        return cls(read_columns(csv, PutRight(), every=every), every)

    def rows(self, noted: object) -> str:
        """Return how many rows the file has; `noted` is what is recorded of that, for when not all were read."""
        if self.every == 1:
            return f"{count_rows(self.columns):,}"
        return f"{noted:,}" if isinstance(noted, int) else "an unknown number of"

    @property
    def thinned(self) -> str:
        """What to know of tables and drawings, as a sentence without its end; "" when they are of all rows."""
        return f"One of {self.every} rows was read for the tables and drawings" if self.every > 1 else ""
