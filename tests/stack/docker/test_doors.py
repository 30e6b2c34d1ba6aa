"""Whom each container can reach, tried from inside."""

from __future__ import annotations

import pytest

from tests.stack.docker.containers import Containers

OUTSIDE = "1.1.1.1:443"
DOORS = ["airflow-api-server:8080", "postgres:5432", "redis:6379", "statsd-exporter:9125", "retrain-exporter:9108"]
MODEL_SERVER = "model-server:8501"
"""The model server by the name that it has on the network of those who may ask it."""
DOORS += [MODEL_SERVER, "serving:8501", "serving:8500", "prometheus:9090", "alertmanager:9093"]
DOORS += ["alert-webhook:9096", "gateway:8600", OUTSIDE]
AIRFLOW = {"airflow-api-server:8080", "postgres:5432", "redis:6379"}
# Those among them whose images have a bash, and what else than itself each of them can open.
REACHES = {
    "postgres": {"airflow-api-server:8080", "redis:6379"},
    "airflow-api-server": {"postgres:5432", "redis:6379", "statsd-exporter:9125", MODEL_SERVER},
    "airflow-scheduler": {*AIRFLOW, "statsd-exporter:9125", "serving:8501", MODEL_SERVER},
    "airflow-dag-processor": {*AIRFLOW, "statsd-exporter:9125"},
    "airflow-cleaner": AIRFLOW,
    "gateway": {MODEL_SERVER},
    "serving": {"statsd-exporter:9125", "retrain-exporter:9108", "prometheus:9090"},
    "retrain-exporter": {"statsd-exporter:9125", "serving:8501", "prometheus:9090"},
    "alert-webhook": {"alertmanager:9093", "prometheus:9090"},
}


@pytest.mark.parametrize("service", REACHES)
def test_each_container_reaches_what_it_must_and_nothing_else(stack: Containers, first_run: str, service: str) -> None:
    own = (f"{service}:", MODEL_SERVER) if service == "serving" else (f"{service}:",)
    doors = [door for door in DOORS if not door.startswith(own)]
    opens = '(timeout 5 bash -c "</dev/tcp/${0/://}" && echo $0) 2>/dev/null'
    each = " & ".join(f"bash -c '{opens}' {door}" for door in doors)
    reached = set(stack.compose("exec", "-T", service, "bash", "-c", f"{each} & wait").split())
    services = {*stack.states(), "model-server"}  # redis has a profile
    there = {door for door in REACHES[service] if door.partition(":")[0] in services}
    if service in ("airflow-scheduler", "airflow-dag-processor"):
        reached.discard(OUTSIDE)  # they may, but does this machine?
    assert reached == there
