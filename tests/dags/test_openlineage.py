"""What OpenLineage is told of a run: the real Airflow, its provider, and the provider's file transport."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from ml.pipeline.step_names import STEPS
from tests.airflow_home import fake_ml
from tests.dags.test_runs import AGE, AIRFLOW, call

PLANS: dict[str, dict[str, Any]] = {
    "success": {},
    "blocked": {"validate": {"exit": 2, "error": {"type": "DataError", "what": AGE, "cure": "Fix the source."}}},
}


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The last event of each task, by run and step, as `success train`."""
    home = tmp_path_factory.mktemp("airflow")
    call(home, [AIRFLOW, "db", "migrate"])
    orders = []
    for name, plan in PLANS.items():
        root = tmp_path_factory.mktemp(name)
        fake_ml(root)
        orders.append({"root": str(root), "fake": json.dumps(plan), "conf": "{}"})
    transport = {"type": "file", "log_file_path": str(home / "events.jsonl"), "append": True}
    configured = {
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport),
        "AIRFLOW__OPENLINEAGE__NAMESPACE": "lab",
    }
    command: list[str | Path] = [sys.executable, "tests/dags/several_runs.py"]
    assert json.loads(call(home, command, json.dumps(orders), **configured)) == [0, 1]
    told: dict[str, dict[str, Any]] = {}
    runs: list[str] = []
    for line in (home / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        facet = event["run"]["facets"].get("retraining_step")
        if facet:
            runs += [facet["runId"]] if facet["runId"] not in runs else []
            told[f"{list(PLANS)[runs.index(facet['runId'])]} {facet['step']}"] = event
    return told


def datasets(event: dict[str, Any], side: str) -> dict[str, str]:
    """Name -> version."""
    assert {dataset["namespace"] for dataset in event[side]} <= {"lab"}
    return {d["name"]: d["facets"].get("version", {}).get("datasetVersion", "") for d in event[side]}


def test_every_step_has_its_datasets_which_form_one_chain(events: dict[str, dict[str, Any]]) -> None:
    made: dict[str, str] = {"sample": "ingest-hash"}
    for step in STEPS:
        event = events[f"success {step}"]
        assert event["eventType"] == "COMPLETE"
        read = datasets(event, "inputs")
        assert read, step
        assert read.items() <= made.items(), f"{step} reads what an earlier step made"
        made |= datasets(event, "outputs")
    assert made["customers"] == "ingest-hash"
    assert made["candidate"] == "train-hash"
    assert made["customer-model"] == "1"


def test_rows_are_in_the_statistics_of_what_was_made(events: dict[str, dict[str, Any]]) -> None:
    (customers,) = events["success ingest"]["outputs"]
    assert customers["outputFacets"]["outputStatistics"]["rowCount"] == 8068


def test_the_facet_of_the_run_has_hash_metrics_verdict_and_version(events: dict[str, dict[str, Any]]) -> None:
    facet = events["success confirm"]["run"]["facets"]["retraining_step"]
    assert (facet["dataSha256"], facet["modelSha256"], facet["modelVersion"]) == ("ingest-hash", "train-hash", 1)
    assert facet["metrics"]["AUC"] == 0.88
    assert facet["promotes"] is True
    assert facet["reasons"] == ["AUC 0.88 is compared with 0.85."]
    assert "metrics" not in events["success train"]["run"]["facets"]["retraining_step"]


def test_a_failed_step_has_its_error_and_made_nothing(events: dict[str, dict[str, Any]]) -> None:
    event = events["blocked validate"]
    assert event["eventType"] == "FAIL"
    assert datasets(event, "inputs") == {"customers": "ingest-hash"}
    assert event["outputs"] == []
    error = {"type": "DataError", "what": AGE, "cure": "Fix the source."}
    facet = event["run"]["facets"]["retraining_step"]
    assert facet["error"].items() >= error.items()
