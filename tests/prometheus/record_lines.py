"""Add to tests/prometheus/recorded/statsd.txt what other kinds of run say: a scheduled one, one that retries, Celery's.

    PYTHONPATH=.:plugins .venv/bin/python tests/prometheus/record_lines.py NEW_DIRECTORY

The real Airflow, once with the LocalExecutor and once with the CeleryExecutor and a worker, each with a run that fails
after its retries and with the scheduled run of a Monday that was missed. What the steps do makes no difference to the
lines, so their stand-in does it. Needs Debian's redis-server and about four minutes. `record.py` writes the file anew:
do this after it.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ml.storage.root import PROJECT, Root
from stack.local.airflow.api import USER, AirflowApi
from stack.local.airflow.database import migrate_if_needed
from stack.local.airflow.environment import airflow_environment, with_api_server
from stack.local.paths import AIRFLOW, Paths
from stack.local.processes.process import Process, start, stop
from tests.prometheus.debian import CONFIGURATION, eventually, free_port
from tests.prometheus.recording import LINES, distinct
from tests.prometheus.statsd_exporter import recorder
from tests.stack.local.stack import Stack

MINUTES = 60.0


def main(directory: Path) -> None:
    directory.mkdir(parents=True)
    lines = LINES.read_text().splitlines()
    for executor in ("LocalExecutor", "CeleryExecutor"):
        lines += said_with(executor, directory / executor)
    LINES.write_text("\n".join(distinct(lines)) + "\n")


def said_with(executor: str, directory: Path) -> list[str]:
    directory.mkdir()
    stack, paths = Stack(directory), Paths(Root(directory))
    paths.prepare()
    paths.passwords.write_text(json.dumps({USER: secrets.token_urlsafe(12)}))
    with (
        recorder() as (heard, udp),
        airflow(executor, stack, paths, udp) as api,
    ):
        stack.plan(train={"signal": 9})
        wait_for_end(api, api.trigger({}), "failed")
        stack.plan()
        miss_a_monday(paths)
        wait_for_end(api, eventually(lambda: scheduled(api), within=2 * MINUTES), "success")
        time.sleep(15)  # some beats of every heart
    print(f"{executor}: {len(heard)} lines, {len(distinct(heard))} of them distinct", flush=True)
    return [line.replace(str(directory), "") for line in heard]


@contextmanager
def airflow(executor: str, stack: Stack, paths: Paths, udp: int) -> Iterator[AirflowApi]:
    """All processes of an Airflow, with the variables that the compose file gives them; the DAG is switched on."""
    redis = free_port()
    url = f"http://127.0.0.1:{stack.ui}"
    environment = with_api_server(airflow_environment(paths, serving_url="http://127.0.0.1:1"), paths, ui_url=url)
    settings = (CONFIGURATION / "airflow.env").read_text().splitlines()
    environment |= dict(line.split("=", 1) for line in settings if line.startswith("AIRFLOW"))
    environment |= {
        "AIRFLOW__CORE__EXECUTOR": executor,
        "AIRFLOW__API_AUTH__JWT_SECRET": os.urandom(16).hex(),
        "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
        "AIRFLOW__METRICS__STATSD_PORT": str(udp),
        "AIRFLOW__CELERY__BROKER_URL": f"redis://127.0.0.1:{redis}/0",
        "AIRFLOW__CELERY__RESULT_BACKEND": f"redis://127.0.0.1:{redis}/1",
        "ML_PYTHON": stack.environment["ML_PYTHON"],
    }
    migrate_if_needed(paths, environment)
    commands: dict[str, list[str | Path]] = {
        "api-server": [AIRFLOW, "api-server", "--host", "127.0.0.1", "--port", str(stack.ui), "--workers", "1"],
        "scheduler": [AIRFLOW, "scheduler", "--skip-serve-logs"],
        "dag-processor": [AIRFLOW, "dag-processor"],
        "triggerer": [AIRFLOW, "triggerer", "--skip-serve-logs"],
    }
    if executor == "CeleryExecutor":
        commands["redis"] = ["redis-server", "--bind", "127.0.0.1", "--port", str(redis), "--save", ""]
        commands["worker"] = [AIRFLOW, "celery", "worker", "--skip-serve-logs", "--concurrency", "2"]
    since, started = datetime.now(UTC), list[Process]()
    try:
        for name, command in commands.items():
            log = paths.logs / f"{name}.log"
            started.append(start(name, command, environment=environment, directory=PROJECT, log=log)[0])
        api = AirflowApi.of(url, paths)
        eventually(api.log_in, within=4 * MINUTES)
        eventually(lambda: not api.unhealthy(since) and api.dag(), within=4 * MINUTES)
        api.unpause()
        yield api
    finally:
        stop(started)


def miss_a_monday(paths: Paths) -> None:
    """Make all runs so far scheduled ones of a fortnight ago: the Monday between then and now was missed."""
    then = f"{datetime.now(UTC) - timedelta(days=14):%Y-%m-%d %H:%M:%S.%f}"
    moments = ", ".join(
        f"{name} = ?" for name in ("logical_date", "run_after", "data_interval_start", "data_interval_end")
    )
    with closing(sqlite3.connect(paths.airflow_home / "airflow.db", timeout=60)) as database, database:
        database.execute(f"UPDATE dag_run SET run_type = 'scheduled', {moments}", [then] * 4)


def scheduled(api: AirflowApi) -> str:
    """The run that makes up for it, or ""; Airflow names runs by their kind."""
    return next((run_id for run_id in api.active_run_ids() if run_id.startswith("scheduled__")), "")


def wait_for_end(api: AirflowApi, run_id: str, wanted: str) -> None:
    eventually(lambda: api.state(run_id) not in ("queued", "running"), within=5 * MINUTES)
    print(run_id, api.state(run_id), flush=True)
    if api.state(run_id) != wanted:
        raise SystemExit(f"{run_id}: {api.state(run_id)}, and not {wanted}; the logs say why")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
