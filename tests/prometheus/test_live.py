"""All of it at once: a real DAG run, model server and gateway, both exporters, Debian's Prometheus and Alertmanager.

Only the ML environment behind the DAG's steps is a stand-in.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from ml.storage.root import PROJECT
from serving.client.example_instance import EXAMPLE_INSTANCE
from serving.client.model_client import ModelServer
from tests.airflow_home import fake_ml, variables
from tests.prometheus.debian import (
    CONFIGURATION,
    eventually,
    free_port,
    get,
    prometheus,
    query,
    running,
    tool,
    value,
)
from tests.prometheus.statsd_exporter import StatsdExporter, listening, without_catch_all
from tests.serving.gateway.gateway_process import gateway
from tests.serving.live import GOLDEN, ServerProcess

STEPS_OF_A_RUN = 8
TASKS_BESIDE_THE_STEPS = 3  # the outcome that is promoted, and what tells of a run: outcome and report
Command = list[str | Path]


@dataclass
class Stack:
    url: str
    alertmanager: str
    notified: Path
    statsd: StatsdExporter
    server: ServerProcess
    models: Path


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    here = tmp_path_factory.mktemp("live")
    root = here / "root"
    models = root / "models" / "customer-model"
    models.mkdir(parents=True)
    for name in ("prometheus", "alertmanager"):
        tool(name)
    with ExitStack() as block:
        statsd = block.enter_context(listening(without_catch_all(here), log=here / "statsd.log"))
        command, log = airflow(here, root, statsd.port)
        dag_run = block.enter_context(running(command, log=log))
        server = ServerProcess(
            "--model_name=customer-model",
            f"--model_base_path={models}",
            "--file_system_poll_wait_seconds=1",
            log=here / "server.log",
        )
        block.callback(server.stop)
        door = block.enter_context(
            gateway(server.url, "--model=customer-model", f"--spool={here / 'spool'}", log=here / "gateway.log")
        )
        ports = {name: free_port() for name in ("exporter", "alertmanager", "webhook", "prometheus")}
        python = sys.executable
        listen = f"127.0.0.1:{ports['exporter']}"
        exporter: Command = [python, "-m", "ml.exporter", "--listen", listen, "--root", root]
        exporter += ["--serving-url", server.url]
        block.enter_context(running(exporter, log=here / "exporter.log"))
        notified = here / "webhook.log"
        webhook: Command = [python, CONFIGURATION / "alert_webhook.py", "--listen", f"127.0.0.1:{ports['webhook']}"]
        block.enter_context(running(webhook, log=notified, PYTHONUNBUFFERED="1"))
        here_and_now = {
            "statsd-exporter:9102": statsd.url.removeprefix("http://"),
            "retrain-exporter:9108": listen,
            "serving:8501": server.url.removeprefix("http://"),
            "gateway:8600": door.url.removeprefix("http://"),
            "localhost:9090": f"127.0.0.1:{ports['prometheus']}",
            "alertmanager:9093": f"127.0.0.1:{ports['alertmanager']}",
            "alert-webhook:9096": f"127.0.0.1:{ports['webhook']}",
            "scrape_timeout: 10s": "scrape_timeout: 1s",
            "_interval: 15s": "_interval: 1s",
            "for: 5m": "for: 1s",
            "group_wait: 30s": "group_wait: 0s",
            "group_wait: 10s": "group_wait: 0s",
            "group_interval: 5m": "group_interval: 1s",
        }
        for name in ("prometheus.yml", "alerts.yml", "alertmanager.yml"):
            text = (CONFIGURATION / name).read_text()
            for ours, theirs in here_and_now.items():
                text = text.replace(ours, theirs)
            (here / name).write_text(text)
        alertmanager: Command = [
            tool("alertmanager"),
            f"--config.file={here / 'alertmanager.yml'}",
            f"--storage.path={here / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{ports['alertmanager']}",
            "--cluster.listen-address=",
        ]
        block.enter_context(running(alertmanager, log=here / "alertmanager.log"))
        url = block.enter_context(
            prometheus(
                here / "prometheus.yml", data=here / "data", log=here / "prometheus.log", port=ports["prometheus"]
            )
        )
        assert dag_run.wait(300) == 0, (here / "airflow.log").read_text()[-3000:]
        yield Stack(url, f"http://127.0.0.1:{ports['alertmanager']}", notified, statsd, server, models)


def airflow(here: Path, root: Path, udp: int) -> tuple[Command, Path]:
    """A run of the DAG by the other environment, with the metrics settings of the compose file."""
    fake_ml(root)
    program = root / "fake-ml"
    python = PROJECT / ".venv" / "bin" / "python"
    program.write_text(f"#!{python}\n" + program.read_text().partition("\n")[2])
    settings = dict(
        line.split("=", 1) for line in (CONFIGURATION / "airflow.env").read_text().splitlines() if line[:1] == "A"
    )
    ours = {
        **variables(here / "airflow"),
        **settings,
        "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
        "AIRFLOW__METRICS__STATSD_PORT": str(udp),
        "RETRAIN_ROOT": str(root),
        "ML_PYTHON": str(program),
    }
    env: Command = ["env", *(f"{name}={text}" for name, text in ours.items())]
    return [*env, python, PROJECT / "tests" / "dags" / "run_with_metrics.py"], here / "airflow.log"


def test_every_target_is_up(stack: Stack) -> None:
    eventually(lambda: len(query(stack.url, "up == 1")) == 6)
    assert {series["metric"]["job"] for series in query(stack.url, "up")} == {
        *("prometheus", "alertmanager", "statsd", "retrain-exporter", "serving", "gateway"),
    }


def test_the_run_is_in_prometheus(stack: Stack) -> None:
    eventually(lambda: value(stack.url, 'retrain_runs_total{outcome="promoted"}') == 1)
    eventually(lambda: value(stack.url, 'sum(retrain_step_seconds_count{outcome="done"})') == STEPS_OF_A_RUN)
    finished = 'sum(airflow_task_finishes_total{dag_id="customer_retraining",state="success"})'
    assert value(stack.url, finished) == STEPS_OF_A_RUN + TASKS_BESIDE_THE_STEPS
    assert value(stack.url, "retrain_promoted_version") == 1
    assert value(stack.url, 'retrain_last_run_outcome{outcome="promoted"}') == 1
    assert value(stack.url, 'airflow_dagrun_duration_seconds_count{state="success"}') == 1


def test_no_line_of_the_run_is_unknown_to_the_mapping(stack: Stack) -> None:
    assert stack.statsd.about_itself("statsd_exporter_lines_total") > STEPS_OF_A_RUN
    refused = ("sample_errors", "tag_errors", "events_unmapped", "events_conflict", "events_error")
    assert stack.statsd.about_itself(*(f"statsd_exporter_{name}_total" for name in refused)) == 0


def test_a_version_that_does_not_load_is_told(stack: Stack) -> None:
    """What the stand-in for the steps promoted is an empty directory."""
    eventually(lambda: "page firing VersionFailedToLoad " in stack.notified.read_text())
    assert value(stack.url, "retrain_served_version") == 0


def test_an_outage_reaches_the_webhook(stack: Stack) -> None:
    """Last, because the server is stopped. A version that serves comes first."""
    shutil.copytree(GOLDEN / "models" / "customer-flat" / "1", stack.models.parent / "staged")
    (stack.models.parent / "staged").rename(stack.models / "2")
    eventually(lambda: value(stack.url, "retrain_served_version") == 2)
    assert ModelServer(stack.server.url).predict([EXAMPLE_INSTANCE])
    eventually(lambda: value(stack.url, 'sum(:tensorflow:serving:request_latency_count{API="predict"})') == 1)
    assert "ServingDown" not in stack.notified.read_text()
    stack.server.stop()
    eventually(lambda: "page firing ServingDown The model server does not answer." in stack.notified.read_text())
    assert "ServingDown" in get(f"{stack.alertmanager}/api/v2/alerts?active=true")
    assert "RUNBOOK.md#servingdown" in stack.notified.read_text()
