"""The exporter over real directories: a ledger, runs and a server for status questions."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from ml.artifacts import Verdict
from ml.exporter import FAMILIES, registry_of
from ml.ledger import REJECTED, Ledger
from ml.observed import of_server
from ml.promote import decline
from ml.root import Root
from ml.settings import resolve
from serving.client import ModelServer, VersionStatus
from tests.ml.light_world import MODEL, released, stand_in
from tests.prometheus.debian import CONFIGURATION, eventually, free_port, get, running
from tests.prometheus.statsd_exporter import Mapping

Values = dict[tuple[str, tuple[str, ...]], float]


def values(root: Root, url: str = "") -> Values:
    """Each sample by its name and the values of its labels, in the order of the labels' names."""
    return parsed(generate_latest(registry_of(root, ModelServer(url, MODEL) if url else None)).decode())


def parsed(page: str) -> Values:
    return {
        (sample.name, tuple(text for _, text in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root.find(str(tmp_path / "root"))


def reject(root: Root, run: str) -> None:
    reasons = [{"code": "below_threshold", "sentence": "AUC is 0.7."}]
    verdict = Verdict(root.path, "v", 3, False, reasons, f"model of {run}", None, {}, {})
    decline(root, REJECTED, verdict, run_id=run, identity={}, settings=resolve(environment={}).promote)


def ended(root: Root, run: str, at: float, **results: Any) -> None:
    """The results of a run, all written at one moment."""
    for step, result in results.items():
        file = root.run(run) / "results" / f"{step}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"step": step, "outcome": "done", "seconds": 1.5, "artifact": None, **result}))
        os.utime(file, (at, at))


def test_before_the_first_run_nothing_is_wrong(root: Root) -> None:
    found = values(root)
    assert found["retrain_promoted_version", ()] == 0
    assert found["retrain_consecutive_rejections", ()] == 0
    assert found["retrain_ledger_events_total", ("rejected",)] == 0
    assert not [name for name, _ in found if name.startswith(("retrain_last", "retrain_promoted_timestamp"))]
    assert {key: up for key, up in found.items() if key[0] == "retrain_exporter_source_up"} == {
        ("retrain_exporter_source_up", (source,)): 1 for source in ("ledger", "runs", "disk")
    }
    assert 0 < found["retrain_disk_free_bytes", ("root",)] <= found["retrain_disk_size_bytes", ("root",)]


def test_what_was_promoted_and_what_serves(root: Root) -> None:
    with stand_in(root) as settings:
        released(root, settings, "one")
        released(root, settings, "two")
        found = values(root, settings.serving.url)
        assert found["retrain_promoted_version", ()] == found["retrain_served_version", ()] == 2
        assert found["retrain_ledger_events_total", ("confirmed",)] == 2
        assert found["retrain_pending_versions", ()] == 0
        confirmed = Ledger(root.ledger).events()[-1]
        assert (
            found["retrain_promoted_timestamp_seconds", ()]
            == found["retrain_last_result_timestamp_seconds", ("promoted",)]
        ), confirmed
        (root.version(MODEL, 2) / "broken").write_text("yes")
        found = values(root, settings.serving.url)
        assert found["retrain_served_version", ()] == 0
        assert found["retrain_server_versions", ("failed",)] == 1
        assert found["retrain_server_versions", ("end",)] == 1


def test_a_failure_of_a_version_that_is_gone_is_over(root: Root) -> None:
    class Remembering(ModelServer):
        def versions(self) -> list[VersionStatus]:
            return [VersionStatus(2, "END", "UNKNOWN", "broken")]

    def failed() -> float:
        return {number.labels: number.value for number in of_server(Remembering("http://x", MODEL), root)}["failed",]

    root.version(MODEL, 2).mkdir(parents=True)
    assert failed() == 1
    root.version(MODEL, 2).rmdir()
    assert failed() == 0


def test_a_server_without_the_model_serves_version_0(root: Root) -> None:
    with stand_in(root) as settings:
        found = values(root, settings.serving.url)
    assert found["retrain_served_version", ()] == 0
    assert found["retrain_exporter_source_up", ("server",)] == 1


def test_a_server_that_does_not_answer_takes_only_its_own_numbers_away(root: Root) -> None:
    found = values(root, f"http://127.0.0.1:{free_port()}")
    assert found["retrain_exporter_source_up", ("server",)] == 0
    assert ("retrain_served_version", ()) not in found
    assert found["retrain_promoted_version", ()] == 0


def test_rejections_count_from_the_last_confirmation(root: Root) -> None:
    reject(root, "a")
    assert values(root)["retrain_consecutive_rejections", ()] == 1
    with stand_in(root) as settings:
        released(root, settings, "good")
    assert values(root)["retrain_consecutive_rejections", ()] == 0
    for run in ("b", "c", "d"):
        reject(root, run)
    found = values(root)
    assert found["retrain_consecutive_rejections", ()] == 3
    assert found["retrain_ledger_events_total", ("rejected",)] == 4


def test_a_ledger_that_somebody_broke_does_not_hide_the_rest(root: Root, caplog: pytest.LogCaptureFixture) -> None:
    root.ledger.write_text("not json\n")
    registry = registry_of(root, None)
    found = parsed(generate_latest(registry).decode())
    assert found["retrain_exporter_source_up", ("ledger",)] == 0
    assert found["retrain_exporter_source_up", ("disk",)] == 1
    assert "line 1 is no entry" in caplog.text
    said = len(caplog.records)
    generate_latest(registry)
    assert len(caplog.records) == said, "the same trouble is told once"
    root.ledger.unlink()
    assert parsed(generate_latest(registry).decode())["retrain_exporter_source_up", ("ledger",)] == 1


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
    for run, code in (("old", "leak_suspected"), ("new", "worse_than_champion")):
        artifact = {"promotes": False, "reasons": [{"code": code, "sentence": "So."}]}
        ended(root, run, 2000 if run == "new" else 1000, judge={"artifact": artifact})
        place = root.run(run)
        (place / "settings.json").write_text(json.dumps(resolve(environment={}).as_dict()))
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
    assert found["retrain_metric_bound", ("at_least", "AUC")] == 0.85
    assert found["retrain_metric_bound", ("at_most", "BinaryAccuracy")] == 0.9
    assert found["retrain_verdict", ("leak_suspected",)] == 0
    assert found["retrain_verdict", ("worse_than_champion",)] == 1


ODD = {
    "rows": ("validation.json", {"rows": "many", "drift": {}, "findings": []}),
    "drift": ("validation.json", {"rows": 1, "drift": {"Age": None}, "findings": []}),
    "loss": ("results/train.json", {"outcome": "done", "seconds": 1, "artifact": {"epochs": 3, "loss": None}}),
    "surrogate": ("results/judge.json", {"artifact": {"reasons": [{"code": "\ud800"}]}}),
}


@pytest.mark.parametrize("file", ODD)
def test_a_value_that_is_no_number_takes_only_its_source_away(root: Root, file: str) -> None:
    name, content = ODD[file]
    ended(root, "odd", 1000, ingest={})
    (root.run("odd") / name).write_text(json.dumps(content))
    found = values(root)
    assert found["retrain_exporter_source_up", ("runs",)] == 0
    assert found["retrain_promoted_version", ()] == 0


def test_a_version_that_is_no_number_takes_only_the_ledger_away(root: Root) -> None:
    facts = {"at": "2026-11-23T00:00:00+00:00", "run_id": "r", "version": "abc"}
    lines = [json.dumps({"event": event, **facts}) + "\n" for event in ("intent", "published", "confirmed")]
    root.ledger.write_text("".join(lines))
    found = values(root)
    assert found["retrain_exporter_source_up", ("ledger",)] == 0
    assert found["retrain_exporter_source_up", ("disk",)] == 1


@pytest.mark.parametrize("content", ["[1]", "null", "directory"])
def test_a_result_that_is_none_hides_no_other_run(root: Root, content: str) -> None:
    ended(root, "good", 1000, ingest=UNCHANGED)
    odd = root.run("odd") / "results" / "ingest.json"
    odd.parent.mkdir(parents=True)
    if content == "directory":
        odd.mkdir()
    else:
        odd.write_text(content)
    found = values(root)
    assert found["retrain_exporter_source_up", ("runs",)] == 1
    assert found["retrain_last_result_timestamp_seconds", ("unchanged",)] == 1000


def test_an_error_that_is_text_and_a_time_that_is_none(root: Root) -> None:
    ended(root, "odd", 1000, ingest={"outcome": "failed", "error": "text", "seconds": None})
    found = values(root)
    assert found["retrain_last_run_outcome", ("failed",)] == 1
    assert ("retrain_last_step_seconds", ("ingest",)) not in found


def test_a_missing_root_is_no_first_start(root: Root) -> None:
    root.path.rmdir()
    found = values(root)
    assert {source: found["retrain_exporter_source_up", (source,)] for source in ("ledger", "runs", "disk")} == {
        "ledger": 0,
        "runs": 0,
        "disk": 0,
    }
    assert ("retrain_promoted_version", ()) not in found


def test_as_a_process(root: Root, tmp_path: Path) -> None:
    listen, log = f"127.0.0.1:{free_port()}", tmp_path / "log"
    command: list[str | Path] = [sys.executable, "-m", "ml.exporter", "--listen", listen, "--root", root.path]
    with running(command, log=log) as process:
        page = eventually(lambda: get(f"http://{listen}/metrics"))
        assert parsed(page)["retrain_promoted_version", ()] == 0
        assert parsed(page)["process_start_time_seconds", ()] > 0
        assert "no model server is named" in log.read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--listen", "9108"], 2, "Write HOST:PORT"),
        (["--serving-url", "serving:8501"], 1, "write it as http://HOST:PORT"),
        (["--settings", "missing.toml"], 2, "missing.toml"),
    ],
)
def test_wrong_options_are_named(options: list[str], code: int, said: str, tmp_path: Path) -> None:
    with running([sys.executable, "-m", "ml.exporter", "--root", tmp_path, *options], log=tmp_path / "log") as process:
        assert process.wait(60) == code
    assert said in (tmp_path / "log").read_text()


def test_every_metric_is_in_the_table() -> None:
    table = (CONFIGURATION / "METRICS.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", table, re.MULTILINE)
    documented = {name: tuple(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    mapped = {rule["name"] for rule in Mapping(CONFIGURATION / "statsd_mapping.yml").rules} - {"dropped"}
    assert documented.keys() == {family.name for family in FAMILIES} | mapped
    for family in FAMILIES:
        assert documented[family.name] == family.labels
        assert re.fullmatch(r"retrain_[a-z_]+", family.name)
