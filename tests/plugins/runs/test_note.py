"""The sentence that stands beside a run: each outcome in its words, and never too long."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ml.pipeline.outcome import OUTCOMES
from ml.pipeline.step_names import STEPS
from ml.storage import run_order
from retraining.runs.ending import Ending
from retraining.runs.note import LIMIT, note_of

RUN = "manual__2026-11-23T00:00:00+00:00"
BELOW = "AUC is 0.8100, below the threshold 0.8500 (1613 evaluation rows, overall)."
VERDICT = {
    "promotes": True,
    "reasons": [{"code": "better", "sentence": "AUC is better by 0.0051."}],
    "champion_version": 3,
    "metrics": {"AUC": 0.8812},
    "champion_metrics": {"AUC": 0.8761},
}
AGAINST = VERDICT | {"promotes": False, "reasons": [{"code": "x", "sentence": BELOW}, {"code": "y", "sentence": "No."}]}


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RETRAIN_ROOT", str(tmp_path))
    return tmp_path


def note(root: Path, *, succeeded: bool = True, **results: Any) -> str | None:
    for step, result in results.items():
        file = root / "runs" / RUN / "results" / f"{step}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"step": step, "outcome": "done", **result}))
    return note_of(Ending.of(RUN, succeeded=succeeded))


def whole_run(verdict: dict[str, Any]) -> dict[str, Any]:
    done: dict[str, Any] = {step: {} for step in STEPS}
    made = {"artifact": {"version": 4}}
    return done | {"judge": {"artifact": verdict}, "promote": made, "confirm": made}


def skipped(verdict: dict[str, Any], outcome: str, what: str = "Not promoted.") -> dict[str, Any]:
    results = whole_run(verdict) | {
        "promote": {"outcome": "skipped", "skipped_because": outcome, "error": {"what": what}}
    }
    return {step: results[step] for step in STEPS if step != "confirm"}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "Promoted version 4: AUC 0.8812, +0.0051 against version 3."),
        ({"decision": "better"}, "Promoted version 4 (better): AUC 0.8812, +0.0051 against version 3."),
        (
            {"decision": "refresh", "champion_metrics": {"AUC": 0.8822}},
            "Promoted version 4 (refresh): AUC 0.8812, -0.0010 against version 3.",
        ),
        ({"champion_metrics": {}}, "Promoted version 4: AUC 0.8812; version 3 could not be compared."),
        (
            {"champion_metrics": {}, "champion_version": None},
            "Promoted version 4: AUC 0.8812; there was no version to compare with.",
        ),
        ({"metrics": {"AUC": None}}, "Promoted version 4."),
    ],
)
def test_a_promotion_names_version_metric_and_difference(root: Path, more: dict[str, Any], said: str) -> None:
    assert note(root, **whole_run(VERDICT | more)) == said


def test_what_is_not_promoted_gets_the_first_reason_of_the_verdict(root: Path) -> None:
    assert note(root, **skipped(AGAINST, "rejected")) == f"Rejected: {BELOW}"
    assert note(root, **skipped(AGAINST, "same")) == f"Same: {BELOW}"


def test_a_kept_champion_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retraining.runs.ending.RUN_OUTCOMES", (*OUTCOMES, "kept"))
    assert note(root, **skipped(AGAINST, "kept")) == f"Kept version 3: {BELOW}"


def test_why_the_run_began_comes_last_and_always_fits(root: Path) -> None:
    failed = {"outcome": "failed", "error": {"what": "Kaggle answered 503."}}
    (root / "runs" / RUN).mkdir(parents=True)
    run_order.note(root / "runs" / RUN, trigger="drift of Age, Profession")
    said = note(root, succeeded=False, ingest=failed)
    assert said == "Failed at ingest: Kaggle answered 503. Trigger: drift of Age, Profession."
    long = note(root, succeeded=False, ingest=failed | {"error": {"what": "word " * 1000}})
    assert long is not None
    assert len(long) <= LIMIT
    assert long.endswith(" ... Trigger: drift of Age, Profession.")


def test_an_outcome_that_is_new_needs_no_change_here(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retraining.runs.ending.RUN_OUTCOMES", (*OUTCOMES, "paused"))
    assert note(root, **skipped(VERDICT, "paused", "For lunch.")) == "Paused: For lunch."


def test_a_reason_in_favour_does_not_explain_why_promotion_was_withheld(root: Path) -> None:
    assert note(root, **skipped(VERDICT, "withheld", "Promotion is off.")) == "Withheld: Promotion is off."


def test_nothing_new_is_said_in_the_words_of_ingest(root: Path) -> None:
    ingest = {"outcome": "skipped", "skipped_because": "unchanged", "error": {"what": "Nothing new: as run a."}}
    assert note(root, ingest=ingest) == "Unchanged: Nothing new: as run a."


def test_a_failure_has_step_fact_and_cure(root: Path) -> None:
    error = {"type": "TransientError", "what": "Kaggle answered 503.", "cure": "Wait."}
    failed = {"outcome": "failed", "error": error}
    assert note(root, succeeded=False, ingest=failed) == "Failed at ingest: Kaggle answered 503. Wait."


def test_blocked_data_have_the_first_finding_and_say_how_many_more_there_are(root: Path) -> None:
    error = {
        "type": "BlockedError",
        "what": "...",
        "cure": "Fix it.",
        "findings": ["Column 'Age': 12 rows.", "B.", "C."],
    }
    blocked = {"outcome": "failed", "error": error}
    said = note(root, succeeded=False, ingest={}, validate=blocked)
    assert said == "Blocked at validate: Column 'Age': 12 rows. (2 more in the log.) Fix it."


def test_a_run_that_left_nothing_failed_for_an_unknown_reason(root: Path) -> None:
    assert (note(root, succeeded=False) or "").startswith("Failed: no step left a result;")


def test_a_run_that_was_stopped_names_the_step_that_had_no_result_yet(root: Path) -> None:
    assert (note(root, succeeded=False, ingest={}, validate={}) or "").startswith("Failed at transform: somebody")


def test_a_run_that_somebody_marked_red_after_its_success_says_so(root: Path) -> None:
    assert (
        note(root, succeeded=False, **whole_run(VERDICT))
        == "Failed: every step had succeeded; somebody marked the run."
    )


def test_a_run_that_somebody_marked_green_is_not_explained(root: Path) -> None:
    assert note(root, ingest={}) is None


def test_a_note_fits_into_the_database(root: Path) -> None:
    said = note(root, **skipped(AGAINST | {"reasons": [{"code": "x", "sentence": "word " * 500}]}, "rejected"))
    assert said is not None
    assert LIMIT - 10 < len(said) <= LIMIT
    assert said.endswith("word ...")


@pytest.mark.parametrize("error", [{"what": 5, "findings": "text"}, "text", {"findings": [None], "cure": None}])
def test_an_odd_error_is_told_as_far_as_it_goes(root: Path, error: Any) -> None:
    assert (note(root, succeeded=False, ingest={"outcome": "failed", "error": error}) or "").startswith("Failed at")
