"""What a look could have seen: the smallest gain it finds often, and the rows that a smaller one would need."""

from __future__ import annotations

import math
from dataclasses import dataclass

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


def power_sentence(difference: PairedDifference, power: Power) -> str:
    """Return what this look could have seen, as a sentence."""
    metric = difference.metric
    if not power.rows_needed:
        return f"What this look could have seen cannot be said: {metric} has no spread on these {difference.rows} rows."
    seen = f"This look could have seen {power.detectable:+.4f} {metric} (with {100 * POWER:.0f} % power)"
    if power.rows_needed <= difference.rows:
        return f"{seen}, so {GAIN_OF_INTEREST:+.3f} as well ({difference.rows} rows)."
    return f"{seen}; for {GAIN_OF_INTEREST:+.3f} you need {power.rows_needed} rows instead of {difference.rows}."
