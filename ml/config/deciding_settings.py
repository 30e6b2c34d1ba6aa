"""The settings that decide what a run results in; the rest says where, how long and how much is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SECTIONS = ("target", "validate", "transform", "train", "judge", "gate")
EXCEPT = {"validate": ("max_examples",), "transform": ("batch_rows",), "gate": ("approval",)}
"""What in these sections decides nothing."""


def deciding_part(tree: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the deciding part of a tree of settings; a section that is missing, or is not a table, is left out."""
    sections = {name: tree[name] for name in SECTIONS if isinstance(tree.get(name), Mapping)}
    return {
        name: {key: value for key, value in section.items() if key not in EXCEPT.get(name, ())}
        for name, section in sections.items()
    }
