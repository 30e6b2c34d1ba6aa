"""One frozen tree of settings: defaults in settings.toml, overridden by a file, the environment and the caller."""

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from ml.errors import SettingsError
from ml.strict import Between, OneOrMore, build, lookup

DEFAULTS = Path(__file__).with_name("settings.toml")
ENVIRONMENT_PREFIX = "RETRAIN__"

Share = Annotated[float, Between(0, 1)]
Seconds = Annotated[float, Between(0.1, 86_400)]


@dataclass(frozen=True)
class DataSettings:
    source: str
    dataset: str
    file: str
    attempts: Annotated[int, Between(1, 20)]
    timeout_seconds: Seconds
    max_bytes: Annotated[int, Between(1, 10**12)]
    sample_rows: Annotated[int, Between(1, 10**8)]
    sample_seed: Annotated[int, Between(0, 2**31)]


@dataclass(frozen=True)
class TargetSettings:
    column: str
    positive_segments: Annotated[tuple[str, ...], OneOrMore()]
    threshold: Share


@dataclass(frozen=True)
class ValidateSettings:
    drift_blocks: bool
    max_examples: Annotated[int, Between(1, 100)]
    blocks_above: Mapping[str, Share]


@dataclass(frozen=True)
class TransformSettings:
    eval_share: Annotated[float, Between(0.01, 0.99)]
    salt: str
    batch_rows: Annotated[int, Between(1, 10**7)]


@dataclass(frozen=True)
class TrainSettings:
    epochs: Annotated[int, Between(1, 500)]
    batch_size: Annotated[int, Between(1, 65_536)]
    learning_rate: Annotated[float, Between(1e-6, 1)]
    seed: Annotated[int, Between(0, 2**31)]
    patience: Annotated[int, Between(1, 500)]
    holdout_share: Annotated[float, Between(0.01, 0.5)]
    dropout: Annotated[float, Between(0, 0.9)]


@dataclass(frozen=True)
class EvaluateSettings:
    tfma_rows: Annotated[int, Between(1, 10**7)]
    min_slice_rows: Annotated[int, Between(1, 10**7)]


@dataclass(frozen=True)
class AtLeast:
    BinaryAccuracy: Share
    AUC: Share
    Precision: Share
    Recall: Share
    ExampleCount: Annotated[int, Between(1, 10**9)]


@dataclass(frozen=True)
class AtMost:
    BinaryAccuracy: Share


@dataclass(frozen=True)
class BelowChampion:
    AUC: Share
    BinaryAccuracy: Share


@dataclass(frozen=True)
class JudgeSettings:
    at_least: AtLeast
    at_most: AtMost
    below_champion: BelowChampion
    first_run_promotes: bool
    accept_incomparable: bool


@dataclass(frozen=True)
class PromoteSettings:
    enabled: bool
    replay_rows: Annotated[int, Between(1, 10_000)]
    tolerance: Annotated[float, Between(1e-9, 0.1)]
    lock_wait_seconds: Annotated[float, Between(0, 86_400)]
    load_deadline_seconds: Seconds


@dataclass(frozen=True)
class ConfirmSettings:
    deadline_seconds: Seconds


@dataclass(frozen=True)
class KeepSettings:
    versions: Annotated[int, Between(2, 10_000)]
    runs: Annotated[int, Between(1, 100_000)]


@dataclass(frozen=True)
class ServingSettings:
    url: str
    model: str


@dataclass(frozen=True)
class Settings:
    """Every setting; the comments in settings.toml say what each means."""

    data: DataSettings
    target: TargetSettings
    validate: ValidateSettings
    transform: TransformSettings
    train: TrainSettings
    evaluate: EvaluateSettings
    judge: JudgeSettings
    promote: PromoteSettings
    confirm: ConfirmSettings
    keep: KeepSettings
    serving: ServingSettings

    def as_dict(self) -> dict[str, Any]:
        """The tree as plain JSON values."""
        return dataclasses.asdict(self)

    def deciding(self) -> dict[str, Any]:
        """The part that decides what a run results in; the rest says only where and how long."""
        tree = self.as_dict()
        return {name: tree[name] for name in ("target", "validate", "transform", "train", "evaluate", "judge")}


def resolve(
    *,
    file: Path | None = None,
    overrides: Sequence[str] = (),
    raises: Sequence[str] = (),
    frozen: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """The settings after all overrides.

    Args:
        file: A TOML file that holds what differs from the defaults.
        overrides: `section.key=value` strings; the value is TOML, or else a plain string.
        raises: Like `overrides`, for numbers that may only go up.
        frozen: The tree that an earlier step of the same run resolved; replaces the defaults.
        environment: `os.environ` unless given; `RETRAIN__SECTION__KEY=value`.

    Raises:
        SettingsError: A key is unknown or missing, or a value has the wrong type or is out of range.
    """
    tree = dict(frozen) if frozen is not None else _read(DEFAULTS)
    if file is not None:
        _merge(tree, _read(file), file.name)
    for name, text in sorted((os.environ if environment is None else environment).items()):
        if name.upper().startswith(ENVIRONMENT_PREFIX):
            _assign(tree, name[len(ENVIRONMENT_PREFIX) :].replace("__", "."), text, f"environment variable {name}")
    for override in overrides:
        key, text = _split(override)
        _assign(tree, key, text, f"--set {override}")
    for override in raises:
        key, text = _split(override)
        _only_up(tree, key, text)
    return build(Settings, tree, "")


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{file}: no such settings file.", "Check --settings.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: not valid TOML: {error}.", "Mend the file.") from error


def _merge(tree: dict[str, Any], extra: Mapping[str, Any], where: str, prefix: str = "") -> None:
    for key, value in extra.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping) and isinstance(tree.get(key), Mapping):
            tree[key] = dict(tree[key])
            _merge(tree[key], value, where, f"{path}.")
        else:
            lookup(get_type_hints(Settings, include_extras=True), path, where)
            tree[key] = value


def _split(override: str) -> tuple[str, str]:
    key, equals, text = override.partition("=")
    if not equals:
        raise SettingsError(f"--set {override}: not of the form KEY=VALUE.", "For example: --set train.epochs=5.")
    return key.strip(), text.strip()


def _assign(tree: dict[str, Any], key: str, text: str, where: str) -> None:
    *sections, name = lookup(get_type_hints(Settings, include_extras=True), key, where)
    for section in sections:
        tree[section] = dict(tree[section])
        tree = tree[section]
    tree[name] = _value(text)


def _only_up(tree: dict[str, Any], key: str, text: str) -> None:
    where = f"--raise {key}={text}"
    value: Any = tree
    for name in lookup(get_type_hints(Settings, include_extras=True), key, where):
        value = value[name]
    asked = _value(text)
    if not isinstance(value, int | float) or not isinstance(asked, int | float) or asked < value:
        raise SettingsError(f"{where}: may only go up from {value}.", f"Give a number of at least {value}.")
    _assign(tree, key, text, where)


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
