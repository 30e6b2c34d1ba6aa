"""After a rollback a real run is judged beside the bad version, too, and is promoted only when the hold lets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ml.artifacts import Evaluation, Verdict
from ml.audit.verification import verification
from ml.config.settings import Settings
from ml.pipeline.local_runner import RetrainResult, retrain
from ml.pipeline.run import Run
from ml.registry.intervention.release import release
from ml.registry.intervention.rollback import rollback
from ml.registry.ledger.ledger import Ledger
from ml.registry.references.opponents import opponents
from ml.storage.root import Root
from tests.ml.conftest import EQUAL_IS_ENOUGH, settings_of

pytestmark = pytest.mark.usefixtures("libraries")


def test_runs_are_judged_beside_the_bad_version_and_wait_for_the_end_of_the_hold(
    promoted_root: Root, customers_csv: Path
) -> None:
    root = promoted_root
    equal = settings_of(customers_csv, *EQUAL_IS_ENOUGH, "train.epochs=4", "train.seed=21", "judge.at_least.Recall=0.2")
    other = settings_of(customers_csv, *EQUAL_IS_ENOUGH, "train.epochs=4", "train.seed=22", "judge.at_least.Recall=0.2")

    def run(name: str, settings: Settings = other, *, force: bool = False) -> RetrainResult:
        return retrain(root, settings, run_id=name, force=force)

    assert run("bad", equal).outcome == "promoted"
    bad = Ledger(root.ledger).champion()
    assert bad is not None
    assert rollback(root, equal, target=None, reason="rude").number == 3

    held = run("held")
    assert held.outcome == "withheld"
    assert "Held until" in held.reasons[0]
    assert "python -m ml release" in held.reasons[0]
    assert Ledger(root.ledger).events()[-1]["codes"][0] == "hold"
    of_run = Run(root, "held", other)
    assert of_run.artifact("evaluate", Evaluation).gone_back_from == bad.intent["model_sha256"]
    assert of_run.artifact("judge", Verdict).better_than == ""
    report = json.loads((root.run("held") / "judge" / "verdict.json").read_text())
    assert report["evidence"]["gone_back_from"]["is_better"] is False
    assert verification(root, "held")["agrees"]
    beside = opponents(root, other)
    assert beside.gone_back_from is not None
    assert beside.gone_back_from.saved_model == root.withdrawn / "2"
    compared = {one.model_sha256 for one in beside.references} | {beside.anchor.model_sha256 if beside.anchor else ""}
    assert bad.intent["model_sha256"] not in compared, "for this comparison only"

    assert run("again").outcome == "unchanged", "while the hold stands nothing would be different"
    assert run("bad-again", equal, force=True).outcome == "withheld"
    assert Ledger(root.ledger).events()[-1]["codes"][0] == "quarantined"

    release(root, other, reason="found it")
    assert opponents(root, other).gone_back_from is None
    assert run("after").outcome == "promoted"
