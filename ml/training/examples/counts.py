"""What has to be known of all rows before the first one can be written."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from ml.config.settings import TransformSettings
from ml.errors import DataError
from ml.training.preprocessing import Encoding, Fitter
from ml.training.raw_batch import RawBatch


@dataclass
class Counts:
    """Counts of some rows; those of several shards can be merged, in any order.

    Attributes:
        fitter: The values of the train rows.
        train: The number of train rows.
        held: The number of evaluation rows.
        problem: Why the rows could not be read; "" if they could.
    """

    fitter: Fitter = field(default_factory=Fitter)
    train: int = 0
    held: int = 0
    problem: str = ""

    @property
    def rows(self) -> int:
        """The number of rows on both sides."""
        return self.train + self.held

    def add(self, batch: RawBatch) -> None:
        """Count the rows of a batch."""
        for name, feature in batch.features.items():
            often = np.bincount(feature.places[~batch.in_eval], minlength=len(feature.values))
            self.fitter.count(name, feature.values, often)
        self.held += int(batch.in_eval.sum())
        self.train += int((~batch.in_eval).sum())

    @classmethod
    def merged(cls, found: Iterable[Counts]) -> Counts:
        """Return the counts of all rows; the problem is one of theirs."""
        whole = cls()
        for one in found:
            whole.fitter.merge(one.fitter)
            whole.train += one.train
            whole.held += one.held
            whole.problem = whole.problem or one.problem
        return whole

    def encoding(self, settings: TransformSettings) -> Encoding:
        """Return the encoding of the train rows.

        Raises:
            DataError: One side of the split is empty.
        """
        for side, count in (("train", self.train), ("eval", self.held)):
            if not count:
                raise empty_side(side, self.rows, settings)
        return self.fitter.fitted()

    def to_json(self) -> str:
        """Return the counts as a text."""
        return json.dumps([self.fitter.as_dict(), self.train, self.held, self.problem])

    @classmethod
    def from_json(cls, text: str) -> Counts:
        """Read what `to_json` returned."""
        fitter, *others = json.loads(text)
        return cls(Fitter.from_dict(fitter), *others)


def empty_side(side: str, rows: int, settings: TransformSettings) -> DataError:
    """Return the error for a split of so many rows that leaves one of its sides, "train" or "eval", without any."""
    return DataError(
        f"The {side} side of the split is empty ({rows} rows, share {settings.eval_share}).",
        "Get more data, or change transform.eval_share.",
    )
