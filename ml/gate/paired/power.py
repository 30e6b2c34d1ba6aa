"""What a look could have seen: the smallest gain it finds often, and the rows that a smaller one would need."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ml.gate.paired.contributions import PROFIT
from ml.gate.paired.difference import NORMAL, PairedDifference, z_of

POWER = 0.8
GAIN_OF_INTEREST = 0.002


@dataclass(frozen=True)
class Power:
    """The power of a look.

    Attributes:
        detectable: The true gain that is called better with probability `POWER`; NaN when undefined.
        rows_needed: The evaluation rows with which `GAIN_OF_INTEREST` would be found as often; 0 when undefined.
    """

    detectable: float
    rows_needed: int


def power_of(difference: PairedDifference, level: float) -> Power:
    """Return the power of a test at one-sided `level` with the standard error of this difference."""
    if not difference.defined or difference.standard_error == 0:
        return Power(float("nan"), 0)
    detectable = (z_of(level) + NORMAL.inv_cdf(POWER)) * difference.standard_error
    return Power(detectable, math.ceil(difference.rows * (detectable / GAIN_OF_INTEREST) ** 2))


def power_sentence(difference: PairedDifference, power: Power, *, shown: Callable[[float], str]) -> str:
    """Return what this look could have seen, as a sentence; `shown` writes a gain of the metric with its sign."""
    metric = difference.metric
    if not power.rows_needed:
        return f"What this look could have seen cannot be said: {metric} has no spread on these {difference.rows} rows."
    seen = f"This look could have seen {shown(power.detectable)} {metric} (with {100 * POWER:.0f} % power)"
    small = shown(GAIN_OF_INTEREST) if metric == PROFIT else f"{GAIN_OF_INTEREST:+.3f}"
    if power.rows_needed <= difference.rows:
        return f"{seen}, so {small} as well ({difference.rows} rows)."
    return f"{seen}; for {small} you need {power.rows_needed} rows instead of {difference.rows}."
