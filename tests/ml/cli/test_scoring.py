"""The marketer's command with a real version: Kaggle's Test.csv where it is, and the evaluation of the release."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from ml.data.sample import write_csv
from ml.pipeline.local_runner import RetrainResult
from ml.storage.root import PROJECT, Root
from serving.client.model_client import ModelServer
from serving.expectation.calibration import Calibration
from serving.score.__main__ import main
from serving.server import embedded
from tests.ml.conftest import REAL_FILE

UNLABELLED = PROJECT.parent / "shared" / "data" / "Test.csv"
pytestmark = pytest.mark.usefixtures("libraries")
Row = Mapping[str, str]


@pytest.fixture(scope="module")
def url(first_run: tuple[Root, RetrainResult]) -> Iterator[str]:
    with embedded.embedded_server(first_run[0].models / "customer-model") as url:
        ModelServer(url).wait_available(1, deadline=60)
        yield url


def score(customers: Path, out: Path, *more: str, root: Root, url: str) -> tuple[str, str]:
    """What the command says on stdout and stderr."""
    stdout, stderr = io.StringIO(), io.StringIO()
    command = [str(customers), "--out", str(out), "--evaluation", str(root.path / "releases"), "--url", url, *more]
    code = main(command, stdout, stderr)
    assert code == 0, stderr.getvalue()
    return stdout.getvalue(), stderr.getvalue()


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_scoring_a_file_names_whom_to_target(first_run: tuple[Root, RetrainResult], url: str, tmp_path: Path) -> None:
    root, customers, out = first_run[0], tmp_path / "customers.csv", tmp_path / "top.csv"
    if UNLABELLED.is_file():
        shutil.copyfile(UNLABELLED, customers)
    else:
        write_csv(customers, rows=2627, seed=11)
    said, warned = score(customers, out, "--top", "20%", "--strict", root=root, url=url)
    rows = rows_of(out)
    assert abs(len(rows) - 525) <= 5, "ties may make the list a little longer or shorter"
    probabilities = [float(row["probability"]) for row in rows]
    assert probabilities == sorted(probabilities, reverse=True)
    line = Calibration.of(json.loads((root.release(1) / "evaluation.json").read_text())["calibration"])
    share = float(line.apply(np.array(probabilities)).mean())
    assert float(rows[-1]["expected_precision"]) == pytest.approx(share, abs=6e-4)
    # Honest for this data: about three of four, with room for another split of the sample.
    assert 0.6 < share < 0.9
    assert f"Target the {len(rows)} in {out}" in said
    assert f"Expect about {round(share * len(rows))} of them to be D" in said
    assert "not like those on which" not in warned


SUBSETS: Mapping[str, Callable[[Row], bool]] = {
    "artists": lambda row: row["Profession"] == "Artist",
    "45 and over": lambda row: float(row["Age"]) >= 45,
    "high spending": lambda row: row["Spending_Score"] == "High",
    "healthcare": lambda row: row["Profession"] == "Healthcare",
}


@pytest.mark.skipif(not (REAL_FILE.is_file() and UNLABELLED.is_file()), reason="needs Kaggle's files")
@pytest.mark.parametrize("name", SUBSETS)
def test_the_expectation_of_a_list_unlike_the_evaluation_is_near_the_truth(
    name: str, first_run: tuple[Root, RetrainResult], url: str, tmp_path: Path
) -> None:
    """Most identifiers of Test.csv are in Train.csv, which tells the truth about them."""
    customers, out = tmp_path / "customers.csv", tmp_path / "top.csv"
    segments = {row["ID"]: row["Segmentation"] for row in rows_of(REAL_FILE)}
    chosen = [row for row in rows_of(UNLABELLED) if SUBSETS[name](row) and row["ID"] in segments]
    with customers.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(chosen[0]))
        writer.writeheader()
        writer.writerows(chosen)
    said, warned = score(customers, out, "--top", "20%", root=first_run[0], url=url)
    listed = rows_of(out)
    truth = sum(segments[row["ID"]] == "D" for row in listed) / len(listed)
    found = re.search(r"D \((\d+) %, likely ([\d.]+) % to ([\d.]+) %\)", said)
    assert found
    assert float(found[2]) - 2 <= 100 * truth <= float(found[3]) + 2, (said, truth)
    assert "not like those on which version 1 was trained" in warned


def test_three_customers_have_the_interval_of_three(
    first_run: tuple[Root, RetrainResult], url: str, tmp_path: Path
) -> None:
    customers = tmp_path / "customers.csv"
    write_csv(customers, rows=3, seed=2)
    said = score(customers, tmp_path / "top.csv", "--top", "1", root=first_run[0], url=url)[0]
    found = re.search(r"likely ([\d.]+) % to ([\d.]+) %", said)
    assert found
    assert float(found[2]) - float(found[1]) >= 5, said
    assert ("looks like a target" in said, "none is more likely" in said) in ((False, True), (False, False))
