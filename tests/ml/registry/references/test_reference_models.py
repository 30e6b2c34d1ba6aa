"""Which models are the reference beside the champion, and which version it must not fall behind."""

from __future__ import annotations

import shutil

import pytest

from ml.config.settings import resolve
from ml.errors import FinalError
from ml.registry.ledger.entries import QUARANTINED
from ml.registry.ledger.ledger import Ledger, Version
from ml.registry.references.ancestry import anchor_model_of, anchor_of, original_of
from ml.registry.references.model_store import forgettable_models, store_model, stored_model
from ml.registry.references.reference_models import reference_models
from ml.registry.retention import clean_up
from ml.storage.files import sha256_tree
from ml.storage.root import Root
from tests.ml.registry.references.entries import HOLDOUT, MODEL, kept, promoted


def champion(root: Root) -> Version:
    found = Ledger(root.ledger).champion()
    assert found is not None
    return found


def names(root: Root, most: int = 7) -> list[str]:
    return [one.name for one in reference_models(root, MODEL, champion(root), holdout=HOLDOUT, most=most)]


def test_a_new_champion_stands_alone(root: Root) -> None:
    promoted(root, 1, decision="first")
    kept(root, "equal to 1")
    promoted(root, 2, decision="better")
    assert names(root) == []


def test_kept_candidates_stand_beside_it_the_latest_first_and_no_more_than_wanted(root: Root) -> None:
    promoted(root, 1, decision="first")
    for name in ("a", "b", "c"):
        kept(root, name)
    assert names(root) == [f"the kept candidate of run {name}" for name in ("c", "b", "a")]
    assert names(root, most=2) == [f"the kept candidate of run {name}" for name in ("c", "b")]
    assert names(root, most=0) == []


def test_what_a_refresh_replaced_and_what_was_equal_to_that_stays(root: Root) -> None:
    promoted(root, 1, decision="first")
    kept(root, "beside 1")
    promoted(root, 2, decision="refresh", anchor=1)
    kept(root, "beside 2")
    promoted(root, 3, decision="refresh", anchor=1)
    assert names(root) == [
        "version 2", "the kept candidate of run beside 2", "version 1", "the kept candidate of run beside 1",
    ]  # fmt: skip


def test_a_candidate_that_was_compared_on_other_rows_does_not_count(root: Root) -> None:
    promoted(root, 1, decision="first")
    kept(root, "of another split", holdout="other rows")
    kept(root, "of this split")
    assert names(root) == ["the kept candidate of run of this split"]


def test_a_version_that_was_gone_back_to_has_no_equals_yet(root: Root) -> None:
    promoted(root, 1, decision="first")
    kept(root, "beside 1")
    promoted(root, 2, decision="better")
    kept(root, "beside 2")
    promoted(root, 3, rollback_of=1)
    assert names(root) == []


def test_models_that_are_gone_or_were_changed_are_passed_over(root: Root, caplog: pytest.LogCaptureFixture) -> None:
    promoted(root, 1, decision="first")
    lost, changed, whole = (kept(root, name) for name in ("lost", "changed", "whole"))
    shutil.rmtree(stored_model(root, lost))
    (stored_model(root, changed) / "saved_model.pb").write_text("other bytes")
    found = reference_models(root, MODEL, champion(root), holdout=HOLDOUT, most=7)
    assert [one.model_sha256 for one in found] == [whole]
    assert "was changed" in caplog.text


def test_one_and_the_same_model_counts_once(root: Root) -> None:
    sha256 = promoted(root, 1, decision="first")
    promoted(root, 2, decision="refresh", anchor=1)
    ledger = Ledger(root.ledger)
    for run in ("x", "y"):
        ledger.append("kept", run_id=run, model_sha256=sha256, champion=2, holdout=HOLDOUT)
    assert names(root) == ["version 1"]


def test_the_anchor_moves_only_with_what_was_better_or_first(root: Root) -> None:
    promoted(root, 1, decision="first")
    promoted(root, 2, decision="refresh", anchor=1)
    promoted(root, 3, decision="refresh", anchor=1)
    promoted(root, 4, decision="better")
    promoted(root, 5, decision="refresh", anchor=4)
    promoted(root, 6, rollback_of=3)
    promoted(root, 7)  # of an older code
    promoted(root, 8, rollback_of=4)  # its own bytes
    versions = Ledger(root.ledger).versions()
    anchors = {number: anchor_of(version, versions).number for number, version in versions.items()}
    assert anchors == {1: 1, 2: 1, 3: 1, 4: 4, 5: 4, 6: 1, 7: 7, 8: 8}
    assert original_of(versions[6], versions).number == 3


