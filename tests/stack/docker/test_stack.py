"""`make test-stack`: the compose file for real, from nothing to a served model, alerts and news, and old things gone.

The tests of this directory follow one another on one stack: in the order of the files in conftest.py, and within a
file from top to bottom.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from ml.pipeline.step_names import STEPS
from ml.storage.root import PROJECT
from serving.client.transport import request
from stack.local.airflow.api import AirflowApi
from tests.stack.docker.containers import IMAGE, Containers, eventually
from tests.stack.docker.listener import NEWS, Listener

CUSTOMERS = (PROJECT / "docs" / "customers.csv").read_bytes()
SCRAPED = {"prometheus", "alertmanager", "statsd", "retrain-exporter"}


def test_every_service_is_healthy(stack: Containers) -> None:
    assert set(stack.states().values()) == {"healthy", "exited (0)"}


def test_without_credentials_airflow_answers_nothing(stack: Containers) -> None:
    assert request("GET", f"{stack.airflow.url}/api/v2/dags").status == 401
    for password in ("", "admin", "airflow"):
        assert not AirflowApi(stack.airflow.url, password).log_in()


def test_no_container_shows_a_secret(stack: Containers) -> None:
    secrets = {path.name: path.read_text() for path in (stack.directory / "secrets").iterdir()}
    ids = stack.compose("ps", "--all", "--quiet").split()
    inspected = stack.run("docker", "inspect", *ids)
    logs = stack.compose("logs", "--no-color")
    for name, secret in secrets.items():
        if secret:
            assert secret not in inspected, f"docker inspect shows {name}"
            assert secret not in logs, f"the logs show {name}"


def test_the_image_has_no_compiler_and_no_root(stack: Containers) -> None:
    look = "command -v gcc g++ cc make ld || true; id -u"
    found = stack.compose("exec", "-T", "airflow-scheduler", "bash", "-c", look)
    assert found.split() == [stack.environment["AIRFLOW_UID"]]
    [image] = json.loads(stack.run("docker", "image", "inspect", IMAGE))
    assert image["Config"]["User"] == "50000:0"


@pytest.mark.parametrize(
    "service", ["airflow-scheduler", "airflow-api-server", "serving", "gateway", "retrain-exporter"]
)
def test_nothing_can_be_written_outside_volumes(stack: Containers, service: str) -> None:
    places = "/opt /etc /usr/bin /models" if service == "serving" else "/opt/retraining /etc /usr/bin"
    wrote = stack.compose(
        "exec", "-T", service, "bash", "-c", f"for d in {places}; do (>$d/x) 2>/dev/null && echo $d; done; true"
    )
    assert wrote == ""


def test_before_the_first_version_no_alert_fires(stack: Containers) -> None:
    eventually(
        lambda: {labels["job"] for labels, up in stack.query("up") if up} >= SCRAPED, seconds=90, what="scraped targets"
    )
    assert not stack.alerts()


def test_a_run_triggered_over_rest_promotes(stack: Containers, first_run: str) -> None:
    assert stack.steps(first_run) == dict.fromkeys(STEPS, "success")
    told = stack.tasks(first_run)
    assert [told[task] for task in ("promoted", "rejected", "outcome", "report")] == [
        "success",
        "skipped",
        "success",
        "success",
    ]
    events = [event["event"] for event in stack.history()]
    assert events == ["intent", "published", "confirmed"]


def test_the_served_answers_are_those_of_the_new_version(stack: Containers, first_run: str) -> None:
    status = stack.serving()["model_version_status"]
    assert [(one["version"], one["state"]) for one in status] == [("1", "AVAILABLE")]
    rows, expected = stack.known_rows(1)
    answers = stack.serving(":predict", {"instances": rows})["predictions"]
    assert [answer["probability"] for answer in answers] == pytest.approx(expected, abs=1e-5)


def test_the_gateway_scores_a_file_for_whoever_has_a_token(stack: Containers, first_run: str) -> None:
    token = (stack.directory / "secrets" / "gateway_token").read_text()
    assert stack.score(CUSTOMERS, token="").status == 401
    scored = stack.score(CUSTOMERS, token=token)
    assert scored.status == 200, scored.text
    assert scored.text.startswith("rank,")
    assert ",probability,label,expected_precision," in scored.text.partition("\n")[0], "of the release"


def test_the_pages_tell_of_it_to_those_who_are_logged_in(stack: Containers, first_run: str) -> None:
    paths = {
        "models": "<h1>Version 1",
        "ledger": "Chain verified",
        f"runs/{first_run}/report": "became version 1",
        "versions/1/card": "Whom to target",
    }
    for path, told in paths.items():
        assert request("GET", f"{stack.airflow.url}/retraining/{path}").status == 401
        eventually(partial(_shows, stack, path, told), seconds=60, what=f"{told!r} on {path}")


def _shows(stack: Containers, path: str, told: str) -> bool:
    return told in stack.airflow._call("GET", f"/retraining/{path}").text


def test_the_numbers_of_the_run_are_in_prometheus(stack: Containers, first_run: str) -> None:
    for expression in [
        "retrain_promoted_version == 1",
        "retrain_served_version == 1",
        'retrain_last_run_outcome{outcome="promoted"} == 1',
        'retrain_metric{metric="AUC", slice="all", model="candidate"} > 0.8',
        'retrain_runs_total{outcome="promoted"} == 1',
        "sum(retrain_step_seconds_count) >= 8",
        'airflow_task_finishes_total{task_id="confirm", state="success"} >= 1',
        ':tensorflow:serving:request_count{model_name="customer-model", status="OK"} >= 1',
    ]:
        eventually(partial(stack.query, expression), seconds=90, what=expression)


def test_the_log_of_a_task_can_be_read_over_the_api(stack: Containers, first_run: str) -> None:
    path = f"/api/v2/dags/customer_retraining/dagRuns/{first_run}/taskInstances/judge/logs/1"
    assert "BinaryAccuracy" in stack.airflow._call("GET", path).text


def test_a_failed_run_is_reported(stack: Containers, first_run: str, request: pytest.FixtureRequest) -> None:
    options = [f"--conn-{name}={value}" for name, value in NEWS.items()]
    stack.compose("exec", "-T", "airflow-scheduler", "airflow", "connections", "add", "news", *options)
    with Listener(stack, "airflow-dag-processor") as listener:
        failed_run = request.getfixturevalue("failed_run")
        [heard] = eventually(listener.heard, seconds=120, what="the news")
    token, _, news = heard.partition(" {")
    assert token == f"Bearer {NEWS['password']}"
    assert {"run_id": failed_run, "outcome": "failed"}.items() <= json.loads("{" + news).items()
    assert "nothing.csv" in news


def test_events_arrive_again_when_the_exporter_has_another_address(stack: Containers) -> None:
    before = _addresses(stack.container("statsd-exporter"))
    stack.compose("rm", "--force", "--stop", "statsd-exporter")
    squat = ("docker", "run", "--detach", "--rm")
    # Who comes first gets the address that has become free.
    squatters = [stack.run(*squat, "--network", network, IMAGE, "sleep", "600").strip() for network in before]
    try:
        stack.compose("up", "--detach", "--no-deps", "--wait", "statsd-exporter")
        after = _addresses(stack.container("statsd-exporter"))
        assert not set(before.values()) & set(after.values())
        eventually(lambda: len(_heartbeats(stack)) == 3, seconds=180, what="heartbeats")
    finally:
        stack.run("docker", "rm", "--force", *squatters)


def _addresses(container: dict[str, Any]) -> dict[str, str]:
    return {name: network["IPAddress"] for name, network in container["NetworkSettings"]["Networks"].items()}


def _heartbeats(stack: Containers) -> list[str]:
    """Those that the exporter has heard in this life; Prometheus may still show those of the one before."""
    get = "from urllib.request import urlopen as get; print(get('http://statsd-exporter:9102/metrics').read().decode())"
    page = stack.python(get, service="retrain-exporter")
    return [line for line in page.splitlines() if line.startswith("airflow_heartbeats_total{")]


def test_a_killed_model_server_is_started_again(stack: Containers, first_run: str) -> None:
    before = stack.started("serving")
    stack.kill("serving")
    eventually(lambda: stack.started("serving") != before, seconds=60, what="a new model server")
    eventually(lambda: stack.serving()["model_version_status"], seconds=120, what="its answer")


def test_a_model_server_that_stays_down_raises_an_alert_that_ends_with_it(stack: Containers, first_run: str) -> None:
    stack.compose("kill", "serving")
    eventually(lambda: "ServingDown" in stack.alerts(), seconds=420, what="the alert")
    eventually(lambda: "page firing ServingDown" in stack.compose("logs", "alert-webhook"), seconds=60, what="the page")
    stack.compose("start", "serving")
    eventually(lambda: stack.serving()["model_version_status"], seconds=120, what="the model server")
    eventually(lambda: "ServingDown" not in stack.alerts(), seconds=420, what="the end of the alert")


def test_old_runs_and_logs_are_removed(stack: Containers, failed_run: str) -> None:
    logs = f"/var/log/airflow/dag_id=customer_retraining/run_id={failed_run}"
    aged = f"find '{logs}' -exec touch --date='500 days ago' {{}} +"
    stack.compose("exec", "-T", "airflow-cleaner", "bash", "-c", aged)
    stack.sql(f"UPDATE dag_run SET start_date = start_date - interval '500 days' WHERE run_id = '{failed_run}'")
    runs, tasks = ("SELECT count(*) FROM dag_run", "SELECT count(*) FROM task_instance")
    before, of_the_run = (int(stack.sql(runs)), int(stack.sql(tasks))), len(stack.tasks(failed_run))
    stack.compose("restart", "airflow-cleaner")
    eventually(lambda: int(stack.sql(runs)) == before[0] - 1, seconds=120, what="one run less")
    assert int(stack.sql(tasks)) == before[1] - of_the_run
    assert not stack.sql("SELECT relname FROM pg_class WHERE relname LIKE '_airflow_deleted%'")
    find = ("find", "/var/log/airflow/dag_id=customer_retraining", "-name", "*.log")
    eventually(
        lambda: failed_run not in (found := stack.compose("exec", "-T", "airflow-cleaner", *find)) and found,
        seconds=60,
        what="its logs gone, and only those",
    )
    eventually(lambda: stack.states()["airflow-cleaner"] == "healthy", seconds=120, what="a healthy cleaner")
