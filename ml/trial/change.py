"""The change of settings that is tried: which settings can be, and why others cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ml.config.overrides import key_and_value, toml_string
from ml.config.settings import Settings, TrainSettings, resolve
from ml.errors import SettingsError

CAN_BE_TRIED = ("batch_size", "epochs", "holdout_share", "learning_rate", "patience")
"""The settings of the section `train` that are worth a comparison: all but the seed."""
KNOWN = f"Settings that can be tried: {', '.join(f'train.{name}' for name in CAN_BE_TRIED)}."
WHY_NOT = {
    "train.seed": "a seed is luck: the better of two is no better in the next run.",
    "target": "it changes the question, and answers to two questions cannot be compared.",
    "transform.batch_rows": "it says how much is in memory, and does not influence the model.",
    "transform": "it changes which customers are on the training side, and both settings must see the same.",
    "data": "both settings must see the same customers (--data chooses them).",
}
"""Why a setting or all of a section cannot be tried, where more can be said than that training does not use it."""


@dataclass(frozen=True)
class Change:
    """The settings of now, those to try, and the `keys` that a person set, such as `train.epochs`."""

    now: Settings
    tried: Settings
    keys: tuple[str, ...]

    @property
    def values(self) -> dict[str, tuple[Any, Any]]:
        """The value of each key now, and the one to try."""
        now, tried = asdict(self.now.train), asdict(self.tried.train)
        return {key: (now[key.removeprefix("train.")], tried[key.removeprefix("train.")]) for key in self.keys}

    @property
    def is_none(self) -> bool:
        """Whether the settings to try are those of now."""
        return all(now == tried for now, tried in self.values.values())

    @property
    def train(self) -> tuple[TrainSettings, TrainSettings]:
        """The section `train` of now, and that to try."""
        return self.now.train, self.tried.train


def change(
    overrides: Sequence[str],
    *,
    file: Path | None = None,
    data: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Change:
    """Return what the overrides (`KEY=VALUE`) change in the settings that the next run would have.

    Args:
        overrides: What to try.
        file: A TOML file with settings of now, as `--settings` names it.
        data: The source of the data, where it is not that of the settings.
        environment: `os.environ` unless given.

    Raises:
        SettingsError: There is no override, or one is unknown, of a wrong value, or cannot be tried.
    """
    if not overrides:
        raise SettingsError("There is nothing to try.", f"Say what: --set train.epochs=30. {KNOWN}")
    given = [] if data is None else [f"data.source={toml_string(data)}"]
    now = resolve(file=file, overrides=given, environment=environment)
    tried = resolve(file=file, overrides=[*overrides, *given], environment=environment)
    keys = dict.fromkeys(key_and_value(override)[0].lower() for override in overrides)
    for key in keys:
        if key not in {f"train.{name}" for name in CAN_BE_TRIED}:
            why = WHY_NOT.get(key) or WHY_NOT.get(key.partition(".")[0]) or "it does not influence training."
            raise SettingsError(f"{key} cannot be tried: {why}", KNOWN)
    return Change(now, tried, tuple(keys))
