"""The settings that decide what a run results in; the rest says where, how long and how much is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SECTIONS = ("target", "validate", "transform", "train", "judge", "gate")
EXCEPT = {"validate": ("max_examples",), "transform": ("batch_rows",)}
"""What in these sections decides nothing."""


def deciding_part(tree: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the deciding part of a tree of settings; a section that is missing, or is not a table, is left out."""
    sections = {name: tree[name] for name in SECTIONS if isinstance(tree.get(name), Mapping)}
    return {
        name: {key: value for key, value in section.items() if key not in EXCEPT.get(name, ())}
        for name, section in sections.items()
    }


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return each setting that differs between two trees, as `section.key old -> new`."""
    theirs, ours = _leaves(before), _leaves(now)
    return [
        f"{key} {theirs.get(key)!r} -> {ours.get(key)!r}"
        for key in sorted(ours.keys() | theirs.keys())
        if theirs.get(key) != ours.get(key)
    ]


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the values of a tree by their dotted keys."""
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        leaves |= _leaves(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value}
    return leaves
