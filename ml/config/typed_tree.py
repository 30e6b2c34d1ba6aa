"""Frozen dataclasses from plain trees: every key known, none missing, each value of its type and in its range."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from ml.errors import SettingsError

T = TypeVar("T")
REMOVED = {
    "judge.below_champion": "Delete it: paired tests decide now, and gate.margin says how far below the champion a "
    "refresh may be (docs/gate.md).",
    "evaluate.tfma_rows": "Delete it: TFMA sees all rows now.",
}
"""Settings that older files still have, and what to do about each."""


@dataclass(frozen=True)
class Between:
    """A constraint: the value lies between `low` and `high`, both included."""

    low: float
    high: float

    def check(self, value: Any, path: str) -> None:
        """Raise a `SettingsError` that names key, value and range."""
        if not self.low <= value <= self.high:
            raise SettingsError(f"{path} = {value!r}: must lie in [{self.low:g}, {self.high:g}].", "Change the value.")


@dataclass(frozen=True)
class Matching:
    """A constraint: the whole text matches the regular expression `pattern`; `form` says it in words."""

    pattern: str
    form: str

    def check(self, value: Any, path: str) -> None:
        """Raise a `SettingsError` that names key, value and form."""
        if not re.fullmatch(self.pattern, value):
            raise SettingsError(f"{path} = {value!r}: must be {self.form}.", "Change the value.")


@dataclass(frozen=True)
class EachMatching:
    """A constraint: each text of a list matches `pattern`; `form` says it in words. It repeats no text, only its head.

    What breaks it may be a secret that somebody wrote where it does not belong.
    """

    pattern: str
    form: str

    def check(self, value: Any, path: str) -> None:
        """Raise a `SettingsError` that names key, the text up to its "=", and form."""
        for text in value:
            if not re.fullmatch(self.pattern, text):
                raise SettingsError(f"{path}: {text.partition('=')[0]} must not be there.", self.form)


@dataclass(frozen=True)
class OneOrMore:
    """A constraint: the list is not empty."""

    def check(self, value: Any, path: str) -> None:
        """Raise a `SettingsError` when the list is empty."""
        if not value:
            raise SettingsError(f"{path} is empty.", "Give at least one value.")


def build(cls: type[T], tree: Any, path: str) -> T:
    """Build an instance of the dataclass `cls` from the mapping `tree`; `path` says in messages where that stands.

    Raises:
        SettingsError: A key is unknown or missing, or a value has the wrong type or breaks its constraint.
    """
    if not isinstance(tree, Mapping):
        raise SettingsError(f"{path} = {tree!r}: must be a table.", f"Known keys in it: {_known(cls)}.")
    hints = get_type_hints(cls, include_extras=True)
    prefix = f"{path}." if path else ""
    for key in tree:
        if key not in hints:
            cure = REMOVED.get(prefix + str(key), f"Known here: {_known(cls)}.")
            raise SettingsError(f"Unknown setting {prefix + str(key)!r}.", cure)
    for key in hints:
        if key not in tree:
            raise SettingsError(f"Missing setting {prefix + key!r}.", f"Needed here: {_known(cls)}.")
    return cls(**{key: _convert(hints[key], tree[key], prefix + key) for key in hints})


def lookup(hints: Mapping[str, Any], key: str, where: str) -> list[str]:
    """Return the exact names along the dotted `key`, whose upper and lower case do not matter.

    Raises:
        SettingsError: Some part of it is unknown; the message lists what is known there.
    """
    names: list[str] = []
    level: Mapping[str, Any] | None = hints
    for part in key.split("."):
        if level is None:
            raise SettingsError(
                f"{where}: {'.'.join(names)!r} is a value, so there is nothing below it.", "Check the key."
            )
        if not level:  # a table whose keys are free
            names.append(part)
            level = None
            continue
        match = next((name for name in level if name.lower() == part.lower()), None)
        if match is None:
            wanted = ".".join([*names, part])
            known = f"Known {f'in {chr(46).join(names)}' if names else 'sections'}: {', '.join(sorted(level))}."
            raise SettingsError(f"{where}: unknown setting {wanted!r}.", REMOVED.get(wanted.lower(), known))
        names.append(match)
        inner = level[match]
        if dataclasses.is_dataclass(inner):
            level = get_type_hints(inner, include_extras=True)
        else:
            level = {} if get_origin(inner) is Mapping else None
    return names


def _known(cls: type) -> str:
    return ", ".join(sorted(get_type_hints(cls)))


def _convert(hint: Any, value: Any, path: str) -> Any:
    if get_origin(hint) is Annotated:
        base, *checks = get_args(hint)
        converted = _convert(base, value, path)
        for check in checks:
            check.check(converted, path)
        return converted
    if dataclasses.is_dataclass(hint):
        return build(hint, value, path)  # type: ignore[arg-type]
    if get_origin(hint) is Mapping:
        if not isinstance(value, Mapping):
            raise SettingsError(f"{path} = {value!r}: must be a table.", "Give KEY = VALUE lines.")
        return {key: _convert(get_args(hint)[1], inner, f"{path}.{key}") for key, inner in value.items()}
    if get_origin(hint) is tuple:
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise SettingsError(f"{path} = {value!r}: must be a list of strings.", 'For example ["D"].')
        return tuple(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise SettingsError(f"{path} = {value!r}: is not a finite number.", "Change the value.")
    if type(value) is not hint:
        cure = "Write true or false." if hint is bool else "Change the value."
        raise SettingsError(f"{path} = {value!r}: must be of type {hint.__name__}.", cure)
    return value
