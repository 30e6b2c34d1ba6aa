"""The evaluation by Beam's DirectRunner, in several shards, is that of one process."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ml.artifacts import Examples, Model
from ml.config.settings import BeamSettings
from ml.data.features import FEATURES, NUMERIC
from ml.data.schema import seed_schema
from ml.evaluation.evaluate import evaluate
from ml.evaluation.rows import evaluation_rows
from ml.pipeline.local_runner import RetrainResult
from ml.pipeline.run import Run
from ml.pipeline.step_names import STEPS
from ml.pipeline.steps import run_step
from ml.registry.champion import Champion, verified_champion
from ml.registry.references.opponents import Opponents
from ml.registry.references.reference_models import ReferenceModel
from ml.storage.files import sha256_tree
from ml.storage.root import PROJECT, Root
from ml.training.train import train
from tests.ml.beam.same_evaluation import assert_evaluates_alike, assert_same_evaluation, in_process
from tests.ml.conftest import settings_of

pytestmark = pytest.mark.filterwarnings("ignore")  # libraries', as in the process of its own
DIRECT = BeamSettings("DirectRunner", (), 300.0, "")
IN_PROCESS = BeamSettings("", (), 300.0, "")
BATCH, SHARD = 100, 500
DEADLINE = 120.0
FirstRun = tuple[Root, RetrainResult]
Evaluated = Callable[..., Path]


@pytest.fixture(autouse=True)
def several_shards(libraries: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation_rows, "BATCH_ROWS", BATCH)
    monkeypatch.setattr("ml.evaluation.workers.job.ROWS", SHARD)


@pytest.fixture(scope="module")
def examples(first_run: FirstRun) -> Examples:
    return Run(first_run[0], "first", settings_of(Path())).artifact("transform", Examples)


@pytest.fixture(scope="module")
def models(examples: Examples, tmp_path_factory: pytest.TempPathFactory) -> list[Model]:
    """Three models that differ by their seed."""
    settings = settings_of(Path())
    return [
        train(
            examples,
            settings=replace(settings.train, epochs=1, seed=seed),
            target=settings.target,
            replay_rows=10,
            of_sample=False,
            out=tmp_path_factory.mktemp(f"model-{seed}"),
        )
        for seed in (1, 2, 3)
    ]


@pytest.fixture
def champion(first_run: FirstRun) -> Champion:
    found = verified_champion(first_run[0], "customer-model")
    assert found is not None
    return found


@pytest.fixture
def evaluated(examples: Examples, tmp_path: Path) -> Evaluated:
    """Evaluates a model into a directory of that name."""

    def work(name: str, model: Model, opponents: Opponents, beam: BeamSettings, scores: str = "") -> Path:
        (out := tmp_path / name).mkdir()
        settings = settings_of(Path())
        evaluate(
            examples,
            model,
            opponents=opponents,
            scores_directory=tmp_path / (scores or f"scores-{name}"),
            schema=seed_schema(),
            settings=settings.evaluate,
            target=settings.target,
            out=out,
            beam=beam,
        )
        return out

    return work


def beside(champion: Champion, models: list[Model]) -> Opponents:
    """A champion with a reference, itself as anchor, and a version gone back from."""
    _, reference, left = models
    return Opponents(
        champion=1,
        baseline=champion,
        name="version 1",
        references=(ReferenceModel("a candidate", reference.sha256, reference.saved_model),),
        anchor=ReferenceModel("version 1", champion.model_sha256, champion.saved_model, 1),
        gone_back_from=replace(champion, number=2, model_sha256=left.sha256, saved_model=left.saved_model),
    )


def test_a_first_evaluation_is_the_same(models: list[Model], evaluated: Evaluated) -> None:
    found = [evaluated(name, models[0], Opponents(), beam) for name, beam in (("a", DIRECT), ("b", IN_PROCESS))]
    assert_same_evaluation(*found)
    assert json.loads((found[0] / "evaluation.json").read_text())["rows"] > 3 * SHARD


def test_how_many_shards_are_done_is_told(
    models: list[Model], evaluated: Evaluated, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ml.beam.done_shards.LINE_SECONDS", 0.01)
    caplog.set_level(logging.INFO, "ml")
    evaluated("told", models[0], Opponents(), DIRECT)
    assert re.search(r"DirectRunner: [1-9]\d* of \d+ shards are done", caplog.text)


def test_an_evaluation_beside_others_is_the_same(
    models: list[Model], champion: Champion, evaluated: Evaluated, tmp_path: Path
) -> None:
    opponents = beside(champion, models)
    ours = evaluated("ours", models[0], opponents, DIRECT)
    assert_same_evaluation(ours, evaluated("theirs", models[0], opponents, IN_PROCESS))
    kept = {path.name for path in (tmp_path / "scores-ours").rglob("*.npy")}
    assert kept == {path.name for path in (tmp_path / "scores-theirs").rglob("*.npy")}
    assert len(kept) == 4


def test_models_whose_scores_are_kept_are_not_asked(
    models: list[Model], champion: Champion, evaluated: Evaluated, tmp_path: Path
) -> None:
    opponents = beside(champion, models)
    expected = evaluated("before", models[0], opponents, IN_PROCESS, scores="scores")
    (reference,) = opponents.references
    opponents = replace(opponents, references=(replace(reference, saved_model=tmp_path / "nowhere"),))
    assert_same_evaluation(evaluated("again", models[0], opponents, DIRECT, scores="scores"), expected)


def made_model(place: Path, answer: Callable[[Any], Any]) -> Model:
    """A model of the raw features whose probability is `answer` of the age."""
    import tensorflow as tf

    module = tf.Module()
    types = {name: tf.TensorSpec([None], tf.float32 if name in NUMERIC else tf.string, name) for name in FEATURES}
    module.serve = tf.function(lambda **columns: {"probability": answer(columns["Age"])}, autograph=False)
    concrete = module.serve.get_concrete_function(**types)
    tf.saved_model.save(module, str(place), signatures={"serving_default": concrete})
    return Model(place.parent, sha256_tree(place), rows=0, epochs=1, loss=0.5)


def too_much(age: Any) -> Any:
    return age * 0 + 1.5


def nothing_for_the_old(age: Any) -> Any:
    import tensorflow as tf

    with tf.control_dependencies([tf.debugging.assert_less(age, 89.0, message="too old")]):
        return age * 0 + 0.5


def one_less(age: Any) -> Any:
    return age[1:] * 0 + 0.5


@pytest.mark.parametrize("answer", [too_much, nothing_for_the_old, one_less])
def test_a_broken_model_gives_the_error_of_one_process(
    answer: Callable[[Any], Any], evaluated: Evaluated, tmp_path: Path
) -> None:
    model = made_model(tmp_path / "made" / "saved_model", answer)
    errors = []
    for beam in (DIRECT, IN_PROCESS):
        with pytest.raises(Exception, match=r"not probabilities|too old") as caught:
            evaluated(beam.runner or "here", model, Opponents(), beam)
        errors.append((caught.type, str(caught.value)))
    assert errors[0] == errors[1]
    assert not [*tmp_path.rglob(".beam-*")]


def test_a_model_that_cannot_be_loaded_gives_the_error_of_one_process(
    models: list[Model], champion: Champion, evaluated: Evaluated, tmp_path: Path
) -> None:
    shutil.copytree(champion.saved_model, place := tmp_path / "damaged")
    (place / "saved_model.pb").unlink()
    opponents = replace(beside(champion, models), baseline=replace(champion, saved_model=place), anchor=None)
    errors = []
    for beam in (DIRECT, IN_PROCESS):
        with pytest.raises(Exception, match="does not appear to contain a SavedModel") as caught:
            evaluated(beam.runner or "here", models[0], opponents, beam)
        errors.append((caught.type, str(caught.value)))
    assert errors[0] == errors[1]
    assert str(place) in errors[0][1]


def test_the_step_leads_to_the_same_verdict_and_a_killed_one_is_run_again(
    promoted_root: Root, customers_csv: Path, tmp_path: Path
) -> None:
    run = Run(promoted_root, "second", settings_of(customers_csv, "train.seed=5"), force=True)
    for name in STEPS[: STEPS.index("evaluate")]:
        run_step(name, run)
    expected = in_process(run, tmp_path / "other")
    kill_in_the_middle(promoted_root)
    assert_evaluates_alike(run, expected, DIRECT)


def kill_in_the_middle(root: Root) -> None:
    """Kill the step evaluate while its shards are there."""
    given = ["--root", root.path, "--run", "second", "--set", "train.seed=5", "--set", "beam.runner=DirectRunner"]
    command = [sys.executable, "-W", "ignore", "-m", "ml", "evaluate", *given]
    making = root.run("second") / ".evaluate.making"
    step = subprocess.Popen([str(part) for part in command], cwd=PROJECT, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + DEADLINE
        while not [*making.glob(".beam-*/part-*.parquet")]:
            assert step.poll() is None, "it ended first"
            assert time.monotonic() < deadline, "it made no shard"
            time.sleep(0.005)
        os.kill(step.pid, signal.SIGKILL)
    finally:
        step.kill()
        step.wait()
    assert [*making.glob(".beam-*")]
    assert not (root.run("second") / "evaluate").exists()


def test_a_shard_asks_the_models_about_the_same_rows_together_as_one_process() -> None:
    from ml.evaluation.workers import job  # Beam

    assert job.ROWS % evaluation_rows.BATCH_ROWS == 0
