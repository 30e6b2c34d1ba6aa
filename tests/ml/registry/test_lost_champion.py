"""A champion whose files are gone or were changed, and run ids that are used again: the ledger never lies."""

from __future__ import annotations

import json
import shutil

import pytest

from ml.cli.status import as_json, status
from ml.cli.status_text import status_text
from ml.config.settings import Settings
from ml.errors import FinalError
from ml.registry.champion import verified_champion
from ml.registry.intervention.release import release
from ml.registry.intervention.rollback import rollback
from ml.registry.ledger.entries import CONFIRMED, INTENT, REJECTED, WITHDRAWN
from ml.registry.ledger.ledger import Ledger
from ml.registry.policy.last_result import last_result
from ml.storage.files import sha256_tree
from ml.storage.root import Root
from tests.ml.light_world import MODEL, RUN, do_confirm, do_promote, released


def lose(root: Root, number: int, how: str) -> None:
    place = root.version(MODEL, number)
    if how == "gone":
        shutil.rmtree(place)
    else:
        (place / "saved_model.pb").write_text("tampered")


@pytest.mark.parametrize(("how", "words"), [("gone", "is missing"), ("changed", "were changed")])
def test_a_lost_champion_is_named_and_given_up_by_a_rollback(
    root: Root, settings: Settings, how: str, words: str
) -> None:
    released(root, settings, "one")
    released(root, settings, "two")
    lose(root, 2, how)
    with pytest.raises(FinalError, match=words) as error:
        verified_champion(root, MODEL)
    assert "rollback" in error.value.cure
    assert words in status_text(status(root, settings))
    back = rollback(root, settings, target=None, reason="somebody was here")
    assert (back.number, back.state) == (1, CONFIRMED)
    given_up = Ledger(root.ledger).versions()[2]
    assert given_up.state == WITHDRAWN
    assert "somebody was here" in given_up.last["reason"]
    assert not root.version(MODEL, 2).exists()
    release(root, settings, reason="a disk, not the model")
    assert released(root, settings, "three") == 3


def test_a_lost_only_version_leaves_a_way_out(root: Root, settings: Settings) -> None:
    released(root, settings, "one")
    lose(root, 1, "gone")
    with pytest.raises(FinalError, match="No confirmed version is left") as error:
        rollback(root, settings, target=None, reason="r")
    assert "Run a retraining first" in error.value.cure
    assert verified_champion(root, MODEL) is None
    assert released(root, settings, "two") == 2


def test_a_run_id_used_again_for_other_bytes_publishes_them_under_a_new_number(root: Root, settings: Settings) -> None:
    for number, text in ((1, "first"), (2, "second")):
        do_promote(root, settings, text)
        do_confirm(root, settings)
        version = Ledger(root.ledger).versions()[number]
        assert version.state == CONFIRMED
        assert version.intent["model_sha256"] == sha256_tree(root.version(MODEL, number))
        shutil.rmtree(root.run(RUN))


def test_an_intent_is_not_reused_for_other_bytes(root: Root, settings: Settings) -> None:
    Ledger(root.ledger).append(INTENT, run_id=RUN, version=1, model_sha256="of another try", champion=None)
    do_promote(root, settings, "new")
    do_confirm(root, settings)
    versions = Ledger(root.ledger).versions()
    assert [version.state for version in versions.values()] == [WITHDRAWN, CONFIRMED]
    assert versions[2].intent["model_sha256"] == sha256_tree(root.version(MODEL, 2))


def test_an_undefined_metric_is_null_in_the_ledger_and_in_every_answer(root: Root) -> None:
    ledger = Ledger(root.ledger)
    ledger.append(REJECTED, run_id="r", champion=None, metrics={"Precision": float("nan")}, reasons=["no"])
    assert "NaN" not in root.ledger.read_text()
    assert json.loads(as_json(ledger.events()))[0]["metrics"] == {"Precision": None}
    assert json.loads(as_json({"metrics": {"AUC": float("inf")}})) == {"metrics": {"AUC": None}}


def counted(ledger: Ledger) -> str | None:
    champion = ledger.champion()
    number = champion.number if champion else None
    last = last_result(ledger.events(), champion=number, promotion_is_on=True, approval="never")
    return last.fingerprint if last else None


def test_a_rejection_counts_as_the_last_result_only_beside_the_same_champion(root: Root, settings: Settings) -> None:
    released(root, settings, "one")
    ledger = Ledger(root.ledger)
    ledger.append(REJECTED, run_id="r", champion=1, model_sha256="m", fingerprint="f", reasons=["worse"])
    assert counted(ledger) == "f"
    ledger.append(INTENT, run_id="other", version=2, model_sha256="m2")
    ledger.append(CONFIRMED, run_id="other", version=2)
    assert counted(ledger) is None


def test_a_line_of_json_that_is_not_an_entry_is_named(root: Root) -> None:
    root.ledger.write_text("[]\n")
    with pytest.raises(FinalError, match=r"ledger\.jsonl: line 1 is not an entry"):
        Ledger(root.ledger).events()
