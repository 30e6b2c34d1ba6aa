"""Who reaches whom by docker-compose.yml: ports, ways out, and neighbours."""

from __future__ import annotations

import re

import pytest

from tests.stack.compose.compose_file import AIRFLOW, COMPOSE, SERVICES, members, networks_of

PUBLISHED = {"airflow-api-server", "serving", "gateway", "prometheus", "alertmanager", "grafana"}
# Kaggle, and whoever hears of runs and of alerts.
MAY_LEAVE = {"airflow-scheduler", "airflow-worker", "airflow-dag-processor", "alertmanager"}
# Who says over StatsD what it does, and whom Prometheus asks.
TALKS_OF_ITSELF = set(AIRFLOW) - {"airflow-init", "airflow-cleaner"}
WATCHED = {"statsd-exporter", "retrain-exporter", "serving"}
FLINK = {"flink-jobmanager", "flink-node", "flink-taskmanager", "flink-workers", "flink-job-server"}
STEPS = {"airflow-scheduler", "airflow-worker"}
SEE_ONE_ANOTHER = "com.docker.network.bridge.enable_icc"


def test_ports_are_open_on_loopback_only() -> None:
    assert {name for name, service in SERVICES.items() if "ports" in service} == PUBLISHED
    for name in PUBLISHED:
        for port in SERVICES[name]["ports"]:
            assert re.fullmatch(r"127\.0\.0\.1:\$\{[A-Z]+_PORT:-\d+\}:\d+", port), port


def test_only_services_that_need_the_outside_have_a_way_out() -> None:
    networks = COMPOSE["networks"]
    closed = {name for name, network in networks.items() if network.get("internal")}
    assert networks.keys() - closed == {"edge", "graphs", "out"}
    for name in ("edge", "graphs"):
        assert networks[name]["driver_opts"]["com.docker.network.bridge.enable_ip_masquerade"] == "false"
    assert members("out") == MAY_LEAVE
    for name in PUBLISHED:
        # A container on internal networks alone cannot publish a port.
        assert set(SERVICES[name]["networks"]) - closed
    for name in SERVICES:
        # With two of them Docker takes the one whose name comes first as the way out.
        assert len(set(networks_of(name)) - closed) <= 1, name


def _neighbours(service: str) -> set[str]:
    """Whom it can reach: who shares a network with it on which containers see one another."""
    return {
        other
        for network in networks_of(service)
        if COMPOSE["networks"][network].get("driver_opts", {}).get(SEE_ONE_ANOTHER) != "false"
        for other in members(network)
    } - {service}


@pytest.mark.parametrize(
    ("service", "neighbours"),
    [
        ("postgres", {*AIRFLOW, "redis"}),
        ("redis", {*AIRFLOW, "postgres"}),
        ("airflow-init", {*AIRFLOW, "postgres", "redis"}),
        ("airflow-cleaner", {*AIRFLOW, "postgres", "redis"}),
        ("airflow-triggerer", {*AIRFLOW, "postgres", "redis", "statsd-exporter"}),
        ("airflow-api-server", {*AIRFLOW, "postgres", "redis", "statsd-exporter", "serving"}),
        ("airflow-dag-processor", {*AIRFLOW, "postgres", "redis", "statsd-exporter"}),
        ("airflow-scheduler", {*AIRFLOW, "postgres", "redis", "statsd-exporter", "serving", *FLINK}),
        ("statsd-exporter", {*TALKS_OF_ITSELF, *WATCHED, "prometheus"}),
        ("serving", {"airflow-api-server", "airflow-scheduler", "airflow-worker", "gateway", *WATCHED, "prometheus"}),
        ("gateway", {"serving", "prometheus"}),
        ("retrain-exporter", {*WATCHED, "prometheus"}),
        ("prometheus", {*WATCHED, "gateway", "alertmanager", "alert-webhook", "grafana"}),
        ("grafana", {"prometheus"}),
        ("alertmanager", {"prometheus", "alert-webhook"}),
        ("alert-webhook", {"prometheus", "alertmanager"}),
        *((part, FLINK | STEPS) for part in sorted(FLINK)),
    ],
)
def test_a_service_shares_a_network_with_its_neighbours_only(service: str, neighbours: set[str]) -> None:
    assert _neighbours(service) == neighbours - {service}
