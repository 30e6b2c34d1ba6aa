from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from ml.evaluation.metric_table import metric_table
from ml.pipeline.step_names import STEPS
from ml.registry.ledger.ledger import Ledger
from ml.storage.root import Root
from stack.local import run_summary
from stack.local.run_follower import RunFollower

VERDICT: dict[str, Any] = {
    "promotes": True,
    "reasons": [{"code": "ok", "sentence": "All thresholds are reached."}],
    "metrics": {"BinaryAccuracy": 0.8234, "AUC": 0.88, "ExampleCount": 1613.0, "Precision": float("nan")},
    "champion_metrics": {"BinaryAccuracy": 0.81, "AUC": 0.875, "ExampleCount": 1613.0},
    "champion_version": 3,
}
JUDGE = {
    "at_least": {"BinaryAccuracy": 0.8, "AUC": 0.85, "ExampleCount": 500},
    "at_most": {"BinaryAccuracy": 0.9},
}


def done(step: str, **more: Any) -> dict[str, Any]:
    return {"step": step, "outcome": "done", "seconds": 1.25, "artifact": None, "error": None} | more


def test_each_metric_stands_beside_its_thresholds_and_the_champion() -> None:
    lines = [line.split() for line in metric_table(VERDICT["metrics"], VERDICT["champion_metrics"], JUDGE)]
    assert lines[1] == ["BinaryAccuracy", "0.8234", "0.8000", "0.9000", "0.8100"]
    assert lines[2] == ["AUC", "0.8800", "0.8500", "-", "0.8750"]
    assert lines[-1] == ["ExampleCount", "1613", "500", "-", "1613"]
    assert lines[3] == ["Precision", "-", "-", "-", "-"]
    assert "champion" in lines[0]


def test_without_a_champion_there_are_no_empty_columns() -> None:
    assert [len(line.split()) for line in metric_table(VERDICT["metrics"], {}, JUDGE)][1:] == [4, 4, 4, 4]


def results(until: str, **last: Any) -> dict[str, dict[str, Any]]:
    """Every step before `until` done, and that one with the result `last`."""
    return {step: done(step) for step in STEPS[: STEPS.index(until)]} | {until: done(until, **last)}


@pytest.mark.parametrize(
    ("found", "closing"),
    [
        (results("confirm"), "Promoted: version 3 in"),
        (results("promote", outcome="skipped", skipped_because="withheld"), "Still serving: version 3 in"),
        (results("ingest", outcome="skipped", skipped_because="unchanged"), "Still serving: version 3 in"),
    ],
)
def test_the_summary_closes_with_the_version_that_serves(
    tmp_path: Path, found: dict[str, dict[str, Any]], closing: str
) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append("intent", run_id="r", version=3, model_sha256="m")
    ledger.append("confirmed", run_id="r", version=3)
    *before, last = run_summary.summary_lines(found, root=Root(tmp_path), run_id="r", model="m")
    assert last.startswith(closing)
    assert any("Nothing new" in line for line in before) == ("ingest" in found and len(found) == 1)


def test_a_rejection_shows_every_reason_and_what_stays(tmp_path: Path) -> None:
    verdict = VERDICT | {
        "promotes": False,
        "reasons": [{"code": "a", "sentence": "A."}, {"code": "b", "sentence": "B."}],
    }
    found = results("promote", outcome="skipped", skipped_because="rejected")
    found["judge"] = done("judge", artifact=verdict)
    text = "\n".join(run_summary.summary_lines(found, root=Root(tmp_path), run_id="r", model="m"))
    assert "the candidate is rejected\n  - A.\n  - B.\n" in text
    assert "No version has been promoted yet." in text


def test_a_failure_shows_findings_and_cure() -> None:
    error = {"type": "BlockedError", "what": "x", "findings": ["Age: 12 rows.", "Gender: 3 rows."], "cure": "Fix it."}
    text = "\n".join(run_summary.failure_lines(done("validate", outcome="failed", error=error)))
    assert text == "Step validate failed: BlockedError\n  - Age: 12 rows.\n  - Gender: 3 rows.\n  Fix it."


def write(root: Path, run_id: str, result: dict[str, Any]) -> None:
    place = root / "runs" / run_id / "results"
    place.mkdir(parents=True, exist_ok=True)
    beside = place / "new"
    beside.write_text(json.dumps(result))
    beside.replace(place / f"{result['step']}.json")


def test_a_new_run_is_followed_with_a_line_for_each_result_and_each_try(tmp_path: Path) -> None:
    write(tmp_path, "old", done("ingest"))
    out = io.StringIO()
    follower = RunFollower(Root(tmp_path), out=out)
    follower.poll()
    assert out.getvalue() == ""
    write(tmp_path, "manual-20261123T000000-1", done("ingest"))  # somebody else's, without Airflow
    write(tmp_path, "manual__new", done("ingest"))
    follower.poll()
    follower.poll()
    write(tmp_path, "manual__new", done("validate", outcome="failed", error={"what": "busy", "retry": True}))
    follower.poll()
    write(tmp_path, "manual__new", done("validate"))
    follower.poll()
    assert follower.run_id == "manual__new"
    assert [line.split() for line in out.getvalue().splitlines()] == [
        ["ingest", "done", "1.2", "s"],
        ["validate", "failed", "1.2", "s", "a", "retry", "may", "help"],
        ["validate", "done", "1.2", "s"],
    ]
    assert follower.failed() is None


def test_a_half_written_result_waits_for_the_next_poll(tmp_path: Path) -> None:
    out = io.StringIO()
    follower = RunFollower(Root(tmp_path), "run", out=out)
    write(tmp_path, "run", done("ingest"))
    file = tmp_path / "runs" / "run" / "results" / "ingest.json"
    whole = file.read_text()
    file.write_text(whole[:10])
    follower.poll()
    assert out.getvalue() == ""
    file.write_text(whole)
    follower.poll()
    assert out.getvalue().split()[:2] == ["ingest", "done"]
