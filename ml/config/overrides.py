"""Changes to a tree of settings: a TOML file, dotted keys, and numbers that may only go up."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints

from ml.config.typed_tree import REMOVED, lookup
from ml.errors import SettingsError

RAISABLE = "judge.at_least."
APPROVAL = "gate.approval"
APPROVALS = ("never", "unsure", "always")
"""How often a person is asked, from the most lenient to the strictest: for one run it can only become stricter."""
ADDED = (APPROVAL, "gate.profit", "promote.hold_days", "keep.days", "beam.environment", "feedback.join_training")
"""Settings that decide nothing about a model of an older code, whose runs take the default of today."""


class Overrides:
    """Applies changes to a plain `tree` whose keys are those of the dataclass `cls`; later ones win."""

    def __init__(self, cls: type, tree: dict[str, Any]) -> None:
        self.tree = tree
        self._hints = get_type_hints(cls, include_extras=True)

    def merge(self, extra: Mapping[str, Any], *, where: str) -> None:
        """Take over what a file says.

        Raises:
            SettingsError: A key is unknown; the message lists the known ones.
        """
        self._merge(self.tree, extra, where, "")

    def assign(self, key: str, text: str, *, where: str) -> None:
        """Set the dotted `key` (upper and lower case do not matter) to a TOML value, or else a plain string."""
        *sections, name = lookup(self._hints, key, where)
        level = self.tree
        for section in sections:
            level[section] = dict(level[section])
            level = level[section]
        level[name] = _value(text)

    def raise_threshold(self, key: str, text: str) -> None:
        """Set the threshold `key` in `judge.at_least` to a number that is not below its present value, or the approval.

        Raises:
            SettingsError: The key is not such a threshold, or the number is below it.
        """
        where = f"--raise {key}={text}"
        if key.lower() == APPROVAL:
            self.raise_approval(text, where=where)
            return
        if not key.lower().startswith(RAISABLE):
            raise SettingsError(
                f"{where}: only a threshold in {RAISABLE}* can be raised, and {APPROVAL}.", "Use --set for the others."
            )
        value: Any = self.tree
        for name in lookup(self._hints, key, where):
            value = value[name]
        asked = _value(text)
        if not isinstance(value, int | float) or not isinstance(asked, int | float) or not asked >= value:
            raise SettingsError(f"{where}: may only go up from {value}.", f"Give a number of at least {value}.")
        self.assign(key, text, where=where)

    def raise_approval(self, text: str, *, where: str) -> None:
        """Set `gate.approval` to a value that asks no less often than its present one.

        Raises:
            SettingsError: It is none of `APPROVALS`, or would ask less often.
        """
        if not self.is_raised(text):
            now = self._approval()
            stricter = APPROVALS[APPROVALS.index(now) :] if now in APPROVALS else APPROVALS
            raise SettingsError(
                f"{where}: may only become stricter than {now}.",
                f"Give one of {', '.join(stricter)}. For all runs it is set in the environment or a settings file.",
            )
        self.assign(APPROVAL, text, where=where)

    def is_raised(self, text: str) -> bool:
        """Return whether `text` is a value of `gate.approval` that asks no less often than its present one."""
        now, asked = self._approval(), _value(text)
        return asked in APPROVALS and (now not in APPROVALS or APPROVALS.index(asked) >= APPROVALS.index(now))

    def _approval(self) -> Any:
        gate = self.tree.get("gate")
        return gate.get("approval") if isinstance(gate, Mapping) else None

    def _merge(self, tree: dict[str, Any], extra: Mapping[str, Any], where: str, prefix: str) -> None:
        for key, value in extra.items():
            path = f"{prefix}{key}"
            if isinstance(value, Mapping) and isinstance(tree.get(key), Mapping):
                tree[key] = dict(tree[key])
                self._merge(tree[key], value, where, f"{path}.")
            else:
                lookup(self._hints, path, where)
                tree[key] = value


def taken_over(frozen: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a run that an older code began as a tree of this code, so that the run can go on.

    Whole sections and kinds of anomalies that it did not know come from the defaults, and settings that are gone are
    left out. A single setting that is missing stays missing, which is an error: no threshold is ever made up.

    Args:
        frozen: The whole tree of that time.
        defaults: Those of today.
    """
    tree = {**defaults, **frozen}
    for section, name in (key.split(".") for key in REMOVED):
        if isinstance(tree.get(section), Mapping):
            tree[section] = {left: value for left, value in tree[section].items() if left != name}
    for section, name in (key.split(".") for key in ADDED):
        if isinstance(tree.get(section), Mapping):
            tree[section] = {name: defaults[section][name], **tree[section]}
    validate = tree["validate"]
    if isinstance(validate, Mapping) and isinstance(kinds := validate.get("blocks_above"), Mapping):
        tree["validate"] = {**validate, "blocks_above": {**defaults["validate"]["blocks_above"], **kinds}}
    return tree


def toml_string(text: str) -> str:
    """Return the text as a TOML string, for an override whose value must not be taken for anything else.

    JSON would write an emoji as two halves, which TOML refuses, and leave DEL as it is, which TOML refuses, too.
    """
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def read_toml(file: Path) -> dict[str, Any]:
    """Return the content of a settings file.

    Raises:
        SettingsError: The file is missing, cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{file}: no such settings file.", "Check --settings.") from None
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read as settings: {error.strerror}.", "Check --settings.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: not valid TOML: {error}.", "Correct the file.") from error


def key_and_value(override: str) -> tuple[str, str]:
    """Split `KEY=VALUE` into its two sides.

    Raises:
        SettingsError: There is no equals sign.
    """
    key, equals, text = override.partition("=")
    if not equals:
        raise SettingsError(f"{override}: not of the form KEY=VALUE.", "For example: --set train.epochs=5.")
    return key.strip(), text.strip()


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
