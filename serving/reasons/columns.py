"""Customers as columns, as the Shapley values take them, and as rows, as a model server takes them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from serving.reasons.mixed_rows import Columns, Predict

Instance: TypeAlias = "Mapping[str, object]"
AskRows: TypeAlias = "Callable[[Sequence[Instance]], Sequence[float]]"

ROWS_PER_REQUEST = 4096


def columns_of(instances: Sequence[Instance], features: Sequence[str], numbers: Collection[str]) -> Columns:
    """Return rows as columns, each of shape [n], in the order of `features`.

    Args:
        instances: Rows, feature name to value. A number that is missing is NaN or None, a text that is missing "" or
            None.
        features: The names that count; a row may hold others.
        numbers: Those of them that are numbers.

    Raises:
        KeyError: A row lacks a feature.
        ValueError: A number is none; the message does not repeat it, since errors are logged.
    """
    found: dict[str, NDArray[Any]] = {}
    for name in features:
        values: list[Any] = [instance[name] for instance in instances]
        if name in numbers:
            found[name] = _numbers(name, values)
        else:
            found[name] = np.array(["" if value is None else str(value) for value in values], dtype=object)
    return found


def _numbers(name: str, values: Sequence[Any]) -> NDArray[np.float64]:
    try:
        return np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        raise ValueError(f"a value of {name} is no number") from None


def instances_of(columns: Columns) -> list[dict[str, object]]:
    """Return columns as rows."""
    names, lists = [*columns], [column.tolist() for column in columns.values()]
    return [dict(zip(names, values, strict=True)) for values in zip(*lists, strict=True)]


def predict_by_rows(ask: AskRows, *, rows_per_request: int = ROWS_PER_REQUEST) -> Predict:
    """Return a function of columns that asks for at most `rows_per_request` rows at a time, as one asks a server."""

    def predict(columns: Columns) -> NDArray[np.float64]:
        rows = len(next(iter(columns.values())))
        answers: list[float] = []
        for start in range(0, rows, rows_per_request):
            part = {name: column[start : start + rows_per_request] for name, column in columns.items()}
            answers.extend(ask(instances_of(part)))
        return np.array(answers, dtype=np.float64)

    return predict
