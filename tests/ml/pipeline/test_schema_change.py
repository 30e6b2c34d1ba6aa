"""A new profession, with the real libraries: blocked, proposed, accepted, learnt, served, and read back."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from ml.data.schema import PROPOSED, seed_schema
from ml.pipeline.local_runner import RetrainResult, retrain
from ml.pipeline.run import Run
from ml.pipeline.steps import run_step
from ml.registry.ledger.ledger import Ledger
from ml.storage.files import read_json
from ml.storage.root import Root
from serving.client.model_client import ModelServer
from serving.server import embedded
from tests.ml.conftest import settings_for
from tests.ml.light_world import command
from tests.ml.validation.test_bad_input import edited

pytestmark = pytest.mark.usefixtures("libraries")
CUSTOMER = {
    "Gender": "Male", "Ever_Married": "No", "Age": 30, "Graduated": "No", "Profession": "Pilot",
    "Work_Experience": 1, "Spending_Score": "Low", "Family_Size": 3,
}  # fmt: skip


@pytest.fixture
def pilots(sample_csv: Path, tmp_path: Path) -> Path:
    """The sample, with every eighth customer a pilot."""

    def edit(number: int, row: dict[str, str]) -> None:
        row["Profession"] = "Pilot" if number % 8 == 0 else row["Profession"]

    return edited(sample_csv, edit, tmp_path / "pilots.csv")


def run(root: Root, data: Path, run_id: str) -> RetrainResult:
    return retrain(root, settings_for(data), run_id=run_id, force=False)


def test_a_new_profession_is_proposed_accepted_learnt_served_and_read_back(root: Root, pilots: Path) -> None:
    blocked = run(root, pilots, "r")
    assert (blocked.outcome, blocked.exit_code) == ("blocked", 2)
    assert "python -m ml schema accept r --reason '...'" in blocked.reasons[-1]
    assert 'value: "Pilot"' in command(root, "schema", "diff", "r")[1]
    assert command(root, "schema", "accept", "r", "--reason", "an airline joined")[0] == 0
    assert "in force already: schema 1" in command(root, "schema", "accept", "r", "--reason", "twice")[1]

    promoted = run(root, pilots, "wider")
    assert promoted.outcome == "promoted", promoted.reasons
    encoding = read_json(root.run("wider") / "transform" / "encoding.json")["features"]
    assert "Pilot" in next(one["values"] for one in encoding if one["name"] == "Profession")
    with embedded.embedded_server(root.models / "customer-model") as url:
        server = ModelServer(url)
        server.wait_available(1, deadline=60)
        pilot, other, spelled = server.predict(
            [CUSTOMER, CUSTOMER | {"Profession": ""}, CUSTOMER | {"Profession": " pilot"}]
        )
    assert pilot["probability"] != other["probability"], "the new profession is no missing one"
    assert pilot["probability"] == pytest.approx(spelled["probability"])

    intent = Ledger(root.ledger).of_run("wider").intent  # type: ignore[union-attr]
    accepted = root.schema(1).read_text()
    record, verdict = (read_json(root.release(1) / name) for name in ("release.json", "verdict.json"))
    assert (intent["schema_number"], record["schema_number"], record["schema"]) == (1, 1, accepted)
    assert verdict["schema"] == {"number": 1, "sha256": intent["schema_sha256"]}
    assert run(root, pilots, "nothing-new").outcome == "unchanged"
    assert "accepted as schema 1" in command(root, "lineage", "1")[1]
    code, said = command(root, "reproduce", "1", "--json")
    assert (code, json.loads(said)["same_weights"], json.loads(said)["differs"]) == (0, True, [])

    assert command(root, "schema", "accept", "--seed", "--reason", "no pilots after all")[0] == 0
    assert run(root, pilots, "back").outcome == "blocked", "the same data run again under another schema"
    code, said = command(root, "reproduce", "1", "--json")
    assert (code, json.loads(said)["same_weights"]) == (0, True), "by the schema that the version was made with"


def test_a_run_keeps_the_schema_with_which_it_began(
    root: Root, sample_csv: Path, pilots: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(root, pilots, "r")
    begun = Run(root, "begun", settings_for(pilots))
    run_step("ingest", begun)
    command(root, "schema", "accept", "r", "--reason", "an airline joined")
    assert (begun.schema.text, begun.schema_number) == (seed_schema().text, 0)
    with pytest.raises(Exception, match="schema accept begun"):
        run_step("validate", begun)
    caplog.clear()
    assert "in force already: schema 1" in command(root, "schema", "accept", "begun", "--reason", "late")[1]
    with caplog.at_level(logging.INFO, logger="ml"):
        run_step("ingest", begun)
    assert begun.schema_number == 1
    assert "schema 1 is in force, accepted by" in caplog.text
    run_step("validate", begun)
    (begun.directory / "schema.pbtxt").write_text(seed_schema().text)
    with pytest.raises(Exception, match=r"schema\.pbtxt: was changed .* Start a new run"):
        run_step("transform", begun)


def test_a_proposal_that_was_changed_or_came_too_late_is_refused(
    root: Root, pilots: Path, sample_csv: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(root, pilots, "r")
    proposal = root.run("r") / PROPOSED
    whole = proposal.read_text()
    proposal.write_text(whole.replace("max: 120", "max: 200"))
    assert command(root, "schema", "accept", "r", "--reason", "edited")[0] == 2
    assert "was changed" in " ".join(caplog.messages)
    proposal.write_text(whole)
    other = tmp_path / "other.pbtxt"
    other.write_text(seed_schema().text.replace("max: 120", "max: 130"))
    assert command(root, "schema", "accept", "--file", str(other), "--reason", "people grow older")[0] == 0
    assert "STALE" in command(root, "schema", "diff", "r")[1]
    assert command(root, "schema", "accept", "r", "--reason", "late")[0] == 2
    assert "is stale" in " ".join(caplog.messages)
    root.schema(1).unlink()
    lost = run(root, sample_csv, "lost")
    assert (lost.outcome, lost.exit_code) == ("failed", 1)
    assert "the schema is missing" in lost.reasons[0]
