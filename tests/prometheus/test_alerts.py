"""The alerts: tested both ways by promtool, explained in the runbook, sent where they belong."""

from __future__ import annotations

import http.client
import json
import re
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from ml.storage.root import PROJECT
from tests.prometheus.debian import CONFIGURATION, eventually, free_port, get, running, said_by, tool

RULES = sorted((PROJECT / "tests" / "prometheus" / "rules").glob("*.yml"))
RUNBOOK = (CONFIGURATION / "RUNBOOK.md").read_text()


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((CONFIGURATION / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_prometheus_takes_the_configuration() -> None:
    said = said_by(tool("promtool"), "check", "config", CONFIGURATION / "prometheus.yml")
    assert f"SUCCESS: {len(alerts())} rules found" in said


@pytest.mark.parametrize("file", RULES, ids=lambda file: file.stem)
def test_the_alert_rules_do_what_their_own_tests_say(file: Any) -> None:
    assert "SUCCESS" in said_by(tool("promtool"), "test", "rules", file)


def test_every_alert_is_seen_firing_and_silent() -> None:
    checks = [
        check
        for file in RULES
        for test in yaml.safe_load(file.read_text())["tests"]
        for check in test["alert_rule_test"]
    ]
    names = {alert["alert"] for alert in alerts()}
    assert {check["alertname"] for check in checks if check.get("exp_alerts")} == names
    assert {check["alertname"] for check in checks if not check.get("exp_alerts")} == names


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_every_alert_tells_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in ("critical", "warning")
    said = alert["annotations"]
    assert said["summary"].endswith(".")
    assert said["description"].endswith(".")
    page, _, anchor = said["runbook_url"].partition("#")
    assert f"/{page}".endswith("/prometheus/RUNBOOK.md"), "relative, or with the address that you gave it"
    assert anchor == alert["alert"].lower()
    section = re.search(rf"^## {alert['alert']}\n(.*?)(?=^## |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL)
    assert section, f"the runbook says nothing of {alert['alert']}"
    for part in ("**Means**", "**See it**", "**Do**"):
        assert part in section[1]
    assert "\n    " in section[1], "a runbook has commands"


def test_the_runbook_speaks_of_no_alert_that_is_gone() -> None:
    sections = set(re.findall(r"^## ([A-Z]\w+)$", RUNBOOK, re.MULTILINE))
    assert sections == {alert["alert"] for alert in alerts()}


@pytest.mark.parametrize(
    ("severity", "receiver"), [("critical", "page"), ("warning", "look-today"), ("", "look-today")]
)
def test_severity_decides_who_hears_of_it(severity: str, receiver: str) -> None:
    file = CONFIGURATION / "alertmanager.yml"
    assert "SUCCESS" in said_by(tool("amtool"), "check-config", file)
    said = said_by(tool("amtool"), "config", "routes", "test", f"--config.file={file}", f"severity={severity}")
    assert said.split()[0] == receiver, said


def test_the_example_receiver_takes_notifications_and_nothing_else(tmp_path: Path) -> None:
    log, listen = tmp_path / "log", f"127.0.0.1:{free_port()}"
    alert = {"status": "firing", "labels": {"alertname": "A"}, "annotations": {"summary": "One\nline."}}
    command: list[str | Path] = [sys.executable, CONFIGURATION / "alert_webhook.py", "--listen", listen]
    with running(command, log=log, PYTHONUNBUFFERED="1"):
        assert eventually(lambda: get(f"http://{listen}/") == "")
        for body, status in ((json.dumps({"alerts": [alert]}), 200), ("[]", 400), ("{", 400), ("x" * (1 << 21), 413)):
            assert post(listen, "/page", body) == status
    (line,) = log.read_text().splitlines()
    assert line.endswith("page firing A One line.")


def post(listen: str, path: str, body: str) -> int:
    with closing(http.client.HTTPConnection(listen, timeout=10)) as connection:
        connection.putrequest("POST", path)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        if len(body) < 1 << 20:  # a larger one is refused before it is sent
            connection.send(body.encode())
        return connection.getresponse().status
