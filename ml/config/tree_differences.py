"""What differs between two trees of plain values, such as settings or recorded libraries, by dotted names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Pair = tuple[Any, Any]


def leaves(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the values of a tree by their dotted keys."""
    found: dict[str, Any] = {}
    for key, value in tree.items():
        found |= leaves(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: _as_json(value)}
    return found


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Pair]:
    """Return the values that differ between two trees, by dotted key; None where one side has none."""
    one, other = leaves(ours), leaves(theirs)
    return {key: (one.get(key), other.get(key)) for key in sorted({*one, *other}) if one.get(key) != other.get(key)}


def _as_json(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
