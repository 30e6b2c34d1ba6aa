"""Holding TFDV's statistics from a pipeline against those of the same rows in this process."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.beam.counts import count
from ml.config.settings import BeamSettings, resolve
from ml.data.csv_reader import read_columns
from ml.data.schema import seed_schema
from ml.validation.counts.dataset_counts import USUAL
from ml.validation.counts.shard_counting import ShardCounting
from ml.validation.tfdv_statistics import generate_statistics

MEANS = 1e-9
RANK_ERROR = 0.01
MISRA_GRIES_BUCKETS = 1024
"""TFDV counts so many distinct texts exactly; of more the frequent ones, with an error that depends on their order."""


def shards_of(whole: Path, directory: Path, *, count: int) -> list[Path]:
    """The rows of a CSV file in so many files, each with the header."""
    head, *rows = whole.read_text().splitlines(keepends=True)
    shards = []
    for number in range(count):
        shards.append(directory / f"part-{number:02}.csv")
        shards[-1].write_text(head + "".join(rows[number::count]))
    return shards


def in_process(whole: Path) -> Any:
    return generate_statistics(read_columns(whole))


def by_runner(shards: list[Path], settings: BeamSettings, out: Path) -> Any:
    """The statistics of shards; the names of the job's files begin with `out`."""
    counting = ShardCounting(seed_schema(), resolve(environment={}).target, 10, USUAL, (0,) * len(shards), 1000)
    found = count([*map(str, shards)], counting, settings=settings, out=str(out))
    return counting.merged(found.shards()).counts.statistics.result()


def assert_same(found: Any, expected: Any, whole: Path) -> None:
    """Counts exactly, means to 1e-9, medians by their rank in the data."""
    (ours,), (theirs,) = found.datasets, expected.datasets
    assert ours.num_examples == theirs.num_examples
    by_name = {feature.path.step[0]: feature for feature in ours.features}
    assert by_name.keys() == {feature.path.step[0] for feature in theirs.features}
    for feature in theirs.features:
        name = feature.path.step[0]
        assert by_name[name].type == feature.type, name
        if feature.HasField("num_stats"):
            _assert_same_numbers(by_name[name].num_stats, feature.num_stats, name)
            values = np.sort(
                [float(row[name]) for row in csv.DictReader(whole.open(encoding="utf-8-sig", newline="")) if row[name]]
            )
            _assert_is_median(by_name[name].num_stats.median, values, name)
        else:
            _assert_same_texts(by_name[name].string_stats, feature.string_stats, name)


def _assert_same_numbers(ours: Any, theirs: Any, name: str) -> None:
    _assert_same_counts(ours.common_stats, theirs.common_stats, name)
    assert (ours.num_zeros, ours.min, ours.max) == (theirs.num_zeros, theirs.min, theirs.max), name
    assert ours.mean == pytest.approx(theirs.mean, rel=MEANS, nan_ok=True), name
    assert ours.std_dev == pytest.approx(theirs.std_dev, rel=MEANS, nan_ok=True), name


def _assert_same_texts(ours: Any, theirs: Any, name: str) -> None:
    _assert_same_counts(ours.common_stats, theirs.common_stats, name)
    assert ours.unique == theirs.unique, name
    assert ours.avg_length == pytest.approx(theirs.avg_length, rel=MEANS), name
    if theirs.unique <= MISRA_GRIES_BUCKETS:
        assert list(ours.top_values) == list(theirs.top_values), name
        assert ours.rank_histogram == theirs.rank_histogram, name


def _assert_same_counts(ours: Any, theirs: Any, name: str) -> None:
    for kind in ("num_non_missing", "num_missing", "min_num_values", "max_num_values", "tot_num_values"):
        assert getattr(ours, kind) == getattr(theirs, kind), f"{name}: {kind}"


def _assert_is_median(found: float, values: Any, name: str) -> None:
    """The half lies between the shares of values below it and not above it, but for the sketch's error."""
    below, not_above = (np.searchsorted(values, found, side) / len(values) for side in ("left", "right"))
    assert below - RANK_ERROR <= 0.5 <= not_above + RANK_ERROR, name
