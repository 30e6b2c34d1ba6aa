"""What to expect of the best-ranked customers, from the evaluation that was stored with a version."""

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
"""Between two machines' float32; two models are further apart."""

Known = Callable[[Sequence[Mapping[str, object]]], "list[float] | None"]
"""The probabilities that the version in question gives to rows, None when it refuses them."""


class EvaluationError(Exception):
    """The file that was named is no evaluation."""


@dataclass(frozen=True)
class Cut:
    """The best `share` of the evaluated customers: `precision` of them were targets; 95 % interval `low`..`high`."""

    share: float
    precision: float
    low: float
    high: float


@dataclass(frozen=True)
class Expected:
    """The ranking of an evaluation.

    Attributes:
        rows: How many customers were evaluated.
        cuts: Growing shares, the last one 1: all customers.
    """

    rows: int
    cuts: list[Cut]

    def at(self, count: int, of: int) -> Cut:
        """The smallest known cut that holds the best `count` of as many customers: the cautious choice between two.

        20 % of 8,068 customers are 1,614 of them, rounded up like every count; that is not more than the cut at 20 %.
        """
        return next((cut for cut in self.cuts if math.ceil(cut.share * of - 1e-9) >= count), self.cuts[-1])

    @property
    def base(self) -> float:
        """The share of targets among all evaluated customers."""
        return self.cuts[-1].precision


@dataclass(frozen=True)
class Unknown:
    """Nothing can be expected, and why: the end of a sentence."""

    why: str


def find(version: int, given: Path | None, known: Known) -> Expected | Unknown:
    """The evaluation of a version, if it can be found.

    A number alone does not say whose it is: there may be another server, or another root. So the known rows that are
    stored beside the evaluation (replay.json) are asked first. A file that the user names needs none.

    Args:
        version: Whose.
        given: The file, or a directory of releases; by default the releases below RETRAIN_ROOT, or var/.
        known: Asks the version.

    Raises:
        EvaluationError: `given` is there and no evaluation, or is not there.
    """
    place = given or Path(os.environ.get("RETRAIN_ROOT") or "var") / "releases"
    path = place if place.is_file() else place / str(version) / "evaluation.json"
    if not path.is_file():
        if given is not None:
            raise EvaluationError(f"{path}: no such file. Name the evaluation.json of version {version}.")
        return Unknown(f"there is no {path}")
    try:
        expected = _read(json.loads(path.read_bytes()))
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise EvaluationError(f"{path}: is no evaluation of a version ({type(error).__name__}: {error}).") from error
    replay = path.with_name("replay.json")
    if not replay.is_file():
        return expected if path == given else Unknown(f"there is no {replay} to tell whether {path} is of this model")
    return expected if _same(replay, known) else Unknown(f"{path} is of another model than the one that answers")


def _same(replay: Path, known: Known) -> bool:
    try:
        content = json.loads(replay.read_bytes())
        rows, right = list(content["instances"])[:_ASKED], [float(value) for value in content["probability"]][:_ASKED]
        if not rows or len(rows) != len(right):
            raise ValueError("it does not have a probability for each row")
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise EvaluationError(f"{replay}: has no known rows of a version ({type(error).__name__}: {error}).") from error
    answers = known(rows)
    return answers is not None and all(abs(a - b) <= _TOLERANCE for a, b in zip(answers, right, strict=True))


def _read(content: Any) -> Expected:
    rows = int(content["rows"])
    cuts = [_cut(float(entry["share"]), float(entry["precision"]), rows) for entry in content["ranking"]]
    if not cuts or cuts[-1].share != 1:
        raise ValueError("its ranking does not go to the last customer")
    return Expected(rows, cuts)


def _cut(share: float, precision: float, rows: int) -> Cut:
    """With Wilson's score interval, which stays inside [0, 1] for few rows too (Wilson, 1927)."""
    n = max(1, round(share * rows))
    z2 = _NORMAL_95**2
    middle = (precision + z2 / (2 * n)) / (1 + z2 / n)
    half = _NORMAL_95 / (1 + z2 / n) * math.sqrt(precision * (1 - precision) / n + z2 / (4 * n * n))
    return Cut(share, precision, middle - half, middle + half)
