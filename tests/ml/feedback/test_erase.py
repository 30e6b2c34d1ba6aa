"""A customer who is erased is in no row that outcomes added, whenever it is killed, and what is left says so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ml.artifacts import Dataset
from ml.data.outcomes.content import data_sha256
from ml.data.outcomes.erasure import erasure_of
from ml.errors import FinalError
from ml.feedback.training.erase import Whom
from ml.pipeline.run import Run
from ml.pipeline.steps import run_step
from ml.registry.kept_data import kept_data
from ml.storage.locks import hold
from ml.storage.root import PROJECT, Root
from tests.ml.feedback.erase_world import ROW, WHO, erased, joined_root, places_of, settings_of, state
from tests.ml.feedback.gateway_files import outcome, record, recorded, tell

World = tuple[Root, Dataset]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return joined_root(tmp_path / "root")


def ml_erase(root: Root, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ml", "erase", "--root", str(root.path), *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("whom", [Whom(WHO), Whom(f" {WHO} "), Whom(None, frozenset({ROW}))])
def test_nothing_of_the_customer_is_left_and_all_others_are(world: World, whom: Whom) -> None:
    root, dataset = world
    assert len(places_of(root, WHO)) == 8
    obtained = dataset.csv.read_bytes()
    found = erased(root, whom)
    assert (found.rows, found.places) == (2, ["run joined", f"data {dataset.sha256[:12]}"])
    assert (found.data, found.busy) == ({dataset.sha256}, [])
    assert places_of(root, WHO) == []
    for place in (dataset.path, root.data / dataset.sha256):
        assert (place / "data.csv").read_bytes() == obtained
        assert (place / "outcomes.csv").read_text().count("\n") == 10
        assert "c8," in (place / "outcomes.csv").read_text()


def test_the_note_has_hash_and_day_and_nobodys_data(world: World) -> None:
    root, dataset = world
    erased(root)
    (note,) = root.data.glob("*.json")
    assert note.name == f"{dataset.sha256}.erased.json"
    assert json.loads(note.read_text()) == {"sha256": dataset.sha256, "erased": "2026-11-29"}
    assert erasure_of(root, dataset.sha256) == "2026-11-29"
    assert kept_data(root, dataset.sha256) is None


def test_once_more_changes_nothing(world: World) -> None:
    root, _ = world
    erased(root)
    before = state(root)
    assert erased(root).rows == 0
    assert state(root) == before


def test_a_second_customer_is_erased_from_the_same_data(world: World) -> None:
    root, dataset = world
    erased(root)
    assert erased(root, Whom("c8")).rows == 2
    assert places_of(root, "c8,") == []
    assert erasure_of(root, dataset.sha256) == "2026-11-29"


def test_somebody_who_is_not_there_leaves_data_that_can_be_made_again(world: World) -> None:
    root, dataset = world
    assert erased(root, Whom("nobody", frozenset({("list", 99)}))).rows == 0
    assert erasure_of(root, dataset.sha256) is None
    assert data_sha256(dataset.csv) == dataset.sha256


def test_the_run_says_why_it_cannot_go_on_and_can_begin_again(world: World) -> None:
    root, dataset = world
    erased(root)
    run = Run(root, "joined", settings_of(root))
    for step in ("validate", "transform"):
        with pytest.raises(FinalError, match=r"Run joined cannot go on: a customer was erased .* on 2026-11-29"):
            run_step(step, run)
    again = run_step("ingest", run)
    assert (again["outcome"], again["artifact"]["sha256"]) == ("done", dataset.base_sha256)
    assert run.artifact("ingest", Dataset).outcomes is None


def test_killed_before_each_file_operation() -> None:
    script = PROJECT / "tests" / "ml" / "feedback" / "erase_kill_points.py"
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        [sys.executable, str(script)], cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["wrong"] == []
    assert found["disturbed"] >= 50


def test_it_waits_for_a_step_at_work_and_says_what_it_could_not_search(world: World) -> None:
    root, _ = world
    with hold(root.run("joined") / ".lock", who="step ingest", wait_seconds=0):
        done = ml_erase(root, "--id", WHO, "--set", "promote.lock_wait_seconds=0.5")
    assert done.returncode == 1
    assert "NOT SEARCHED: " in done.stdout
    assert "held by step ingest" in done.stdout
    assert WHO in (root.run("joined") / "ingest" / "outcomes.csv").read_text(), "the run's own rows wait"
    done = ml_erase(root, "--id", WHO)
    assert done.returncode == 0, done.stderr
    assert places_of(root, WHO) == []


def test_the_command_says_what_it_erased_and_what_it_leaves(world: World) -> None:
    root, dataset = world
    done = ml_erase(root, "--id", WHO)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[0] == f"Erased 2 rows that outcomes had added: run joined, data {dataset.sha256[:12]}"
    assert "can no longer be reproduced" in said[1]
    assert said[-1].startswith("Not changed: the files that were obtained (data.csv")
    assert WHO not in done.stdout + done.stderr
    again = ml_erase(root, "--row", "list:7", "--json")
    assert json.loads(again.stdout) == {
        "rows": 0, "places": [], "data": [], "not_searched": [], "left_at_the_gateway": 0,
    }  # fmt: skip


def test_it_says_when_the_gateway_still_has_the_customer(world: World) -> None:
    root, _ = world
    record(root, recorded(7, customer=WHO), recorded(8))
    tell(root, outcome(7))
    done = ml_erase(root, "--id", WHO)
    assert done.returncode == 1
    assert "STILL THERE: 1 row at the gateway, which the next run would join." in done.stdout
    assert json.loads(ml_erase(root, "--row", "list:7", "--json").stdout)["left_at_the_gateway"] == 2


@pytest.mark.parametrize("arguments", [[], ["--row", "7"]])
def test_nobody_and_a_row_without_a_request_are_refused(world: World, arguments: list[str]) -> None:
    done = ml_erase(world[0], *arguments)
    assert done.returncode == 2
    assert "--row" in done.stderr
