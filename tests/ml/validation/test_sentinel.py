"""The sentinel sees the label in a feature and in the order of the identifiers, and leaves honest data alone."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ml.artifacts import Dataset
from ml.config.settings import resolve
from ml.data.csv_reader import ArrowColumns, read_columns
from ml.data.features import FEATURES
from ml.data.schema import seed_schema
from ml.errors import BlockedError
from ml.storage.files import read_json
from ml.validation.counts.column import Column
from ml.validation.counts.sentinel_counts import SentinelCounts
from ml.validation.findings import Finding, Severity
from ml.validation.sentinel import LEAK_AUC, Sentinel, measure
from ml.validation.validate import validate
from tests.ml.conftest import REAL_FILE

SETTINGS = resolve(environment={})
SEVERITY = Severity(SETTINGS.validate.blocks_above, 10)
SEGMENTS = ("A", "B", "C", "D")
IN_WORDS = {
    "Gender": ("Male", "Male", "Male", "Female"),
    "Ever_Married": ("No", "No", "No", "Yes"),
    "Age": (30.0, 41.0, 52.0, 63.0),
    "Graduated": ("Yes", "Yes", "Yes", "No"),
    "Profession": ("Artist", "Doctor", "Engineer", "Executive"),
    "Work_Experience": (None, 0.0, 0.0, 0.0),
    "Spending_Score": ("Low", "Low", "Average", "High"),
    "Family_Size": (1.0, 1.0, 1.0, 2.0),
}
"""Values that the schema allows, by segment. Some tell all four, most tell D, and one tells A."""


@pytest.fixture(scope="module")
def sample(sample_csv: Path) -> ArrowColumns:
    return read_columns(sample_csv)


def watch(columns: ArrowColumns) -> Sentinel:
    """What the sentinel measures when the columns come in batches of a thousand rows, or of one when they are few."""
    rows = len(next(iter(columns.values())))
    found = []
    for step in (rows or 1, min(1000, rows // 3) or 1):
        counts = SentinelCounts(SETTINGS.target)
        for start in range(0, max(rows, 1), step):
            batch = {name: column.slice(start, step) for name, column in columns.items()}
            counts.add({n: Column.of_identifiers(c) if n == "ID" else Column.of(c) for n, c in batch.items()})
        found.append(measure(counts))
    whole, in_batches = (without_rounding(sentinel) for sentinel in found)
    assert in_batches == whole
    return found[1]


def without_rounding(sentinel: Sentinel) -> str:
    return re.sub(r"\d+\.\d+", lambda number: f"{float(number[0]):.9g}", repr(sentinel))


def leaks(columns: ArrowColumns) -> list[Finding]:
    found = watch(columns).findings(SEVERITY)
    return [finding for finding in found if finding.kind == "label_leak"]


def segments(columns: ArrowColumns) -> list[str]:
    return list(columns["Segmentation"].to_pylist())


@pytest.mark.parametrize("feature", FEATURES)
def test_the_label_in_any_feature_blocks(sample: ArrowColumns, feature: str) -> None:
    words = dict(zip(SEGMENTS, IN_WORDS[feature], strict=True))
    leaked = pa.array([words[segment] for segment in segments(sample)], sample[feature].type)
    (finding,) = leaks({**sample, feature: leaked})
    assert (finding.feature, finding.blocks) == (feature, True)
    assert "by itself, AUC 1.000, above 0.90" in finding.sentence


@pytest.mark.parametrize(("flipped", "blocks"), [(0.05, True), (0.08, True), (0.13, False), (0.25, False)])
def test_a_noisy_copy_blocks_up_to_the_limit(sample: ArrowColumns, flipped: float, blocks: bool) -> None:
    is_d = np.array([segment == "D" for segment in segments(sample)])
    noisy = is_d ^ (np.random.Generator(np.random.PCG64(1)).random(len(is_d)) < flipped)
    columns = {**sample, "Graduated": pa.array(np.where(noisy, "No", "Yes"), pa.string())}
    assert [finding.blocks for finding in leaks(columns)] == [True] * blocks
    assert watch(columns).features["Graduated"].auc == pytest.approx(1 - flipped, abs=0.015)


def test_a_label_between_two_numbers_blocks_although_no_value_occurs_twice(sample: ArrowColumns) -> None:
    noise = np.random.Generator(np.random.PCG64(2)).random(3000) * 9
    ages = [20 + 10 * SEGMENTS.index(segment) + more for segment, more in zip(segments(sample), noise, strict=True)]
    assert [finding.feature for finding in leaks({**sample, "Age": pa.array(ages)})] == ["Age"]


def test_a_value_of_its_own_for_each_row_is_no_leak(sample: ArrowColumns) -> None:
    unique = {
        "Profession": pa.array([f"Job {number}" for number in range(3000)]),
        "Age": pa.array(np.linspace(18, 90, 3000)),
    }
    assert leaks({**sample, **unique}) == []


def test_a_leak_that_a_person_calls_honest_only_warns(sample: ArrowColumns) -> None:
    copy = {**sample, "Age": pa.array([float("ABCD".index(segment)) for segment in segments(sample)])}
    (finding,) = watch(copy).findings(Severity({"label_leak": 1.0}, 10))
    assert not finding.blocks


@pytest.mark.parametrize(
    "change",
    [
        lambda columns: {name: column for name, column in columns.items() if name != "ID"},
        lambda columns: {name: column.slice(0, 12) for name, column in columns.items()},
        lambda columns: {name: column.slice(0, 1) for name, column in columns.items()},
        lambda columns: {name: column.slice(0, 0) for name, column in columns.items()},
        lambda columns: columns | {"Segmentation": pa.array(["D"] * 3000)},
        lambda columns: columns | {"Segmentation": pa.array(["A", "B"] * 1500)},
        lambda columns: columns | {"Segmentation": pa.nulls(3000, pa.string())},
        lambda columns: columns | {"ID": pa.nulls(3000, pa.string())},
        lambda columns: columns | {"ID": pa.array([f"Customer {number}" for number in range(3000)])},
        lambda columns: columns | {"Age": pa.nulls(3000, pa.float64()), "Gender": pa.nulls(3000, pa.string())},
        lambda columns: columns | {"Age": pa.array([float("inf"), float("nan"), None] * 500 + list(range(1500)))},
        lambda columns: {"Segmentation": columns["Segmentation"]},
        lambda columns: {"Age": columns["Age"]},
    ],
    ids=[
        "no ID", "twelve rows", "one row", "no row", "one class", "no target", "no label", "empty ID", "ID is text",
        "empty features", "infinite values", "labels only", "unlabelled",
    ],
)  # fmt: skip
def test_data_of_any_shape_are_looked_at_without_a_finding(
    sample: ArrowColumns, change: Callable[[ArrowColumns], ArrowColumns]
) -> None:
    sentinel = watch(change(dict(sample)))
    assert list(sentinel.findings(SEVERITY)) == []
    assert [sentence.split(":")[0] for sentence in sentinel.sentences()] == ["Leaks", "Noise"]


def test_identifiers_that_were_given_out_by_segment_warn(sample: ArrowColumns) -> None:
    by_segment = np.argsort(np.argsort(np.array(segments(sample)), kind="stable"))
    (finding,) = watch({**sample, "ID": pa.array(by_segment)}).findings(SEVERITY)
    assert (finding.kind, finding.blocks) == ("id_tells_label", False)
    assert list(watch({**sample, "ID": pa.array(np.arange(3000))}).findings(SEVERITY)) == []


def test_shuffled_labels_are_told_from_honest_ones(sample: ArrowColumns) -> None:
    shuffled = np.random.Generator(np.random.PCG64(3)).permutation(np.array(segments(sample)))
    found = watch({**sample, "Segmentation": pa.array(shuffled)}).findings(SEVERITY)
    assert [(finding.kind, finding.blocks) for finding in found] == [("label_noise", False)]


@pytest.mark.skipif(not REAL_FILE.is_file(), reason="the Kaggle file is not here")
@pytest.mark.usefixtures("libraries")
def test_the_kaggle_file_is_reported_and_accepted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    out, place = tmp_path / "validate", tmp_path / "ingest"
    out.mkdir()
    place.mkdir()
    (place / "data.csv").symlink_to(REAL_FILE)
    with caplog.at_level(logging.INFO, logger="ml"):
        accepted = validate(
            Dataset(place, "", 8068, "file:Train.csv"),
            schema=seed_schema(), settings=SETTINGS.validate, target=SETTINGS.target, champion_statistics=None, out=out,
        )  # fmt: skip
    assert accepted.warnings == [
        "Column 'ID': tells the label: neighbours by ID have the same label 35.9% of the time, 25.1% by chance; "
        "it is no feature, and must not become one."
    ]
    found = read_json(out / "validation.json")["sentinel"]
    assert (found["order"]["agree"], found["order"]["by_chance"]) == pytest.approx((0.3592, 0.2513), abs=5e-5)
    assert (found["noise"]["profiles"], found["noise"]["conflicting"]) == (6857, 442)
    assert max(of["auc"] for of in found["features"].values()) == pytest.approx(0.804, abs=0.005)
    assert found["leak_auc"] == LEAK_AUC == 0.90
    assert "Leaks: the strongest single feature is Profession, AUC 0.80 for D" in caplog.text
    assert "Noise: 442 of 806 profiles" in caplog.text


@pytest.mark.usefixtures("libraries")
def test_validation_refuses_a_leak_and_names_the_feature(sample_csv: Path, tmp_path: Path) -> None:
    place, out = tmp_path / "ingest", tmp_path / "validate"
    place.mkdir()
    out.mkdir()
    lines = [line.split(",") for line in sample_csv.read_text().splitlines()]
    for line in lines[1:]:
        line[5] = "Artist" if line[-1] == "D" else "Doctor"
    (place / "data.csv").write_text("\n".join(map(",".join, lines)) + "\n")
    dataset = Dataset(place, "", 3000, "file:leaked.csv")
    with pytest.raises(BlockedError, match=r"'Profession': tells D from the rest by itself, AUC 1\.000"):
        validate(
            dataset,
            schema=seed_schema(),
            settings=SETTINGS.validate,
            target=SETTINGS.target,
            champion_statistics=None,
            out=out,
        )
    assert read_json(tmp_path / "validation.json")["sentinel"]["features"]["Profession"]["auc"] == pytest.approx(1)
