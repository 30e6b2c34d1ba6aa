"""Real runs that outcomes join: what the ledger says of them, what they are compared on, and how they are repeated."""

from __future__ import annotations

import csv as csv_module
import json
import logging
import math
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.artifacts import Dataset
from ml.audit.reproduction.reproduce import reproduce
from ml.audit.subject import subject
from ml.config.settings import Settings
from ml.data.features import FEATURES, NUMERIC
from ml.data.sample import write_csv
from ml.evaluation.scored_rows import ScoredRows
from ml.pipeline.local_runner import RetrainResult, retrain
from ml.pipeline.run import Run
from ml.pipeline.steps import run_step
from ml.registry.kept_data import kept_data
from ml.registry.ledger.ledger import Ledger
from ml.reports.run.report import write_report
from ml.storage.root import PROJECT, Root
from serving.records.row import Value
from tests.ml.conftest import EQUAL_IS_ENOUGH, settings_for
from tests.ml.feedback.gateway_files import MODEL, outcome, record, recorded, tell

pytestmark = pytest.mark.usefixtures("libraries")
LIGHT = ("train.epochs=3", "judge.at_least.ExampleCount=300", "keep.days=0")
JOINING = ("feedback.join_training=true", *EQUAL_IS_ENOUGH)
LISTED = 60


@pytest.fixture(scope="module")
def csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "customers.csv"
    write_csv(path, rows=3500, seed=11)
    return path


@pytest.fixture(scope="module")
def both_runs(
    libraries: None, csv: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Root, RetrainResult, RetrainResult]:
    """A root whose version 1 is of a file, and whose version 2 is of the same file with outcomes of a list."""
    root = Root.find(str(tmp_path_factory.mktemp("both") / "root"))
    first = retrain(root, settings_for(csv, *LIGHT), run_id="plain", force=False)
    write_list(root, exploring=True)
    return root, first, retrain(root, settings_for(csv, *LIGHT, *JOINING), run_id="joined", force=False)


@pytest.fixture
def root(both_runs: tuple[Root, RetrainResult, RetrainResult], tmp_path: Path) -> Root:
    place = Root(tmp_path / "root")
    shutil.copytree(both_runs[0].path, place.path)
    return place


def write_list(root: Root, *, exploring: bool, request_id: str = "list") -> None:
    """A list of `LISTED` customers with outcomes that are true of them, from a file of twice as many."""
    file = root.path / f"{request_id}.csv"
    write_csv(file, rows=2 * LISTED, seed=12)
    with file.open(newline="") as lines:
        customers = list(csv_module.DictReader(lines))
    below = 0.1 if exploring else 0.0
    rows = [
        recorded(
            n,
            customer=f"{request_id}-{n}",
            features={name: _value(name, given[name]) for name in FEATURES},
            propensity=1.0 if n <= LISTED - 5 else below,
            version="1",
            request_id=request_id,
        )
        for n, given in enumerate(customers, 1)
    ]
    record(root, *rows)
    told = customers[: LISTED if exploring else LISTED - 5]
    words = ("D" if given["Segmentation"] == "D" else "rest" for given in told)
    tell(root, *(outcome(n, word, request_id=request_id) for n, word in enumerate(words, 1)))


def _value(name: str, text: str) -> Value:
    return text if name not in NUMERIC else float(text) if text else math.nan


def ml(root: Root, *arguments: str, code: int = 0) -> str:
    command = [sys.executable, "-m", "ml", *arguments, "--root", str(root.path)]
    found = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=300)
    assert found.returncode == code, found.stderr
    return found.stdout


def joining(csv: Path) -> Settings:
    return settings_for(csv, *LIGHT, *JOINING)


def test_the_run_is_comparable_and_says_what_joined(root: Root, both_runs: Any) -> None:
    _, first, second = both_runs
    assert (first.outcome, second.outcome) == ("promoted", "promoted"), second.reasons
    one, two = (Ledger(root.ledger).versions()[number].intent for number in (1, 2))
    assert (two["source"], two["source_kind"], two["rows"]) == (one["source"], "file", 3500)
    assert two["base_sha256"] == one["data_sha256"] != two["data_sha256"]
    assert two["outcome_rows"] == LISTED
    assert "base_sha256" not in one
    dataset = Run(root, "joined", joining(Path())).artifact("ingest", Dataset)
    assert dataset.outcomes is not None
    assert dataset.outcomes["versions"] == {"1": LISTED}
    assert dataset.outcomes["chances"]["explored"] == 5
    assert dataset.outcomes["warning"] == ""


def test_no_candidate_is_compared_on_them(root: Root) -> None:
    rows = [ScoredRows.read(root.run(run) / "evaluate" / "rows.npz") for run in ("plain", "joined")]
    assert np.array_equal(rows[0].rows, rows[1].rows)
    assert np.array_equal(rows[0].labels, rows[1].labels)
    transformed = json.loads((root.run("joined") / "transform" / "artifact.json").read_text())
    assert transformed["outcome_rows"] > LISTED / 2


def test_the_same_outcomes_once_more_are_nothing_new_and_more_of_them_are(root: Root, csv: Path) -> None:
    assert retrain(root, joining(csv), run_id="again", force=False).outcome == "unchanged"
    write_list(root, exploring=True, request_id="next")
    assert retrain(root, joining(csv), run_id="more", force=False).outcome != "unchanged"


