"""What a run came to: decided in one place, from the results of its steps."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from typing import Any

import pytest

from ml.data.kaggle.zip_archive import BadZipError
from ml.errors import BlockedError, DataError, FinalError, NothingToDoError, TransientError
from ml.pipeline.outcome import BAD_DATA, OUTCOMES, STEP_OUTCOMES, end_of, result_of_error
from ml.pipeline.run_record import RunRecord
from ml.pipeline.step_names import STEPS
from ml.pipeline.steps import STEP_FUNCTIONS
from ml.storage.root import PROJECT

DONE: dict[str, Any] = {"outcome": "done"}


def results(*, until: str, last: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """All steps before `until` done, and that one with the result `last`."""
    return dict.fromkeys(STEPS[: STEPS.index(until)], DONE) | {until: last}


def failed(kind: str) -> dict[str, Any]:
    return {"outcome": "failed", "error": {"type": kind, "what": "x", "cure": "y", "retry": False}}


def skipped(because: str) -> dict[str, Any]:
    return {"outcome": "skipped", "skipped_because": because}


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (results(until="confirm", last=DONE), "promoted"),
        (results(until="confirm", last={"outcome": "reused"}), "promoted"),
        (results(until="promote", last=skipped("rejected")), "rejected"),
        (results(until="promote", last=skipped("withheld")), "withheld"),
        (results(until="ingest", last=skipped("unchanged")), "unchanged"),
        (results(until="validate", last=failed("BlockedError")), "blocked"),
        (results(until="transform", last=failed("DataError")), "blocked"),
        (results(until="ingest", last=failed("BadZipError")), "blocked"),
        (results(until="train", last=failed("FinalError")), "failed"),
        (results(until="confirm", last=failed("NoResult")), "failed"),
        (results(until="ingest", last={"outcome": "failed", "error": "a text"}), "failed"),
    ],
)
def test_the_step_that_is_not_done_decides_what_the_run_came_to(found: dict[str, Any], outcome: str) -> None:
    end = end_of(found)
    assert end is not None
    assert (end.outcome, end.step) == (outcome, list(found)[-1])
    assert outcome in OUTCOMES


@pytest.mark.parametrize("found", [{}, results(until="judge", last=DONE), {"confirm": DONE}])
def test_a_run_that_has_not_come_to_its_last_step_has_no_outcome(found: dict[str, Any]) -> None:
    assert end_of(found) is None


def test_results_behind_the_step_that_failed_last_are_of_an_earlier_try() -> None:
    repeated = results(until="confirm", last=DONE) | {"validate": failed("BlockedError")}
    end = end_of(repeated)
    assert end is not None
    assert (end.step, end.outcome) == ("validate", "blocked")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (BlockedError(["Age."], "Fix it."), "blocked"),
        (DataError("No label."), "blocked"),
        (BadZipError("Cut short."), "blocked"),
        (FinalError("Stale."), "failed"),
        (TransientError("Busy."), "failed"),
        (ValueError("unforeseen"), "failed"),
        (KeyboardInterrupt(), "failed"),
        (NothingToDoError("withheld", "Switched off."), "withheld"),
    ],
)
def test_an_exception_and_the_result_file_it_leaves_mean_the_same(error: BaseException, outcome: str) -> None:
    result = json.loads(json.dumps(result_of_error(error)))
    assert result["outcome"] in STEP_OUTCOMES
    end = end_of({"ingest": result})
    assert end is not None
    assert end.outcome == outcome


def test_every_kind_of_bad_data_is_known_by_its_name() -> None:
    defined = {
        node.name
        for path in (PROJECT / "ml").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and {base.id for base in node.bases if isinstance(base, ast.Name)} & BAD_DATA
    }
    assert defined | {"DataError"} == BAD_DATA


def test_a_record_tells_the_outcome_and_when_it_was_written(tmp_path: Any) -> None:
    (tmp_path / "results").mkdir()
    found = results(until="promote", last=skipped("rejected"))
    for step, result in found.items():
        (tmp_path / "results" / f"{step}.json").write_text(json.dumps(result))
    record = RunRecord.read(tmp_path)
    assert record.outcome == "rejected"
    assert record.ended_at == (tmp_path / "results" / "promote.json").stat().st_mtime
    (tmp_path / "results" / "ingest.json").unlink()
    assert (RunRecord.read(tmp_path).outcome, RunRecord.read(tmp_path).ended_at) == (None, None)


def test_each_step_is_carried_out_by_the_function_of_its_name() -> None:
    assert [function.__name__ for function in STEP_FUNCTIONS.values()] == list(STEP_FUNCTIONS) == list(STEPS)


def test_asking_for_an_outcome_loads_nothing_heavy() -> None:
    heavy = ("tensorflow", "numpy", "pandas", "pyarrow", "google.protobuf")
    code = f"import sys, ml.pipeline.run_record; print(*[name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
