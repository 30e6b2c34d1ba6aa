"""The bounds that every candidate is held against, whatever it is compared with."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict

from ml.artifacts import Evaluation
from ml.config.gate_settings import JudgeSettings
from ml.evaluation.metric_table import distinguishable, metric_text
from ml.gate.reason import Reason

ROUNDING = 1e-9
"""The error of a binary fraction that is overlooked: 0.1 + 0.2 is not above 0.3."""


def below_threshold(evaluation: Evaluation, settings: JudgeSettings) -> Iterator[Reason]:
    """Yield a reason for each metric below `judge.at_least`; one that is not a number reaches no threshold."""
    for metric, bound in asdict(settings.at_least).items():
        value = evaluation.metrics.get(metric, math.nan)
        if not value >= bound - ROUNDING:
            shown, least = distinguishable(metric, value, bound)
            yield Reason(
                "below_threshold",
                f"{metric} is {shown}, below the threshold {least} ({evaluation.rows} evaluation rows, overall).",
            )


def too_good(evaluation: Evaluation, settings: JudgeSettings) -> Iterator[Reason]:
    """Yield a reason for each metric above `judge.at_most`: the label has probably leaked into the features."""
    for metric, bound in asdict(settings.at_most).items():
        value = evaluation.metrics.get(metric, math.nan)
        if not value <= bound + ROUNDING:
            shown, most = distinguishable(metric, value, bound)
            yield Reason(
                "leak_suspected",
                f"{metric} is {shown}, above {most}: too good to be true on this data. "
                "Look for the answer among the features.",
            )


def reached(evaluation: Evaluation, settings: JudgeSettings) -> Reason:
    """Return the reason that says which thresholds a candidate reached."""
    told = ", ".join(
        f"{metric} {metric_text(metric, evaluation.metrics[metric])} >= {metric_text(metric, bound)}"
        for metric, bound in asdict(settings.at_least).items()
    )
    return Reason("thresholds_reached", f"All thresholds are reached: {told}.")
