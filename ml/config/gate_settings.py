"""The sections `judge` and `gate`: what a candidate must reach, and how it is compared with what serves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ml.config.overrides import APPROVALS
from ml.config.typed_tree import Between, Matching

Share = Annotated[float, Between(0, 1)]


@dataclass(frozen=True)
class AtLeast:
    """The table `judge.at_least`: lower bounds of the candidate's metrics, all five required."""

    BinaryAccuracy: Share
    AUC: Share
    Precision: Share
    Recall: Share
    ExampleCount: Annotated[int, Between(1, 10**9)]


@dataclass(frozen=True)
class AtMost:
    """The table `judge.at_most`: metrics above these bounds are too good to be true."""

    BinaryAccuracy: Share


@dataclass(frozen=True)
class JudgeSettings:
    """The section `judge`: the thresholds of the gate."""

    at_least: AtLeast
    at_most: AtMost
    first_run_promotes: bool
    accept_incomparable: bool


@dataclass(frozen=True)
class GateSettings:
    """The section `gate`: how a candidate is compared with what serves."""

    primary: Annotated[str, Matching(r"AUC|LogLoss|Profit", "AUC, LogLoss or Profit")]
    profit: Annotated[str, Matching(r"guard|off", "guard or off")]
    false_promotions_per_year: Annotated[float, Between(0.01, 26)]
    looks_per_year: Annotated[int, Between(1, 10_000)]
    margin: Annotated[float, Between(0, 0.5)]
    refresh_changed_share: Share
    refresh_days: Annotated[float, Between(0, 3650)]
    references: Annotated[int, Between(1, 8)]
    fairness: Annotated[str, Matching(r"warn|block", "warn or block")]
    calibration_gap: Share
    selection_ratio: Share
    approval: Annotated[str, Matching("|".join(APPROVALS), "never, unsure or always")]
