"""What the event of the model says: only JSON, of bounded size, whatever the files hold."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from ml.pipeline.run_record import RunRecord
from retraining.asset_event import CHARACTERS, METRICS, REASONS, asset_event_extra


def extra(verdict: Any, confirmed: Any = None) -> dict[str, Any]:
    made = {"judge": verdict, "confirm": {"version": 4} if confirmed is None else confirmed}
    results = {step: {"outcome": "done", "artifact": artifact} for step, artifact in made.items()}
    return asset_event_extra(RunRecord(Path("runs") / "a-run", results, {}))


def test_it_names_both_versions_and_the_outcome_of_the_verdict() -> None:
    verdict = {
        "decision": "better",
        "champion_version": 3,
        "metrics": {"AUC": 0.8812},
        "champion_metrics": {"AUC": 0.8761},
        "reasons": [{"code": "better", "sentence": "AUC is better by 0.0051."}],
    }
    said = extra(verdict)
    assert (said["version"], said["run_id"], said["metrics"]) == (4, "a-run", {"AUC": 0.8812})
    assert said["against"] == {"version": 3, "metrics": {"AUC": 0.8761}}
    assert said["verdict"] == {"decision": "better", "reasons": verdict["reasons"]}


def test_a_number_that_is_none_is_null() -> None:
    assert extra({"metrics": {"AUC": math.nan, "Recall": math.inf}})["metrics"] == {"AUC": None, "Recall": None}


def test_much_is_cut() -> None:
    reasons = [{"code": "c", "sentence": "word " * 1000}] * 100
    said = extra({"metrics": {f"metric {n}": float(n) for n in range(1000)}, "reasons": reasons})
    assert (len(said["metrics"]), len(said["verdict"]["reasons"])) == (METRICS, REASONS)
    assert {len(reason["sentence"]) for reason in said["verdict"]["reasons"]} == {CHARACTERS}
    assert len(json.dumps(said)) < 5000


def test_damaged_files_do_not_end_a_step_that_has_done_its_work() -> None:
    for odd in ({}, {"metrics": [1], "reasons": ["text"], "champion_metrics": 5, "champion_version": 3}):
        assert extra(odd)["verdict"]["reasons"] == []
    assert extra({}, confirmed={})["version"] is None
