"""The exporter over real directories: a ledger, the disk and a server for status questions; and its process."""

from __future__ import annotations

import hashlib
import json
import re
import signal
import socket
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from urllib.error import HTTPError

import pytest
from prometheus_client import generate_latest

from ml.monitoring.build_info import LABELS, collect_build
from ml.monitoring.metric_families import FAMILIES, collector_registry
from ml.monitoring.state_collectors import collect_server
from ml.registry.intervention.release import release
from ml.registry.intervention.rollback import rollback
from ml.registry.ledger.ledger import Ledger
from ml.storage.root import PROJECT, Root
from serving.client.model_client import ModelServer
from serving.client.version_status import VersionStatus
from serving.gateway.records import metrics_page
from tests.ml.light_world import MODEL, released, stand_in
from tests.prometheus.debian import CONFIGURATION, eventually, free_port, get, running
from tests.prometheus.exported import parsed, reject, values
from tests.prometheus.statsd_exporter import rules

SOURCES = ("ledger", "runs", "disk", "performance", "monitoring")


def test_before_the_first_run_nothing_is_wrong(root: Root) -> None:
    found = values(root)
    assert found["retrain_promoted_version", ()] == 0
    assert found["retrain_consecutive_rejections", ()] == 0
    assert found["retrain_ledger_events_total", ("rejected",)] == 0
    assert not [name for name, _ in found if name.startswith(("retrain_last", "retrain_promoted_timestamp"))]
    assert {key: up for key, up in found.items() if key[0] == "retrain_exporter_source_up"} == {
        ("retrain_exporter_source_up", (source,)): 1 for source in SOURCES
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


def test_a_hold_shows_until_when_and_a_quarantine_stays(root: Root) -> None:
    with stand_in(root) as settings:
        for name in ("one", "two"):
            released(root, settings, name)
        before = values(root)
        rollback(root, settings, target=None, reason="r")
        hold, held = Ledger(root.ledger).hold(), values(root)
        assert hold is not None
        release(root, settings, reason="r")
        after = values(root)
    shown = [found["retrain_hold_until_timestamp_seconds", ()] for found in (before, held, after)]
    assert shown == [0, hold.until.timestamp(), 0]
    assert [found["retrain_quarantined_models", ()] for found in (before, held, after)] == [0, 1, 1]


def test_a_failure_of_a_version_that_is_gone_is_over(root: Root) -> None:
    class Remembering(ModelServer):
        def versions(self) -> list[VersionStatus]:
            return [VersionStatus(2, "END", "UNKNOWN", "broken")]

    def failed() -> float:
        return {number.labels: number.value for number in collect_server(Remembering("http://x", MODEL), root)}[
            "failed",
        ]

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


def test_a_rewrite_of_the_ledger_shows_in_its_numbers(root: Root) -> None:
    def numbers() -> list[float]:
        found = parsed(generate_latest(collector_registry(root, None)).decode())
        return [found[f"retrain_ledger_{name}", ()] for name in ("entries", "head", "faults")]

    assert numbers() == [0, 0, 0]
    ledger = Ledger(root.ledger)
    for run_id in ("one", "two"):
        ledger.append("rejected", run_id=run_id)
    whole = root.ledger.read_bytes()
    head = int(hashlib.sha256(whole.splitlines()[1]).hexdigest()[:12], 16)
    assert numbers() == [2, head, 0]
    root.ledger.write_bytes(whole.replace(b'"one"', b'"1ne"'))
    assert numbers() == [2, head, 1]
    for path in (root.ledger, root.path / "ledger.head"):
        path.unlink()
    for run_id in ("1ne", "two"):
        ledger.append("rejected", run_id=run_id)
    entries, other, faults = numbers()
    assert (entries, faults) == (2, 0)
    assert other != head, "hashes that were made anew have another head"


def test_a_ledger_that_somebody_broke_does_not_hide_the_rest(root: Root, caplog: pytest.LogCaptureFixture) -> None:
    root.ledger.write_text("not json\n")
    registry = collector_registry(root, None)
    found = parsed(generate_latest(registry).decode())
    assert found["retrain_exporter_source_up", ("ledger",)] == 0
    assert found["retrain_exporter_source_up", ("disk",)] == 1
    assert "line 1 is not an entry" in caplog.text
    said = len(caplog.records)
    generate_latest(registry)
    assert len(caplog.records) == said, "the same trouble is told once"
    root.ledger.unlink()
    assert parsed(generate_latest(registry).decode())["retrain_exporter_source_up", ("ledger",)] == 1


def test_a_version_that_is_not_a_number_takes_only_the_ledger_away(root: Root) -> None:
    facts = {"at": "2026-11-23T00:00:00+00:00", "run_id": "r", "version": "abc"}
    lines = [json.dumps({"event": event, **facts}) + "\n" for event in ("intent", "published", "confirmed")]
    root.ledger.write_text("".join(lines))
    found = values(root)
    assert found["retrain_exporter_source_up", ("ledger",)] == 0
    assert found["retrain_exporter_source_up", ("disk",)] == 1


def test_a_missing_root_does_not_look_like_a_first_start(root: Root) -> None:
    root.path.rmdir()
    found = values(root)
    assert {key: up for key, up in found.items() if key[0] == "retrain_exporter_source_up"} == {
        ("retrain_exporter_source_up", (source,)): 0 for source in SOURCES
    }
    assert ("retrain_promoted_version", ()) not in found


def test_the_process_serves_the_page_and_ends_on_sigterm(root: Root, tmp_path: Path) -> None:
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
    mapped = {rule["name"] for rule in rules()} - {"dropped"}
    assert documented.keys() == {family.name for family in FAMILIES} | mapped | metrics_page.FAMILIES.keys()
    for family in FAMILIES:
        assert documented[family.name] == family.labels
        assert re.fullmatch(r"retrain_[a-z_]+", family.name)


def test_only_the_page_of_numbers_is_there_and_a_silent_client_is_let_go(root: Root, tmp_path: Path) -> None:
    listen, log = f"127.0.0.1:{free_port()}", tmp_path / "log"
    command: list[str | Path] = [sys.executable, "-m", "ml.exporter", "--listen", listen, "--root", root.path]
    with running(command, log=log):
        eventually(lambda: get(f"http://{listen}/metrics"))
        assert get(f"http://{listen}/metrics?name[]=retrain_promoted_version").count("\n") == 3
        for path in ("/", "/metric", "/metrics/x", "/-/healthy"):
            with pytest.raises(HTTPError, match="404"):
                get(f"http://{listen}{path}")
        host, port = listen.split(":")
        with socket.create_connection((host, int(port)), timeout=60) as silent:
            silent.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")
            assert silent.recv(1) == b""


def test_the_versions_of_what_runs_are_told(tmp_path: Path) -> None:
    (installed := tmp_path / ".venv/lib/python3.11/site-packages/apache_airflow-3.3.2.dist-info").mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: apache-airflow\nVersion: 3.3.2\n")
    (told,) = collect_build(tmp_path)
    found = dict(zip(LABELS, told.labels, strict=True))
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    assert (told.value, found["version"], found["airflow"]) == (1, declared, "3.3.2")
    assert found["tensorflow"] == version("tensorflow")
    (elsewhere,) = collect_build(tmp_path / "nothing")
    assert dict(zip(LABELS, elsewhere.labels, strict=True))["airflow"] == "unknown"
