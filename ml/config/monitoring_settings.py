"""The section `monitoring`: how the traffic is watched, and how often that may start a retraining."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ml.config.typed_tree import Between


@dataclass(frozen=True)
class MonitoringSettings:
    """The section `monitoring`; settings.toml says what each means, and why it is so."""

    window_days: Annotated[int, Between(1, 366)]
    fewest_customers: Annotated[int, Between(100, 10**7)]
    share_margin: Annotated[float, Between(0, 1)]
    cool_down_days: Annotated[int, Between(1, 3650)]
