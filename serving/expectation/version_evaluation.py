"""What a release says of its version: its calibration, what it knows of its inputs, what a contact costs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from serving.expectation.calibration import Calibration
from serving.expectation.economics import Economics
from serving.expectation.known_inputs import KnownInput

_ASKED = 20
TOLERANCE = 1e-4
"""The largest difference between two machines that compute in float32; two models differ by more."""

PredictKnownRows = Callable[[Sequence[Mapping[str, object]]], "list[float] | None"]
"""Returns the probabilities that a version gives to rows, or None when it refuses them."""


class EvaluationError(Exception):
    """A file is not an evaluation; the message names it and says what to do."""


@dataclass(frozen=True)
class VersionEvaluation:
    """What is known of a version besides its answers; a part that is not known is empty.

    Attributes:
        calibration: The line from its probabilities to calibrated ones; None when there is none.
        target: The label of a target customer; "" when it is not known.
        inputs: What it knows of each input, by name; empty when that is not known.
        reason: Why a part is not known, as the end of a sentence.
        cure: What to do about that, as a sentence.
        economics: What a contact costs and brings, from release.json beside the evaluation; None when nobody has said.
    """

    calibration: Calibration | None = None
    target: str = ""
    inputs: Mapping[str, KnownInput] = field(default_factory=dict)
    reason: str = ""
    cure: str = ""
    economics: Economics | None = None


def find_evaluation(version: int, given: Path | None, predict: PredictKnownRows) -> VersionEvaluation:
    """The evaluation of a version, if there is one.

    A version number alone does not tell whose evaluation a file is: the server, or the root, may be another one. So the
    version must first give the known rows that are stored beside the evaluation (replay.json) their known
    probabilities. An evaluation file that the user names is believed without known rows.

    Args:
        version: The version.
        given: The file, or a directory of releases; by default the releases below RETRAIN_ROOT, or var/.
        predict: Asks the version for the probabilities of rows.

    Raises:
        EvaluationError: `given` does not exist, or a file that was found is not an evaluation.
    """
    place = given or Path(os.environ.get("RETRAIN_ROOT") or "var") / "releases"
    path = place if place.is_file() else place / str(version) / "evaluation.json"
    cure = f"Give the evaluation of version {version} with --evaluation."
    if not path.is_file():
        if given is not None:
            raise EvaluationError(f"{path}: no such file. Name the evaluation.json of version {version}.")
        return VersionEvaluation(reason=f"there is no {path}", cure=cure)
    try:
        found = _read(json.loads(path.read_bytes()), version)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError) as error:
        raise EvaluationError(f"{path} is not an evaluation of a version ({type(error).__name__}: {error}).") from error
    found = replace(found, economics=_economics(path.with_name("release.json")))
    replay = path.with_name("replay.json")
    if not replay.is_file():
        if path == given:
            return found
        reason = f"there is no {replay} to tell whether {path} belongs to this model"
        return VersionEvaluation(reason=reason, cure=cure)
    if _is_same_model(replay, predict):
        return found
    return VersionEvaluation(reason=f"{path} belongs to another model than the one that answers", cure=cure)


def _is_same_model(replay: Path, predict: PredictKnownRows) -> bool:
    try:
        content = json.loads(replay.read_bytes())
        rows, right = list(content["instances"])[:_ASKED], [float(value) for value in content["probability"]][:_ASKED]
        if not rows or len(rows) != len(right):
            raise ValueError("it does not have a probability for each row")
    except (ValueError, KeyError, TypeError, RecursionError, OSError) as error:
        raise EvaluationError(
            f"{replay} does not hold known rows of a version ({type(error).__name__}: {error})."
        ) from error
    answers = predict(rows)
    return answers is not None and all(abs(a - b) <= TOLERANCE for a, b in zip(answers, right, strict=True))


def _economics(path: Path) -> Economics | None:
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_bytes()).get("economics")
        found = None if content is None else Economics.of(content)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError) as error:
        raise EvaluationError(f"{path} is not the record of a version ({type(error).__name__}: {error}).") from error
    return found if found is not None and found.is_set else None


def _read(content: Any, version: int) -> VersionEvaluation:
    int(content["rows"])
    calibration = Calibration.of(content["calibration"]) if "calibration" in content else None
    return VersionEvaluation(
        calibration,
        str(content.get("target", "")),
        {name: KnownInput.of(known) for name, known in content.get("inputs", {}).items()},
        "" if calibration else f"version {version} was evaluated before calibrations were stored with it",
        "" if calibration else "Train and promote a new version.",
    )
