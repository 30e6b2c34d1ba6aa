"""Probation with a real network behind a real model server: its answers, its metrics page, its customers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.config.settings import Settings, resolve
from ml.evaluation.scored_rows import ScoredRows
from ml.probation.probation import Checked, check_probation
from ml.registry.golden_rows import GoldenRows
from ml.registry.ledger.entries import CONFIRMED
from ml.registry.ledger.ledger import Ledger
from ml.registry.model_registry import locked_registry
from ml.registry.traffic.samples import take_sample
from ml.storage.files import read_json, sha256_tree, write_json
from ml.storage.root import Root
from serving.client.model_client import ModelServer
from serving.server import embedded
from tests.ml.light_world import MODEL


def publish(root: Root, settings: Settings, record: Path) -> int:
    """A second version: the network of the first in other bytes, with the release record that a test made."""
    with locked_registry(root, settings, who="a test") as registry:
        model = root.path / "second"
        shutil.copytree(root.version(MODEL, 1), model)
        (model / "assets").mkdir(exist_ok=True)
        (model / "assets" / "note.txt").write_text("other bytes")
        sha256 = sha256_tree(model)
        intent = registry.ledger.versions()[1].intent
        facts: dict[str, Any] = {key: intent[key] for key in ("source", "source_kind", "data_sha256") if key in intent}
        staged = registry.stage("second", model, sha256=sha256)
        number = registry.publish(staged, record, run_id="second", model_sha256=sha256, facts=facts)
        registry.ledger.append(CONFIRMED, run_id="second", version=number)
    return number


@pytest.fixture
def record(promoted_root: Root) -> Path:
    """The release record of version 1, for a test to change."""
    return Path(shutil.copytree(promoted_root.release(1), promoted_root.path / "record"))


@pytest.fixture
def settings(promoted_root: Root) -> Iterator[Settings]:
    with embedded.embedded_server(promoted_root.models / MODEL) as url:
        ModelServer(url, MODEL).wait_available(1, deadline=60)
        yield resolve(overrides=[f"serving.url={url!r}"], environment={})


def check(root: Root, settings: Settings, *, hours: float = 1.0) -> Checked:
    server = ModelServer(settings.serving.url, MODEL)
    champion = Ledger(root.ledger).champion()
    assert champion is not None
    server.wait_available(champion.number, deadline=60)
    return check_probation(root, settings, now=datetime.now(UTC) + timedelta(hours=hours))


def results(checked: Checked) -> dict[str, str]:
    return {item.name: item.result for item in checked.items}


def test_a_good_version_passes_every_item(promoted_root: Root, settings: Settings, record: Path) -> None:
    server, known = ModelServer(settings.serving.url, MODEL), GoldenRows.read(record / "replay.json")
    take_sample(promoted_root, settings, now=datetime.now(UTC) - timedelta(hours=1))
    for _ in range(210):
        server.predict(known.instances[:1])
    take_sample(promoted_root, settings)
    number = publish(promoted_root, settings, record)
    server.wait_available(number, deadline=60)
    take_sample(promoted_root, settings, now=datetime.now(UTC) + timedelta(seconds=1))
    for _ in range(210):
        server.predict(known.instances[:1])
    found = check(promoted_root, settings)
    assert results(found) == dict.fromkeys(("known_rows", "errors", "latency", "target_share"), "passed"), found.items
    assert "0 of 210 questions failed since the promotion" in found.items[1].sentence
    assert "(the data of run first)" in found.items[3].sentence
    again = check(promoted_root, settings, hours=2)
    assert again.items[3] == found.items[3], "the same customers are scored once"
    assert "0 of 210 questions" in again.items[1].sentence, "the thousands of rows were ours"


def test_a_version_that_answers_known_rows_wrongly_is_gone_after_the_check(
    promoted_root: Root, settings: Settings, record: Path
) -> None:
    known = GoldenRows.read(record / "replay.json")
    GoldenRows(known.instances, [1 - value for value in known.probability]).write(record / "replay.json")
    assert publish(promoted_root, settings, record) == 2
    found = check(promoted_root, settings)
    assert (found.state, found.restored, results(found)["known_rows"]) == ("breached", 3, "breached")
    server = ModelServer(settings.serving.url, MODEL)
    server.wait_available(3, deadline=60)
    assert sha256_tree(promoted_root.version(MODEL, 3)) == sha256_tree(promoted_root.version(MODEL, 1))
    answers = [answer["probability"] for answer in server.predict(known.instances)]
    assert answers == pytest.approx(known.probability, abs=1e-5)
    assert Ledger(promoted_root.ledger).events()[-1]["event"] == CONFIRMED, "the server was asked"


def test_a_version_whose_answers_are_not_those_that_the_gate_saw_is_gone(
    promoted_root: Root, settings: Settings, record: Path
) -> None:
    rows = ScoredRows.read(record / "rows.npz")
    ScoredRows(
        rows.rows, rows.profiles, rows.labels, (rows.candidate * 0.4).astype(np.float32),
        rows.references, rows.anchor, rows.groups,
    ).write(record / "rows.npz")  # fmt: skip
    report = read_json(record / "evaluation.json")
    report["calibration"]["intercept"] += 2.0
    write_json(record / "evaluation.json", report)
    publish(promoted_root, settings, record)
    found = check(promoted_root, settings)
    assert (found.state, found.restored) == ("breached", 3)
    assert results(found)["target_share"] == "breached", found.items
    assert "are called targets (expected" in found.reason


def test_a_record_of_older_code_is_not_known(promoted_root: Root, settings: Settings, record: Path) -> None:
    (record / "rows.npz").unlink()
    publish(promoted_root, settings, record)
    found = check(promoted_root, settings)
    assert (found.state, results(found)["target_share"]) == ("on", "not known")
    assert "It is not known what to expect of the data of run first" in found.items[3].sentence


def test_the_data_of_the_version_stand_in_for_those_of_runs_that_are_gone(
    promoted_root: Root, settings: Settings, record: Path
) -> None:
    publish(promoted_root, settings, record)
    shutil.rmtree(promoted_root.runs)
    found = check(promoted_root, settings)
    assert results(found)["target_share"] == "passed"
    assert "(the data of version 2)" in found.items[3].sentence
    shutil.rmtree(promoted_root.data)
    promoted_root.probation.unlink()
    assert results(check(promoted_root, settings))["target_share"] == "not known"


def test_data_that_a_run_did_not_accept_are_not_held_against_a_version(
    promoted_root: Root, settings: Settings, record: Path
) -> None:
    blocked = promoted_root.run("zz-blocked")
    shutil.copytree(promoted_root.run("first") / "ingest", blocked / "ingest")
    (blocked / "results").mkdir()
    (blocked / "results" / "ingest.json").write_text(json.dumps({"step": "ingest", "outcome": "done"}))
    publish(promoted_root, settings, record)
    assert "(the data of run first)" in check(promoted_root, settings).items[3].sentence


def test_without_a_server_a_private_one_is_asked(promoted_root: Root, record: Path, libraries: None) -> None:
    alone = resolve(environment={})
    publish(promoted_root, alone, record)
    found = check_probation(promoted_root, alone, now=datetime.now(UTC) + timedelta(hours=25))
    assert results(found)["errors"] == "not known"
    assert "No model server is configured" in found.items[1].sentence
    assert (found.state, results(found)["known_rows"]) == ("passed", "passed"), found.items
