"""A release of a golden model: what the page finds beside the version that answers.

`python -m tests.serving.gateway.page.release ROOT URL` writes it, for tests in the other environment.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from serving.client.example_instance import EXAMPLE_INSTANCE
from serving.client.model_client import ModelServer
from serving.expectation.calibration import Calibration
from serving.expectation.known_inputs import KnownInput
from serving.reasons.background import NAME, Background, BackgroundError
from tests.serving.score.scoring import NUMBERS

MODEL = "customer-example"
LINE = Calibration(0.3, 1.2, ((0.01, 0.0), (0.0, 0.02)), 1000)
ECONOMICS = {"value": 80.0, "cost": 30.0, "budget": 0.0, "currency": "EUR"}
_VALUES = {
    "Gender": ["Female", "Male"],
    "Ever_Married": ["No", "Yes"],
    "Graduated": ["No", "Yes"],
    "Profession": ["Artist", "Doctor", "Engineer", "Healthcare"],
    "Spending_Score": ["Average", "High", "Low"],
}
_EDGES = {"Age": [18.0, 40.0, 90.0], "Work_Experience": [0.0, 7.0, 14.0], "Family_Size": [1.0, 4.0, 9.0]}


def known_inputs() -> dict[str, KnownInput]:
    categories = {
        name: KnownInput(values, [500] * len(values), [], None, None, True, 0.5, 1000)
        for name, values in _VALUES.items()
    }
    numbers = {name: KnownInput(None, [500, 500], edges, 0.0, 120.0, True, 0.5, 1000) for name, edges in _EDGES.items()}
    return categories | numbers


def rows() -> list[dict[str, Any]]:
    return [EXAMPLE_INSTANCE | {"Age": age, "Profession": work} for age, work in ((20.0, "Artist"), (60.0, "Doctor"))]


def background(url: str) -> Background:
    scores = tuple(float(answer["probability"]) for answer in ModelServer(url, MODEL).predict(rows()))
    error = BackgroundError(500, 100, 0.001, 0.01, 0.9)
    return Background(tuple(rows()), NUMBERS, (0.5, 0.5), scores, error)


def write_release(root: Path, url: str, *, economics: bool = True) -> None:
    """releases/1 below a root, for the golden model behind `url`."""
    place = root / "releases" / "1"
    place.mkdir(parents=True)
    inputs = {name: known.as_dict() for name, known in known_inputs().items()}
    evaluation = {"rows": 1000, "target": "D", "calibration": LINE.as_dict(), "inputs": inputs}
    (place / "evaluation.json").write_text(json.dumps(evaluation))
    found = background(url)
    known = {"instances": [*found.instances], "probability": [*found.scores]}
    (place / "replay.json").write_text(json.dumps(known))
    (place / NAME).write_text(json.dumps(found.as_dict()))
    (place / "release.json").write_text(json.dumps({"economics": ECONOMICS} if economics else {}))


if __name__ == "__main__":
    write_release(Path(sys.argv[1]), sys.argv[2])
