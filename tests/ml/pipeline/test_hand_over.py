"""What a step hands on, and what a version was released with, is what was made: somebody's change stops the run."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml.artifacts import Dataset, Verdict
from ml.cli.commands import main
from ml.config.settings import Settings
from ml.errors import FinalError
from ml.pipeline.run import Run
from ml.pipeline.steps import run_step
from ml.registry.champion import verified_champion
from ml.registry.intervention.rollback import rollback
from ml.registry.ledger.entries import SEALED
from ml.registry.ledger.ledger import Ledger
from ml.registry.recovery import recover_if_reachable
from ml.storage.artifact import Artifact
from ml.storage.root import Root
from tests.ml.conftest import settings_for
from tests.ml.light_world import MODEL, of_older_code, released, stand_in


@pytest.fixture
def served(root: Root) -> Iterator[Settings]:
    with stand_in(root) as settings:
        yield settings


def ingested(root: Root, csv: Path) -> Run:
    run = Run(root, "r", settings_for(csv))
    run_step("ingest", run)
    return run


def judged(run: Run) -> Path:
    """A verdict against the candidate, made as a step makes it."""

    def work(out: Path) -> Artifact:
        return Verdict(out, "v", 3, False, [{"code": "below_threshold", "sentence": "No."}], "m", None, {}, {})

    run.make_artifact("judge", work, inputs={})
    return run.step_directory("judge") / "artifact.json"


def test_a_changed_data_set_stops_the_next_steps(root: Root, sample_csv: Path) -> None:
    run = ingested(root, sample_csv)
    csv = run.artifact("ingest", Dataset).csv
    csv.write_bytes(csv.read_bytes()[:-1] + b"X")
    for step in ("validate", "transform"):
        with pytest.raises(FinalError, match="the files of step 'ingest' were changed since it finished") as error:
            run_step(step, run)
        assert "python -m ml ingest --run r" in error.value.cure
    assert run_step("ingest", run)["outcome"] == "done", "not reused"
    assert run.artifact("ingest", Dataset).csv.read_bytes() == sample_csv.read_bytes()


def test_a_verdict_that_was_turned_round_promotes_nothing(root: Root, sample_csv: Path) -> None:
    run = ingested(root, sample_csv)
    record = judged(run)
    record.write_text(record.read_text().replace('"promotes": false', '"promotes": true'))
    with pytest.raises(FinalError, match="the files of step 'judge' were changed"):
        run_step("promote", run)
    assert not root.ledger.exists()


def test_a_file_that_was_added_or_removed_counts(root: Root, sample_csv: Path) -> None:
    run = ingested(root, sample_csv)
    (run.step_directory("ingest") / "more.csv").touch()
    with pytest.raises(FinalError, match="were changed"):
        run.artifact("ingest", Dataset)
    (run.step_directory("ingest") / "more.csv").unlink()
    (run.artifact("ingest", Dataset)).csv.unlink()
    with pytest.raises(FinalError, match="were changed"):
        run.artifact("ingest", Dataset)


@pytest.mark.parametrize("content", ["[]", "3", "{}", "not json"])
def test_a_record_that_is_not_one_is_named(root: Root, sample_csv: Path, content: str) -> None:
    run = ingested(root, sample_csv)
    (run.step_directory("ingest") / "artifact.json").write_text(content)
    with pytest.raises(FinalError, match=r"artifact\.json|step 'ingest' were changed"):
        run.artifact("ingest", Dataset)


def test_a_step_of_older_code_is_hashed_once_and_said(
    root: Root, sample_csv: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    run = ingested(root, sample_csv)
    path = run.step_directory("ingest") / "artifact.json"
    record = json.loads(path.read_text())
    del record["seal"]
    path.write_text(json.dumps(record))
    (root.run("r") / "run.json").write_text('{"sequence": 1}')  # what older code noted
    for _ in range(2):
        run.artifact("ingest", Dataset)
    assert [line for line in caplog.messages if "which had none" in line] == [
        "noted the hash of step 'ingest' of run r, which had none"
    ]
    run.artifact("ingest", Dataset).csv.write_text("other")
    with pytest.raises(FinalError, match="were changed"):
        run.artifact("ingest", Dataset)


def test_a_step_whose_seal_was_removed_counts_as_changed(root: Root, sample_csv: Path) -> None:
    run = ingested(root, sample_csv)
    path = run.step_directory("ingest") / "artifact.json"
    record = json.loads(path.read_text())
    del record["seal"]
    record["rows"] = 1
    path.write_text(json.dumps(record))
    with pytest.raises(FinalError, match="were changed"):
        run.artifact("ingest", Dataset)


def test_settings_that_were_changed_after_the_start_stop_a_later_step(
    root: Root, sample_csv: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ingested(root, sample_csv)
    path = root.run("r") / "settings.json"
    content = json.loads(path.read_text())
    content["judge"]["at_least"]["AUC"] = 0.1
    path.write_text(json.dumps(content))
    assert main(["judge", "--root", str(root.path), "--run", "r"], None) == 2  # type: ignore[arg-type]
    said = " ".join(record.getMessage() for record in caplog.records)
    assert "settings.json: was changed since the run began" in " ".join(said.split())


@pytest.mark.parametrize("name", ["replay.json", "statistics.pb", "evaluation.json", "background.json", "release.json"])
def test_a_changed_release_record_is_a_lost_champion(root: Root, served: Settings, name: str) -> None:
    for text in ("one", "two"):
        released(root, served, text)
    path = root.release(2) / name
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(FinalError, match=r"the release record in .*/2 was changed"):
        verified_champion(root, MODEL)
    assert rollback(root, served, target=None, reason="r").number == 1


def test_no_rollback_to_a_version_whose_record_was_changed(root: Root, served: Settings) -> None:
    for text in ("one", "two"):
        released(root, served, text)
    (root.release(1) / "replay.json").write_text("{}")
    with pytest.raises(FinalError, match="the release record was changed"):
        rollback(root, served, target=None, reason="r")
    assert verified_champion(root, MODEL) is not None


def test_records_of_older_code_are_hashed_once(root: Root, served: Settings) -> None:
    for text in ("one", "two"):
        released(root, served, text)
    of_older_code(root, record_sha256=None)
    for _ in range(2):
        recover_if_reachable(root, served)
    sealed = [event for event in Ledger(root.ledger).events() if event["event"] == SEALED]
    assert [sorted(event["records"]) for event in sealed] == [["1", "2"]]
    (root.release(2) / "replay.json").write_text("{}")
    with pytest.raises(FinalError, match="was changed"):
        verified_champion(root, MODEL)
