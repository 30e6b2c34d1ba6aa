"""Which settings can be tried, and what the others are told."""

from __future__ import annotations

import pytest

from ml.errors import SettingsError
from ml.trial.change import CAN_BE_TRIED, change


def changed(*overrides: str, environment: dict[str, str] | None = None) -> dict[str, tuple[object, object]]:
    return change(overrides, environment=environment or {}).values


def test_a_change_is_beside_the_settings_of_now() -> None:
    tried = change(["train.epochs=30", "Train.Learning_Rate=0.01"], environment={"RETRAIN__TRAIN__EPOCHS": "7"})
    assert tried.values == {"train.epochs": (7, 30), "train.learning_rate": (0.001, 0.01)}
    assert (tried.now.train.epochs, tried.tried.train.epochs) == (7, 30)
    assert not tried.is_none


def test_the_value_of_now_is_no_change() -> None:
    assert change(["train.epochs=20"], environment={}).is_none


@pytest.mark.parametrize("name", CAN_BE_TRIED)
def test_every_setting_of_training_but_the_seed_can_be_tried(name: str) -> None:
    value = "0.2" if name in ("holdout_share", "learning_rate") else "7"
    assert list(changed(f"train.{name}={value}")) == [f"train.{name}"]


@pytest.mark.parametrize(
    ("override", "why"),
    [
        ("train.seed=3", "a seed is luck"),
        ("promote.enabled=false", "promote.enabled cannot be tried: it does not influence training"),
        ("judge.at_least.AUC=0.9", "does not influence training"),
        ("target.threshold=0.4", "changes the question"),
        ("target.positive_segments=['A']", "changes the question"),
        ("transform.salt=other", "both settings must see the same"),
        ("transform.batch_rows=10", "how much is in memory"),
        ("data.sample_rows=5000", "the same customers"),
    ],
)
def test_what_does_not_influence_training_is_refused_with_what_does(override: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why) as refused:
        changed(override)
    assert "train.learning_rate" in refused.value.cure


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([], "There is nothing to try"),
        (["train.epoch=3"], "unknown setting 'train.epoch'"),
        (["train.epochs=0"], r"must lie in \[1, 500\]"),
        (["train.epochs"], "not of the form KEY=VALUE"),
        (["train.epochs=3", "keep.runs=3"], "keep.runs cannot be tried"),
    ],
)
def test_wrong_changes_are_named(overrides: list[str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        changed(*overrides)
