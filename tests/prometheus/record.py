"""Make tests/prometheus/recorded anew.

    PYTHONPATH=.:plugins .venv/bin/python tests/prometheus/record.py NEW_DIRECTORY DATA.csv

The real Airflow (scheduler, API server, dag-processor, triggerer) runs the DAG with the real steps on the Kaggle file;
the model server gets some traffic; the exporter, StatsD and a real Prometheus look on. Needs Debian's Prometheus, both
environments, and about twenty minutes. Do it after an upgrade of Airflow, or when a metric or an expression is new;
then `record_lines.py`, which adds what other kinds of run say over StatsD.
"""

from __future__ import annotations

import csv
import gzip
import os
import random
import re
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ml.storage.root import PROJECT, Root
from serving.client.model_client import ModelServer, ServingError
from stack.local.airflow.api import AirflowApi
from stack.local.paths import Paths
from tests.prometheus.debian import CONFIGURATION, get, prometheus, running, said_by, tool
from tests.prometheus.recording import LINES, RECORDED, SERIES, distinct, names_in, of_alerts, of_dashboards
from tests.prometheus.statsd_exporter import MAPPING, listening, recorder
from tests.stack.local.stack import Stack, free_port

SAMPLE_SECONDS = 15
Row = dict[str, str]


def main(directory: Path, data: Path) -> None:
    directory.mkdir(parents=True)
    stack = Stack(directory)
    del stack.environment["ML_PYTHON"]  # the real steps, not their stand-in
    server = ModelServer(f"http://127.0.0.1:{stack.serving}")
    customers = list(csv.DictReader(data.open()))
    write_data(directory / "inbox", customers)
    with ExitStack() as block:
        lines, relayed = block.enter_context(recorder())
        relay = f"--statsd.relay.address=127.0.0.1:{relayed}"
        statsd = block.enter_context(listening(MAPPING, relay, log=directory / "statsd.log"))
        configure_airflow(directory / "airflow", statsd.port)
        listen = f"127.0.0.1:{free_port()}"
        python = PROJECT / ".venv-ml" / "bin" / "python"
        exporter: list[str | Path] = [python, "-m", "ml.exporter", "--listen", listen, "--root", directory]
        block.enter_context(running([*exporter, "--serving-url", server.url], log=directory / "exporter.log"))
        targets = {"statsd-exporter:9102": statsd.url.removeprefix("http://"), "retrain-exporter:9108": listen}
        targets["serving:8501"] = f"127.0.0.1:{stack.serving}"
        configuration = directory / "prometheus.yml"
        configuration.write_text(configured_for(targets))
        block.enter_context(prometheus(configuration, data=directory / "data", log=directory / "prometheus.log"))
        stop = threading.Event()
        block.callback(stop.set)
        threading.Thread(target=ask_for_predictions, args=(server, customers, stop), daemon=True).start()
        try:
            some_weeks(stack)
            pages = {"exporter": get(f"http://{listen}/metrics")}
            pages["serving"] = get(f"{server.url}/monitoring/prometheus/metrics")
        finally:
            print(*stack.run("down"), flush=True)
    here = {str(directory): "", **{theirs: ours for ours, theirs in targets.items()}}
    keep(directory / "data", pages, lines, here)


def some_weeks(stack: Stack) -> None:
    """Ten runs, one of each kind that an alert or a panel knows."""
    print(*stack.run("up"), flush=True)
    api = AirflowApi.of(f"http://127.0.0.1:{stack.ui}", Paths(Root(stack.root)))
    api.unpause()
    for conf in (
        {"data": "inbox:customers.csv"},
        {"data": "inbox:customers.csv"},
        {"data": "inbox:customers.csv", "seed": 21},
        {"data": "inbox:unknown-profession.csv"},
        {"data": "inbox:older.csv", "seed": 22},
        {"data": "inbox:customers.csv", "minimum_accuracy": 0.88},
        {"data": "inbox:leak.csv"},
        {"data": "inbox:customers.csv", "minimum_accuracy": 0.89},
        {"data": "inbox:missing.csv"},
        {"data": "inbox:customers.csv", "seed": 23},
    ):
        run_id = api.trigger(conf)
        while api.state(run_id) in ("queued", "running"):
            time.sleep(1)
        print(conf, api.state(run_id), flush=True)
        time.sleep(30)  # some samples of what it left


