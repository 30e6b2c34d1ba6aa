"""Golden rows: known customers, and the probabilities that training computed and every server must return."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.errors import FinalError, RetrainError
from ml.storage.files import read_json, write_json

Instance = Mapping[str, Any]
Predict = Callable[[Sequence[Instance]], Sequence[Any]]


class WrongAnswersError(RetrainError):
    """A server answered the known rows otherwise than training did."""

    exit_code = 2


@dataclass(frozen=True)
class GoldenRows:
    """Raw rows, "" or NaN where a value is missing, and for each a probability in [0, 1]. The file is replay.json."""

    instances: list[dict[str, Any]]
    probability: list[float]

    def write(self, path: Path) -> None:
        """Write the rows as JSON; a missing number is a bare NaN, as TensorFlow Serving takes it."""
        write_json(path, {"instances": self.instances, "probability": self.probability})

    @classmethod
    def read(cls, path: Path) -> GoldenRows:
        """Read what `write` wrote.

        Raises:
            FinalError: The file holds something else.
        """
        content = read_json(path)
        try:
            rows = cls(list(content["instances"]), [float(value) for value in content["probability"]])
        except (KeyError, TypeError, ValueError) as error:
            raise FinalError(f"{path}: does not hold known rows.", "Restore it from a backup, or retrain.") from error
        return rows

    def check(self, predict: Predict, *, tolerance: float, whom: str) -> float:
        """Ask `predict` for all rows and return the largest absolute difference of a probability.

        A version that was adopted and takes other inputs has no known rows; then nothing is asked.

        Raises:
            WrongAnswersError: An answer is missing or malformed, or differs by more than `tolerance`.
        """
        if not self.instances:
            return 0.0
        answers = predict(self.instances)
        if len(answers) != len(self.instances):
            raise WrongAnswersError(f"{whom} gave {len(answers)} answers to {len(self.instances)} known rows.")
        worst = 0.0
        for row, (answer, expected) in enumerate(zip(answers, self.probability, strict=True)):
            given = answer.get("probability") if isinstance(answer, Mapping) else None
            if not isinstance(given, int | float) or not math.isfinite(given):
                raise WrongAnswersError(f"{whom} answered known row {row} with {answer!r}, not with a probability.")
            worst = max(worst, abs(given - expected))
            if abs(given - expected) > tolerance:
                raise WrongAnswersError(
                    f"{whom} answered known row {row} with probability {given:.6f}; training computed {expected:.6f}."
                )
        return worst
