"""Whether the candidate is worse in a group of customers: tests of the slices that have enough rows, with Holm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.config.gate_settings import GateSettings
from ml.evaluation.scored_rows import ScoredRows
from ml.evaluation.slices import slices
from ml.gate.paired.compare import compare
from ml.gate.paired.difference import PairedDifference
from ml.gate.rules import SLICES_LEVEL, holm


@dataclass(frozen=True)
class SliceTest:
    """The test of one slice.

    Attributes:
        column: The slicing column.
        group: Its value.
        positives: Rows of the slice with label 1.
        negatives: Rows of the slice with label 0.
        difference: The primary metric's difference within the slice; None when it was not tested.
        p: One-sided p-value of "not worse"; NaN when it was not tested.
        holm: The same after Holm's correction over the slices that were tested; NaN when it was not.
    """

    column: str
    group: str
    positives: int
    negatives: int
    difference: PairedDifference | None
    p: float = float("nan")
    holm: float = float("nan")

    @property
    def name(self) -> str:
        """The slice as a sentence says it."""
        return f"{self.column}={self.group}"

    @property
    def is_worse(self) -> bool:
        """Whether the candidate is proven worse here."""
        return self.holm < SLICES_LEVEL


def slice_tests(
    scored: ScoredRows, settings: GateSettings, *, threshold: float, least_of_a_class: int, cut: float | None = None
) -> list[SliceTest]:
    """Test every slice that holds enough positives and negatives, and whose difference is defined."""
    found = []
    for selected_by, mask in slices(scored.groups, len(scored.labels)):
        for column, group in selected_by.items():
            labels = scored.labels[mask]
            positives = int(np.count_nonzero(labels))
            negatives = len(labels) - positives
            difference = None
            if min(positives, negatives) >= least_of_a_class:
                difference = compare(
                    settings.primary, labels, scored.profiles[mask], scored.candidate[mask],
                    scored.references[: settings.references, mask],
                    threshold=threshold, cut=cut,
                )  # fmt: skip
                difference = difference if difference.defined else None
            found.append(SliceTest(column, group, positives, negatives, difference))
    p_values = [one.difference.p_worse() for one in found if one.difference]
    corrected = iter(zip(p_values, holm(p_values), strict=True))
    return [
        SliceTest(one.column, one.group, one.positives, one.negatives, one.difference, *next(corrected))
        if one.difference
        else one
        for one in found
    ]
