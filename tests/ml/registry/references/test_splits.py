"""Which versions were trained on another split, and what is said when nobody recorded that."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ml.config.settings import Settings, resolve
from ml.registry.ledger.ledger import Ledger, Version
from ml.registry.references.holdout import holdout_sha256, recipe_sha256
from ml.registry.references.opponents import earlier_stand_in, opponents, was_trained_on_another_split
from ml.storage.root import Root
from tests.ml.registry.references.entries import kept, promoted

TODAY = resolve(environment={})
ANOTHER = resolve(overrides=["transform.salt=another"], environment={})


def version(root: Root, number: int = 1) -> Version:
    return Ledger(root.ledger).versions()[number]


def frozen(root: Root, run_id: str, settings: Settings) -> None:
    root.run(run_id).mkdir(parents=True)
    (root.run(run_id) / "settings.json").write_text(json.dumps(settings.as_dict()))


def test_the_ledger_says_with_which_split_a_version_was_trained(root: Root) -> None:
    promoted(root, 1, holdout=holdout_sha256(TODAY.transform))
    assert not was_trained_on_another_split(root, version(root), TODAY)
    assert was_trained_on_another_split(root, version(root), ANOTHER)


def test_of_an_older_version_the_settings_of_its_run_say_it_also_after_a_rollback(root: Root) -> None:
    promoted(root, 1, holdout="")
    promoted(root, 2, holdout="", rollback_of=1)
    frozen(root, "r1", ANOTHER)
    for number in (1, 2):
        assert was_trained_on_another_split(root, version(root, number), TODAY)
        assert not was_trained_on_another_split(root, version(root, number), ANOTHER)


def test_an_adopted_version_brings_its_split_along_in_the_release_record(root: Root) -> None:
    promoted(root, 1, holdout="")
    record = {"holdout": holdout_sha256(ANOTHER.transform)}
    (root.release(1) / "release.json").write_text(json.dumps(record))
    assert was_trained_on_another_split(root, version(root), TODAY)


def test_what_nobody_recorded_is_taken_for_todays_split_and_the_verdict_says_so(root: Root) -> None:
    promoted(root, 1, holdout="")
    found = opponents(root, TODAY)
    assert (found.other_split, found.name) == ("", "version 1")
    assert "With which split version 1 was trained is not recorded." in found.note
    assert found.anchor is not None
    assert found.anchor.version == 1


def test_a_version_of_another_split_is_not_compared_without_a_stand_in(root: Root) -> None:
    promoted(root, 1, holdout=holdout_sha256(ANOTHER.transform))
    found = opponents(root, TODAY)
    assert "saw rows of today's evaluation side" in found.other_split
    assert (found.references, found.anchor) == ((), None)


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_stand_in_serves_again_only_while_its_bytes_are_those_of_the_entry(root: Root, is_whole: bool) -> None:
    promoted(root, 1, holdout=holdout_sha256(ANOTHER.transform))
    sha256 = kept(root, "stand-in", holdout="none")
    facts: dict[str, Any] = {"model_sha256": "m", "champion": 1, "holdout": holdout_sha256(TODAY.transform)}
    Ledger(root.ledger).append("rejected", run_id="r", stand_in=sha256, **facts)
    if not is_whole:
        (root.references / sha256 / "saved_model" / "saved_model.pb").write_text("other bytes")
    found = earlier_stand_in(root, version(root), TODAY)
    assert (found is not None and found.model_sha256 == sha256) == is_whole
    assert earlier_stand_in(root, version(root), ANOTHER) is None


def test_a_seed_is_no_other_recipe_and_a_learning_rate_is() -> None:
    assert recipe_sha256(TODAY) == recipe_sha256(resolve(overrides=["train.seed=7"], environment={}))
    assert recipe_sha256(TODAY) == recipe_sha256(ANOTHER)
    assert recipe_sha256(TODAY) != recipe_sha256(resolve(overrides=["train.learning_rate=0.002"], environment={}))
