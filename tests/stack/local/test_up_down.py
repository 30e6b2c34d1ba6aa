"""`make up`, `make retrain`, `make down` with the real Airflow and a stand-in for the ML environment."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml.pipeline.outcome import UNCHANGED
from ml.pipeline.step_names import STEPS
from ml.storage.local_server import local_server_url
from ml.storage.process_table import is_running
from ml.storage.root import Root
from serving.client.transport import request
from stack.local.airflow.api import AirflowApi
from stack.local.paths import DAG_ID, Paths
from stack.local.processes.ports import is_free
from tests.stack.local.real_steps import RealSteps
from tests.stack.local.stack import Stack, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("up"))
    stack.environment["RETRAIN__CONFIRM__DEADLINE_SECONDS"] = "2"  # for the real steps
    yield stack
    stack.run("down")


@pytest.fixture(scope="module")
def up(stack: Stack) -> str:
    code, text = stack.run("up")
    assert code == 0, text
    return text


def _processes(stack: Stack) -> list[dict[str, Any]]:
    processes: list[dict[str, Any]] = json.loads((stack.root / "up.json").read_text())["processes"]
    return processes


def test_ctrl_c_pressed_again_and_again_ends_all_that_was_started(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    process = stack.start("up")
    wait_for(tmp_path / "up.json")
    deadline = time.monotonic() + 120
    while "api-server" not in (tmp_path / "up.json").read_text() and time.monotonic() < deadline:
        time.sleep(0.1)
    for _ in range(5):
        os.kill(process.pid, signal.SIGINT)
        time.sleep(0.2)
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 130, text
    assert "Interrupted; everything that was started has been stopped." in text
    assert stack.still_running() == []


def test_up_prints_addresses_user_and_password(stack: Stack, up: str) -> None:
    password = json.loads((stack.root / "airflow" / "passwords.json").read_text())["admin"]
    assert f"http://127.0.0.1:{stack.ui}/dags/{DAG_ID}" in up
    assert f"admin / {password}" in up
    assert f"http://127.0.0.1:{stack.serving}/v1/models/customer-model" in up
    assert f"  gateway       http://127.0.0.1:{stack.gateway}\n" in up
    assert (stack.root / "airflow" / "passwords.json").stat().st_mode & 0o077 == 0
    assert (stack.root / "airflow").stat().st_mode & 0o077 == 0


def test_a_second_up_changes_nothing(stack: Stack, up: str) -> None:
    before = (stack.root / "up.json").read_text()
    code, text = stack.run("up")
    assert code == 0
    assert text.startswith("Already up.")
    assert (stack.root / "up.json").read_text() == before


def test_an_up_with_other_ports_says_that_it_is_up_on_its_own(stack: Stack, up: str) -> None:
    before = (stack.root / "up.json").read_text()
    code, text = stack.run("up", UI_PORT=str(stack.ui + 1))
    assert code == 1
    assert text.startswith(f"Already up, but not with UI_PORT={stack.ui + 1}.")
    assert f"http://127.0.0.1:{stack.ui}/dags/{DAG_ID}" in text
    assert "`make down`, then `make up`" in text
    assert (stack.root / "up.json").read_text() == before


def test_the_environments_are_not_removed_while_it_is_up(stack: Stack, up: str) -> None:
    code, text = stack.run("require_down")
    assert code == 1
    assert f"`make up` is running on {stack.root} (model-server, gateway, airflow api-server" in text


def test_the_server_of_make_up_is_found_in_the_root_while_it_lives(stack: Stack, up: str) -> None:
    root = Root(stack.root)
    assert local_server_url(root) == f"http://127.0.0.1:{stack.serving}"
    record = json.loads((stack.root / "up.json").read_text())
    for process in record["processes"]:
        process["started"] -= 1  # another process has the number now
    elsewhere = stack.root / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "up.json").write_text(json.dumps(record))
    assert local_server_url(Root(elsewhere)) == ""
    (elsewhere / "up.json").write_text("[]")
    assert local_server_url(Root(elsewhere)) == ""


def test_retrain_follows_its_run_to_the_summary_and_unpausing_starts_no_other(stack: Stack, up: str) -> None:
    code, text = stack.run("retrain")
    assert code == 0, text
    assert "The DAG was paused" in text
    assert "Promoted: version 1" in text
    assert '"label": "D"' in text
    assert len(list((stack.root / "runs").iterdir())) == 1


def test_after_a_failed_run_retrain_prints_the_fact_and_the_cure(stack: Stack, up: str) -> None:
    error = {"type": "DataError", "what": "Train.csv is empty.", "cure": "Get another.", "retry": False}
    stack.plan(validate={"exit": 2, "error": error})
    code, text = stack.run("retrain")
    assert code == 2, text
    assert "Train.csv is empty." in text
    assert "Get another." in text
    assert "version 1 keeps serving" in text
    logs = (stack.root / "airflow" / "logs").rglob("task_id=validate/attempt=1.log")
    log = max(logs, key=lambda path: path.stat().st_mtime)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert not [line for line in lines if line.get("error_detail") or "Traceback" in line["event"]]
    said = [line["event"] for line in lines if not line["event"].startswith("::")]
    assert said[-2:] == ["Train.csv is empty.", "Get another."]


def test_marking_a_task_failed_ends_its_stubborn_processes(stack: Stack, up: str, tmp_path: Path) -> None:
    stack.plan(train={"stubborn": str(tmp_path / "pids"), "sleep": 600})
    api = AirflowApi.of(f"http://127.0.0.1:{stack.ui}", Paths(Root(stack.root)))
    run_id = api.trigger({})
    family = wait_for(tmp_path / "pids").split()
    api._need(
        api._call("PATCH", f"/api/v2/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/train", {"new_state": "failed"})
    )
    deadline = time.monotonic() + 30  # Airflow looks at its next heartbeat
    while any(Path(f"/proc/{pid}").exists() for pid in family):
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.fixture(scope="module")
def real(stack: Stack, up: str) -> RealSteps:
    return RealSteps(stack)


@pytest.fixture(scope="module")
def unconfirmed(real: RealSteps) -> str:
    """A run that published its version and could not confirm it."""
    real.is_down(True)
    run_id = real.run()
    real.is_down(False)
    return run_id


def test_a_failed_run_is_cleared_and_repeats_nothing_that_is_done(real: RealSteps, unconfirmed: str) -> None:
    before = real.results(unconfirmed)
    assert before.pop("confirm")["outcome"] == "failed"
    assert {result["outcome"] for result in before.values()} == {"done"}
    assert real.note(unconfirmed).startswith("Failed at confirm: Version 1 is published but not confirmed")
    assert real.asset_events() == []
    assert real.events() == [("intent", 1), ("published", 1)]
    tries = real.tries(unconfirmed)

    real.clear(unconfirmed, "validate")
    assert real.api.state(unconfirmed) == "success"
    after = real.results(unconfirmed)
    reused = ("validate", "transform", "train", "evaluate", "judge")
    assert [after[step]["outcome"] for step in reused] == ["reused"] * len(reused)
    assert [after[step]["artifact"]["sha256"] for step in reused] == [
        before[step]["artifact"]["sha256"] for step in reused
    ]
    assert after["promote"]["artifact"]["version"] == before["promote"]["artifact"]["version"] == 1
    assert real.events() == [("intent", 1), ("published", 1), ("confirmed", 1)], "promote found its own intent"
    again = real.tries(unconfirmed)
    known = {*STEPS, "ask", "ask_schema"}
    assert {task: again[task] for task in known} == {
        task: tries[task] + (task in STEPS and task != "ingest") for task in known
    }
    assert real.note(unconfirmed).startswith("Promoted version 1 (first): AUC 0.8")
    (extra,) = real.asset_events()
    assert (extra["version"], extra["run_id"]) == (1, unconfirmed)
    assert extra["metrics"]["AUC"] == after["judge"]["artifact"]["metrics"]["AUC"]
    assert extra["data_sha256"] == after["ingest"]["artifact"]["sha256"]


def test_promote_and_confirm_are_cleared_and_change_nothing(real: RealSteps, unconfirmed: str) -> None:
    before = real.events()
    real.clear(unconfirmed, "promote")
    assert real.api.state(unconfirmed) == "success"
    assert real.events() == before
    assert [extra["version"] for extra in real.asset_events()] == [1, 1]


def test_a_superseded_run_that_is_cleared_is_red_at_once_with_the_cure(real: RealSteps, unconfirmed: str) -> None:
    real.adopt_a_newer_version()
    before, tries = real.events(), real.tries(unconfirmed)
    real.clear(unconfirmed, "promote")
    assert real.api.state(unconfirmed) == "failed"
    assert real.tries(unconfirmed)["promote"] == tries["promote"] + 1, "no retry"
    error = real.results(unconfirmed)["promote"]["error"]
    assert error["what"] == "Version 1 was superseded by version 2."
    assert "python -m ml rollback 1" in error["cure"]
    assert real.note(unconfirmed).startswith(
        "Failed at promote: Version 1 was superseded by version 2. There is nothing"
    )
    assert real.events() == before


def test_the_note_of_a_person_outlives_the_next_outcome(real: RealSteps, unconfirmed: str) -> None:
    path = f"/api/v2/dags/{DAG_ID}/dagRuns/{unconfirmed}"
    real.api._need(real.api._call("PATCH", path, {"note": "Seen; version 2 is right."}))
    real.clear(unconfirmed, "promote")
    assert real.api.state(unconfirmed) == "failed"
    assert real.note(unconfirmed) == "Seen; version 2 is right."


def test_a_run_with_a_result_that_is_cleared_from_its_beginning_is_skipped(real: RealSteps, unconfirmed: str) -> None:
    before = real.events()
    real.clear(unconfirmed, "ingest")
    assert real.api.state(unconfirmed) == "success"
    states = {instance["task_id"]: instance["state"] for instance in real.api.task_instances(unconfirmed)}
    assert {states.pop(task) for task in ("outcome", UNCHANGED, "report")} == {"success"}
    assert set(states.values()) == {"skipped"}
    assert real.results(unconfirmed)["ingest"]["skipped_because"] == "unchanged"
    assert real.events() == before


def test_the_gateway_of_make_up_is_before_its_server_and_finds_its_releases(stack: Stack, up: str) -> None:
    [gateway] = [process for process in _processes(stack) if process["name"] == "gateway"]
    variables = Path(f"/proc/{gateway['pid']}/environ").read_bytes().split(b"\0")
    assert f"RETRAIN_ROOT={stack.root}".encode() in variables
    assert not [variable for variable in variables if variable.startswith((b"AIRFLOW", b"KAGGLE"))]
    direct, through = (
        request("GET", f"http://127.0.0.1:{port}/v1/models/customer-model") for port in (stack.serving, stack.gateway)
    )
    assert through.status == 200
    assert through.json() == direct.json()


def test_a_gateway_that_was_killed_is_noticed(stack: Stack, up: str) -> None:
    [gateway] = [process for process in _processes(stack) if process["name"] == "gateway"]
    os.kill(gateway["pid"], signal.SIGKILL)
    deadline = time.monotonic() + 20
    while is_running(gateway["pid"], gateway["started"]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    code, text = stack.run("up")
    assert code == 1
    assert text == "error: Up, but gateway ended. `make down` stops the rest; then run `make up` again.\n"


def test_down_ends_everything_and_frees_the_ports(stack: Stack, up: str) -> None:
    code, text = stack.run("down")
    assert (code, text.splitlines()[-1]) == (0, "Down.")
    assert stack.still_running() == []
    assert is_free(stack.ui)
    assert is_free(stack.serving)
    assert is_free(stack.gateway)
    code, text = stack.run("down")
    assert code == 0
    assert text.startswith(f"Nothing is up in {stack.root}.")
    code, text = stack.run("retrain")
    assert code == 1
    assert "Airflow is not up" in text
