"""What the log of validation says when all is well."""

from __future__ import annotations

import pyarrow as pa
import pytest

from ml.config.settings import resolve
from ml.data.schema import seed_schema
from ml.validation.counts.dataset_counts import DatasetCounts
from ml.validation.summary import summary

pytestmark = pytest.mark.usefixtures("libraries")
COLUMNS = {
    "ID": pa.array(["1", "2", "3", "4"]),
    "Age": pa.array(["30.0", None, None, "40.0"]),
    "Profession": pa.array(["Artist", None, "Doctor", "Doctor"]),
}


def counted(*names: str) -> DatasetCounts:
    counts = DatasetCounts(seed_schema(), resolve(environment={}).target, 10)
    counts.add(pa.RecordBatch.from_arrays([COLUMNS[name] for name in names], names=names))
    return counts


def test_it_names_rows_missing_rates_and_warnings() -> None:
    accepted, missing, drift = summary(counted(*COLUMNS), {}, {"Age": 0.1}, 0)
    assert accepted == "Accepted 4 rows with no warning."
    assert missing == "Missing: Age 50.0%, Profession 25.0%."
    assert "not measured" in drift
    assert summary(counted("ID"), {}, {}, 2)[:2] == ["Accepted 4 rows with 2 warnings.", "Missing: nothing."]


def test_the_largest_drift_is_the_one_nearest_to_its_threshold() -> None:
    drift, thresholds = {"Age": 0.001, "Profession": 0.01, "ID": 9.0}, {"Age": 0.0012, "Profession": 0.5}
    assert "is 0.001 (Age, threshold 0.0012)" in summary(counted(*COLUMNS), drift, thresholds, 1)[2]


def test_every_threshold_of_the_schema_is_known() -> None:
    assert len(seed_schema().drift_thresholds) == 8
