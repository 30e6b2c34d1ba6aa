"""The settings that decide what a run results in; the rest says where, how long and how much is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SECTIONS = ("target", "validate", "transform", "train", "judge", "gate")
EXCEPT = {"validate": ("max_examples",), "transform": ("batch_rows",), "gate": ("approval",)}
"""What in these sections decides nothing."""


def deciding_part(tree: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the deciding part of a tree of settings; a section that is missing, or is not a table, is left out.

    What a contact costs and is worth belongs to it only where profit is a metric of the gate; budget and currency
    never do. That outcomes join the training side belongs to it only where they do.
    """
    sections = {name: tree[name] for name in SECTIONS if isinstance(tree.get(name), Mapping)}
    found = {
        name: {key: value for key, value in section.items() if key not in EXCEPT.get(name, ())}
        for name, section in sections.items()
    }
    if profit_is_judged(tree):
        found["economics"] = {key: tree["economics"][key] for key in ("value", "cost")}
    elif "gate" in found:  # it says nothing then
        found["gate"].pop("profit", None)
    feedback = tree.get("feedback")
    if isinstance(feedback, Mapping) and feedback.get("join_training"):
        found["feedback"] = {"join_training": True}
    return found


def profit_is_judged(tree: Mapping[str, Any]) -> bool:
    """Return whether profit is a metric of the gate: somebody said what a contact is worth, and wants it judged."""
    gate, economics = tree.get("gate"), tree.get("economics")
    if not isinstance(gate, Mapping) or not isinstance(economics, Mapping) or not economics.get("value"):
        return False
    return gate.get("primary") == "Profit" or gate.get("profit") == "guard"
