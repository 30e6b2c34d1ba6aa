"""The precision to expect among the best-ranked customers, from the evaluation that was stored with a version."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_NORMAL_95 = 1.96
_ASKED = 20
_TOLERANCE = 1e-4
"""The largest difference between two machines that compute in float32; two models differ by more."""

PredictKnownRows = Callable[[Sequence[Mapping[str, object]]], "list[float] | None"]
"""Returns the probabilities that a version gives to rows, or None when it refuses them."""


class EvaluationError(Exception):
    """A file is not an evaluation; the message names it and says what to do."""


@dataclass(frozen=True)
class Cutoff:
    """The best part of a ranking.

    Attributes:
        share: The part of all evaluated customers.
        precision: The share of targets among them.
        low: The lower end of the 95 % confidence interval of the precision.
        high: Its upper end.
    """

    share: float
    precision: float
    low: float
    high: float


@dataclass(frozen=True)
class ExpectedPrecision:
    """The precision of an evaluation at growing cutoffs of its ranking.

    Attributes:
        rows: How many customers were evaluated.
        cutoffs: The cutoffs by growing share; the share of the last one is 1: all customers.
    """

    rows: int
    cutoffs: list[Cutoff]

    def at(self, count: int, of: int) -> Cutoff:
        """The smallest cutoff that contains the best `count` of `of` customers: the cautious choice between two.

        Counts are rounded up: 20 % of 8,068 customers are 1,614 of them, which still belong to the cutoff at 20 %.
        """
        return next((cut for cut in self.cutoffs if math.ceil(cut.share * of - 1e-9) >= count), self.cutoffs[-1])

    @property
    def base_rate(self) -> float:
        """The share of targets among all evaluated customers."""
        return self.cutoffs[-1].precision


@dataclass(frozen=True)
class Unavailable:
    """The precision to expect is not known.

    Attributes:
        reason: Why, as the end of a sentence.
    """

    reason: str


def find_expected_precision(
    version: int, given: Path | None, predict: PredictKnownRows
) -> ExpectedPrecision | Unavailable:
    """The expected precision from the evaluation of a version, if there is one.

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
    if not path.is_file():
        if given is not None:
            raise EvaluationError(f"{path}: no such file. Name the evaluation.json of version {version}.")
        return Unavailable(f"there is no {path}")
    try:
        expected = _read(json.loads(path.read_bytes()))
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise EvaluationError(f"{path} is not an evaluation of a version ({type(error).__name__}: {error}).") from error
    replay = path.with_name("replay.json")
    if not replay.is_file():
        if path == given:
            return expected
        return Unavailable(f"there is no {replay} to tell whether {path} belongs to this model")
    if _is_same_model(replay, predict):
        return expected
    return Unavailable(f"{path} belongs to another model than the one that answers")


def _is_same_model(replay: Path, predict: PredictKnownRows) -> bool:
    try:
        content = json.loads(replay.read_bytes())
        rows, right = list(content["instances"])[:_ASKED], [float(value) for value in content["probability"]][:_ASKED]
        if not rows or len(rows) != len(right):
            raise ValueError("it does not have a probability for each row")
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise EvaluationError(
            f"{replay} does not hold known rows of a version ({type(error).__name__}: {error})."
        ) from error
    answers = predict(rows)
    return answers is not None and all(abs(a - b) <= _TOLERANCE for a, b in zip(answers, right, strict=True))


def _read(content: Any) -> ExpectedPrecision:
    rows = int(content["rows"])
    cutoffs = [_cutoff(float(entry["share"]), float(entry["precision"]), rows) for entry in content["ranking"]]
    if not cutoffs or cutoffs[-1].share != 1:
        raise ValueError("its ranking does not go to the last customer")
    return ExpectedPrecision(rows, cutoffs)


def _cutoff(share: float, precision: float, rows: int) -> Cutoff:
    """A cutoff with Wilson's score interval, which stays inside [0, 1] even for few rows (Wilson, 1927)."""
    n = max(1, round(share * rows))
    z2 = _NORMAL_95**2
    middle = (precision + z2 / (2 * n)) / (1 + z2 / n)
    half = _NORMAL_95 / (1 + z2 / n) * math.sqrt(precision * (1 - precision) / n + z2 / (4 * n * n))
    return Cutoff(share, precision, middle - half, middle + half)
