"""The decision between better, worse, kept and refresh: pure, without I/O and without a clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml.config.settings import GateSettings
from ml.evaluation.scored_rows import ScoredRows
from ml.gate.context import Look
from ml.gate.reason import Reason

BETTER, WORSE, KEPT, REFRESH = "better", "worse", "kept", "refresh"
LEAST_OF_A_CLASS = 10
"""A slice is tested when it holds so many positives and so many negatives."""


@dataclass(frozen=True)
class Decision:
    """What the evidence says of a candidate.

    Attributes:
        outcome: `BETTER`, `WORSE`, `KEPT` or `REFRESH`.
        reasons: At least one sentence; the first ones decided.
        details: Every number of the verdict as plain JSON values; None where a number is not defined.
    """

    outcome: str
    reasons: tuple[Reason, ...]
    details: Mapping[str, Any]


def decide(
    scored: ScoredRows,
    look: Look,
    *,
    settings: GateSettings,
    threshold: float,
    min_slice: int = LEAST_OF_A_CLASS,
) -> Decision:
    """Compare the candidate with the references and the anchor, and say what follows.

    Args:
        scored: The evaluation rows with the scores of all models; at least one reference.
        look: What the ledger says of earlier looks and of the champion.
        settings: The section `gate`.
        threshold: A row is predicted positive when its probability is above it.
        min_slice: A slice is tested when it holds at least so many positives and so many negatives.

    Raises:
        ValueError: There is no reference.
    """
    raise NotImplementedError
