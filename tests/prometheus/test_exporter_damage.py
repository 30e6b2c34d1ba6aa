"""A file of a run, or a value in it, that is damaged takes away what it would have said, and nothing else."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest

from ml.monitoring.metric_families import SKIPPED_LINES, collector_registry
from ml.storage.root import Root
from tests.prometheus.exported import Values, ended, parsed, values

MISSING = ...
LAST = "last"
TRAIN, JUDGE, EVALUATION = "results/train.json", "results/judge.json", "evaluate/evaluation.json"
RUN_ENDED = {"retrain_last_run_outcome", "retrain_last_result_timestamp_seconds", "retrain_last_step_seconds"}


@pytest.fixture
def place(root: Root) -> Path:
    """The directory of the last of two runs that came to their end."""
    for run, at in (("older", 1000), (LAST, 2000)):
        ended(
            root,
            run,
            at,
            ingest={},
            validate={},
            evaluate={},
            transform={"artifact": {"train_rows": 6000, "eval_rows": 1600}},
            train={"artifact": {"epochs": 10 + at, "loss": 0.4}},
            judge={"artifact": {"promotes": False, "reasons": [{"code": f"reason_of_{run}"}]}},
            promote={"outcome": "skipped", "skipped_because": "rejected"},
        )
        one, other = {"AUC": 0.87, "Recall": 0.5}, {"AUC": 0.88, "Recall": 0.6}
        slices = [{"slice": {}, "candidate": one, "champion": other}, {"slice": {"Age": "young"}, "candidate": one}]
        write(root.run(run) / EVALUATION, {"slices": slices})
        write(root.run(run) / "settings.json", {"judge": {"at_least": {"AUC": 0.85}, "at_most": {"AUC": 0.9}}})
        findings = [{"blocks": True}, {"blocks": False}]
        report = {"rows": 8068, "drift": {"Age": 0.0031, "Gender": 0.01}, "findings": findings}
        write(root.run(run) / "validation.json", report)
        os.utime(root.run(run) / "validation.json", (at, at))
    return root.run(LAST)


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


def of_the_runs(found: Values) -> dict[tuple[str, tuple[str, ...]], str]:
    """As text, in which NaN equals NaN; without what has nothing to do with runs."""
    others = ("retrain_exporter", "retrain_disk", "process_")
    return {key: str(value) for key, value in found.items() if not key[0].startswith(others)}


@pytest.mark.parametrize("damage", ["many", "12", None, True, [1], {"of": 1}, MISSING], ids=str)
@pytest.mark.parametrize(
    ("file", "keys", "lost"),
    [
        ("validation.json", ("rows",), {("retrain_rows", ("all",))}),
        (TRAIN, ("artifact", "loss"), {("retrain_loss", ())}),
        (TRAIN, ("artifact", "epochs"), {("retrain_epochs", ())}),
        (TRAIN, ("seconds",), {("retrain_last_step_seconds", ("train",))}),
        ("results/transform.json", ("artifact", "eval_rows"), {("retrain_rows", ("eval",))}),
    ],
)
def test_a_value_that_is_not_a_number_takes_only_its_own_sample_away(
    root: Root, place: Path, file: str, keys: tuple[str, ...], lost: set[tuple[str, tuple[str, ...]]], damage: Any
) -> None:
    before = of_the_runs(values(root))
    change(place / file, keys, damage)
    after = values(root)
    assert of_the_runs(after) == {key: text for key, text in before.items() if key not in lost}
    assert after["retrain_exporter_source_up", ("runs",)] == 1
    assert after["retrain_exporter_skipped", ("runs",)] == 1


def change(path: Path, keys: tuple[str, ...], value: Any) -> None:
    """Put `value` in the place that `keys` lead to; the file looks as old as before."""
    at = path.stat().st_mtime
    content = inner = json.loads(path.read_bytes())
    for key in keys[:-1]:
        inner = inner[key]
    if value is MISSING:
        del inner[keys[-1]]
    else:
        inner[keys[-1]] = value
    path.write_text(json.dumps(content))
    os.utime(path, (at, at))


@pytest.mark.parametrize(
    ("file", "keys", "damage", "lost"),
    [
        ("validation.json", ("drift", "Age"), None, {("retrain_drift", ("Age",))}),
        ("validation.json", ("drift",), [0.1], {"retrain_drift", "retrain_drift_threshold"}),
        ("validation.json", ("findings",), MISSING, {"retrain_anomalies"}),
        ("validation.json", ("findings",), [7], {"retrain_anomalies"}),
        (EVALUATION, ("slices", 0, "candidate", "AUC"), "good", {("retrain_metric", ("AUC", "candidate", "all"))}),
        pytest.param(
            *(
                EVALUATION,
                ("slices", 0, "candidate", "AUC"),
                10**400,
                {("retrain_metric", ("AUC", "candidate", "all"))},
            ),
            id="too-large",
        ),
        (EVALUATION, ("slices", 0, "slice"), None, {("retrain_metric", "all")}),
        (EVALUATION, ("slices", 1), "text", {("retrain_metric", "Age=young")}),
        (EVALUATION, ("slices",), MISSING, {"retrain_metric"}),
        ("settings.json", ("judge", "at_least", "AUC"), [], {("retrain_metric_bound", ("at_least", "AUC"))}),
        ("settings.json", ("judge",), MISSING, {"retrain_metric_bound"}),
        (JUDGE, ("artifact", "reasons"), MISSING, {("retrain_verdict", ("reason_of_last",))}),
        (JUDGE, ("artifact", "reasons"), [{"code": "\ud800"}], {("retrain_verdict", ("reason_of_last",))}),
        (JUDGE, ("artifact", "reasons"), [{"code": [1]}], {("retrain_verdict", ("reason_of_last",))}),
    ],
)
def test_damage_deeper_in_a_file_takes_only_its_own_samples_away(
    root: Root, place: Path, file: str, keys: tuple[str, ...], damage: Any, lost: set[Any]
) -> None:
    before = of_the_runs(values(root))
    change(place / file, keys, damage)
    after = values(root)

    def is_lost(name: str, labels: tuple[str, ...]) -> bool:
        return bool(lost & {name, (name, labels), (name, labels[-1] if labels else "")})

    assert of_the_runs(after) == {key: text for key, text in before.items() if not is_lost(*key)}
    assert after["retrain_exporter_skipped", ("runs",)] == 1


BROKEN: dict[str, Callable[[str], str]] = {
    "truncated": lambda text: text[: len(text) // 2],
    "empty": lambda text: "",
    "list": lambda text: "[1, 2]",
    "number": lambda text: "3",
    "text": lambda text: '"text"',
    "null": lambda text: "null",
    "binary": lambda text: "\x00\x01",
}


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize(
    ("file", "touched"),
    [
        ("validation.json", {"retrain_rows", "retrain_anomalies", "retrain_drift", "retrain_drift_threshold"}),
        (EVALUATION, {"retrain_metric"}),
        ("settings.json", {"retrain_metric_bound"}),
        (TRAIN, {"retrain_epochs", "retrain_loss", *RUN_ENDED}),  # without it, that run has not come to its end
        (JUDGE, {"retrain_verdict", "retrain_metric", "retrain_metric_bound", *RUN_ENDED}),
    ],
)
def test_damage_to_a_whole_file_takes_only_its_own_samples_away(
    root: Root, place: Path, file: str, touched: set[str], how: str, caplog: pytest.LogCaptureFixture
) -> None:
    before, registry = of_the_runs(values(root)), collector_registry(root, None)
    (place / file).write_text(BROKEN[how]((place / file).read_text()))
    after = parsed(generate_latest(registry).decode())
    assert after["retrain_exporter_source_up", ("runs",)] == 1
    assert after["retrain_exporter_skipped", ("runs",)] >= 1
    kept = {key: text for key, text in before.items() if key[0] not in touched or key == ("retrain_rows", ("train",))}
    assert kept.items() <= of_the_runs(after).items()
    if file.startswith("results"):
        assert after["retrain_last_result_timestamp_seconds", ("rejected",)] == 1000, "the run before is still known"
    (said,) = {record.getMessage() for record in caplog.records if str(place / file) in record.getMessage()}
    assert said.startswith("skipped in the runs: ")
    told = len(caplog.records)
    generate_latest(registry)
    assert len(caplog.records) == told, "the same damage is told once"
    (place / file).unlink()
    assert parsed(generate_latest(registry).decode())["retrain_exporter_skipped", ("runs",)] == 0


def test_a_directory_in_the_place_of_a_file(root: Root, place: Path) -> None:
    for file in ("validation.json", "results/ingest.json"):
        (place / file).unlink()
        (place / file).mkdir()
    found = values(root)
    assert found["retrain_exporter_skipped", ("runs",)] == 2
    assert found["retrain_last_result_timestamp_seconds", ("rejected",)] == 1000


def test_an_artifact_that_is_not_an_object_is_skipped_and_named(root: Root, place: Path) -> None:
    change(place / TRAIN, ("artifact",), "model")
    found = values(root)
    assert found["retrain_exporter_skipped", ("runs",)] == 1
    assert found["retrain_epochs", ()] == 1010, "of the run before"


def test_an_error_that_is_a_mere_text_counts_as_failed(root: Root) -> None:
    ended(root, "odd", 1000, ingest={"outcome": "failed", "error": "text"})
    found = values(root)
    assert found["retrain_last_run_outcome", ("failed",)] == 1
    assert found["retrain_exporter_skipped", ("runs",)] == 0


def test_a_ledger_that_cannot_be_read_does_not_hide_the_runs(root: Root, place: Path) -> None:
    root.ledger.write_text("not json\n")
    found = values(root)
    assert found["retrain_exporter_source_up", ("ledger",)] == 0
    assert found["retrain_exporter_source_up", ("runs",)] == 1
    assert found["retrain_last_result_timestamp_seconds", ("rejected",)] == 2000


def test_much_damage_does_not_fill_the_log(root: Root, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(3 * SKIPPED_LINES):
        ended(root, f"run-{number}", 1000, ingest={"artifact": "text"})
    assert values(root)["retrain_exporter_skipped", ("runs",)] == 3 * SKIPPED_LINES
    assert len(caplog.records) == SKIPPED_LINES
