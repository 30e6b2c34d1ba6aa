"""Which schema is in force, and how another one comes into force; the commands of `ml schema` but for proposals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ml.config.settings import resolve
from ml.data import schema as schema_module
from ml.data.schema import Schema, seed_schema
from ml.errors import FinalError, NothingToDoError
from ml.registry.ledger.entries import SCHEMA
from ml.registry.ledger.ledger import Ledger
from ml.registry.schemas.acceptance import accept_schema
from ml.registry.schemas.in_force import schema_in_force
from ml.registry.schemas.usable import require_usable
from ml.storage.root import Root
from tests.ml.light_world import command
from tests.prometheus.exported import values

SETTINGS = resolve(environment={})
SEED = seed_schema()
WIDER = Schema(SEED.text.replace("max: 120", "max: 130"))


def accepted(root: Root, schema: Schema = WIDER) -> None:
    accept_schema(root, SETTINGS, schema, reason="people grow older")


def test_before_the_first_acceptance_the_seed_is_in_force(root: Root) -> None:
    assert (schema_in_force(root).number, schema_in_force(root).schema.text) == (0, SEED.text)
    assert values(root)["retrain_schema_number", ()] == 0
    code, said = command(root, "schema", "show")
    assert (code, said) == (
        0,
        "# Git's schema, ml/data/schema.pbtxt, is in force; no other one was accepted.\n" + SEED.text,
    )
    assert command(root, "schema", "diff") == (0, "Git's schema is in force: no difference.\n")
    assert "schema" not in command(root, "status")[1]


def test_an_accepted_schema_is_in_force_and_everybody_says_so(
    root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETRAIN_WHO", "anna")
    file = tmp_path / "mine.pbtxt"
    file.write_text(WIDER.text)
    code, said = command(root, "schema", "accept", "--file", str(file), "--reason", "people grow older")
    assert (code, said) == (0, "Schema 1 is in force from the next run on, the same data included.\n")
    entry = Ledger(root.ledger).events()[-1]
    assert {name: entry[name] for name in ("event", "number", "schema_sha256", "previous_sha256", "who", "reason")} == {
        "event": SCHEMA, "number": 1, "schema_sha256": WIDER.sha256, "previous_sha256": SEED.sha256,
        "who": "anna", "reason": "people grow older",
    }  # fmt: skip
    assert (root.schema(1).read_text(), schema_in_force(root).number) == (WIDER.text, 1)
    assert values(root)["retrain_schema_number", ()] == 1
    assert "+  float_domain { min: 0 max: 130" in command(root, "schema", "diff")[1]
    assert "by anna: people grow older" in command(root, "schema", "show")[1]
    assert f"schema    Schema 1, accepted {entry['at']} by anna: people grow older" in command(root, "status")[1]
    assert "schema 1" in command(root, "history")[1]
    shown = json.loads(command(root, "schema", "show", "--json")[1])
    assert (shown["number"], shown["text"], shown["seed_has_changed"]) == (1, WIDER.text, False)
    again = command(root, "schema", "accept", "--file", str(file), "--reason", "twice")
    assert again == (0, "This schema is in force already: schema 1.\n")
    assert len(Ledger(root.ledger).events()) == 1


def test_a_changed_or_missing_file_is_an_error_with_the_cure_and_accepting_it_again_restores_it(root: Root) -> None:
    accepted(root)
    for damage in (lambda: root.schema(1).write_text(SEED.text), lambda: root.schema(1).unlink()):
        damage()
        with pytest.raises(FinalError, match=r"(was changed|is missing).* Restore it from a backup"):
            schema_in_force(root)
        assert command(root, "schema", "show")[0] == 2
        assert "LOST" in command(root, "status")[1]
        accepted(root)
        assert schema_in_force(root).schema.text == WIDER.text
    assert len(Ledger(root.ledger).events()) == 1


def test_when_the_seed_changes_the_accepted_one_stays_in_force_until_somebody_takes_it(
    root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    accepted(root)
    assert not schema_in_force(root).seed_has_changed
    changed = tmp_path / "schema.pbtxt"
    changed.write_text(SEED.text.replace("max: 30", "max: 40"))
    monkeypatch.setattr(schema_module, "SEED", changed)
    assert (schema_in_force(root).seed_has_changed, schema_in_force(root).schema.text) == (True, WIDER.text)
    schema_in_force(root).log()
    take = "python -m ml schema accept --seed --reason '...'"
    for said in (caplog.text, command(root, "status")[1], command(root, "schema", "show")[1]):
        assert take in said
    assert command(root, "schema", "accept", "--seed", "--reason", "git knows better")[0] == 0
    assert (schema_in_force(root).number, schema_in_force(root).schema.text) == (2, changed.read_text())
    assert take not in command(root, "status")[1]


def test_the_seed_that_is_in_force_is_nothing_to_accept(root: Root) -> None:
    with pytest.raises(NothingToDoError, match="in force already: git's schema"):
        accepted(root, SEED)
    assert not root.ledger.exists()


def test_a_proposal_for_another_schema_is_stale(root: Root) -> None:
    accepted(root)
    other = Schema(SEED.text.replace("max: 30", "max: 40"))
    with pytest.raises(FinalError, match=r"The proposal of run r is stale: .* and schema 1 "):
        accept_schema(root, SETTINGS, other, reason="late", run_id="r", previous=SEED.sha256)
    accept_schema(root, SETTINGS, other, reason="in time", run_id="r", previous=WIDER.sha256)
    assert (schema_in_force(root).number, schema_in_force(root).entry["run_id"]) == (2, "r")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("feature {", "feature [", "is not a schema"),
        ('name: "Age"', 'name: "Years"', "it lacks Age"),
        ('name: "Segmentation"', 'name: "Segment"', "it lacks Segmentation"),
        ('name: "Var_1"', 'name: "Age"', "it has Age 2 times"),
        ('default_environment: "TRAINING"', "", "it lacks default_environment"),
        ('name: "Age"', 'name: "Age" not_in_environment: "TRAINING"', "Age is not in the environment"),
        ('name: "Age"\n  type: FLOAT', 'name: "Age"\n  type: INT', "the type of Age must be FLOAT"),
        ('name: "Gender"\n  type: BYTES', 'name: "Gender"\n  type: FLOAT', "the type of Gender must be BYTES"),
        ("min: 0 max: 120", "min: -1 max: 120", "Age may not be below 0"),
        ('value: "Male"', 'value: "Male" value: " male"', "only in letter case or blanks: ' male', 'Male'"),
        ('value: "C" value: "D"', 'value: "C"', "Segmentation lacks D, the target"),
        ('string_domain { value: "Female" value: "Male" }', 'domain: "g"', "a string_domain of its own"),
    ],
)
def test_what_would_break_the_code_is_refused(root: Root, old: str, new: str, message: str) -> None:
    broken = SEED.text.replace(old, new, 1)
    assert broken != SEED.text
    with pytest.raises(FinalError, match=message):
        accepted(root, Schema(broken))
    assert not root.ledger.exists()
    assert not root.schemas.exists()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('value: "Male"', 'value: "Male" value: "Diverse"'),
        ("min_examples_count: 1000", "min_examples_count: 100"),
        ("max: 120", "max: 90"),
        ('value: "D" }', 'value: "D" value: "E" }'),
        ("drift_comparator { infinity_norm { threshold: 0.024 } }", ""),
    ],
)
def test_what_the_code_can_work_with_is_left_to_the_person(old: str, new: str) -> None:
    changed = SEED.text.replace(old, new, 1)
    assert changed != SEED.text
    require_usable(Schema(changed), SETTINGS.target)


@pytest.mark.parametrize(
    "words",
    [
        ("accept", "--reason", "none named"),
        ("accept", "--seed"),
        ("accept", "r", "--seed", "--reason", "two named"),
        ("accept", "--file", "/nowhere", "--reason", "no file"),
        ("accept", "r", "--reason", "no such run"),
        ("diff", "r"),
        ("show", "r"),
        ("diff", "--seed"),
    ],
)
def test_a_command_that_means_nothing_ends_with_2(root: Root, words: tuple[str, ...]) -> None:
    assert command(root, "schema", *words) == (2, "")
    assert not root.ledger.exists()
