"""Runs beside a champion: what is kept, refreshed, compared anew after another split, and counted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.audit.verification import verification
from ml.config.settings import Settings
from ml.evaluation.scored_rows import ScoredRows
from ml.pipeline.local_runner import RetrainResult, retrain
from ml.pipeline.run import Run
from ml.pipeline.steps import run_step
from ml.registry.ledger.entries import KEPT, LOOKED
from ml.registry.ledger.ledger import Ledger
from ml.registry.references.model_store import stored_model
from ml.storage.root import Root
from tests.ml.conftest import EQUAL_IS_ENOUGH, settings_for
from tests.ml.light_world import of_older_code

pytestmark = pytest.mark.usefixtures("libraries")
LIGHT = ("train.epochs=15", "judge.at_least.ExampleCount=300")


@pytest.fixture(scope="module")
def first(libraries: None, sample_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Root:
    """A root whose version 1 was trained with seed 20."""
    root = Root.find(str(tmp_path_factory.mktemp("first") / "root"))
    result = retrain(root, settings_for(sample_csv, *LIGHT), run_id="first", force=False)
    assert result.outcome == "promoted", result.reasons
    return root


@pytest.fixture
def copied(first: Root, tmp_path: Path) -> Root:
    root = Root(tmp_path / "root")
    shutil.copytree(first.path, root.path)
    return root


def run(root: Root, settings: Settings, run_id: str) -> RetrainResult:
    return retrain(root, settings, run_id=run_id, force=True)


def report(root: Root, run_id: str) -> dict[str, Any]:
    return dict(json.loads((root.run(run_id) / "judge" / "verdict.json").read_text()))


def rows_of(root: Root, run_id: str) -> ScoredRows:
    return ScoredRows.read(root.run(run_id) / "judge" / "rows.npz")


def events(root: Root, name: str) -> list[dict[str, Any]]:
    return [event for event in Ledger(root.ledger).events() if event["event"] == name]


def test_another_seed_is_kept_and_stands_beside_the_champion_from_then_on(copied: Root, sample_csv: Path) -> None:
    outcomes = []
    for seed in (1, 2):
        result = run(copied, settings_for(sample_csv, *LIGHT, f"train.seed={seed}"), f"seed-{seed}")
        outcomes.append(result.outcome)
        assert (result.version, result.exit_code) == (1, 0), result.reasons
    assert outcomes == ["kept", "kept"]
    kept = events(copied, KEPT)
    assert [len(rows_of(copied, f"seed-{seed}").references) for seed in (1, 2)] == [1, 2]
    assert stored_model(copied, kept[0]["model_sha256"]).is_dir()
    np.testing.assert_array_equal(rows_of(copied, "seed-2").references[1], rows_of(copied, "seed-1").candidate)
    assert len(events(copied, LOOKED)) == 2
    assert report(copied, "seed-2")["look"]["looks_since_champion"] == 2
    assert verification(copied, "seed-2")["agrees"]
    shutil.rmtree(copied.run("seed-2") / "judge")
    run_step("judge", Run(copied, "seed-2", settings_for(sample_csv, *LIGHT, "train.seed=2")))
    assert len(events(copied, LOOKED)) == 2, "judged once more, it is the same look"


def test_a_verdict_or_a_row_that_was_changed_is_found(copied: Root, sample_csv: Path) -> None:
    run(copied, settings_for(sample_csv, *LIGHT, "train.seed=1"), "seed-1")
    place = copied.run("seed-1") / "judge"
    scored = ScoredRows.read(place / "rows.npz")
    scored.candidate[:50] = 1 - scored.candidate[:50]
    scored.write(place / "rows.npz")
    answer = verification(copied, "seed-1")
    assert not answer["agrees"]
    assert "rows.npz is not the file" in answer["differences"][0]
    assert len(answer["differences"]) > 1, "the numbers differ, too"


def test_a_refresh_replaces_an_equal_champion_and_keeps_the_anchor(copied: Root, sample_csv: Path) -> None:
    result = run(copied, settings_for(sample_csv, *LIGHT, "train.seed=1", *EQUAL_IS_ENOUGH), "refresh")
    assert (result.outcome, result.version) == ("promoted", 2), result.reasons
    versions = Ledger(copied.ledger).versions()
    assert [versions[n].intent["decision"] for n in (1, 2)] == ["first", "refresh"]
    assert versions[2].intent["anchor"] == 1
    second = run(copied, settings_for(sample_csv, *LIGHT, "train.seed=2", *EQUAL_IS_ENOUGH), "too-soon")
    assert (second.outcome, second.version) == ("kept", 2), "never two refreshes within 28 days"
    assert report(copied, "too-soon")["anchor"] == "version 1"
    assert len(rows_of(copied, "too-soon").references) == 2, "the champion, and what it replaced"


def test_a_worse_candidate_is_rejected_and_never_becomes_a_reference(copied: Root, sample_csv: Path) -> None:
    worse = settings_for(
        sample_csv, *LIGHT, *EQUAL_IS_ENOUGH, "train.epochs=1", "train.learning_rate=0.00002", "judge.at_least.AUC=0.0",
        "judge.at_least.BinaryAccuracy=0.0", "judge.at_least.Precision=0.0", "judge.at_least.Recall=0.0",
    )  # fmt: skip
    result = run(copied, worse, "worse")
    assert (result.outcome, result.version) == ("rejected", 1), result.reasons
    assert not copied.references.exists()


def test_an_unchanged_model_costs_no_look(copied: Root, sample_csv: Path) -> None:
    assert run(copied, settings_for(sample_csv, *LIGHT), "again").outcome == "same"
    assert events(copied, LOOKED) == []


def test_a_new_salt_compares_with_the_champions_recipe_on_the_new_split(copied: Root, sample_csv: Path) -> None:
    salted = settings_for(sample_csv, *LIGHT, "train.seed=3", "transform.salt=another")
    result = run(copied, salted, "salted")
    assert result.outcome == "kept", result.reasons
    assert report(copied, "salted")["baseline"] == "the stand-in of version 1 on the new split"
    stand_in = events(copied, KEPT)[-1]["stand_in"]
    assert stored_model(copied, stand_in).is_dir()
    versions = Ledger(copied.ledger).versions()
    assert list(versions) == [1], "a stand-in is never published"
    again = settings_for(sample_csv, *LIGHT, "train.seed=4", "transform.salt=another")
    assert run(copied, again, "salted-again").outcome == "kept"
    trained = json.loads((copied.run("salted-again") / "train" / "artifact.json").read_text())
    assert trained["stand_in_sha256"] == "", "the stand-in of the run before serves again"
    assert len(rows_of(copied, "salted-again").references) == 2
    assert report(copied, "salted-again")["look"]["looks_last_year"] == 2, "the new rows were asked once before"


def test_a_champion_of_another_split_without_a_recorded_recipe_is_incomparable(copied: Root, sample_csv: Path) -> None:
    record = copied.release(1) / "release.json"
    content = json.loads(record.read_text())
    del content["settings"]
    record.write_text(json.dumps(content))
    of_older_code(copied, record_sha256=None)
    salted = settings_for(sample_csv, *LIGHT, "transform.salt=another")
    result = run(copied, salted, "salted")
    assert result.outcome == "rejected"
    assert "trained with another split" in result.reasons[0]
    accepted = settings_for(sample_csv, *LIGHT, "transform.salt=another", "judge.accept_incomparable=true")
    result = run(copied, accepted, "accepted")
    assert (result.outcome, result.version) == ("promoted", 2), result.reasons
    assert Ledger(copied.ledger).versions()[2].intent["decision"] == "accepted"
