"""What the sentinel needs of a data set: labels, identifiers, and features counted with the label."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from ml.config.settings import TargetSettings
from ml.data.features import FEATURES, ID
from ml.validation.counts.column import Column
from ml.validation.counts.identifiers import Identifiers
from ml.validation.counts.joint_counts import JointCounts
from ml.validation.counts.label_codes import LabelCodes


class SentinelCounts:
    """The counts of some rows. `target` says what a label is; `as_target` counts no classes, but only targets.

    Attributes:
        labels: None when the data have no such column.
        identifiers: None when the data have none.
        joint: The features with the label.
    """

    def __init__(self, target: TargetSettings, *, as_target: bool = False) -> None:
        self.target = target
        self._as_target = as_target
        self.labels: LabelCodes | None = None
        self.identifiers: Identifiers | None = None
        self.joint = JointCounts()

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
            self.identifiers = self.identifiers or Identifiers()
            column = columns[ID]
            present = column.places >= 0
            ids = column.values.take(pa.array(column.places[present]))
            codes = np.zeros(len(present), np.int8) - 1 if codes is None else codes
            self.identifiers.add(ids, codes[present])
