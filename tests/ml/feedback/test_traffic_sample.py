"""The sample of the record: the same rows in whatever order they come, and no more of them than are kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ml.feedback.traffic_sample import MOST, TrafficSample
from serving.records.row import RecordedRow

ROW = RecordedRow("2026-11-02T08:00:00.000000+00:00", "r", 1, "customer-model", "3", 0.5, "rest")
MANY = [replace(ROW, request_id=f"request {number // 3}", row=number % 3 + 1) for number in range(2 * MOST)]


def sampled(rows: list[RecordedRow]) -> TrafficSample:
    sample = TrafficSample()
    for row in rows:
        sample.add(row)
    return sample


def test_the_same_rows_are_drawn_in_whatever_order_they_come() -> None:
    found = sampled(MANY).rows("3", "2026-W45")
    shuffled = [MANY[place] for place in np.random.default_rng(1).permutation(len(MANY))]
    assert sampled(shuffled).rows("3", "2026-W45") == found
    assert len(found) == MOST
    assert sampled(MANY).rows("3", "2026-W45", 10) == found[:10]


def test_early_and_late_rows_have_the_same_chance() -> None:
    early = {(row.request_id, row.row) for row in MANY[:MOST]}
    drawn = sum((row.request_id, row.row) in early for row in sampled(MANY).rows("3", "2026-W45"))
    assert 0.42 * MOST < drawn < 0.58 * MOST


def test_each_version_and_week_has_its_own_and_one_that_is_not_certain_has_none() -> None:
    later = replace(ROW, time="2027-01-02T08:00:00.000000+00:00")  # a Saturday of 2026's last week
    sample = sampled([ROW, later, replace(ROW, version="4"), replace(ROW, version="unknown")])
    assert sample.weeks("3") == ["2026-W45", "2026-W53"]
    assert sample.rows("3", "2026-W53") == [later]
    assert sample.weeks("4") == ["2026-W45"]
    assert sample.weeks("unknown") == []
    assert sample.rows("5", "2026-W45") == []
