"""The whole loop with the real libraries: what it comes to, what it writes down, and what the endpoint answers."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ml.data.features import FEATURES
from ml.errors import NothingToDoError
from ml.evaluation.metrics import METRICS
from ml.pipeline.local_runner import RetrainResult, retrain
from ml.pipeline.run import Run
from ml.pipeline.step_names import STEPS
from ml.pipeline.steps import run_step
from ml.registry.ledger.entries import CONFIRMED, INTENT, PUBLISHED, REJECTED, SAME, WITHHELD
from ml.registry.ledger.ledger import Ledger
from ml.storage.files import sha256_tree
from ml.storage.root import PROJECT, Root
from serving.client.model_client import ModelServer
from serving.server import embedded
from tests.ml.conftest import EQUAL_IS_ENOUGH, QUICK, settings_for, settings_of

pytestmark = pytest.mark.usefixtures("libraries")
FirstRun = tuple[Root, RetrainResult]


def test_the_first_run_promotes_version_1(first_run: FirstRun) -> None:
    root, outcome = first_run
    assert outcome.outcome == "promoted", outcome.reasons
    assert (outcome.version, outcome.exit_code) == (1, 0)
    assert list(outcome.seconds) == list(STEPS)
    assert [event["event"] for event in Ledger(root.ledger).events()] == [INTENT, PUBLISHED, CONFIRMED]
    assert {p.name for p in (root.models / "customer-model" / "1").iterdir()} >= {"saved_model.pb", "variables"}


def test_the_metrics_are_honest(first_run: FirstRun) -> None:
    metrics = first_run[1].metrics
    assert set(metrics) == set(METRICS)
    assert 0.80 <= metrics["BinaryAccuracy"] <= 0.90
    assert 0.85 <= metrics["AUC"] <= 0.92
    assert metrics["ExampleCount"] > 1400


def test_the_ledger_names_all_that_made_the_version(first_run: FirstRun) -> None:
    root, outcome = first_run
    intent = Ledger(root.ledger).events()[0]
    for name in ("data_sha256", "schema_sha256", "settings_sha256", "code_sha256", "model_sha256", "fingerprint"):
        assert len(intent[name]) == 64, name
    assert intent["data_sha256"] == outcome.data_sha256
    assert intent["model_sha256"] == sha256_tree(root.models / "customer-model" / "1")
    assert intent["who"]
    assert intent["reasons"] == outcome.reasons


def test_every_artifact_is_relative_to_the_root(first_run: FirstRun) -> None:
    root, _ = first_run
    records = list(root.run("first").glob("*/artifact.json"))
    assert len(records) == len(STEPS)
    for record in records:
        assert str(root.path) not in record.read_text()
        assert not Path(json.loads(record.read_text())["path"]).is_absolute()


def test_the_evaluation_has_slices_and_tfma_files(first_run: FirstRun) -> None:
    import tensorflow_model_analysis as tfma

    root, outcome = first_run
    directory = root.run("first") / "evaluate"
    report = json.loads((directory / "evaluation.json").read_text())
    sliced_by = {name for entry in report["slices"] for name in entry["slice"]}
    assert sliced_by == {"Gender", "Spending_Score", "Ever_Married", "age_band"}
    assert report["tfma"]["candidate"]["AUC"] == pytest.approx(outcome.metrics["AUC"], abs=1e-6)
    result = tfma.load_eval_result(str(directory / "tfma"))
    assert len(result.slicing_metrics) > 10
    assert report["ranking"][0]["precision"] > report["ranking"][-1]["precision"]


def test_the_endpoint_takes_raw_missing_and_unseen_customers(first_run: FirstRun) -> None:
    root, _ = first_run
    typical: dict[str, Any] = {
        "Gender": "Male", "Ever_Married": "No", "Age": 22, "Graduated": "No", "Profession": "Healthcare",
        "Work_Experience": 1, "Spending_Score": "Low", "Family_Size": 4,
    }  # fmt: skip
    unlikely = typical | {"Age": 60, "Profession": "Executive", "Ever_Married": "Yes", "Spending_Score": "High"}
    without = typical | {"Ever_Married": "", "Work_Experience": math.nan, "Family_Size": math.nan}
    marked = typical | {"Ever_Married": "", "Work_Experience": -1, "Family_Size": -1}
    unseen = typical | {"Ever_Married": "It is complicated"}
    with embedded.embedded_server(root.models / "customer-model") as url:
        server = ModelServer(url)
        server.wait_available(1, deadline=60)
        answers = server.predict([typical, unlikely, without, marked, unseen, typical | {"Ever_Married": ""}])
        nothing = server.predict(
            [dict.fromkeys(FEATURES, "") | dict.fromkeys(("Age", "Work_Experience", "Family_Size"), math.nan)]
        )
    probabilities = [answer["probability"] for answer in answers]
    assert all(0 <= p <= 1 for p in [*probabilities, nothing[0]["probability"]])
    assert (answers[0]["label"], answers[1]["label"]) == ("D", "rest")
    assert probabilities[0] > 0.5 > probabilities[1]
    assert probabilities[2] == pytest.approx(probabilities[3]), "NaN and -1 both mean missing"
    assert probabilities[4] == pytest.approx(probabilities[5]), "unseen and missing are the same"


def test_nothing_new_keeps_the_version_and_force_repeats_it(promoted_root: Root, customers_csv: Path) -> None:
    settings = settings_of(customers_csv)
    outcome = retrain(promoted_root, settings, run_id="second", force=False)
    assert (outcome.outcome, outcome.version, outcome.exit_code) == ("unchanged", 1, 0)
    assert list(outcome.seconds) == ["ingest"]
    assert "Nothing new" in outcome.reasons[0]
    forced = retrain(promoted_root, settings, run_id="third", force=True)
    assert (forced.outcome, forced.version, forced.exit_code) == ("same", 1, 0)
    assert "those of version 1: nothing would change" in forced.reasons[0]
    assert Ledger(promoted_root.ledger).events()[-1]["event"] == SAME
    again = retrain(promoted_root, settings, run_id="fourth", force=False)
    assert again.outcome == "unchanged"
    assert "run third, the last that came to a result (same" in again.reasons[0]
    first = Ledger(promoted_root.ledger).events()[0]["metrics"]
    assert forced.metrics == first, "same data, settings and machine: the same metrics"
    assert forced.champion_metrics == first, "candidate and champion are scored on the same rows"


def test_other_settings_are_something_new(promoted_root: Root, customers_csv: Path) -> None:
    off = settings_of(customers_csv, "train.seed=1", "promote.enabled=false", *EQUAL_IS_ENOUGH)
    outcome = retrain(promoted_root, off, run_id="b", force=False)
    assert outcome.outcome == "withheld"
    assert Ledger(promoted_root.ledger).events()[-1]["event"] == WITHHELD
    assert Ledger(promoted_root.ledger).champion().number == 1  # type: ignore[union-attr]
    repeated = retrain(promoted_root, off, run_id="c", force=False)
    assert repeated.outcome == "unchanged", "as long as promotion stays off"
    assert "run b, the last that came to a result (withheld" in repeated.reasons[0]
    on = settings_of(customers_csv, "train.seed=1", *EQUAL_IS_ENOUGH)
    repeated = retrain(promoted_root, on, run_id="d", force=False)
    assert (repeated.outcome, repeated.version) == ("promoted", 2), "once it is on, the same may be promoted"


def test_a_rejection_is_a_result_and_not_an_error(promoted_root: Root, customers_csv: Path) -> None:
    settings = settings_of(customers_csv, "judge.at_least.Precision=0.99")
    outcome = retrain(promoted_root, settings, run_id="strict", force=False)
    assert (outcome.outcome, outcome.version, outcome.exit_code) == ("rejected", 1, 0)
    assert any("Precision" in reason and "0.9900" in reason for reason in outcome.reasons)
    last = Ledger(promoted_root.ledger).events()[-1]
    assert (last["event"], last["codes"]) == (REJECTED, ["below_threshold"])
    assert "confirm" not in outcome.seconds
    with pytest.raises(NothingToDoError, match="nothing to confirm"):
        run_step("confirm", Run(promoted_root, "strict", settings))
    repeated = retrain(promoted_root, settings, run_id="strict again", force=False)
    assert repeated.exit_code == 1, "a run id with a blank"
    repeated = retrain(promoted_root, settings, run_id="strict-again", force=False)
    assert repeated.outcome == "unchanged", "a rejection is a result: the same again is nothing new"


def test_another_target_cannot_be_compared(promoted_root: Root, customers_csv: Path) -> None:
    settings = settings_of(customers_csv, *QUICK, 'target.positive_segments=["C"]', "judge.at_least.Recall=0.0")
    outcome = retrain(promoted_root, settings, run_id="other", force=False)
    assert outcome.outcome == "rejected"
    assert any("version 1 cannot be compared" in reason.lower() for reason in outcome.reasons), outcome.reasons
    assert outcome.champion_metrics == {}


def test_drift_warns_and_blocks_only_when_told(promoted_root: Root, customers_csv: Path, tmp_path: Path) -> None:
    lines = customers_csv.read_text().splitlines()
    older = tmp_path / "older.csv"
    rows = [line.split(",") for line in lines[1:]]
    for row in rows:
        row[3] = str(int(float(row[3])) + 3)
    older.write_text("\n".join([lines[0], *(",".join(row) for row in rows)]) + "\n")
    outcome = retrain(promoted_root, settings_of(older, "promote.enabled=false", *QUICK), run_id="drifted", force=False)
    assert outcome.outcome in ("withheld", "rejected")
    accepted = json.loads((promoted_root.run("drifted") / "validate" / "artifact.json").read_text())
    assert any("Column 'Age': drifted" in warning for warning in accepted["warnings"])
    assert accepted["drift"]["Age"] > 0.0012 > accepted["drift"]["Work_Experience"]
    stopped = retrain(promoted_root, settings_of(older, "validate.drift_blocks=true"), run_id="stopped", force=False)
    assert stopped.outcome == "blocked"
    assert "drifted from the data of the served version: Jensen-Shannon divergence" in stopped.reasons[0]
    assert "range went from" in stopped.reasons[0]


def test_divergence_is_an_error_with_a_cure(root: Root, sample_csv: Path) -> None:
    outcome = retrain(
        root, settings_for(sample_csv, "train.learning_rate=1.0", "train.batch_size=2"), run_id="r", force=False
    )
    # A rate of 1 either diverges or learns nothing; neither is promoted.
    assert outcome.outcome in ("failed", "rejected")
    assert not (root.models / "customer-model").exists()


def test_json_is_one_object_and_everything_else_is_on_stderr(tmp_path: Path, sample_csv: Path) -> None:
    command = [sys.executable, "-m", "ml", "retrain", "--json", "--root", str(tmp_path), "--data", str(sample_csv)]
    command += [word for override in QUICK for word in ("--set", override)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=300)
    outcome = json.loads(done.stdout)
    assert (done.returncode, outcome["outcome"], outcome["version"]) == (0, "promoted", 1), done.stderr
    assert set(outcome) == {
        "run_id", "outcome", "version", "reasons", "metrics", "champion_metrics", "data_sha256", "seconds",
    }  # fmt: skip
    assert "epoch  1" in done.stderr
    status = subprocess.run(
        [sys.executable, "-m", "ml", "status", "--root", str(tmp_path)], cwd=PROJECT, capture_output=True, text=True,
        check=True, timeout=60,
    )  # fmt: skip
    assert "version 1 is published; no server is configured" in status.stdout
    assert "because" in status.stdout
    history = subprocess.run(
        [sys.executable, "-m", "ml", "history", "--root", str(tmp_path), "--json"], cwd=PROJECT, capture_output=True,
        text=True, check=True, timeout=60,
    )  # fmt: skip
    assert [event["event"] for event in json.loads(history.stdout)] == [INTENT, PUBLISHED, CONFIRMED]
