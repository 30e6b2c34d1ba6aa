"""A root that an older version of the code made: every command reads it, goes on with it, and loses nothing."""

from __future__ import annotations

import json
import tarfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from ml import artifacts
from ml.config.settings import resolve
from ml.errors import DONE, NOTHING_TO_DO
from ml.monitoring.metric_families import collector_registry
from ml.pipeline.fingerprint import code_sha256
from ml.pipeline.run_record import runs
from ml.registry.golden_rows import GoldenRows
from ml.registry.ledger.entries import (
    CHAINED,
    CONFIRMED,
    INTENT,
    KEPT,
    LOOKED,
    PUBLISHED,
    REJECTED,
    ROLLBACK,
    SEALED,
    WITHDRAWN,
)
from ml.registry.ledger.ledger import Ledger
from ml.registry.retention import clean_up
from ml.storage.files import sha256_tree
from ml.storage.root import PROJECT, Root
from serving.client.model_client import ModelServer
from serving.server import embedded
from tests.ml.conftest import EQUAL_IS_ENOUGH, QUICK, REAL_FILE
from tests.ml.light_world import command

pytestmark = pytest.mark.usefixtures("libraries")
MODEL = "customer-model"


@dataclass(frozen=True)
class Older:
    """An archive, and what its README says of it; `outcomes` are those of its runs, oldest first."""

    archive: Path
    champion: int
    same_bytes_as: int
    rollback_to: int
    data: str
    outcomes: tuple[str, ...]


SAMPLE = Older(
    Path(__file__).parent / "roots" / "051045b-sample.tar.gz",
    champion=3,
    same_bytes_as=1,
    rollback_to=2,
    data="sample",
    outcomes=("promoted", "promoted", "rejected", "withheld"),
)
REAL = Older(
    PROJECT.parent / "shared" / "roots" / "051045b.tar.gz",
    champion=4,
    same_bytes_as=2,
    rollback_to=1,
    data=str(REAL_FILE),
    outcomes=("promoted", "promoted", "promoted", "blocked", "rejected", "withheld"),
)


@pytest.fixture(params=[SAMPLE, REAL], ids=["sample", "real"])
def older(request: pytest.FixtureRequest) -> Older:
    found: Older = request.param
    if not found.archive.is_file():
        pytest.skip(f"{found.archive.name} is not kept here")
    return found


@pytest.fixture
def root(older: Older, tmp_path: Path) -> Root:
    with tarfile.open(older.archive) as archive:
        archive.extractall(tmp_path, filter="data")
    return Root(tmp_path / "root")


def appended(root: Root, before: bytes) -> list[str]:
    """The ledger's events since `before`, which still stands there to the last byte."""
    now = root.ledger.read_bytes()
    assert now.startswith(before)
    return [json.loads(line)["event"] for line in now[len(before) :].splitlines()]


def test_status_names_the_champion_and_finds_its_files_whole(root: Root, older: Older) -> None:
    code, text = command(root, "status", "--json")
    status = json.loads(text)
    assert (code, status["version"], status["pending"], status["lost"]) == (DONE, older.champion, [], "")
    assert 0.85 < status["metrics"]["AUC"] < 0.9
    assert any("lists looked odd" in reason for reason in status["reasons"])
    said = command(root, "status")[1]
    assert f"version {older.champion} is published; no server is configured" in said
    assert ("SAMPLE" in said) is status["sample"] is (older is SAMPLE)


def test_history_tells_every_event(root: Root, older: Older) -> None:
    events = json.loads(command(root, "history", "--json")[1])
    assert len(events) == len(root.ledger.read_text().splitlines())
    counts = Counter(event["event"] for event in events)
    assert counts[INTENT] == counts[PUBLISHED] == counts[CONFIRMED] == older.champion
    assert (counts["rejected"], counts["withheld"]) == (1, 1)
    table = command(root, "history")[1].splitlines()
    assert len(table) == 1 + older.champion + 2, "a header, and a line for each version and each candidate"
    assert "(champion)" in next(line for line in table if line.split()[0] == str(older.champion))
    assert ("SAMPLE" in table[-1]) is (older is SAMPLE)


