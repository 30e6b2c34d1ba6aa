"""The rule by which a version is told."""

from typing import Any

import pytest

from serving.gateway.version_watch import VersionWatch


@pytest.mark.parametrize(
    ("asks", "now", "told"),
    [
        ([], 0.0, "unknown"),
        ([(0.0, 7)], 0.5, "unknown"),
        ([(0.0, 7), (1.0, 7)], 2.9, "7"),
        ([(0.0, 7), (1.0, 7)], 3.0, "unknown"),
        ([(0.0, 7), (1.0, 8)], 1.5, "unknown"),
        ([(0.0, 7), (1.0, 8), (2.0, 8)], 2.5, "8"),
        ([(0.0, 7), (1.0, 7), (2.0, None)], 2.5, "unknown"),
        ([(0.0, None), (1.0, None)], 1.5, "unknown"),
    ],
)
def test_the_last_two_asks_agree_and_are_fresh(asks: list[Any], now: float, told: str) -> None:
    watch = VersionWatch(None, ["m"], now=lambda: now)  # type: ignore[arg-type]  # nothing is asked
    for asked_at, version in asks:
        watch.heard("m", asked_at, version)
    assert watch.of("m") == watch.of_answer("/v1/models/m:predict", 200) == told
    assert watch.of("other") == "unknown"
