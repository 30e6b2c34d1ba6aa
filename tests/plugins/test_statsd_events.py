"""What steps and runs say over StatsD: real operators and hooks, Airflow's own client, a real socket."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow._shared.observability.metrics.base_stats_logger import NoStatsLogger
from airflow._shared.observability.metrics.statsd_logger import get_statsd_logger
from airflow.observability import stats as server_stats
from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException, AirflowTaskTimeout
from airflow.sdk.execution_time.timeout import timeout
from airflow.sdk.observability import stats as task_stats
from statsd import StatsClient

from ml.errors import FinalError
from ml.pipeline.step_names import STEPS
from ml.storage.root import PROJECT
from retraining import statsd_events
from retraining.child.result_file import ResultFile
from retraining.params import dag_params
from retraining.runs import listener
from retraining.step_operator import StepOperator
from tests.airflow_home import fake_ml

RUN = "manual__2026-11-23T00:00:00+00:00"
Said = Callable[[], list[str]]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def nothing(_cls: type, conn_id: str) -> Any:
        raise AirflowNotFoundException(conn_id)

    monkeypatch.setenv("RETRAIN_ROOT", str(tmp_path))
    monkeypatch.setattr(Connection, "get", classmethod(nothing))
    return tmp_path


@pytest.fixture
def said(root: Path) -> Iterator[Said]:
    """The lines that have arrived."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        udp.settimeout(0.2)
        host, port = udp.getsockname()

        client = get_statsd_logger(
            stats_class=StatsClient,
            host=host,
            port=port,
            prefix="airflow",
            influxdb_tags_enabled=True,
            statsd_influxdb_enabled=True,
        )

        def arrived() -> list[str]:
            lines = []
            while True:
                try:
                    lines.append(udp.recv(4096).decode())
                except TimeoutError:
                    return lines

        for stats in (server_stats, task_stats):
            stats.initialize(factory=lambda: client, export_legacy_names=False)
        yield arrived
        for stats in (server_stats, task_stats):
            stats.initialize(factory=NoStatsLogger, export_legacy_names=False)
        client.statsd.close()


def run_step(root: Path, monkeypatch: pytest.MonkeyPatch, **plan: Any) -> None:
    monkeypatch.setenv("RETRAIN_FAKE", json.dumps({"train": plan}))
    operator = StepOperator(step="train", ml_python=str(fake_ml(root)))
    params = {name: param.value for name, param in dag_params().items()}
    dag_run = SimpleNamespace(run_id=RUN, run_type="manual", triggering_user_name="ada", conf={})
    context: Any = {"dag_run": dag_run, "params": params}
    operator.execute(context)


@pytest.mark.parametrize(
    ("plan", "outcome"),
    [
        ({}, "done"),
        ({"exit": 1}, "failed"),
        ({"exit": 99}, "skipped"),
        ({"exit": 3, "no_result": True}, "failed"),
        ({"signal": int(signal.SIGKILL)}, "killed"),
    ],
)
def test_each_try_of_a_step_is_one_timing(
    root: Path, said: Said, monkeypatch: pytest.MonkeyPatch, plan: dict[str, Any], outcome: str
) -> None:
    try:
        run_step(root, monkeypatch, **plan)
    except AirflowException:
        assert outcome != "done"
    (line,) = said()
    name, _, rest = line.partition(":")
    assert name == f"airflow.retrain.step,step=train,outcome={outcome}"
    milliseconds, _, kind = rest.partition("|")
    assert kind == "ms"
    assert float(milliseconds) > 1
    assert outcome in statsd_events.STEP_OUTCOMES


def test_a_stopped_try_says_so_and_leaves_a_record(root: Path, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AirflowTaskTimeout), timeout(1):  # type: ignore[no-untyped-call]
        run_step(root, monkeypatch, sleep=60)
    assert [line.partition(":")[0] for line in said()] == ["airflow.retrain.step,step=train,outcome=stopped"]
    result = json.loads((root / "runs" / RUN / "results" / "train.json").read_text())
    assert (result["step"], result["run_id"], result["outcome"]) == ("train", RUN, "failed")
    assert "stopped by Airflow" in result["error"]["what"]
    assert 0 < result["seconds"] < 60


