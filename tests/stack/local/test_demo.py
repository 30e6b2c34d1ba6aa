"""`make demo` with the real Airflow and a stand-in for the ML environment."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from tests.stack.local.stack import Stack, wait_for


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    return Stack(tmp_path_factory.mktemp("demo"))


def test_a_taken_port_ends_the_demo_before_anything_starts(stack: Stack) -> None:
    with socket.create_server(("127.0.0.1", stack.serving)):
        code, text = stack.run("demo")
    assert code == 1
    assert text.startswith(f"error: Port {stack.serving}")
    assert not (stack.root / "airflow-demo").exists()


def test_the_demo_ends_with_the_verdict_and_a_real_answer_and_leaves_nothing_running(stack: Stack) -> None:
    code, text = stack.run("demo")
    assert code == 0, text
    assert text.startswith("Data: the built-in SAMPLE")
    steps = [line.split()[:2] for line in text.splitlines() if line.endswith(" s") and line.startswith("  ")]
    assert steps == [
        *(["ingest", "done"], ["validate", "done"], ["transform", "done"], ["train", "done"]),
        *(["evaluate", "done"], ["judge", "done"], ["promote", "done"], ["confirm", "done"]),
    ]
    assert "Verdict: the candidate earns promotion" in text
    assert f"Promoted: version 1 in {stack.root / 'models' / 'customer-model' / '1'}" in text
    assert f"curl -s http://127.0.0.1:{stack.serving}/v1/models/customer-model:predict" in text
    variables = f"RETRAIN_ROOT={stack.root} SERVING_PORT={stack.serving}"
    assert f"  {variables} make serve\n" in text
    assert f"  {variables} .venv-ml/bin/python -m serving.score docs/customers.csv --out top.csv --top 20%\n" in text
    assert '{"predictions": [{"probability": 0.9, "label": "D"}]}' in text
    assert stack.still_running() == []
    assert (stack.root / "airflow-demo").stat().st_mode & 0o077 == 0


def test_ctrl_c_ends_a_stubborn_step_and_the_servers(stack: Stack, tmp_path: Path) -> None:
    stack.plan(validate={"stubborn": str(tmp_path / "pids"), "sleep": 600})
    process = stack.start("demo")
    wait_for(tmp_path / "pids")
    os.kill(process.pid, signal.SIGINT)
    text, _ = process.communicate(timeout=30)
    assert process.returncode == 130, text
    assert "Interrupted; everything that was started has been stopped." in text
    assert stack.still_running() == []
