"""Every expression in the dashboards and the alerts, asked of a real Prometheus that remembers a recorded afternoon."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest

from ml.drift.last_checks import Check, keep_check
from ml.feedback.live_performance import live_performance
from ml.monitoring.metric_families import collector_registry
from ml.performance.live_file import write_live_performance
from ml.probation.item import BREACHED, KNOWN_ROWS, Item
from ml.probation.last_check import LastCheck
from ml.registry.ledger.entries import PROBATION, WAITING
from ml.registry.ledger.ledger import Ledger
from ml.storage.root import Root
from serving.client.model_client import ModelServer
from serving.gateway.records.metrics_page import metrics_page
from tests.ml.feedback.campaigns import Campaign, feedback_of, write
from tests.ml.light_world import released, stand_in
from tests.prometheus.debian import CONFIGURATION, query, said_by, tool
from tests.prometheus.recording import (
    DASHBOARDS,
    LINES,
    RECORDED,
    Expression,
    names_in,
    of_alerts,
    of_dashboards,
    replayed,
    span,
)
from tests.prometheus.statsd_exporter import MAPPING, listening

ASKED = [*of_dashboards(), *of_alerts()]
# Alerts whose condition held at some time of the recording: runs of each kind; and while Airflow started, its heart did
# not beat yet (which has to last before it fires).
HELD = {
    *("RetrainingFailed", "RetrainingBlocked", "RetrainingRejectedRepeatedly"),
    *("DataDrifted", "CandidateSuspiciouslyGood", "AirflowHeartbeatGone"),
}
BY_PROMETHEUS_ITSELF = {"up"}


@pytest.fixture(scope="module")
def remembering(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with replayed(tmp_path_factory.mktemp("recording")) as url:
        yield url


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of all samples on the pages that the recorded run exported, and on pages of the exporter today.

    The recording is older than the ledger's chain, nobody waited in it, nothing was on probation, and no gateway wrote
    anything down; a root with one waiting run, a version that is on probation, and then breaks it, and with outcomes
    and a look at the traffic has the rest, with the page of a gateway.
    """
    root, now = Root(tmp_path_factory.mktemp("root")), datetime.now(UTC)
    with stand_in(root) as settings:
        released(root, settings, "one")
        Ledger(root.ledger).append(WAITING, run_id="r", model_sha256="m", champion=1)
        LastCheck(1, now, now, (Item(KNOWN_ROWS, BREACHED, "Wrong."),), "").write(root)
        write(root, [Campaign(customers=40, listed=20)])
        write_live_performance(root, live_performance(root, settings, feedback_of(root), now=now))
        keep_check(root, Check(now.date(), now, 1))
        server = ModelServer(settings.serving.url, settings.serving.model)
        today = generate_latest(collector_registry(root, server, probation_hours=24.0)).decode()
        Ledger(root.ledger).append(PROBATION, run_id="r", version=1, outcome=BREACHED, reason="Wrong.")
        today += generate_latest(collector_registry(root, server, probation_hours=24.0)).decode()
    today += metrics_page(dict.fromkeys(("written", "dropped_rows", "dropped_requests", "bytes", "state"), 0)).decode()
    with listening(MAPPING, log=root.path / "statsd.log") as statsd:
        statsd.take(LINES.read_text().splitlines())
        events = statsd.page()
    pages = [events, *((RECORDED / f"page_{name}.txt").read_text() for name in ("exporter", "serving")), today]
    return {re.split(r"[{ ]", line, maxsplit=1)[0] for page in pages for line in page.splitlines() if line[:1] != "#"}


def over_time(url: str, promql: str) -> list[dict[str, Any]]:
    start, end = span()
    return query(url, promql, "query_range", start=start, end=end, step=15)


def test_every_expression_parses(tmp_path: Path) -> None:
    rules = [{"record": f"asked_{number}", "expr": asked.promql} for number, asked in enumerate(ASKED)]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": rules}]}))
    assert f"SUCCESS: {len(ASKED)} rules found" in said_by(tool("promtool"), "check", "rules", file)


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: asked.where)
def test_every_metric_that_is_asked_for_is_exported(asked: Expression, exported: set[str]) -> None:
    assert names_in(asked.promql)
    assert names_in(asked.promql) <= exported | BY_PROMETHEUS_ITSELF


@pytest.mark.parametrize("asked", [*of_dashboards()], ids=lambda asked: asked.where)
def test_every_panel_shows_the_recording(asked: Expression, remembering: str) -> None:
    found = over_time(remembering, asked.promql)
    assert any(math.isfinite(float(value)) for series in found for _, value in series["values"])


def test_the_recorded_afternoon_met_these_alerts_and_no_others(remembering: str) -> None:
    assert {asked.where for asked in of_alerts() if over_time(remembering, asked.promql)} == HELD


def test_without_errors_the_share_that_fails_is_zero(tmp_path: Path) -> None:
    panels = json.loads((CONFIGURATION / "grafana/dashboards/serving.json").read_text())["panels"]
    (panel,) = (panel for panel in panels if panel["title"] == "Share that fails")
    asked = [
        {
            "expr": target["expr"].replace("$__rate_interval", "5m"),
            "eval_time": "10m",
            "exp_samples": [{"labels": "{}", "value": 0}],
        }
        for target in panel["targets"]
    ]
    series = [{"series": ':tensorflow:serving:request_latency_count{API="predict"}', "values": "0+60x20"}]
    test = {"interval": "1m", "input_series": series, "promql_expr_test": asked}
    file = tmp_path / "test.yml"
    file.write_text(yaml.safe_dump({"tests": [test]}))
    assert "SUCCESS" in said_by(tool("promtool"), "test", "rules", file)


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_grafana_can_load_it(file: Path) -> None:
    """As far as that can be said without Grafana: what provisioning needs, and no panel upon another."""
    board = json.loads(file.read_text())
    sources = yaml.safe_load((CONFIGURATION / "grafana/provisioning/datasources/prometheus.yml").read_text())
    (source,) = sources["datasources"]
    assert board["uid"] == file.stem
    assert board["title"]
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for who in (panel, *panel["targets"]):
            assert who["datasource"] == {"type": source["type"], "uid": source["uid"]}
    for one, other in combinations((panel["gridPos"] for panel in panels), 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below


def test_names_are_found_in_promql() -> None:
    promql = 'sum by (le) (rate(a:b_bucket{x="y_z"}[5m])) / on (q) (c_total offset 1h) or absent(d{e=~"f"}) / 1e6 > 0.1'
    assert names_in(promql) == {"a:b_bucket", "c_total", "d"}
