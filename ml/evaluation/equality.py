"""Whether two SavedModels answer equally, also where the evaluation rows say nothing: odd spellings, and other names.

Newer code may export a graph that differs only in how it takes a text in other letters. Such a candidate is not the
champion once more, although both give the evaluation rows the same probabilities.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ml.data.features import CATEGORICAL, NUMERIC, RawFeatures

PROBES = 200


def answers_equally(one: Path, other: Path, columns: RawFeatures) -> bool:
    """Return whether both models have the same signatures, and give the same bytes for the first rows, also odd ones.

    Args:
        one: The directory of a SavedModel.
        other: That of another.
        columns: Raw rows; the first `PROBES` of them are asked as they are and spelled otherwise.
    """
    from serving.models.saved_model import load

    probes = _probes(columns)
    answers: list[dict[str, Any]] = []
    for path in (one, other):
        servable = load(path)
        try:
            answers.append({"signatures": sorted(servable.signatures), **servable.run(probes)})
        finally:
            servable.close()
    first, second = answers
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


def _probes(columns: RawFeatures) -> RawFeatures:
    """Return rows as they are; then with texts in other letters, and between blanks; then with numbers out of range."""
    some = {name: column[:PROBES] for name, column in columns.items()}
    other_texts = [
        some | {name: np.array([respell(value) for value in some[name]], object) for name in CATEGORICAL}
        for respell in (str.swapcase, " {} ".format)
    ]
    large = some | {name: some[name] + np.float32(1000) for name in NUMERIC}
    return {name: np.concatenate([rows[name] for rows in (some, *other_texts, large)]) for name in columns}
