"""A whole run that waits, with the real libraries: what the next one says, and what an approval comes to."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml.pipeline.approval.decisions import approve
from ml.pipeline.local_runner import retrain
from ml.pipeline.run import Run
from ml.registry.ledger.ledger import Ledger
from ml.storage.root import Root
from tests.ml.conftest import EQUAL_IS_ENOUGH, settings_of

pytestmark = pytest.mark.usefixtures("libraries")


def test_a_refresh_waits_under_unsure_and_is_promoted_by_a_person(promoted_root: Root, customers_csv: Path) -> None:
    refresh = ("train.seed=1", *EQUAL_IS_ENOUGH)
    asked = settings_of(customers_csv, *refresh, "gate.approval=unsure")
    waits = retrain(promoted_root, asked, run_id="waits", force=False)
    assert (waits.outcome, waits.version, waits.exit_code) == ("waiting", 1, 0)
    assert "python -m ml approve waits --reason" in waits.reasons[0]
    repeated = retrain(promoted_root, asked, run_id="repeated", force=False)
    assert repeated.outcome == "unchanged", "while somebody would be asked"
    assert "run waits, the last that came to a result (waiting" in repeated.reasons[0]
    done = approve(Run(promoted_root, "waits", asked), reason="looks right")
    assert done.version == 2
    versions = Ledger(promoted_root.ledger).versions()
    assert (versions[2].state, versions[2].intent["decision"]) == ("confirmed", "refresh")
    waiting = next(event for event in Ledger(promoted_root.ledger).events() if event["event"] == "waiting")
    assert versions[2].intent["fingerprint"] == waiting["fingerprint"]
