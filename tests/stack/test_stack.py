"""`make test-stack`: the compose file for real, from nothing to a served model, an alert, and back from a backup.

The tests follow one another on one stack, in the order in which they stand here.
"""

from __future__ import annotations

import json
from functools import partial

import pytest

from tests.stack.containers import IMAGE, Containers, eventually

SCRAPED = {"prometheus", "alertmanager", "statsd", "retrain-exporter"}
STEPS = ["ingest", "validate", "transform", "train", "evaluate", "judge", "promote", "confirm"]


@pytest.fixture(scope="module")
def first_run(stack: Containers) -> str:
    """The id of a run that was triggered over REST and is over."""
    eventually(stack.airflow.dag, seconds=120, what="the DAG")
    stack.airflow.unpause()
    run_id = stack.airflow.trigger({})
    stack.wait_for(run_id)
    return run_id


def test_every_service_is_healthy(stack: Containers) -> None:
    assert set(stack.states().values()) == {"healthy", "exited (0)"}


def test_without_credentials_nobody_gets_in(stack: Containers) -> None:
    from local_stack.airflow_api import AirflowApi
    from local_stack.loopback import ask

    assert ask(f"{stack.airflow.url}/api/v2/dags").status == 401
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


@pytest.mark.parametrize("service", ["airflow-scheduler", "airflow-api-server", "serving", "retrain-exporter"])
def test_nothing_can_be_written_outside_volumes(stack: Containers, service: str) -> None:
    places = "/opt /etc /usr/bin /models" if service == "serving" else "/opt/retraining /etc /usr/bin"
    wrote = stack.compose(
        "exec", "-T", service, "bash", "-c", f"for d in {places}; do (>$d/x) 2>/dev/null && echo $d; done; true"
    )
    assert wrote == ""


def test_who_may_reach_whom(stack: Containers) -> None:
    probe = (
        "import socket\n"
        "def reaches(host, port):\n"
        "    try: socket.create_connection((host, port), 3).close()\n"
        "    except OSError: return False\n"
        "    return True\n"
        "print(reaches('prometheus', 9090), reaches('postgres', 5432), reaches('1.1.1.1', 443))"
    )
    assert stack.python(probe, service="airflow-scheduler").split()[:2] == ["True", "True"]
    # Published on this machine, and yet without a way out.
    assert stack.python(probe, service="airflow-api-server").split() == ["True", "True", "False"]
    assert stack.python(probe, service="retrain-exporter").split() == ["True", "False", "False"]


def test_before_the_first_version_nothing_is_alarmed(stack: Containers) -> None:
    eventually(
        lambda: {labels["job"] for labels, up in stack.query("up") if up} >= SCRAPED, seconds=90, what="scraped targets"
    )
    assert not stack.alerts()


def test_a_run_triggered_over_rest_promotes(stack: Containers, first_run: str) -> None:
    assert stack.tasks(first_run) == dict.fromkeys(STEPS, "success")
    events = [event["event"] for event in stack.history()]
    assert events == ["intent", "published", "confirmed"]


def test_the_served_answers_are_those_of_the_new_version(stack: Containers, first_run: str) -> None:
    status = stack.serving()["model_version_status"]
    assert [(one["version"], one["state"]) for one in status] == [("1", "AVAILABLE")]
    rows, expected = stack.known_rows(1)
    answers = stack.serving(":predict", {"instances": rows})["predictions"]
    assert [answer["probability"] for answer in answers] == pytest.approx(expected, abs=1e-5)


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


def test_the_log_of_a_task_can_be_read_in_the_ui(stack: Containers, first_run: str) -> None:
    path = f"/api/v2/dags/customer_retraining/dagRuns/{first_run}/taskInstances/judge/logs/1"
    assert "BinaryAccuracy" in stack.airflow._call("GET", path).text


def test_a_killed_model_server_is_started_again(stack: Containers, first_run: str) -> None:
    before = stack.started("serving")
    stack.kill("serving")
    eventually(lambda: stack.started("serving") != before, seconds=60, what="a new model server")
    eventually(lambda: stack.serving()["model_version_status"], seconds=120, what="its answer")


def test_a_model_server_that_stays_away_is_alarmed_and_recovers(stack: Containers, first_run: str) -> None:
    stack.compose("kill", "serving")
    eventually(lambda: "ServingDown" in stack.alerts(), seconds=420, what="the alert")
    eventually(lambda: "page firing ServingDown" in stack.compose("logs", "alert-webhook"), seconds=60, what="the page")
    stack.compose("start", "serving")
    eventually(lambda: stack.serving()["model_version_status"], seconds=120, what="the model server")
    eventually(lambda: "ServingDown" not in stack.alerts(), seconds=420, what="the end of the alert")


def test_backup_and_restore(stack: Containers, first_run: str) -> None:
    backup = stack.directory / "backup"
    before = stack.history()
    stack.run("stack/backup.sh", backup)
    stack.compose("exec", "-T", "airflow-scheduler", "bash", "-c", 'rm -rf "$RETRAIN_ROOT"/{ledger.jsonl,models/*}')
    stack.compose("exec", "-T", "postgres", "psql", "-qU", "airflow", "-c", "DELETE FROM task_instance")
    assert stack.tasks(first_run) == {}
    stack.run("stack/restore.sh", backup)
    eventually(lambda: not stack.unhealthy(), seconds=300, what="healthy after the restore")
    assert stack.history() == before
    assert stack.tasks(first_run) == dict.fromkeys(STEPS, "success")
    eventually(lambda: stack.serving()["model_version_status"], seconds=120, what="the restored version")


def test_after_the_restore_the_next_run_knows_what_was(stack: Containers, first_run: str) -> None:
    run_id = stack.airflow.trigger({})
    assert stack.wait_for(run_id) == "success"
    assert stack.tasks(run_id)["ingest"] == "skipped", "the same data, settings and code: nothing to do"