def test_a_stored_model_is_whole_stored_once_and_forgotten_when_nobody_needs_it(root: Root) -> None:
    made = root.path / "made"
    made.mkdir(parents=True)
    (made / "saved_model.pb").write_text("bytes")
    sha256 = sha256_tree(made)
    with pytest.raises(FinalError, match="are not those that were judged"):
        store_model(root, made, "0" * 64)
    assert not root.references.exists()
    store_model(root, made, sha256)
    before = stored_model(root, sha256).stat().st_ino
    store_model(root, made, sha256)
    assert (sha256_tree(stored_model(root, sha256)), stored_model(root, sha256).stat().st_ino) == (sha256, before)
    assert forgettable_models(root, but={sha256}) == []
    assert stored_model(root, sha256).is_dir()
    assert forgettable_models(root, but=set()) == [stored_model(root, sha256).parent]


def test_a_candidate_of_other_settings_or_beside_another_version_is_no_equal(root: Root) -> None:
    promoted(root, 1, decision="first", recipe="ours")
    promoted(root, 2, decision="better", recipe="ours")
    ledger = Ledger(root.ledger)
    for run, facts in (
        ("other settings", {"recipe": "another", "baseline": 2}),
        ("beside version 1, which served", {"recipe": "ours", "baseline": 1}),
        ("ours", {"recipe": "ours", "baseline": 2}),
    ):
        made = root.path / run
        made.mkdir()
        (made / "saved_model.pb").write_text(run)
        sha256 = sha256_tree(made)
        store_model(root, made, sha256)
        ledger.append("kept", run_id=run, model_sha256=sha256, champion=2, holdout=HOLDOUT, **facts)
    assert names(root) == ["the kept candidate of run ours"]


def test_a_trial_run_on_another_split_leaves_the_champion_its_equals(root: Root) -> None:
    promoted(root, 1, decision="first")
    for name in ("a", "b"):
        kept(root, name)
    clean_up(root, resolve(overrides=["transform.salt=trial", "gate.references=1"], environment={}))
    assert len(names(root)) == 2
    promoted(root, 2, decision="better")
    clean_up(root, resolve(environment={}))
    assert list(root.references.iterdir()) == [], "the next better version empties it"


def test_the_stand_in_that_a_refresh_was_held_against_stays_the_anchor(root: Root) -> None:
    promoted(root, 1, decision="first")
    promoted(root, 2, decision="refresh", anchor=None, anchor_sha256="stand-in")
    promoted(root, 3, rollback_of=2)
    promoted(root, 4, decision="better")
    versions = Ledger(root.ledger).versions()
    assert {n: anchor_model_of(v, versions) for n, v in versions.items()} == {
        1: "",
        2: "stand-in",
        3: "stand-in",
        4: "",
    }


def test_what_is_quarantined_is_neither_reference_nor_anchor(root: Root) -> None:
    promoted(root, 1, decision="better")
    bad = promoted(root, 2, decision="refresh", anchor=1)
    promoted(root, 3, decision="refresh", anchor=1)
    stays, goes = kept(root, "stays"), kept(root, "goes")
    ledger = Ledger(root.ledger)

    def found() -> list[str]:
        baseline = ledger.versions()[3]
        return [one.model_sha256 for one in reference_models(root, MODEL, baseline, holdout=HOLDOUT, most=8)]

    assert bad in found()
    assert goes in found()
    assert anchor_of(ledger.versions()[3], ledger.versions()).number == 1
    first = ledger.versions()[1].intent["model_sha256"]
    for sha256 in (bad, goes):
        ledger.append(QUARANTINED, run_id="r", model_sha256=sha256, reason="rude")
    assert found() == [stays, first], "and what stood before the bad one counts on"
    ledger.append(QUARANTINED, run_id="r", model_sha256=first, reason="rude")
    assert anchor_of(ledger.versions()[3], ledger.versions()).number == 3
