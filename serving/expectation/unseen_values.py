"""How unlike the training data a single customer is: how many of her values no customer of the training had."""

from __future__ import annotations

from collections.abc import Mapping

from serving.expectation.known_inputs import KnownInput


class UnseenValues:
    """Counts the values that training never saw: other categories, numbers beyond all, missing where none was.

    Args:
        inputs: What the version knows of each input; one that is not among them does not count.
    """

    def __init__(self, inputs: Mapping[str, KnownInput]) -> None:
        self._inputs = inputs
        self._values = {name: frozenset(known.values or ()) for name, known in inputs.items()}

    def names(self, instance: Mapping[str, object]) -> list[str]:
        """The inputs of a customer whose values training never saw; their number is the distance of the customer."""
        return [name for name, value in instance.items() if self._is_unseen(name, value)]

    def _is_unseen(self, name: str, value: object) -> bool:
        known = self._inputs.get(name)
        if known is None:
            return False
        if value is None or value == "" or value != value:
            return not known.missing
        if known.values is not None:
            return value not in self._values[name]
        if not isinstance(value, int | float) or not known.edges:
            return False
        return not known.edges[0] <= value <= known.edges[-1]
