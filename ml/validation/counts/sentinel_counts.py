"""What the sentinel needs of a data set: labels, identifiers, and features counted with the label."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from ml.config.settings import TargetSettings
from ml.data.features import FEATURES, ID
from ml.validation.counts.column import Column
from ml.validation.counts.identifiers import CountedIdentifiers, Identifiers
from ml.validation.counts.joint_counts import JointCounts
from ml.validation.counts.label_codes import LabelCodes


class SentinelCounts:
    """The counts of some rows, before which so many others have a label.

    `target` says what a label is; `as_target` counts no classes, but only targets.

    Attributes:
        labels: None when the data have no such column.
        joint: The features with the label.
        sorted_here: The identifiers of the rows that were added; None when the data have none, or they were taken away.
        sorted_elsewhere: What was counted of identifiers that were taken away.
    """

    def __init__(self, target: TargetSettings, *, as_target: bool = False, labelled_before: int = 0) -> None:
        self.target = target
        self._as_target = as_target
        self.labels: LabelCodes | None = None
        self.joint = JointCounts(labelled_before)
        self.sorted_here: Identifiers | None = None
        self.sorted_elsewhere: CountedIdentifiers | None = None

    @property
    def identifiers(self) -> CountedIdentifiers | None:
        """The identifiers of all rows; None when the data have none."""
        return self.sorted_elsewhere or self.sorted_here

    def merge(self, later: SentinelCounts) -> None:
        """Add the counts of rows that come after these, but for the identifiers, which others sort.

        Raises:
            TooManyClasses: There are more classes in all than are counted; count anew with `as_target`.
        """
        if later.labels is not None:
            self.labels = self.labels or LabelCodes(self.target, as_target=self._as_target)
            self.joint.merge(later.joint, self.labels.merge(later.labels))

    def add(self, columns: Mapping[str, Column]) -> None:
        """Count some rows.

        Raises:
            TooManyClasses: There are more classes than are counted; count anew with `as_target`.
        """
        codes = None
        if self.target.column in columns:
            self.labels = self.labels or LabelCodes(self.target, as_target=self._as_target)
            codes = self.labels.add(columns[self.target.column])
            features = {name: columns[name] for name in FEATURES if name in columns}
            self.joint.add(features, codes, self.labels.width)
        if ID in columns:
            self.sorted_here = self.sorted_here or Identifiers()
            column = columns[ID]
            present = column.places >= 0
            ids = column.values.take(pa.array(column.places[present]))
            codes = np.zeros(len(present), np.int8) - 1 if codes is None else codes
            self.sorted_here.add(ids, codes[present])