def test_every_run_is_read_with_its_outcome_and_its_artifacts(root: Root, older: Older) -> None:
    records = sorted(runs(root), key=lambda record: record.directory.name)
    assert tuple(record.outcome for record in records) == older.outcomes
    assert not any(record.damaged for record in records)
    found = sorted(root.runs.glob("*/*/artifact.json"))
    assert len(found) >= 6 * len(records) - 6
    for file in found:
        kind = getattr(artifacts, json.loads(file.read_text())["kind"])
        artifact = kind.read(file.parent, root=root.path)
        assert artifact.path.is_dir()


def test_the_exporter_shows_its_numbers(root: Root, older: Older) -> None:
    page = generate_latest(collector_registry(root, None)).decode()
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }
    assert found["retrain_promoted_version",] == older.champion
    assert found["retrain_ledger_events_total", CONFIRMED] == older.champion
    assert found["retrain_last_run_outcome", "withheld"] == 1
    assert 0.85 < found["retrain_metric", "AUC", "all", "candidate"] < 0.9
    assert 0.85 < found["retrain_metric", "AUC", "all", "champion"] < 0.9
    assert found["retrain_metric_bound", "AUC", "at_least"] == 0.85
    assert found["retrain_epochs",] >= 1
    assert found["retrain_rows", "eval"] + found["retrain_rows", "train"] == found["retrain_rows", "all"]
    assert found["retrain_last_step_seconds", "train"] > 0
    for source in ("ledger", "runs", "disk"):
        assert found["retrain_exporter_source_up", source] == 1
        assert found["retrain_exporter_skipped", source] == 0


def test_a_model_server_answers_with_its_champion_as_training_did(root: Root, older: Older) -> None:
    golden_rows = GoldenRows.read(root.release(older.champion) / "replay.json")
    with embedded.embedded_server(root.models / MODEL) as url:
        server = ModelServer(url)
        server.wait_available(older.champion, deadline=60)
        worst = golden_rows.check(server.predict, tolerance=1e-5, whom="The embedded server")
    assert len(golden_rows.instances) == 50
    assert worst <= 1e-5


def test_a_rollback_publishes_the_bytes_of_an_old_version(root: Root, older: Older) -> None:
    before = root.ledger.read_bytes()
    code, text = command(root, "rollback", str(older.rollback_to), "--reason", "older root")
    assert (code, text) == (
        DONE,
        f"Version {older.champion + 1} is published with the bytes of version {older.rollback_to}. No server is "
        "configured, so a private server checked it; nobody serves it yet.\n",
    )
    assert appended(root, before) == [
        *(CHAINED, SEALED, ROLLBACK, INTENT, PUBLISHED),
        *(WITHDRAWN, WITHDRAWN, CONFIRMED),  # the champion, and the version whose bytes it has
    ]
    versions = [sha256_tree(root.version(MODEL, number)) for number in (older.rollback_to, older.champion + 1)]
    bad = [sha256_tree(root.withdrawn / str(number)) for number in (older.same_bytes_as, older.champion)]
    assert versions[0] == versions[1] != bad[0]
    assert bad[0] == bad[1]


def test_the_ledger_is_chained_once_by_the_first_command_that_writes(root: Root, older: Older) -> None:
    before = root.ledger.read_bytes()
    lines = len(before.splitlines())
    assert f"{lines} lines, not chained yet" in command(root, "ledger", "verify")[1]
    for words in (("rollback", str(older.rollback_to)), ("release",)):
        assert command(root, *words, "--reason", "a drill")[0] == DONE
    assert appended(root, before).count(CHAINED) == 1
    assert f"chained from line {lines + 1} on; none was changed" in command(root, "ledger", "verify")[1]
    root.ledger.write_bytes(root.ledger.read_bytes().replace(b'"event": "confirmed"', b'"event": "withdrawn"', 1))
    code, said = command(root, "status")
    assert code == DONE
    assert f"line {lines + 1} chains the lines 1 to {lines}, and one of them was changed since" in said


