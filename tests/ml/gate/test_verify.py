"""A verdict can be checked: by `verify`, and by a stranger with the script that docs/gate.md prints."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.config.economics import Economics
from ml.config.gate_settings import GateSettings
from ml.config.settings import resolve
from ml.evaluation.metrics import binary_metrics
from ml.evaluation.scored_rows import ScoredRows
from ml.gate.decision import decide
from ml.gate.verify import verify
from ml.storage.root import PROJECT
from ml.storage.strict_json import without_nan
from tests.ml.gate.populations import THRESHOLD, a_look, population, scored

GATE = resolve(environment={}).gate
ROWS = 1500
LABELS, PROFILES, (CANDIDATE, *OTHERS) = population(ROWS, (1.1, 1.0, 1.0, 0.9), seed=2)
RANDOM = np.random.default_rng(3)
GROUPS = {
    "Gender": np.where(RANDOM.random(ROWS) < 0.5, "Male", "Female").astype(object),
    "Ever_Married": np.where(RANDOM.random(ROWS) < 0.01, "(missing)", "Yes").astype(object),
}
SCORED = scored(LABELS, PROFILES, np.round(CANDIDATE, 3), np.stack(OTHERS), OTHERS[1], **GROUPS)


def verdict_of(rows: ScoredRows, settings: GateSettings = GATE, economics: Economics | None = None) -> dict[str, Any]:
    """What verdict.json holds of the numbers."""
    look = a_look(champion_days=30)
    decision = decide(rows, look, settings=settings, threshold=THRESHOLD, economics=economics)
    report = {
        "evidence": dict(decision.details),
        "threshold": THRESHOLD,
        "metrics": binary_metrics(rows.labels, rows.candidate, THRESHOLD),
        "champion_metrics": binary_metrics(rows.labels, rows.references[0], THRESHOLD),
    }
    again: dict[str, Any] = json.loads(json.dumps(without_nan(report), allow_nan=False))
    return again


VERDICT = verdict_of(SCORED)
NONE = np.zeros(ROWS, dtype=np.int8)


@pytest.mark.parametrize(
    "rows",
    [
        SCORED,
        scored(LABELS, PROFILES, CANDIDATE, OTHERS[0][np.newaxis]),
        scored(LABELS, PROFILES, CANDIDATE, np.stack([CANDIDATE, CANDIDATE]), CANDIDATE, **GROUPS),
        replace(SCORED, gone_back_from=OTHERS[2]),
        scored(NONE, PROFILES, CANDIDATE, np.stack(OTHERS), OTHERS[0], **GROUPS),
        scored(LABELS, PROFILES, LABELS.astype(np.float32), (1 - LABELS)[np.newaxis].astype(np.float32), **GROUPS),
        scored(LABELS, np.zeros_like(PROFILES), CANDIDATE, np.stack(OTHERS), OTHERS[0], **GROUPS),
    ],
    ids=["usual", "one reference, no anchor", "equal scores", "during a hold", "one class", "no spread", "one profile"],
)
def test_the_rows_give_the_numbers_of_their_verdict(rows: ScoredRows) -> None:
    assert verify(verdict_of(rows), rows) == []


@pytest.mark.parametrize("primary", ["AUC", "Profit"])
def test_profit_is_computed_again(primary: str) -> None:
    prices = Economics(value=80.0, cost=12.0, budget=0.0, currency="EUR")
    said = verdict_of(SCORED, replace(GATE, primary=primary), prices)
    assert verify(said, SCORED) == []
    said["evidence"]["differences"]["Profit"]["value"] += 1e-6
    assert any("differences.Profit.value" in line for line in verify(said, SCORED))
    said["evidence"]["economics"]["value"] = 0
    assert any("lacks what its numbers were computed with" in line for line in verify(said, SCORED))
    said["evidence"]["economics"] = {"value": 80.0, "cost": 20.0}
    assert any("differences.Profit.candidate" in line for line in verify(said, SCORED))


def test_the_comparison_with_the_version_that_was_gone_back_from_is_computed_again() -> None:
    held = replace(SCORED, gone_back_from=OTHERS[2])
    said = verdict_of(held)
    beats = said["evidence"]["gone_back_from"]["is_better"]
    assert verify(said | {"better_than": "its hash" if beats else ""}, held) == []
    assert "better_than" in verify(said | {"better_than": "" if beats else "its hash"}, held)[0]
    said["evidence"]["gone_back_from"]["value"] += 0.001
    assert "gone_back_from.value" in verify(said, held)[0]
    assert verify(VERDICT, held) != [], "the rows have one more model than the verdict"
    assert verify(verdict_of(held), SCORED) != []


def leaves(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The places of all values in a tree of mappings and lists."""
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else None
    return [path] if inner is None else [leaf for key, value in inner for leaf in leaves(value, (*path, key))]


