"""The DAG in the real Airflow (`airflow dags test`), with a stand-in for the ML environment."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from ml.config.settings import resolve
from ml.pipeline.step_names import STEPS
from ml.storage.root import PROJECT
from retraining.params import dag_params
from retraining.runs.outcome_operator import MEANING
from tests.airflow_home import fake_ml, variables

AIRFLOW = Path(sys.executable).with_name("airflow")
ACCURACY = resolve(environment={}).judge.at_least.BinaryAccuracy
ASKS = ("ask", "ask_schema")
STRICTER, TOO_LOW = round((ACCURACY + 1) / 2, 4), round(ACCURACY / 2, 4)
AGE = "Train.csv: column 'Age' has 12 values outside [0, 120]."
WANTED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "success": ({}, {"epochs": 3, "minimum_accuracy": STRICTER, "force": True, "data": "sample"}),
    "rejected": ({"judge": {"promotes": False}, "report": {"exit": 1, "lines": ["No space left."]}}, {}),
    "unchanged": ({"ingest": {"exit": 99, "error": {"what": "Nothing new."}}}, {}),
    "blocked": (
        {
            "validate": {
                "exit": 2,
                "error": {"type": "DataError", "what": AGE, "cure": "Fix the source."},
                "proposal": {"schema_sha256": "s", "previous_sha256": "p"},
            }
        },
        {},
    ),
    "withdrawn": (
        {"confirm": {"exit": 2, "error": {"what": "Version 1 was withdrawn.", "cure": "Start a new run."}}},
        {},
    ),
    "down": ({"ingest": {"exit": 1, "error": {"what": "Kaggle answered 503."}}}, {}),
    "too low": ({}, {"minimum_accuracy": TOO_LOW}),
    "misspelt": ({}, {"epoch": 5}),
    "waiting": ({"promote": {"exit": 99, "because": "waiting", "error": {"what": "A person decides."}}}, {}),
    **{
        step: ({step: {"exit": 2, "error": {"what": f"{step} cannot."}}}, {})
        for step in ("transform", "train", "evaluate", "judge", "promote")
    },
}
RED = {"ingest": "down", "validate": "blocked", "confirm": "withdrawn"}
"""Where a step fails under another name than its own."""


@dataclass
class Ran:
    root: Path
    code: int
    log: str
    state: str
    states: dict[str, str]
    shown: dict[str, str]
    tries: dict[str, int]
    xcom: dict[str, Any]
    asset_events: list[dict[str, Any]]
    note: tuple[str, str]

    @property
    def sentence(self) -> str:
        return self.note[0].split("\n")[0]


@pytest.fixture(scope="module")
def told() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The URL of a webhook, and what was posted to it: outcome and reasons."""
    posted: list[tuple[str, str]] = []

    class Page(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            news = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            posted.append((news["outcome"], " ".join(news["reasons"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Silence."""

    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", posted
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, told: tuple[str, list[tuple[str, str]]]) -> dict[str, Ran]:
    home = tmp_path_factory.mktemp("airflow")
    call(home, [AIRFLOW, "db", "migrate"])
    roots, orders = {}, []
    for name, (plan, conf) in WANTED.items():
        roots[name] = tmp_path_factory.mktemp(name)
        fake_ml(roots[name])
        orders.append({"root": str(roots[name]), "fake": json.dumps(plan), "conf": json.dumps(conf)})
    chat = json.dumps({"conn_type": "http", "host": told[0]})
    command: list[str | Path] = [sys.executable, "tests/dags/several_runs.py"]
    notify = {"RETRAIN_NOTIFY": "webhook:chat", "AIRFLOW_CONN_CHAT": chat}
    codes = json.loads(call(home, command, json.dumps(orders), **notify))
    return {name: gather(home, roots[name], code) for name, code in zip(WANTED, codes, strict=True)}


def call(home: Path, command: list[str | Path], stdin: str = "", **more: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    done = subprocess.run(
        command,
        cwd=PROJECT,
        env=clean | variables(home) | more,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def gather(home: Path, root: Path, code: int) -> Ran:
    log = (root / "airflow.log").read_text()
    runs = root / "runs"
    (run_id,) = [path.name for path in runs.iterdir()] if runs.is_dir() else [""]
    with closing(sqlite3.connect(home / "airflow.db")) as database:

        def rows(query: str) -> list[Any]:
            return database.execute(query, [run_id]).fetchall()

        state = dict(rows("SELECT run_id, state FROM dag_run WHERE run_id = ?")).get(run_id, "")
        states = dict(rows("SELECT task_id, state FROM task_instance WHERE run_id = ?"))
        tries = dict(rows("SELECT task_id, try_number FROM task_instance WHERE run_id = ?"))
        xcom = dict(rows("SELECT task_id, value FROM xcom WHERE key = 'return_value' AND run_id = ?"))
        events = [json.loads(extra) for (extra,) in rows("SELECT extra FROM asset_event WHERE source_run_id = ?")]
        notes = rows(
            "SELECT content, user_id FROM dag_run_note JOIN dag_run ON dag_run.id = dag_run_id WHERE run_id = ?"
        )
    shown = {task: states.pop(task, "") for task in (*MEANING, "outcome", "report")}
    return Ran(root, code, log, state, states, shown, tries, xcom, events, *notes or [("", "")])


def test_success_is_green_and_passes_the_answers_of_the_form(ran: dict[str, Ran]) -> None:
    run = ran["success"]
    assert (run.code, run.state) == (0, "success"), run.log
    assert run.states == dict.fromkeys(STEPS, "success") | dict.fromkeys(ASKS, "skipped")
    options = f"--set data.source=sample --set train.epochs=3 --raise judge.at_least.BinaryAccuracy={STRICTER}"
    assert f"fake ingest {options} --force" in run.log
    assert f"fake judge {options}" in run.log
    (run_id,) = [path.name for path in (run.root / "runs").iterdir()]
    link = f"[Report](/retraining/runs/{quote(run_id)}/report)"
    said = "Promoted version 1: AUC 0.8800; there was no version to compare with."
    assert run.note == (f"{said}\n\n{link}", "retraining")
    assert '"promotes": true' in run.xcom["judge"].replace("\\", "")
    assert set(run.xcom) == set(STEPS)


@pytest.mark.parametrize(
    ("name", "outcome"),
    [("success", "promoted"), ("rejected", "rejected"), ("unchanged", "unchanged"), ("waiting", "waiting")],
)
def test_the_grid_shows_the_outcome_of_a_green_run(ran: dict[str, Ran], name: str, outcome: str) -> None:
    shown = ran[name].shown
    assert [task for task in MEANING if shown[task] == "success"] == [outcome]
    assert {shown[task] for task in MEANING if task != outcome} == {"skipped"}
    assert shown["outcome"] == "success"


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_fails_makes_the_run_red_whatever_runs_after_it(ran: dict[str, Ran], step: str) -> None:
    run = ran[RED.get(step, step)]
    assert (run.code, run.state, run.states[step]) == (1, "failed", "failed")
    assert run.shown == dict.fromkeys(MEANING, "skipped") | {"outcome": "success", "report": "success"}


def test_every_run_gets_its_report_and_one_that_fails_leaves_the_run_green(ran: dict[str, Ran]) -> None:
    for name in ("success", "unchanged", "blocked", "down", "misspelt", "waiting"):
        (call,) = [json.loads(line) for line in (ran[name].root / "commands.jsonl").read_text().splitlines()]
        assert (call["arguments"][0], ran[name].shown["report"]) == ("report", "success")
        assert call["arguments"][1].startswith("manual__")
    run = ran["rejected"]
    assert (run.code, run.state, run.shown["report"]) == (0, "success", "failed")
    assert "No space left." in run.log


def test_the_event_of_the_model_says_what_serves_and_why(ran: dict[str, Ran]) -> None:
    (event,) = ran["success"].asset_events
    (run_id,) = [path.name for path in (ran["success"].root / "runs").iterdir()]
    assert event == {
        "version": 1,
        "run_id": run_id,
        "model_sha256": "m",
        "data_sha256": "ingest-hash",
        "rows": 8068,
        "metrics": {"BinaryAccuracy": 0.8234, "AUC": 0.88, "Precision": 0.7, "Recall": 0.55, "ExampleCount": 1613.0},
        "against": None,
        "verdict": {
            "decision": "promoted",
            "reasons": [{"code": "ok", "sentence": "AUC 0.88 is compared with 0.85."}],
        },
    }


def test_a_version_that_is_withdrawn_makes_no_event(ran: dict[str, Ran]) -> None:
    run = ran["withdrawn"]
    assert (run.state, run.states["promote"], run.states["confirm"]) == ("failed", "success", "failed")
    assert run.asset_events == []
    assert run.sentence == "Failed at confirm: Version 1 was withdrawn. Start a new run."


def test_rejected_is_green_with_promote_and_confirm_skipped(ran: dict[str, Ran]) -> None:
    run = ran["rejected"]
    assert (run.code, run.state) == (0, "success"), run.log
    assert run.states == dict.fromkeys(STEPS, "success") | dict.fromkeys(("promote", "confirm", *ASKS), "skipped")
    assert "Not promoted. AUC 0.88 is compared with 0.85." in run.log
    assert "AUC 0.88 is compared with 0.85." in run.xcom["judge"]
    assert run.asset_events == []
    assert run.sentence == "Rejected: AUC 0.88 is compared with 0.85."


def test_a_run_that_waits_for_a_person_is_green_and_waits_for_nobody(ran: dict[str, Ran]) -> None:
    run = ran["waiting"]
    assert (run.code, run.state) == (0, "success"), run.log
    assert run.states == dict.fromkeys((*STEPS, "ask"), "success") | dict.fromkeys(
        ("promote", "confirm", "ask_schema"), "skipped"
    )
    assert run.sentence == "Waiting for approval: A person decides."
    assert "Dag Run triggered successfully" in run.log


def test_unchanged_is_green_with_everything_skipped(ran: dict[str, Ran]) -> None:
    run = ran["unchanged"]
    assert (run.code, run.state) == (0, "success"), run.log
    assert run.states == dict.fromkeys((*STEPS, *ASKS), "skipped")
    assert run.sentence == "Unchanged: Nothing new."


def test_blocked_is_red_at_its_first_try(ran: dict[str, Ran]) -> None:
    run = ran["blocked"]
    assert (run.code, run.state) == (1, "failed")
    assert (run.states["validate"], run.tries["validate"]) == ("failed", 1)
    assert run.states["transform"] == run.states["confirm"] == "upstream_failed"
    assert run.states["ask_schema"] == "success", "it proposes a schema, and a question is started; the run stays red"
    assert "Dag Run triggered successfully" in run.log
    assert AGE in run.log
    assert run.sentence == f"Blocked at validate: {AGE} Fix the source."


def test_what_may_pass_is_tried_three_times(ran: dict[str, Ran]) -> None:
    run = ran["down"]
    assert (run.code, run.state) == (1, "failed")
    assert (run.states["ingest"], run.tries["ingest"]) == ("failed", 3)
    assert run.log.count("fake ingest") == 3


def test_a_param_out_of_bounds_starts_nothing(ran: dict[str, Ran]) -> None:
    run = ran["too low"]
    assert run.code == 1
    assert f"{TOO_LOW} is less than the minimum of {ACCURACY}" in run.log
    assert not (run.root / "runs").exists()


def test_a_misspelt_key_runs_nothing(ran: dict[str, Ran]) -> None:
    run = ran["misspelt"]
    assert run.code == 1
    assert "unknown key: 'epoch'. Did you mean 'epochs'?" in run.log
    assert "fake ingest" not in run.log
    assert (run.states["ingest"], run.tries["ingest"]) == ("failed", 1)


def test_each_run_is_told_once_but_not_an_unchanged_one_nor_one_that_its_question_tells(
    ran: dict[str, Ran], told: tuple[str, list[tuple[str, str]]]
) -> None:
    good = "AUC 0.88 is compared with 0.85."
    assert told[1] == [
        ("promoted", good),
        ("rejected", good),
        ("blocked", f"step validate failed {AGE} Fix the source."),
        ("failed", "step confirm failed Version 1 was withdrawn. Start a new run."),
        ("failed", "step ingest failed Kaggle answered 503."),
        (
            "failed",
            "step ingest failed The run was triggered with an unknown key: 'epoch'. Did you mean 'epochs'? Known: "
            f"{', '.join(dag_params())}. Trigger it again with these.",
        ),
        *(("failed", f"step {step} failed {step} cannot.") for step in STEPS if step in WANTED),
    ]


def test_a_red_task_ends_its_log_with_the_reason_and_the_cure(ran: dict[str, Ran]) -> None:
    for name, said in (("blocked", [AGE, "Fix the source."]), ("down", ["Kaggle answered 503."])):
        lines = ran[name].log.splitlines()
        assert not [line for line in lines if "Traceback" in line or "Task failed with exception" in line]
        first = next(place for place, line in enumerate(lines) if said[0] in line)
        last = [line for line in lines[first : first + len(said)] if "[error" in line]
        assert [text in line for text, line in zip(said, last, strict=True)] == [True] * len(said)
        assert "::group::Post Execute" in lines[first + len(said)], "what follows is Airflow's own, folded away"
