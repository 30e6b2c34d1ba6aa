"""The marketer's command with a real version: Kaggle's Test.csv where it is, and the evaluation of the release."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

from ml.data.sample import write_csv
from ml.pipeline.local_runner import RetrainResult
from ml.storage.root import PROJECT, Root
from serving.client.model_client import ModelServer
from serving.score.__main__ import main
from serving.server import embedded

UNLABELLED = PROJECT.parent / "shared" / "data" / "Test.csv"
pytestmark = pytest.mark.usefixtures("libraries")


def test_scoring_a_file_names_whom_to_target(
    first_run: tuple[Root, RetrainResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = first_run[0]
    monkeypatch.setenv("RETRAIN_ROOT", str(root.path))
    customers, out = tmp_path / "customers.csv", tmp_path / "top.csv"
    if UNLABELLED.is_file():
        shutil.copyfile(UNLABELLED, customers)
    else:
        write_csv(customers, rows=2627, seed=11)
    stdout, stderr = io.StringIO(), io.StringIO()
    with embedded.embedded_server(root.models / "customer-model") as url:
        ModelServer(url).wait_available(1, deadline=60)
        code = main([str(customers), "--out", str(out), "--top", "20%", "--url", url], stdout, stderr)
    assert code == 0, stderr.getvalue()
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 525
    probabilities = [float(row["probability"]) for row in rows]
    assert probabilities == sorted(probabilities, reverse=True)
    ranking = json.loads((root.release(1) / "evaluation.json").read_text())["ranking"]
    at_20 = next(cut["precision"] for cut in ranking if cut["share"] == 0.2)
    assert float(rows[-1]["expected_precision"]) == pytest.approx(at_20, abs=5e-4)
    # Honest for this data: about three of four, with room for another split of the sample.
    assert 0.6 < at_20 < 0.9
    assert f"Target the 525 in {out}" in stdout.getvalue()
    assert f"Expect about {round(at_20 * 525)} of them to be D" in stdout.getvalue()
