"""A real version that the ledger does not know is taken over; what it predicts is known only from its record."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ml.artifacts import Evaluation
from ml.data.features import FEATURES
from ml.errors import FinalError
from ml.pipeline.run import Run
from ml.pipeline.steps import run_step
from ml.registry.champion import verified_champion
from ml.registry.golden_rows import GoldenRows
from ml.registry.ledger.entries import ADOPTED
from ml.registry.ledger.ledger import Ledger
from ml.storage.root import Root
from tests.ml.conftest import settings_of
from tests.ml.light_world import command

pytestmark = pytest.mark.usefixtures("libraries")
MODEL = "customer-model"


def test_after_the_ledger_was_lost_the_version_is_compared_as_before(promoted_root: Root, customers_csv: Path) -> None:
    promoted_root.ledger.unlink()
    run = Run(promoted_root, "first", settings_of(customers_csv))
    with pytest.raises(FinalError, match="takes 1 for a version, and the ledger is missing"):
        run_step("ingest", run)
    code, text = command(promoted_root, "adopt", "1", "--reason", "the disk died")
    assert (code, text) == (0, "Version 1 stands in the ledger, as confirmed as any other.\n")
    (entry,) = Ledger(promoted_root.ledger).events()
    assert (entry["event"], entry["reason"], len(entry["data_sha256"])) == (ADOPTED, "the disk died", 64)
    assert json.loads(command(promoted_root, "status", "--json")[1])["version"] == 1
    run_step("evaluate", run)
    evaluation = run.artifact("evaluate", Evaluation)
    assert (evaluation.champion_version, evaluation.incomparable) == (1, "")
    assert evaluation.champion_metrics == evaluation.metrics
    assert command(promoted_root, "adopt", "1", "--reason", "again")[0] == 0
    assert len(Ledger(promoted_root.ledger).events()) == 1


def test_without_its_record_it_is_incomparable(promoted_root: Root, customers_csv: Path) -> None:
    promoted_root.ledger.unlink()
    shutil.rmtree(promoted_root.release(1))
    assert command(promoted_root, "adopt", "1", "--reason", "found on a disk")[0] == 0
    champion = verified_champion(promoted_root, MODEL)
    assert champion is not None
    record = champion.release_record()
    assert (record["target"], record["features"]) == (None, list(FEATURES))
    golden_rows = GoldenRows.read(champion.release / "replay.json")
    assert len(golden_rows.instances) == 50
    assert 0 < min(golden_rows.probability) < 0.3 < max(golden_rows.probability) < 1
    run = Run(promoted_root, "first", settings_of(customers_csv))
    run_step("validate", run)
    run_step("transform", run)
    run_step("evaluate", run)
    evaluation = run.artifact("evaluate", Evaluation)
    assert "adopted without its release record" in evaluation.incomparable
    assert evaluation.champion_metrics == {}


def test_what_cannot_be_loaded_is_not_adopted(promoted_root: Root) -> None:
    place = promoted_root.version(MODEL, 7)
    place.mkdir()
    (place / "saved_model.pb").write_bytes(b"not a model")
    before = promoted_root.ledger.read_bytes()
    assert command(promoted_root, "adopt", "7", "--reason", "r")[0] == 2
    assert promoted_root.ledger.read_bytes() == before
    assert not promoted_root.release(7).exists()


def test_clearing_the_confirmation_of_an_older_run_fails_at_once(promoted_root: Root, customers_csv: Path) -> None:
    """Airflow retries nothing that ends with 2."""
    assert command(promoted_root, "promote", "--run", "first")[0] == 0
    shutil.copytree(promoted_root.version(MODEL, 1), promoted_root.version(MODEL, 2))
    assert command(promoted_root, "adopt", "2", "--reason", "newer")[0] == 0
    before = promoted_root.ledger.read_bytes()
    for step in ("confirm", "promote"):
        assert command(promoted_root, step, "--run", "first")[0] == 2
        result = json.loads((promoted_root.run("first") / "results" / f"{step}.json").read_text())
        assert result["error"]["what"] == "Version 1 was superseded by version 2."
        assert result["error"]["retry"] is False
    assert promoted_root.ledger.read_bytes() == before
