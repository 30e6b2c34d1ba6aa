"""Validation in batches: TFDV's numbers are those of one batch with everything, and so are the findings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ml.artifacts import Dataset
from ml.config.settings import resolve
from ml.data import csv_reader
from ml.data.csv_reader import ArrowColumns, read_columns
from ml.data.sample import write_csv
from ml.data.schema import seed_schema
from ml.validation.counts.dataset_counts import DatasetCounts
from ml.validation.examination import count
from ml.validation.findings import Severity
from tests.ml.validation.damaged_data import DAMAGES, LATE, Damage, findings_of

pytestmark = pytest.mark.usefixtures("libraries")
SETTINGS = resolve(environment={})
SMALL = 1 << 15
"""Bytes of a batch, of which the Kaggle file has fourteen then."""
MISRA_GRIES_BUCKETS = 1024
"""TFDV counts so many distinct texts exactly; of more the frequent ones, with an error that depends on their order."""
RANK_ERROR = 0.01
"""The error of TFDV's sketch as a share of the rows: `StatsOptions.epsilon`."""


def counted(csv: Path) -> DatasetCounts:
    severity = Severity(SETTINGS.validate.blocks_above, 10)
    return count(Dataset(csv.parent, "", 0, "file:x.csv"), seed_schema(), severity=severity, target=SETTINGS.target)[0]


def in_one_batch(columns: ArrowColumns) -> Any:
    """TFDV's own statistics of everything in one batch, made in another way than ours."""
    import tensorflow_data_validation as tfdv
    from tensorflow_data_validation.statistics import stats_impl

    lists = {
        name: pa.array(
            [None if value is None else [value if isinstance(value, str) else float(value)] for value in c.to_pylist()],
            pa.list_(pa.string() if pa.types.is_string(c.type) else pa.float64()),
        )
        for name, c in columns.items()
    }
    batch = pa.RecordBatch.from_arrays(list(lists.values()), names=list(lists))
    return stats_impl.generate_statistics_in_memory(batch, tfdv.StatsOptions())


def by_name(statistics: Any) -> Mapping[str, Any]:
    return {feature.path.step[0]: feature for feature in statistics.datasets[0].features}


def without_sketches(feature: Any) -> Any:
    """Everything but what comes from sketches and what is rounded."""
    exact = type(feature)()
    exact.CopyFrom(feature)
    if feature.HasField("num_stats"):
        for name in ("histograms", "mean", "std_dev", "median"):
            exact.num_stats.ClearField(name)
        exact.num_stats.common_stats.ClearField("num_values_histogram")
    else:
        exact.string_stats.common_stats.ClearField("num_values_histogram")
        exact.string_stats.ClearField("avg_length")
        if feature.string_stats.unique > MISRA_GRIES_BUCKETS:
            exact.string_stats.ClearField("top_values")
            exact.string_stats.ClearField("rank_histogram")
    return exact


def assert_same_statistics(found: Any, columns: ArrowColumns) -> None:
    expected, features = by_name(in_one_batch(columns)), by_name(found)
    rows = len(next(iter(columns.values())))
    assert found.datasets[0].num_examples == rows
    assert list(features) == list(expected) == list(columns)
    for name, feature in features.items():
        assert without_sketches(feature) == without_sketches(expected[name]), name
        if not feature.HasField("num_stats"):
            assert feature.string_stats.avg_length == pytest.approx(expected[name].string_stats.avg_length, rel=1e-6)
            continue
        ours, theirs = feature.num_stats, expected[name].num_stats
        assert (ours.mean, ours.std_dev) == pytest.approx((theirs.mean, theirs.std_dev), rel=1e-9)
        numbers = np.sort(columns[name].drop_null().to_numpy(zero_copy_only=False).astype(float))
        assert_rank(ours.median, 0.5, numbers)
        assert [h.type for h in ours.histograms] == [h.type for h in theirs.histograms]
        for histogram in ours.histograms:
            assert sum(bucket.sample_count for bucket in histogram.buckets) == pytest.approx(len(numbers), rel=1e-6)
            until = 0.0
            for bucket in histogram.buckets[:-1]:
                until += bucket.sample_count
                assert_rank(bucket.high_value, until / len(numbers), numbers)


def assert_rank(value: float, share: float, numbers: np.ndarray) -> None:  # type: ignore[type-arg]
    """The share of numbers below `value` is `share`, within the sketch's error."""
    low, high = (np.searchsorted(numbers, value, side=side) / len(numbers) for side in ("left", "right"))
    assert low - RANK_ERROR <= share <= high + RANK_ERROR, (value, share, low, high)


@pytest.mark.parametrize("block", [SMALL, csv_reader.BLOCK_BYTES])
def test_the_statistics_are_those_of_tfdv_in_one_batch(
    customers_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(csv_reader, "BLOCK_BYTES", block)
    copy = tmp_path / "data.csv"
    copy.write_bytes(customers_csv.read_bytes())
    assert_same_statistics(counted(copy).statistics.result(), read_columns(copy))


def test_the_statistics_of_many_rows_are_those_of_tfdv_in_one_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_reader, "BLOCK_BYTES", 1 << 19)
    write_csv(tmp_path / "data.csv", rows=200_000, seed=5)
    counts = counted(tmp_path / "data.csv")
    assert counts.rows == 200_000
    assert_same_statistics(counts.statistics.result(), read_columns(tmp_path / "data.csv"))


@pytest.mark.parametrize("damage", [*DAMAGES.values(), *map(Damage, LATE.values())], ids=[*DAMAGES, *LATE])
def test_findings_do_not_depend_on_the_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Damage) -> None:
    whole = sorted(findings_of(damage, tmp_path / "whole"))
    monkeypatch.setattr(csv_reader, "BLOCK_BYTES", SMALL)
    assert sorted(findings_of(damage, tmp_path / "batches")) == whole


@pytest.mark.parametrize("name", LATE)
def test_types_are_those_of_the_whole_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    list(findings_of(Damage(LATE[name]), tmp_path))
    monkeypatch.setattr(csv_reader, "BLOCK_BYTES", SMALL)
    csv = tmp_path / "now" / "ingest" / "data.csv"
    counts, columns = counted(csv), read_columns(csv, schema=seed_schema())
    assert_same_statistics(counts.statistics.result(), columns)
    assert {name: c.nulls for name, c in counts.columns.items()} == {n: c.null_count for n, c in columns.items()}


def test_duplicate_identifiers_are_counted_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_reader, "BLOCK_BYTES", SMALL)
    identifiers = [*range(9000, 6000, -1), 7, 7, 8995, 8996, 8996, *range(3000)]
    lines = [f"{number},Male,D" for number in identifiers]
    (tmp_path / "data.csv").write_text("\n".join(["ID,Gender,Segmentation", *lines]) + "\n")
    found = counted(tmp_path / "data.csv").sentinel.identifiers
    assert found is not None
    rows, first = found.duplicates(10)
    assert (rows, first.to_pylist()) == (8, [8996, 8995, 7])