def test_a_killed_try_leaves_a_record(root: Path, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AirflowException):
        run_step(root, monkeypatch, signal=int(signal.SIGKILL))
    result = json.loads((root / "runs" / RUN / "results" / "train.json").read_text())
    assert "killed by signal 9" in result["error"]["what"]
    assert result["error"]["retry"] is True


def test_a_result_without_an_outcome_does_not_count(tmp_path: Path) -> None:
    file = ResultFile(tmp_path, "train")
    file.path.parent.mkdir()
    file.path.write_text('{"step": "train"}')
    assert file.read() is None
    file.path.write_text('{"outcome": "done"}')
    assert file.read() == {"outcome": "done"}


def test_a_directory_in_place_of_a_result_is_named(tmp_path: Path) -> None:
    file = ResultFile(tmp_path, "train")
    file.path.mkdir(parents=True)
    with pytest.raises(FinalError, match=r"train\.json: a directory is where.*Remove it"):
        file.remove()


def a_run(root: Path, dag_id: str = listener.DAG_ID, **results: Any) -> Any:
    for step, result in results.items():
        file = root / "runs" / RUN / "results" / f"{step}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"step": step, "outcome": "done", **result}))
    return SimpleNamespace(dag_id=dag_id, run_id=RUN)


BLOCKED = {"outcome": "failed", "error": {"type": "DataError"}}
ALL_DONE: dict[str, Any] = {step: {} for step in STEPS}


@pytest.mark.parametrize(
    ("hook", "results", "outcome"),
    [
        ("success", ALL_DONE, "promoted"),
        ("success", ALL_DONE | {"promote": {"outcome": "skipped", "skipped_because": "rejected"}}, "rejected"),
        ("success", ALL_DONE | {"promote": {"outcome": "skipped", "skipped_because": "withheld"}}, "withheld"),
        ("success", {"ingest": {"outcome": "skipped", "skipped_because": "unchanged"}}, "unchanged"),
        ("success", {"ingest": {}}, "unknown"),
        ("success", {"ingest": {"outcome": "skipped", "skipped_because": "made up"}}, "unknown"),
        ("failed", {"ingest": {}, "validate": BLOCKED}, "blocked"),
        ("failed", {"ingest": {}, "validate": {}}, "failed"),
        ("failed", ALL_DONE, "failed"),
        ("failed", {"ingest": {"outcome": "failed", "error": "text"}}, "failed"),
        ("failed", {}, "failed"),
    ],
)
def test_each_run_counts_once_by_its_outcome(
    root: Path, said: Said, hook: str, results: dict[str, Any], outcome: str
) -> None:
    getattr(listener, f"on_dag_run_{hook}")(dag_run=a_run(root, **results), msg="")
    assert said() == [f"airflow.retrain.runs,outcome={outcome}:1|c"]


def test_a_run_that_starts_says_zero_for_every_outcome(root: Path, said: Said) -> None:
    listener.on_dag_run_running(dag_run=a_run(root), msg="started")
    assert said() == [f"airflow.retrain.runs,outcome={outcome}:0|c" for outcome in statsd_events.RUN_OUTCOMES]


def test_other_dags_and_strange_run_ids_are_ignored(root: Path, said: Said) -> None:
    for hook in (listener.on_dag_run_running, listener.on_dag_run_success, listener.on_dag_run_failed):
        hook(dag_run=a_run(root, dag_id="another"), msg="")
    assert said() == []
    strange: Any = SimpleNamespace(dag_id=listener.DAG_ID, run_id="../../etc")
    listener.on_dag_run_failed(dag_run=strange, msg="")
    assert said() == ["airflow.retrain.runs,outcome=failed:1|c"]


@pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")  # Airflow's own
def test_airflow_finds_the_listener_and_the_dag_is_the_one_it_listens_to() -> None:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.listeners.listener import get_listener_manager

    assert listener.DAG_ID in DagBag(dag_folder=PROJECT / "dags").dags
    assert any(plugin is listener for plugin in get_listener_manager().pm.get_plugins())
