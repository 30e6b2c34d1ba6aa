"""After a rollback a real run is judged beside the bad version, too, until the hold ends."""

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


def test_a_run_is_judged_beside_the_bad_version_until_the_hold_ends(promoted_root: Root, customers_csv: Path) -> None:
    root = promoted_root
    equal = settings_of(customers_csv, *EQUAL_IS_ENOUGH, "train.epochs=4", "train.seed=21", "judge.at_least.Recall=0.2")
    other = settings_of(customers_csv, *EQUAL_IS_ENOUGH, "train.epochs=4", "train.seed=22", "judge.at_least.Recall=0.2")

    def run(name: str, settings: Settings = other) -> RetrainResult:
        return retrain(root, settings, run_id=name, force=False)

    assert run("bad", equal).outcome == "promoted"
    bad = Ledger(root.ledger).champion()
    assert bad is not None
    assert rollback(root, equal, target=None, reason="rude").number == 3

    # The bad version was a refresh, and counts as one: nobody knows what the gate says of the next candidate.
    assert run("held").outcome in ("kept", "rejected", "withheld")
    of_run = Run(root, "held", other)
    assert of_run.artifact("evaluate", Evaluation).gone_back_from == bad.intent["model_sha256"]
    beats = of_run.artifact("judge", Verdict).better_than == bad.intent["model_sha256"]
    report = json.loads((root.run("held") / "judge" / "verdict.json").read_text())
    assert report["evidence"]["gone_back_from"]["is_better"] is beats
    assert verification(root, "held")["agrees"]
    beside = opponents(root, other)
    assert beside.gone_back_from is not None
    assert beside.gone_back_from.saved_model == root.withdrawn / "2"
    compared = {one.model_sha256 for one in beside.references} | {beside.anchor.model_sha256 if beside.anchor else ""}
    assert bad.intent["model_sha256"] not in compared, "for this comparison only"

    release(root, other, reason="found it")
    assert opponents(root, other).gone_back_from is None