COMPUTED = [
    path
    for path in leaves(VERDICT["evidence"])
    if path[0] in ("list_change", "differences", "not_worse", "anchor", "slices", "rows", "profiles", "positives")
    or path[:2] in (("power", "detectable"), ("power", "rows_needed"))
    or path[:2]
    in (("level", "look"), ("level", "divided_by"), ("fairness", "groups"), ("fairness", "selection_ratios"))
]


def test_a_changed_number_is_found_wherever_it_stands() -> None:
    missed = []
    for path in COMPUTED:
        changed = deepcopy(VERDICT)
        level = changed["evidence"]
        for key in path[:-1]:
            level = level[key]
        old = level[path[-1]]
        level[path[-1]] = old + 1e-6 if isinstance(old, float) else [old, "another"]
        if not any(path[0] in line for line in verify(changed, SCORED)):
            missed.append(path)
    assert missed == []
    assert len(COMPUTED) > 100


@pytest.mark.parametrize("metric", ["AUC", "Precision", "Recall", "BinaryAccuracy", "ExampleCount"])
def test_a_changed_metric_is_found(metric: str) -> None:
    for name in ("metrics", "champion_metrics"):
        changed = deepcopy(VERDICT)
        changed[name][metric] += 1e-4
        (line,) = verify(changed, SCORED)
        assert line.startswith(f"{name}.{metric}: the verdict says ")


def test_an_outcome_that_the_numbers_do_not_give_is_found() -> None:
    outcome = VERDICT["evidence"]["outcome"]
    for other in {"better", "worse", "kept", "refresh"} - {outcome}:
        changed = deepcopy(VERDICT)
        changed["evidence"]["outcome"] = other
        assert verify(changed, SCORED) == [f"outcome: the verdict says {other!r}, its numbers give {outcome!r}."]


def test_rows_that_were_changed_are_found() -> None:
    labels = LABELS.copy()
    labels[:3] = 1 - labels[:3]
    changed = scored(labels, PROFILES, SCORED.candidate, SCORED.references, SCORED.anchor, **GROUPS)
    assert any(line.startswith("differences.AUC.value") for line in verify(VERDICT, changed))


@pytest.mark.parametrize("verdict", [{"evidence": {}}, {"evidence": {"differences": 3}}, {"metrics": {"AUC": 0.9}}])
def test_a_verdict_without_its_settings_is_no_verdict(verdict: dict[str, Any]) -> None:
    (line,) = verify(verdict, SCORED)
    assert line.startswith("The verdict lacks what its numbers were computed with")


def test_a_verdict_that_compared_nothing_has_its_metrics_only() -> None:
    alone = {**VERDICT, "evidence": None, "champion_metrics": {}}
    assert verify(alone, SCORED) == []


def test_the_check_needs_no_tensorflow() -> None:
    asked = (
        "import sys, ml.gate.verify, ml.gate.decision; print([m for m in sys.modules if m in ('tensorflow', 'scipy')])"
    )
    said = subprocess.run([sys.executable, "-c", asked], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_the_script_of_a_stranger_agrees(tmp_path: Path) -> None:
    """docs/gate.md prints it: numpy, no line of this project, pairs instead of ranks."""
    page = (PROJECT / "docs" / "gate.md").read_text()
    (script,) = re.findall(r"```python\n(import json.*?)```", page, re.DOTALL)
    SCORED.write(tmp_path / "rows.npz")
    (tmp_path / "verdict.json").write_text(json.dumps(VERDICT))
    (tmp_path / "check.py").write_text(script)
    said = subprocess.run(
        [sys.executable, "-I", "check.py"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    ).stdout
    rows = dict(line.split(":") for line in said.splitlines())
    numbers = VERDICT["evidence"]["differences"]["AUC"]
    computed = [float(word) for word in rows["AUC computed"].split()]
    assert computed == pytest.approx(
        [numbers[name] for name in ("value", "standard_error", "lower", "upper")], abs=1e-9
    )
    assert rows["AUC computed"] == rows["AUC verdict"]
    assert rows["LogLoss computed"] == rows["LogLoss verdict"]
