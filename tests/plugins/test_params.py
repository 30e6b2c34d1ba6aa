from __future__ import annotations

import math
from typing import Any

import pytest
from airflow.sdk import Param
from airflow.sdk.exceptions import ParamValidationError

from ml.config.settings import resolve
from ml.errors import SettingsError
from retraining.params import check_conf, command_line, dag_params

ACCURACY = resolve(environment={}).judge.at_least.BinaryAccuracy


def answers(**changed: Any) -> dict[str, Any]:
    return {name: param.value for name, param in dag_params().items()} | changed


def test_every_default_is_valid_and_says_what_it_is() -> None:
    for name, param in dag_params().items():
        assert param.resolve() == param.value, name
        assert param.description
        assert param.schema["title"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("data", value) for value in ("/etc/passwd", "inbox:../secret", "inbox:a/b.csv", "Kaggle", "inbox:", 3)),
        *(("epochs", value) for value in (0, 501, 2.5, "5", None)),
        *(("batch_size", value) for value in (0, 65537)),
        *(("learning_rate", value) for value in (0, 1.5, "fast")),
        *(("seed", value) for value in (-1, 1.5)),
        *(("minimum_accuracy", value) for value in (ACCURACY - 0.01, 0, 1.01, "high")),
        *(("approval", value) for value in ("sometimes", "", None)),
        *(("force", value) for value in (1, "yes", None)),
        *(("promote", value) for value in (0, "no", None)),
    ],
)
def test_an_answer_out_of_bounds_is_refused_by_the_schema(name: str, value: object) -> None:
    with pytest.raises(ParamValidationError):
        dag_params()[name].resolve(value)


@pytest.mark.parametrize(
    "value", ["kaggle", "sample", "inbox:Train.csv", "inbox:customers-2026_11.csv", "inbox:..a", None]
)
def test_data_is_a_known_source_or_a_file_in_the_inbox(value: str | None) -> None:
    assert dag_params()["data"].resolve(value) == value


@pytest.mark.parametrize(
    "value",
    [
        "sample\n",
        "inbox:a.csv\n",
        "inbox:../a.csv",
        "inbox:",
        "/etc/passwd",
        "inbox:.",
        "inbox:..",
        "inbox:" + "a" * 256,
    ],
)
def test_nothing_else_is_a_source(value: str) -> None:
    with pytest.raises(ParamValidationError):
        dag_params()["data"].resolve(value)


@pytest.mark.parametrize("name", ["epochs", "batch_size", "seed"])
def test_a_whole_number_may_come_as_a_float(name: str) -> None:
    assert dag_params()[name].resolve(5.0) == 5
    options = command_line("train", answers(**{name: 5.0}))
    assert options == ["--set", f"train.{name}=5"]
    resolve(overrides=options[1::2])


@pytest.mark.parametrize(
    ("key", "meant"), [("epoch", "epochs"), ("Force", "force"), ("minimum-accuracy", "minimum_accuracy"), ("zzz", None)]
)
def test_an_unknown_key_is_refused_with_the_known_ones(key: str, meant: str | None) -> None:
    with pytest.raises(SettingsError, match=f"unknown key: '{key}'") as refused:
        check_conf({"epochs": 3, key: 5})
    assert (f"Did you mean '{meant}'?" in str(refused.value)) == (meant is not None)
    assert "Known: data, epochs, batch_size" in str(refused.value)


@pytest.mark.parametrize("key", ["learning_rate", "minimum_accuracy"])
def test_nan_is_refused_although_airflow_takes_it(key: str) -> None:
    assert math.isnan(dag_params()[key].resolve(math.nan))
    with pytest.raises(SettingsError, match=f"'{key}' = NaN, which is no number"):
        check_conf({key: math.nan})


def test_known_keys_or_none_are_taken() -> None:
    check_conf(None)
    check_conf({})
    check_conf(dict.fromkeys(dag_params()))


def test_answers_like_the_settings_leave_the_settings_alone() -> None:
    assert command_line("train", answers()) == []
    assert command_line("train", answers(data=None)) == []


def test_a_changed_answer_becomes_an_option() -> None:
    options = command_line("ingest", answers(data="inbox:a.csv", epochs=3, learning_rate=0.01, seed=1, batch_size=32))
    assert options == [
        *("--set", "data.source=inbox:a.csv"),
        *("--set", "train.epochs=3"),
        *("--set", "train.batch_size=32"),
        *("--set", "train.learning_rate=0.01"),
        *("--set", "train.seed=1"),
    ]


def test_the_options_are_such_as_the_settings_accept() -> None:
    options = command_line("judge", answers(data="inbox:a.csv", epochs=3, minimum_accuracy=1.0, promote=False))
    given: dict[str, list[str]] = {"--set": [], "--raise": []}
    for option, value in zip(options[::2], options[1::2], strict=True):
        given[option].append(value)
    settings = resolve(overrides=given["--set"], raises=given["--raise"])
    assert settings.data.source == "inbox:a.csv"
    assert settings.train.epochs == 3
    assert settings.judge.at_least.BinaryAccuracy == 1.0
    assert settings.promote.enabled is False


def test_force_is_for_ingest_alone_and_promote_only_switches_off() -> None:
    assert command_line("ingest", answers(force=True)) == ["--force"]
    assert command_line("promote", answers(force=True, promote=True)) == []
    assert command_line("promote", answers(promote=False)) == ["--set", "promote.enabled=false"]


def test_defaults_follow_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETRAIN__TRAIN__EPOCHS", "7")
    monkeypatch.setenv("RETRAIN__JUDGE__AT_LEAST__BINARYACCURACY", "0.81")
    monkeypatch.setenv("RETRAIN__DATA__SOURCE", "/data/customers.csv")
    params = dag_params()
    assert params["epochs"].value == 7
    assert params["minimum_accuracy"].schema["minimum"] == 0.81
    assert params["data"].value is None  # a path is the settings' business, not the form's
    assert isinstance(params["data"], Param)


def test_approval_moves_to_the_right_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert command_line("promote", answers(approval="always")) == ["--raise", "gate.approval=always"]
    monkeypatch.setenv("RETRAIN__GATE__APPROVAL", "unsure")
    assert command_line("promote", answers()) == []
    assert dag_params()["approval"].resolve("always") == "always"
    with pytest.raises(ParamValidationError):
        dag_params()["approval"].resolve("never")
