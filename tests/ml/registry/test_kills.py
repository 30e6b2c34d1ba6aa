"""Killed at any moment, run again: the end is as if nothing had happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ml.pipeline.run import Run
from ml.pipeline.steps import run_step
from ml.registry.ledger.ledger import Ledger
from ml.storage.root import PROJECT, Root
from tests.ml.conftest import QUICK, settings_for
from tests.ml.registry.kill_scenarios import SCENARIOS

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(PROJECT)}
KILL_DEADLINE = 120


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_killed_before_each_file_operation(scenario: str) -> None:
    script = PROJECT / "tests" / "ml" / "registry" / "kill_points.py"
    done = subprocess.run(
        [sys.executable, str(script), scenario],
        cwd=PROJECT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["wrong"] == []
    writes = found["operations"].get("write", 0) + found["operations"]["pwrite"]
    assert found["kills"] == 2 * sum(found["operations"].values()) + writes >= 16
    assert found["operations"]["fsync"] >= 1


@pytest.mark.usefixtures("libraries")
def test_each_heavy_step_is_killed_and_repeated(root: Root, sample_csv: Path) -> None:
    """A process that carries out the step dies once it has begun to write; the next one ends it."""
    overrides = [word for override in QUICK for word in ("--set", override)]
    began = {"validate": "statistics.pb", "transform": "train.parquet", "train": "saved_model", "evaluate": "tfma"}
    run = Run(root, "killed", settings_for(sample_csv, "promote.enabled=false"))
    run_step("ingest", run)
    for step, first_file in began.items():
        making = root.run("killed") / f".{step}.making"
        command = [sys.executable, "-m", "ml", step, "--run", "killed", "--root", str(root.path), *overrides]
        process = subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + KILL_DEADLINE
        while not (making / first_file).exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        assert process.wait(10) == -signal.SIGKILL, f"{step} ended before it could be killed"
        assert not (root.run("killed") / step).exists(), f"{step} looks finished"
        assert run_step(step, run)["outcome"] == "done"
        assert not making.exists()
    assert run_step("judge", run)["outcome"] == "done"


@pytest.mark.usefixtures("libraries")
def test_a_run_killed_while_it_promotes_is_recovered_by_the_next(root: Root, sample_csv: Path) -> None:
    overrides = [word for override in QUICK for word in ("--set", override)]
    command = [sys.executable, "-m", "ml", "retrain", "--root", str(root.path), "--data", str(sample_csv), *overrides]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + KILL_DEADLINE
    while not root.ledger.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL
    pending = Ledger(root.ledger).pending()
    second = subprocess.run([*command, "--json"], cwd=PROJECT, capture_output=True, text=True, timeout=KILL_DEADLINE)
    outcome = json.loads(second.stdout)
    assert outcome["outcome"] in ("promoted", "unchanged"), second.stderr
    assert Ledger(root.ledger).pending() == []
    champion = Ledger(root.ledger).champion()
    assert champion is not None
    assert champion.number == outcome["version"]
    assert all(p.name.isdecimal() for p in (root.models / "customer-model").iterdir())
    assert len(pending) <= 1


def test_two_loops_at_once_the_second_says_who_is_there(root: Root, sample_csv: Path) -> None:
    command = [sys.executable, "-m", "ml", "retrain", "--root", str(root.path), "--data", str(sample_csv), "--json"]
    first = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not root.retrain_lock.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        second = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    finally:
        first.kill()
        first.wait(10)
    assert second.returncode == 1
    outcome = json.loads(second.stdout)
    assert outcome["outcome"] == "failed"
    assert f"process {first.pid}" in outcome["reasons"][0]
    assert "held by retraining" in outcome["reasons"][0]


def test_a_child_dies_with_its_parent(tmp_path: Path) -> None:
    """The operator's process is killed; the step must not go on beside the retry."""
    parent_code = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', sys.argv[1]],"
        " env={**os.environ, 'RETRAIN_DIE_WITH_PARENT': str(os.getpid())})\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    child_code = (
        "import ml.__main__ as m, pathlib, time\n"
        "m.die_with_parent()\n"
        f"pathlib.Path({str(tmp_path / 'up')!r}).touch()\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", parent_code, child_code], stdout=subprocess.PIPE, text=True, cwd=PROJECT, env=ENVIRONMENT
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    deadline = time.monotonic() + 30
    while not (tmp_path / "up").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    parent.kill()
    parent.wait(10)
    parent.stdout.close()
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        status = Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[0]
        if status == "Z":
            break
        time.sleep(0.01)
    assert not Path(f"/proc/{child}").exists() or status == "Z"
