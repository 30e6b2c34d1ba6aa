"""Whether a candidate and a version answer the same question, and whether they are one and the same model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.artifacts import Model
from ml.config.settings import TargetSettings
from ml.data.features import FEATURES, RawFeatures
from ml.evaluation.equality import answers_equally
from ml.registry.champion import Champion


def other_question(version: Champion | None, target: TargetSettings) -> str:
    """Return how a version's target or inputs differ from the candidate's, as the end of a sentence; "" if not."""
    if version is None:
        return ""
    remembered = version.release_record()
    if remembered["target"] is None:
        return "nobody knows what it predicts: it was adopted without its release record"
    wanted: dict[str, Any] = {"column": target.column, "positive_segments": list(target.positive_segments)}
    if remembered["target"] != wanted:
        theirs, ours = ("/".join(side["positive_segments"]) for side in (remembered["target"], wanted))
        return f"it predicts {remembered['target']['column']} = {theirs}, the candidate {target.column} = {ours}"
    if remembered["features"] != list(FEATURES):
        return f"its inputs are {', '.join(remembered['features'])}"
    return ""


def equality(model: Model, version: Champion, scores: Mapping[str, NDArray[np.float32]], columns: RawFeatures) -> str:
    """Return "bytes" or "answers" when candidate and version are equal in these, else "".

    Args:
        model: The candidate.
        version: The version that it is compared with.
        scores: The probabilities of "candidate" and "champion", float32 [n].
        columns: The raw features of these rows.
    """
    if model.sha256 == version.model_sha256:
        return "bytes"
    if not np.array_equal(scores["candidate"], scores["champion"]):
        return ""
    return "answers" if answers_equally(model.saved_model, version.saved_model, columns) else ""
