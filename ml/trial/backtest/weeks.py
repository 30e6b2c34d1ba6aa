"""Which customers were there in which week, which of them are evaluated on, and which are the future."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.errors import DataError
from ml.gate.rules import LEAST_OF_A_CLASS
from ml.training.split import BUCKETS, is_eval
from ml.training.transform import TrainingSide

FUTURE_SHARE = 0.2
FIRST_SHARE = 0.5
"""Of the customers outside the future, who are there in week 1; the others come evenly until the last week."""


@dataclass(frozen=True)
class Weeks:
    """A history of weeks, decided for each row by its profile, so that twins are together.

    Attributes:
        count: How many weeks.
        came: int64 [n], the week in which a row came, 1 .. count; it stays. 0 for a row of the future.
        in_eval: bool [n], true for the rows on which candidates are compared; no model is trained on them.
        is_future: bool [n], true for the rows that only measure what serves.
    """

    count: int
    came: NDArray[np.int64]
    in_eval: NDArray[np.bool_]
    is_future: NDArray[np.bool_]

    def training(self, week: int) -> NDArray[np.bool_]:
        """Return the mask of the rows that a candidate of a week is trained on."""
        return ~self.is_future & ~self.in_eval & (self.came <= week)

    def evaluation(self, week: int) -> NDArray[np.bool_]:
        """Return the mask of the rows that it is compared on."""
        return self.in_eval & (self.came <= week)

    def rows(self, week: int) -> int:
        """Return how many rows were there in a week."""
        return int(np.count_nonzero(~self.is_future & (self.came <= week)))


def draw(side: TrainingSide, *, weeks: int, eval_share: float, seed: int) -> Weeks:
    """Return a history of these rows. The future and the evaluation rows are the same for every seed.

    Raises:
        DataError: There are too few customers of one kind in the future, or in week 1.
    """
    is_future = is_eval(_hashed(side.profiles, "future"), FUTURE_SHARE)
    in_eval = ~is_future & is_eval(_hashed(side.profiles, "evaluation"), eval_share)
    place = _hashed(side.profiles, f"came {seed}") % np.uint64(BUCKETS) / BUCKETS
    later = np.floor((place - FIRST_SHARE) / (1 - FIRST_SHARE) * (weeks - 1)).astype(np.int64) + 2
    came = np.where(is_future, 0, np.where(place < FIRST_SHARE, 1, later))
    drawn = Weeks(weeks, came, in_eval, is_future)
    for where, rows in (
        ("the future", is_future),
        ("the evaluation rows of week 1", drawn.evaluation(1)),
        ("the training rows of week 1", drawn.training(1)),
    ):
        targets = int(np.count_nonzero(side.labels[rows]))
        others = int(np.count_nonzero(rows)) - targets
        if min(targets, others) < LEAST_OF_A_CLASS:
            raise DataError(
                f"{len(side.labels):,} customers of the training side are too few for a backtest: {where} would hold "
                f"{targets} targets and {others} others, and need {LEAST_OF_A_CLASS} of each.",
                "Get more data.",
            )
    return drawn


def _hashed(profiles: NDArray[np.uint64], salt: str) -> NDArray[np.uint64]:
    """Return another hash of each profile, shape [n]; another salt gives one that is independent of it."""
    distinct, place = np.unique(profiles, return_inverse=True)
    salted = f"backtest {salt}\x1f".encode()
    hashes = [
        int.from_bytes(hashlib.blake2b(salted + profile.tobytes(), digest_size=8).digest(), "big")
        for profile in distinct.astype("<u8")
    ]
    return np.asarray(np.array(hashes, dtype=np.uint64)[place])
