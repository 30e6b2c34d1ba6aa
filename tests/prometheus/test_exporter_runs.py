"""What the exporter says of runs: their ends, their data, their verdicts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ml.config.settings import resolve
from ml.storage.root import Root
from tests.prometheus.exported import ended, reject, values

BLOCKED = {"outcome": "failed", "error": {"type": "BlockedError", "what": "Age.", "cure": "Fix it."}}
FAILED = {"outcome": "failed", "error": {"type": "TransientError", "what": "503.", "cure": "Wait."}}
UNCHANGED = {"outcome": "skipped", "skipped_because": "unchanged"}


@pytest.mark.parametrize(
    ("results", "outcome"),
    [
        ({"ingest": UNCHANGED}, "unchanged"),
        ({"ingest": {}, "validate": BLOCKED}, "blocked"),
        ({"ingest": FAILED}, "failed"),
        ({"ingest": {}, "validate": FAILED, "transform": {}}, "failed"),
    ],
)
def test_what_the_last_run_came_to(root: Root, results: dict[str, Any], outcome: str) -> None:
    ended(root, "older", 1000, ingest=UNCHANGED)
    ended(root, "last", 2000, **results)
    ended(root, "still-running", 3000, ingest={}, validate={})
    found = values(root)
    assert [key[1][0] for key, on in found.items() if key[0] == "retrain_last_run_outcome" and on] == [outcome]
    assert found["retrain_last_result_timestamp_seconds", (outcome,)] == 2000
    assert found["retrain_last_step_seconds", ("ingest",)] == 1.5


def test_the_ledger_remembers_results_whose_files_are_gone(root: Root) -> None:
    reject(root, "long-ago")
    at = values(root)["retrain_last_result_timestamp_seconds", ("rejected",)]
    ended(root, "long-ago", at + 5, ingest=UNCHANGED)
    found = values(root)
    assert found["retrain_last_result_timestamp_seconds", ("rejected",)] == at
    assert found["retrain_last_result_timestamp_seconds", ("unchanged",)] == at + 5


def test_findings_drift_and_thresholds(root: Root) -> None:
    place = root.run("r")
    ended(root, "r", 1000, ingest={}, validate=BLOCKED)
    findings = [{"blocks": True}, {"blocks": False}, {"blocks": False}]
    (place / "validation.json").write_text(
        json.dumps({"rows": 8068, "drift": {"Age": 0.0031, "Gender": 0.01}, "findings": findings})
    )
    found = values(root)
    assert found["retrain_anomalies", ("blocking",)] == 1
    assert found["retrain_anomalies", ("warning",)] == 2
    assert found["retrain_rows", ("all",)] == 8068
    assert found["retrain_drift", ("Age",)] > found["retrain_drift_threshold", ("Age",)]
    assert found["retrain_drift", ("Gender",)] < found["retrain_drift_threshold", ("Gender",)]


def test_metrics_bounds_and_reasons_of_the_last_verdict(root: Root) -> None:
    settings = resolve(environment={})
    for run, code in (("old", "leak_suspected"), ("new", "worse_than_champion")):
        artifact = {"promotes": False, "reasons": [{"code": code, "sentence": "So."}]}
        ended(root, run, 2000 if run == "new" else 1000, judge={"artifact": artifact})
        place = root.run(run)
        (place / "settings.json").write_text(json.dumps(settings.as_dict()))
        (place / "evaluate").mkdir()
        slices = [
            {"slice": {}, "rows": 9, "candidate": {"AUC": 0.87}, "champion": {"AUC": 0.88}},
            {"slice": {"Gender": "Male"}, "rows": 5, "candidate": {"AUC": None}},
        ]
        (place / "evaluate" / "evaluation.json").write_text(json.dumps({"slices": slices}))
    found = values(root)
    assert found["retrain_metric", ("AUC", "candidate", "all")] == 0.87
    assert found["retrain_metric", ("AUC", "champion", "all")] == 0.88
    assert str(found["retrain_metric", ("AUC", "candidate", "Gender=Male")]) == "nan"
    assert found["retrain_metric_bound", ("at_least", "AUC")] == settings.judge.at_least.AUC
    assert found["retrain_metric_bound", ("at_most", "BinaryAccuracy")] == settings.judge.at_most.BinaryAccuracy
    assert found["retrain_verdict", ("leak_suspected",)] == 0
    assert found["retrain_verdict", ("worse_than_champion",)] == 1
