"""Real runs on the sample and on a file, in one root: what may replace what, and who says that a model is a SAMPLE."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ml.data.sample import write_csv
from ml.pipeline.local_runner import RetrainResult, retrain
from ml.registry.ledger.ledger import Ledger
from ml.storage.root import PROJECT, Root
from serving.client import model_metadata
from serving.client.model_client import ModelServer
from serving.models.signatures import SAMPLE_SIGNATURE
from serving.server import embedded
from tests.ml.conftest import EQUAL_IS_ENOUGH, settings_for
from tests.ml.light_world import of_older_code
from tests.prometheus.exported import values

pytestmark = pytest.mark.usefixtures("libraries")
MODEL = "customer-model"
LIGHT = ("train.epochs=3", "data.sample_rows=3000", "judge.at_least.ExampleCount=300")


@pytest.fixture(scope="module")
def real_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that is nobody's sample, as far as anybody knows."""
    path = tmp_path_factory.mktemp("real") / "customers.csv"
    write_csv(path, rows=3500, seed=11)
    return path


@pytest.fixture(scope="module")
def sample_run(libraries: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Root, RetrainResult]:
    root = Root.find(str(tmp_path_factory.mktemp("sample") / "root"))
    return root, retrain(root, settings_for("sample", *LIGHT), run_id="sample", force=False)


@pytest.fixture
def sample_root(sample_run: tuple[Root, RetrainResult], tmp_path: Path) -> Root:
    """A copy of a root whose version 1 is of the sample."""
    root = Root(tmp_path / "root")
    shutil.copytree(sample_run[0].path, root.path)
    return root


def ml(root: Root, *arguments: str) -> str:
    command = [sys.executable, "-m", "ml", *arguments, "--root", str(root.path)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True, timeout=120).stdout


def test_a_sample_model_is_called_so_wherever_it_serves(
    sample_run: tuple[Root, RetrainResult], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    root, result = sample_run
    assert result.outcome == "promoted", result.reasons
    assert model_metadata.SAMPLE_SIGNATURE == SAMPLE_SIGNATURE
    with caplog.at_level(logging.INFO, "serving"), embedded.embedded_server(root.models / MODEL) as url:
        server = ModelServer(url)
        server.wait_available(1, deadline=60)
        assert model_metadata.is_sample(server.metadata(1))
        found = values(root, url)
        assert found["retrain_promoted_sample", ()] == found["retrain_served_sample", ()] == 1
        out = tmp_path / "top.csv"
        command = [sys.executable, "-m", "serving.score", "docs/customers.csv", "--out", str(out), "--url", url]
        for more in ([], ["--top", "20%"]):
            said = subprocess.run(
                [*command, *more], cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60
            )
            assert said.stdout.startswith("SAMPLE: version 1 was trained on made-up customers.")
        status = ml(root, "status", "--serving-url", url)
    assert "customer-model version 1 is a SAMPLE: it was trained on made-up customers" in caplog.text
    assert "version 1 serves since" in status
    assert "SAMPLE" in status
    assert "SAMPLE" in ml(root, "history")


def test_real_data_replace_a_sample_model_without_acceptance_and_without_drift(
    sample_root: Root, real_csv: Path
) -> None:
    settings = settings_for(real_csv, *LIGHT, "validate.drift_blocks=true")
    strict = retrain(
        sample_root,
        settings_for(real_csv, *LIGHT, "judge.first_run_promotes=false"),
        run_id="strict",
        force=False,
    )
    assert strict.outcome == "rejected"
    assert "There is no champion of real data" in strict.reasons[0]
    result = retrain(sample_root, settings, run_id="real", force=False)
    assert (result.outcome, result.version) == ("promoted", 2), result.reasons
    assert any("Version 1 is a SAMPLE" in reason for reason in result.reasons)
    assert result.champion_metrics == {}
    with embedded.embedded_server(sample_root.models / MODEL) as url:
        server = ModelServer(url)
        server.wait_available(2, deadline=60)
        assert not model_metadata.is_sample(server.metadata(2))
        found = values(sample_root, url)
        assert found["retrain_promoted_sample", ()] == found["retrain_served_sample", ()] == 0

    # The sample never comes back, neither by its name nor as a file with its bytes.
    back = retrain(sample_root, settings_for("sample", *LIGHT), run_id="back", force=True)
    assert (back.outcome, back.version) == ("failed", 2)
    assert "a model of the built-in sample of made-up customers must not take its place" in back.reasons[0]
    assert list(back.seconds) == ["ingest"]
    copied = sample_root.path / "innocent.csv"
    shutil.copyfile(sample_root.run("sample") / "ingest" / "data.csv", copied)
    as_file = retrain(sample_root, settings_for(copied, *LIGHT), run_id="as-file", force=True)
    assert (as_file.outcome, as_file.version) == ("failed", 2)
    accepted = settings_for("sample", *LIGHT, "judge.accept_incomparable=true", "train.seed=4")
    asked = retrain(sample_root, accepted, run_id="asked", force=False)
    assert (asked.outcome, asked.version) == ("promoted", 3), asked.reasons
    assert any("cannot be compared (it was trained on a file of your own" in reason for reason in asked.reasons)


def test_data_of_two_sources_are_not_compared_unless_their_bytes_are_the_champions(
    sample_root: Root, real_csv: Path
) -> None:
    # As if version 1 had come from Kaggle.
    of_older_code(sample_root, source="kaggle:someone/customers/Train.csv", source_kind="kaggle:someone/customers")
    other = retrain(sample_root, settings_for(real_csv, *LIGHT), run_id="other", force=False)
    assert other.outcome == "rejected"
    assert "it was trained on Kaggle's someone/customers, the candidate on a file of your own" in other.reasons[0]
    copied = sample_root.path / "downloaded.csv"
    shutil.copyfile(sample_root.run("sample") / "ingest" / "data.csv", copied)
    light = settings_for(copied, *LIGHT, "train.seed=5", *EQUAL_IS_ENOUGH)
    same_bytes = retrain(sample_root, light, run_id="same-bytes", force=False)
    assert (same_bytes.outcome, same_bytes.version) == ("promoted", 2), same_bytes.reasons
    assert same_bytes.champion_metrics
    intent = Ledger(sample_root.ledger).versions()[2].intent
    assert (intent["source"], intent["source_kind"]) == ("file:downloaded.csv", "kaggle:someone/customers")
    assert intent["rows"] == 3000
