"""How the list of customers changes when one model takes the place of another: who changes side, and who the best are.

It is no measure of quality: two equally good models may name other customers.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

BEST = (500, 200, 100, 50)
"""How long the top of the list is: the first of these that is at most half of the rows."""


@dataclass(frozen=True)
class ListChange:
    """What changes on the same customers.

    Attributes:
        rows: How many customers both models scored.
        change_side: How many of them are above the threshold by one model only.
        best: How long the top of the list is; 0 when there are too few rows for one.
        names: How many of the new top were not in the old one.
    """

    rows: int
    change_side: int
    best: int
    names: int

    @property
    def share(self) -> float:
        """The share of the customers that change side, 0..1."""
        return self.change_side / self.rows

    def as_dict(self) -> dict[str, int]:
        """Return the numbers as plain values."""
        return asdict(self)

    def sentence(self, before: str) -> str:
        """Return what changes against the model that is called `before`, as a sentence."""
        of_all = f"{100 * self.share:.1f} % of {self.rows:,} customers change side"
        top = f"; the best {self.best:,} change by {self.names:,} {'name' if self.names == 1 else 'names'}"
        return f"Against {before}, {of_all}{top if self.best else ''}."


def list_change(
    rows: NDArray[np.uint64], new: NDArray[np.float32], old: NDArray[np.float32], *, threshold: float
) -> ListChange | None:
    """Return what changes when the scores `new` take the place of `old`; None without rows.

    Args:
        rows: Shape [n], hashes of the customers: they order customers with equal scores, in both lists alike.
        new: Shape [n], probabilities of the model that comes.
        old: Shape [n], probabilities of the model that goes.
        threshold: A customer is on the upper side when the probability is above it.
    """
    if not len(rows):
        return None
    best = next((size for size in BEST if 2 * size <= len(rows)), 0)
    tops = [set(np.lexsort((rows, -score))[:best].tolist()) for score in (new, old)]
    sides = np.count_nonzero((new > threshold) != (old > threshold))
    return ListChange(len(rows), int(sides), best, len(tops[0] - tops[1]))