def write_data(inbox: Path, customers: list[Row]) -> None:
    """The file, and what may become of it."""
    inbox.mkdir()
    chance = random.Random(7)
    write(inbox / "customers.csv", customers)
    write(inbox / "older.csv", [row for row in customers if float(row["Age"]) > 35 or chance.random() < 0.5])
    unknown = [row | {"Profession": "Wizard"} for row in customers[: len(customers) // 10]]
    write(inbox / "unknown-profession.csv", [*unknown, *customers[len(unknown) :]])
    told = {True: "Lawyer", False: "Artist"}
    leak = [
        row | {"Profession": told[row["Segmentation"] == "D"]} if chance.random() < 0.95 else row for row in customers
    ]
    write(inbox / "leak.csv", leak)


def write(path: Path, rows: list[Row]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def configure_airflow(home: Path, udp: int) -> None:
    """By a file, because `make up` passes no variables of Airflow on. All its processes need the same secret."""
    home.mkdir(mode=0o700)
    lines = (CONFIGURATION / "airflow.env").read_text().splitlines()
    options = dict(line.removeprefix("AIRFLOW__METRICS__").lower().split("=") for line in lines if line[:1] == "A")
    options |= {"statsd_host": "127.0.0.1", "statsd_port": str(udp)}
    metrics = "\n".join(f"{name} = {text}" for name, text in options.items())
    (home / "airflow.cfg").write_text(f"[metrics]\n{metrics}\n[api_auth]\njwt_secret = {os.urandom(16).hex()}\n")


def configured_for(targets: dict[str, str]) -> str:
    text = (CONFIGURATION / "prometheus.yml").read_text().replace("alerts.yml", str(CONFIGURATION / "alerts.yml"))
    text = text.replace("_interval: 15s", "_interval: 5s").replace("scrape_timeout: 10s", "scrape_timeout: 4s")
    for ours, theirs in targets.items():
        text = text.replace(ours, theirs)
    return text[: text.index("alerting:")] + text[text.index("scrape_configs:") :]


def ask_for_predictions(server: ModelServer, customers: list[Row], stop: threading.Event) -> None:
    """About twelve requests a second, most of them of one customer, one in thirty of them nonsense."""
    chance = random.Random(1)
    while not stop.wait(chance.expovariate(12)):
        rows = [instance(chance.choice(customers)) for _ in range(chance.choice([1, 1, 1, 8, 32]))]
        try:
            server.predict(rows if chance.random() > 1 / 30 else [{"Age": "old"}])
        except ServingError:
            continue


def instance(row: Row) -> dict[str, Any]:
    numbers = ("Age", "Work_Experience", "Family_Size")
    names = (
        "Gender",
        "Ever_Married",
        "Age",
        "Graduated",
        "Profession",
        "Work_Experience",
        "Spending_Score",
        "Family_Size",
    )
    return {name: float(row[name] or -1) if name in numbers else row[name] for name in names}


def keep(data: Path, pages: dict[str, str], lines: list[str], here: dict[str, str]) -> None:
    """Write the recording, without the names of this machine."""

    def elsewhere(text: str) -> str:
        for ours, theirs in here.items():
            text = text.replace(ours, theirs)
        return text

    wanted = {name for asked in (*of_dashboards(), *of_alerts()) for name in names_in(asked.promql)}
    kept: dict[tuple[str, int], str] = {}
    for line in said_by(tool("promtool"), "tsdb", "dump", data).splitlines():
        found = re.fullmatch(r"\{(.*)\} (\S+) (\d+)", line)
        labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', found[1])) if found else {}
        name = labels.pop("__name__", "")
        if found and name in wanted and found[2] != "NaN":  # which is how the end of a series is dumped
            series = name + "{" + ",".join(f'{label}="{text}"' for label, text in sorted(labels.items())) + "}"
            at = int(found[3]) / 1000
            kept.setdefault((elsewhere(series), int(at / SAMPLE_SECONDS)), f"{elsewhere(series)} {found[2]} {at:.3f}")
    RECORDED.mkdir(exist_ok=True)
    text = "\n".join(kept[key] for key in sorted(kept)) + "\n# EOF\n"
    SERIES.write_bytes(gzip.compress(text.encode(), mtime=0))
    LINES.write_text(elsewhere("\n".join(distinct(lines)) + "\n"))
    for name, page in pages.items():
        (RECORDED / f"page_{name}.txt").write_text(elsewhere(page))


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]))