def test_a_step_that_is_repeated_keeps_the_rows_that_it_joined(root: Root, csv: Path) -> None:
    write_list(root, exploring=True, request_id="next")
    run = Run(root, "run", joining(csv))
    first = run_step("ingest", run)["artifact"]
    write_list(root, exploring=True, request_id="third")
    again = run_step("ingest", run)
    assert (again["outcome"], again["artifact"]) == ("reused", first)
    other = run_step("ingest", Run(root, "other", joining(csv)))["artifact"]
    assert (first["outcomes"]["rows"], other["outcomes"]["rows"]) == (2 * LISTED, 3 * LISTED)


def test_it_is_off_unless_somebody_turns_it_on(root: Root, csv: Path) -> None:
    run = Run(root, "off", settings_for(csv, *LIGHT))
    assert run_step("ingest", run)["artifact"]["outcomes"] is None
    assert not (run.directory / "ingest" / "outcomes.csv").exists()


def test_the_warning_stands_in_log_artifact_and_report(
    csv: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = Root.find(str(tmp_path / "other"))
    write_list(root, exploring=False)
    with caplog.at_level(logging.WARNING):
        result = retrain(root, joining(csv), run_id="closed", force=False)
    said = f"All {LISTED - 5} outcomes are of customers on lists"
    assert result.outcome == "promoted", result.reasons
    assert said in caplog.text
    made = Run(root, "closed", joining(csv)).artifact("ingest", Dataset)
    assert made.outcomes is not None
    assert made.outcomes["warning"].startswith(said)
    assert said in write_report(root, "closed").read_text()


def test_the_version_is_made_again_from_what_is_kept(root: Root, tmp_path: Path) -> None:
    shutil.rmtree(root.runs)
    for path in (root.path / "record", root.path / "outcomes"):
        shutil.rmtree(path)
    sha256 = Ledger(root.ledger).versions()[2].intent["data_sha256"]
    kept = kept_data(root, sha256)
    assert kept is not None
    assert kept.with_name("outcomes.csv").is_file()
    answer = reproduce(subject(root, "2"), model=MODEL, scratch=tmp_path / "scratch")
    assert (answer["same_weights"], answer["data_sha256"]) == (True, sha256)
    assert f"3,500 rows and {LISTED} of outcomes" in ml(root, "lineage", "2")


def test_the_sample_stays_one_with_outcomes(tmp_path: Path) -> None:
    """Also when its bytes come as a file later."""
    root = Root.find(str(tmp_path / "sample"))
    write_list(root, exploring=True)
    settings = settings_for("sample", *LIGHT, *JOINING, "data.sample_rows=3000")
    assert retrain(root, settings, run_id="sample", force=False).outcome == "promoted"
    as_file = tmp_path / "file.csv"
    shutil.copyfile(root.run("sample") / "ingest" / "data.csv", as_file)
    retrain(root, settings_for(as_file, *LIGHT, *JOINING), run_id="file", force=True)
    kinds = {event["source_kind"] for event in Ledger(root.ledger).events() if "source_kind" in event}
    assert kinds == {"sample"}


def test_commands_say_in_plain_words_that_a_customer_was_erased(root: Root, csv: Path) -> None:
    """None of them calls the data damaged, and the next run goes on."""
    shutil.rmtree(root.path / "record")
    shutil.rmtree(root.path / "outcomes")
    assert f"run joined, data {Ledger(root.ledger).versions()[2].intent['data_sha256'][:12]}" in ml(
        root, "erase", "--id", "list-3"
    )
    day = datetime.now(UTC).date().isoformat()
    said = f"a customer was erased from these data on {day}, so they can no longer be reproduced"
    assert f"60 of outcomes, sha256 {Ledger(root.ledger).versions()[2].intent['data_sha256'][:12]}, {said}" in ml(
        root, "lineage", "2"
    )
    for command in ("lineage", "explain", "verify"):
        told = ml(root, command, "2")
        assert said in told, command
        assert "DAMAGED" not in told
        assert said not in ml(root, command, "1"), command
    told = ml(root, "ledger", "verify")
    assert said in told
    assert "DAMAGED" not in told
    refused = subprocess.run(
        [sys.executable, "-m", "ml", "reproduce", "2", "--root", str(root.path)],
        cwd=PROJECT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert refused.returncode == 2
    in_one_line = re.sub(r"\n\S+ ERROR +", " ", refused.stderr)
    assert f"Version 2 cannot be trained again: {said}." in in_one_line
    result = retrain(root, settings_for(csv, *LIGHT), run_id="next", force=True)
    assert result.exit_code == 0, result.reasons
    assert said in write_report(root, "next").read_text()


def test_the_next_run_tells_of_it(root: Root, csv: Path, caplog: pytest.LogCaptureFixture) -> None:
    ml(root, "erase", "--id", "list-3", code=1)  # the gateway still has her
    with caplog.at_level(logging.INFO):
        run_step("ingest", Run(root, "next", joining(csv), force=True))
    assert "the data of version 2: a customer was erased from these data on" in caplog.text
