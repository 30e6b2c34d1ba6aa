"""What is not promoted although a step says so, and what repeating a step changes."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ml.artifacts import Evaluation, Model, Verdict
from ml.config.settings import Settings
from ml.errors import FinalError
from ml.pipeline.local_runner import RetrainResult
from ml.pipeline.run import Run
from ml.pipeline.steps import run_step
from ml.registry.golden_rows import WrongAnswersError
from ml.registry.ledger.entries import CONFIRMED, INTENT, PUBLISHED
from ml.registry.ledger.ledger import Ledger
from ml.registry.promote import promote
from ml.storage.root import Root
from tests.ml.conftest import settings_of

pytestmark = pytest.mark.usefixtures("libraries")
FirstRun = tuple[Root, RetrainResult]


def test_a_stale_verdict_is_not_promoted(promoted_root: Root, customers_csv: Path) -> None:
    settings = settings_of(customers_csv)
    with pytest.raises(FinalError, match="verdict is stale: it compared with no champion"):
        _promote_again(promoted_root, settings, Made.of(Run(promoted_root, "first", settings)), champion=None)


def test_a_verdict_that_compared_point_values_is_not_promoted(promoted_root: Root, customers_csv: Path) -> None:
    settings = settings_of(customers_csv)
    made = Made.of(Run(promoted_root, "first", settings))
    older = replace(made, verdict=replace(made.verdict, decision=""))
    with pytest.raises(FinalError, match="reached by an older release"):
        _promote_again(promoted_root, settings, older, champion=1)


def test_bytes_that_changed_after_the_verdict_are_not_promoted(promoted_root: Root, customers_csv: Path) -> None:
    run = Run(promoted_root, "first", settings_of(customers_csv))
    made = Made.of(run)
    path = made.model.saved_model / "saved_model.pb"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(FinalError, match="the files of step 'train' were changed since it finished"):
        run_step("promote", run)
    with pytest.raises(FinalError, match="are not those that were judged"):
        _promote_again(promoted_root, settings_of(customers_csv), made, champion=1)
    assert not (promoted_root.models / "customer-model" / "2").exists()


def test_wrong_answers_are_not_promoted(promoted_root: Root, customers_csv: Path) -> None:
    made = Made.of(Run(promoted_root, "first", settings_of(customers_csv)))
    golden_rows = made.model.golden_rows
    content = json.loads(golden_rows.read_text())
    content["probability"][7] += 0.001
    golden_rows.write_text(json.dumps(content))
    with pytest.raises(WrongAnswersError, match="private server with the staged candidate answered known row 7 with"):
        _promote_again(promoted_root, settings_of(customers_csv), made, champion=1)
    assert not (promoted_root.models / "customer-model" / "2").exists()
    assert [event["event"] for event in Ledger(promoted_root.ledger).events()] == [INTENT, PUBLISHED, CONFIRMED]


@dataclass(frozen=True)
class Made:
    """What the steps of run `first` made, as it was read before anybody changed it."""

    model: Model
    verdict: Verdict
    evaluation: Evaluation

    @classmethod
    def of(cls, run: Run) -> Made:
        return cls(run.artifact("train", Model), run.artifact("judge", Verdict), run.artifact("evaluate", Evaluation))


def _promote_again(root: Root, settings: Settings, made: Made, *, champion: int | None) -> None:
    """Promote the model of run `first` once more, under another run id and verdict."""
    promote(
        made.model,
        replace(made.verdict, champion_version=champion),
        statistics=root.run("first") / "validate" / "statistics.pb",
        evaluation=made.evaluation,
        root=root,
        settings=settings,
        run_id="other",
        identity={},
        permit=lambda: None,
    )


def test_a_retry_reuses_finished_steps_until_their_inputs_change(promoted_root: Root, customers_csv: Path) -> None:
    run = Run(promoted_root, "first", settings_of(customers_csv), force=True)
    made = (promoted_root.run("first") / "train" / "saved_model" / "saved_model.pb").stat().st_mtime_ns
    assert run_step("transform", run)["outcome"] == "reused"
    assert run_step("train", run)["outcome"] == "reused"
    assert (promoted_root.run("first") / "train" / "saved_model" / "saved_model.pb").stat().st_mtime_ns == made
    changed = Run(promoted_root, "first", settings_of(customers_csv, "train.epochs=1"), force=True)
    assert run_step("transform", changed)["outcome"] == "reused"
    assert run_step("train", changed)["outcome"] == "done"


def test_promote_and_confirm_repeated_change_nothing(promoted_root: Root, customers_csv: Path) -> None:
    before = promoted_root.ledger.read_text()
    run = Run(promoted_root, "first", settings_of(customers_csv))
    assert run_step("promote", run)["artifact"]["version"] == 1
    assert run_step("confirm", run)["artifact"]["version"] == 1
    assert promoted_root.ledger.read_text() == before
