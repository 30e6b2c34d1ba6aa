"""What is known of versions, as a test chooses it."""

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from ml.performance.estimate import Estimate
from ml.performance.live import (
    LeftOut,
    LivePerformance,
    Measured,
    VersionPerformance,
    WeekPerformance,
    WeekShapley,
)

COMPUTED = datetime(2026, 11, 29, 3, 30, tzinfo=UTC)
UNKNOWN = Measured.unknown("Too few customers have an outcome.", 7)


def known(value: float, low: float, high: float, rows: int = 400) -> Measured:
    return Measured(Estimate(value, low, high, rows))


def week(name: str, realised: Measured, expected: Measured = UNKNOWN) -> WeekPerformance:
    return WeekPerformance(name, 100, 80, realised, expected, UNKNOWN)


def shapley(name: str, **mean: float) -> WeekShapley:
    return WeekShapley(name, 200, {feature: Estimate(at, at - 0.01, at + 0.01, 200) for feature, at in mean.items()})


def version(number: int = 1, **changes: Any) -> VersionPerformance:
    measures = {each.name: UNKNOWN for each in fields(VersionPerformance) if each.type == "Measured"}
    given: dict[str, Any] = {
        "version": str(number), "is_champion": True, "note": "", "scored": 2_000, "asked": 500, "with_outcome": 400,
        "covers_all": True,
    }  # fmt: skip
    return VersionPerformance(**given | measures | changes)


def live(*versions: VersionPerformance, **changes: Any) -> LivePerformance:
    given: dict[str, Any] = {
        "computed": COMPUTED, "target": "D", "currency": "EUR", "outcomes": 420, "newest_outcome": COMPUTED,
        "newest_list": COMPUTED.date(),
        "versions": versions, "left": {"unknown": LeftOut(0, ()), "late": LeftOut(0, ())},
    }  # fmt: skip
    return LivePerformance(**given | changes)