def test_every_version_and_run_is_read_back_and_says_what_is_not_recorded(root: Root, older: Older) -> None:
    of_runs = [record.directory.name for record in runs(root)]
    for asked in (*map(str, range(1, older.champion + 1)), *of_runs):
        code, said = command(root, "explain", asked)
        assert (code, "because" in said) == (DONE, True), asked
        answer = json.loads(command(root, "lineage", asked, "--json")[1])
        assert "environment" in answer["not_recorded"]
    first = json.loads(command(root, "lineage", "1", "--json")[1])
    assert (first["settings"]["train"]["epochs"], first["data"]["kept"]) == (20, older is REAL)
    chain = json.loads(command(root, "lineage", str(older.champion), "--json")[1])["rollback_of"]
    assert [step["version"] for step in chain] == [older.same_bytes_as]
    compared = json.loads(command(root, "compare", "1", "2", "--json")[1])
    assert compared["environment"] == {}, "the hash of the code, which covers Python and libraries, is the same"
    assert compared["metrics"]["AUC"][0] > 0.8
    assert compared["differences"] == {}


def test_a_version_whose_data_are_kept_is_trained_again(
    root: Root, older: Older, caplog: pytest.LogCaptureFixture
) -> None:
    code, said = command(root, "reproduce", "1", "--json")
    if older is SAMPLE:  # its archive was made small: the runs lack their data
        assert code == 2
        assert "version 1: its data (sha256 4ec18ddda77f) are not kept" in " ".join(caplog.messages)
        return
    answer = json.loads(said)
    assert code == int(not answer["same_weights"])
    assert any(name.startswith("code, Python or a library") for name in answer["differs"])
    assert answer["not_recorded"] == ["sources", "environment", "schema"]


def test_clean_up_keeps_what_serves(root: Root, older: Older) -> None:
    before = root.ledger.read_bytes()
    clean_up(root, resolve(overrides=["keep.versions=2", "keep.days=0", "keep.runs=1"], environment={}))
    kept = {older.champion, older.champion - 1}
    assert {int(place.name) for place in (root.models / MODEL).iterdir()} == kept
    assert {int(place.name) for place in (root.path / "releases").iterdir()} == kept
    assert [record.outcome for record in runs(root)] == ["withheld"]
    assert appended(root, before) == []


def test_repeating_a_step_of_an_old_run_writes_nothing_twice(root: Root) -> None:
    before = root.ledger.read_bytes()
    withheld = next(record.directory.name for record in runs(root) if record.outcome == "withheld")
    code, _ = command(root, "promote", "--run", withheld)
    assert (code, appended(root, before)) == (NOTHING_TO_DO, [])


def test_the_first_run_after_the_upgrade_retrains_and_compares_with_the_old_champion(root: Root, older: Older) -> None:
    assert {version.intent["code_sha256"] for version in Ledger(root.ledger).versions().values()} != {code_sha256()}
    before = root.ledger.read_bytes()
    light = [*QUICK, "train.epochs=2", "data.sample_rows=3000", *EQUAL_IS_ENOUGH]
    options = [word for one in light for word in ("--set", one)]
    code, text = command(root, "retrain", "--data", older.data, "--json", *options)
    result: dict[str, Any] = json.loads(text)
    ending = {"promoted": [INTENT, PUBLISHED, CONFIRMED], "kept": [KEPT], "rejected": [REJECTED]}
    assert code == DONE
    assert result["outcome"] in ending, result["reasons"]
    assert result["version"] == older.champion + (result["outcome"] == "promoted")
    assert 0.5 < result["champion_metrics"]["AUC"] < 0.9, "the old champion was scored on the new rows"
    assert appended(root, before) == [CHAINED, SEALED, LOOKED, *ending[result["outcome"]]], "chained and sealed once"
    result_of_run = next(e for e in Ledger(root.ledger).events() if e["run_id"] == result["run_id"] and "decision" in e)
    assert (result_of_run["champion"], result_of_run["code_sha256"]) == (older.champion, code_sha256())
    before = root.ledger.read_bytes()
    again = json.loads(command(root, "retrain", "--data", older.data, "--json", *options)[1])
    assert (again["outcome"], appended(root, before)) == ("unchanged", [])
