"""Counting without keeping: different customers, and evenly spread numbers."""

from __future__ import annotations

import numpy as np
import pytest

from ml.drift import thinned
from ml.drift.distinct import Distinct
from ml.drift.thinned import Thinned


def test_different_keys_are_counted_once_and_exactly_while_they_are_few() -> None:
    found = Distinct()
    for number in range(9000):
        found.add(f"customer {number % 3000}")
    assert found.number == 3000


def test_many_keys_are_estimated() -> None:
    found = Distinct()
    for number in [*range(100_000), *range(50_000)]:
        found.add(f"customer {number}")
    assert found.number == pytest.approx(100_000, rel=5 / 64), "five standard errors"


def test_too_many_numbers_are_thinned_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thinned, "MOST", 100)
    found = Thinned()
    for number in range(1050):
        found.add(number)
    assert np.array_equal(found.numbers, np.arange(0, 1050, 16))
