"""Settings fail at the door, and every message names the key and the cure."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ml.config.settings import DEFAULTS, Settings, resolve
from ml.errors import SettingsError


def test_the_defaults_are_those_of_the_file() -> None:
    settings = resolve(environment={})
    assert json.loads(json.dumps(settings.as_dict())) == tomllib.loads(DEFAULTS.read_text())
    assert settings.data.dataset == "kaushiksuresh147/customer-segmentation"


def test_later_sources_win(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[train]\nepochs = 11\nseed = 11\nbatch_size = 11\n")
    environment = {"RETRAIN__TRAIN__SEED": "12", "RETRAIN__TRAIN__BATCH_SIZE": "12"}
    train = resolve(file=file, environment=environment, overrides=["train.batch_size=13"]).train
    assert (train.epochs, train.seed, train.batch_size) == (11, 12, 13)


def test_a_run_keeps_the_settings_it_began_with() -> None:
    frozen = resolve(overrides=["train.epochs=3"], environment={}).as_dict()
    assert resolve(frozen=frozen, environment={}).train.epochs == 3


def test_names_with_capitals_can_be_set_from_the_environment() -> None:
    settings = resolve(environment={"RETRAIN__JUDGE__AT_LEAST__BINARYACCURACY": "0.82"})
    assert settings.judge.at_least.BinaryAccuracy == 0.82


def test_a_typo_in_a_file_lists_what_is_known(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[train]\nepoch = 11\n")
    with pytest.raises(SettingsError, match=r"mine\.toml: unknown setting 'train\.epoch'\. Known in train: .*epochs"):
        resolve(file=file, environment={})


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.epochs=0", r"train\.epochs = 0: must lie in \[1, 500\]"),
        ("train.epochs=many", r"train\.epochs = 'many': must be of type int"),
        ("train.epochs=true", "must be of type int"),
        ("train.learning_rate=nan", "is not a finite number"),
        ("train.learning_rate=-inf", "is not a finite number"),
        ("judge.at_least.AUC=1.5", r"judge\.at_least\.AUC = 1\.5: must lie in \[0, 1\]"),
        *(
            (f"data.file='{name}'", r"data\.file = .*must be the name of a file")
            for name in ("", " ", "../a.csv", "/a", ".")
        ),
        ("target.positive_segments=[]", r"target\.positive_segments is empty"),
        ("promote=1", "must be a table"),
        ("epochs=3", "unknown setting 'epochs'. Known sections: .*train"),
        ("train.epochs", "not of the form KEY=VALUE"),
    ],
)
def test_a_bad_override_is_an_error(override: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        resolve(overrides=[override], environment={})


def test_a_missing_threshold_is_an_error_and_never_a_pass() -> None:
    frozen = resolve(environment={}).as_dict()
    del frozen["judge"]["at_least"]["AUC"]
    with pytest.raises(SettingsError, match=r"Missing setting 'judge\.at_least\.AUC'"):
        resolve(frozen=frozen, environment={})


def test_raise_goes_up_only() -> None:
    today = resolve(environment={}).judge.at_least.AUC
    higher = (today + 1) / 2
    raised = resolve(raises=[f"judge.at_least.AUC={higher}"], environment={}).judge.at_least.AUC
    assert raised == higher
    with pytest.raises(SettingsError, match=re.escape(f"may only go up from {today}")):
        resolve(raises=[f"judge.at_least.AUC={today / 2}"], environment={})
    with pytest.raises(SettingsError, match="may only go up"):
        resolve(raises=["judge.at_least.AUC=nan"], environment={})


def test_approval_becomes_stricter_only(tmp_path: Path) -> None:
    asked = "gate.approval"
    assert resolve(raises=[f"{asked}=always"], environment={}).gate.approval == "always"
    assert resolve(overrides=[f"{asked}=unsure"], environment={}).gate.approval == "unsure"
    everywhere = {"RETRAIN__GATE__APPROVAL": "unsure"}
    assert resolve(environment=everywhere).gate.approval == "unsure"
    for laxer in ("never", "sometimes"):
        with pytest.raises(SettingsError, match="may only become stricter than unsure"):
            resolve(raises=[f"{asked}={laxer}"], environment=everywhere)
        with pytest.raises(SettingsError, match="may only become stricter than unsure"):
            resolve(overrides=[f"{asked}={laxer}"], environment=everywhere)
    begun = resolve(raises=[f"{asked}=always"], environment={}).as_dict()
    assert resolve(frozen=begun, environment=everywhere).gate.approval == "always", "as the run began"
    begun = resolve(environment={}).as_dict()
    assert resolve(frozen=begun, environment=everywhere).gate.approval == "unsure"


def test_approval_decides_nothing_about_a_model_and_is_new_to_runs_of_older_code() -> None:
    one, other = (resolve(overrides=[f"gate.approval={how}"], environment={}) for how in ("never", "always"))
    assert one.deciding_settings() == other.deciding_settings()
    older = one.as_dict()
    del older["gate"]["approval"]
    assert resolve(frozen=older, environment={}).gate.approval == "never"


def test_settings_that_only_say_where_do_not_decide_a_result() -> None:
    def deciding(*overrides: str) -> object:
        return resolve(overrides=list(overrides), environment={}).deciding_settings()

    assert deciding("serving.url='http://x'", "keep.runs=3", "data.source='sample'") == deciding()
    assert deciding("train.seed=1") != deciding()
    assert deciding("judge.at_least.AUC=0.123") != deciding()


def test_a_settings_file_that_is_not_toml_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("train: epochs")
    with pytest.raises(SettingsError, match=r"mine\.toml: not valid TOML"):
        resolve(file=file, environment={})
    with pytest.raises(SettingsError, match="no such settings file"):
        resolve(file=tmp_path / "none.toml", environment={})


def test_settings_load_nothing_heavy() -> None:
    code = (
        "import sys, ml.config.settings, ml.errors, ml.storage.root, ml.registry.ledger.ledger, ml.cli.commands;"
        "ml.config.settings.resolve();"
        "print([m for m in ('tensorflow', 'numpy', 'pandas', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_every_default_has_its_line_in_the_file() -> None:
    assert set(resolve(environment={}).as_dict()) == set(Settings.__dataclass_fields__)
    assert "salt" in DEFAULTS.read_text()


def test_a_file_with_the_old_comparison_is_told_what_replaced_it(tmp_path: Path) -> None:
    file = tmp_path / "old.toml"
    file.write_text("[judge.below_champion]\nAUC = 0.01\n")
    for given in ({"file": file}, {"overrides": ["judge.below_champion.AUC=0.01"]}):
        with pytest.raises(SettingsError, match=r"judge\.below_champion") as error:
            resolve(environment={}, **given)
        assert "gate.margin" in error.value.cure


def test_a_run_that_older_code_began_goes_on_with_what_it_lacks_from_the_defaults() -> None:
    frozen = resolve(overrides=["train.epochs=7"], environment={}).as_dict()
    del frozen["gate"], frozen["validate"]["blocks_above"]["label_leak"]
    frozen["judge"]["below_champion"] = {"AUC": 0.005, "BinaryAccuracy": 0.01}
    settings = resolve(frozen=frozen, environment={})
    assert settings.train.epochs == 7
    assert settings.gate == resolve(environment={}).gate
    assert settings.validate.blocks_above["label_leak"] == 0.0
    with pytest.raises(SettingsError, match="nonsense"):
        resolve(frozen=frozen | {"nonsense": 1}, environment={})


@pytest.mark.parametrize(
    "option",
    ["--s3_secret_access_key=hidden", "--s3_acc=hidden", "--s3_s=hidden", "--s3_a=hidden", "--s3_session_token"],
)
def test_a_key_is_no_option_of_a_runner_and_no_message_repeats_it(option: str) -> None:
    with pytest.raises(SettingsError, match="AWS_SECRET_ACCESS_KEY") as error:
        resolve(overrides=[f"beam.options=['--s3_region_name=here', {option!r}]"], environment={})
    assert option.partition("=")[0] in str(error.value)
    assert "hidden" not in str(error.value)


@pytest.mark.parametrize("name", ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AWS_SECRET_ACCESS_KEY=hidden", "aws_x"])
def test_steps_are_given_no_variables_but_those_of_stores(name: str) -> None:
    with pytest.raises(SettingsError, match="begin with AWS_ or GOOGLE_") as error:
        resolve(environment={"RETRAIN__BEAM__ENVIRONMENT": f"[{name!r}]"})
    assert "hidden" not in str(error.value)


def test_that_outcomes_join_decides_only_where_they_do() -> None:
    """So settings that leave them out are those of older runs."""
    off, on = (resolve(overrides=[f"feedback.join_training={said}"], environment={}) for said in ("false", "true"))
    assert "feedback" not in off.deciding_settings()
    assert on.deciding_settings() == off.deciding_settings() | {"feedback": {"join_training": True}}
    elsewhere = resolve(overrides=["feedback.join_training=true", "feedback.record='/mnt/record'"], environment={})
    assert elsewhere.deciding_settings() == on.deciding_settings()


def test_a_run_that_older_code_began_takes_no_outcomes() -> None:
    tree = resolve(environment={}).as_dict()
    del tree["feedback"]["join_training"]
    assert resolve(frozen=tree, environment={}).feedback.join_training is False
