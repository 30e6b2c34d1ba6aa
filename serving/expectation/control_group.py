"""What a control group can show: customers of a list who are left alone, so that the others have a comparison."""

from __future__ import annotations

import math
from statistics import NormalDist

LEVEL = 0.05
POWER = 0.8


def smallest_uplift(asked: int, control: int, base: float, *, level: float = LEVEL, power: float = POWER) -> float:
    """The difference of two shares that would be found with this power; infinite without two groups.

    The usual approximation for two proportions, two-sided, with the spread of the base share in both groups.

    Args:
        asked: Customers who are asked.
        control: Customers who are not.
        base: The share that is expected without asking, 0 to 1.
        level: How often no difference at all is taken for one.
        power: How often a difference of the result's size is found.
    """
    if asked < 1 or control < 1:
        return math.inf
    spread = math.sqrt(base * (1 - base) * (1 / asked + 1 / control))
    return (NormalDist().inv_cdf(1 - level / 2) + NormalDist().inv_cdf(power)) * spread


def is_hopeless(uplift: float, base: float) -> bool:
    """Whether not even a list of which everybody becomes a target would show an uplift.

    Args:
        uplift: That of `smallest_uplift`.
        base: The share that is expected without asking, 0 to 1.
    """
    return base + uplift > 1
