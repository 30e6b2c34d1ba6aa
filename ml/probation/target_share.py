"""Whether the answers to the newest customers are those that the gate's evaluation rows promise.

The share of customers whom the version calls a target, and its mean probability, are compared with those of its
evaluation rows. Answers may also move because the customers do; then their labels move along. So the calibrated answers
(`serving.expectation`) are held against the labels, and answers that the labels bear out are no breach.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.errors import RetrainError
from ml.evaluation.scored_rows import ScoredRows
from ml.probation.item import BREACHED, NOT_KNOWN, PASSED, TARGET_SHARE, Item
from ml.probation.newest_data import Customers, NewestData, read_customers
from ml.storage import files
from serving.client.model_client import ModelServer, ServingError
from serving.expectation.calibration import Calibration

CONFIDENCE = 0.9999
"""Of all intervals: one version in twenty would go for nothing with 95 %."""
_CHUNK = 500
_ROUNDED = 0.001
"""Of the rows may lie so close to the threshold that their label depends on how a number is rounded."""
_NOT_AS_EXPECTED = (RetrainError, OSError, LookupError, TypeError, ValueError, AttributeError)
_Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


def check_target_share(server: ModelServer, number: int, release: Path, data: NewestData, *, margin: float) -> Item:
    """Let version `number` score the newest customers through the server.

    Args:
        server: The model server.
        number: The version.
        release: Its release record.
        data: The customers.
        margin: How far beyond an interval a share may be, for what the interval leaves out.
    """
    try:
        record = files.read_json(release / "release.json")
        target, threshold = record["target"], float(record["threshold"])
        calibration = Calibration.of(files.read_json(release / "evaluation.json")["calibration"])
        expected = ScoredRows.read(release / "rows.npz").candidate.astype(np.float64)
        customers = read_customers(data.csv, target["column"])
        if not len(expected) or not customers.instances:
            raise ValueError("there are no rows")
    except _NOT_AS_EXPECTED as error:  # of older code, or damaged: nothing that the version has done
        return Item(TARGET_SHARE, NOT_KNOWN, f"It is not known what to expect of {data.name}: {_named(error)}.")
    positive = set(target["positive_segments"])
    try:
        answers = np.array(list(_answers(server, number, customers, "/".join(target["positive_segments"]))))
    except (ServingError, ValueError) as error:
        return Item(TARGET_SHARE, NOT_KNOWN, f"{data.name[:1].upper()}{data.name[1:]} could not be scored: {error}")
    labels = np.array([np.nan if text is None else text in positive for text in customers.labels], dtype=np.float64)
    return judge_answers(
        answers[:, 0], answers[:, 1], labels, expected, calibration, threshold=threshold, margin=margin, name=data.name
    )


def judge_answers(
    probability: NDArray[np.float64],
    called: NDArray[np.float64],
    labels: NDArray[np.float64],
    expected: NDArray[np.float64],
    calibration: Calibration,
    *,
    threshold: float,
    margin: float,
    name: str,
) -> Item:
    """Compare the answers to new customers with those to the evaluation rows, and with the labels.

    Args:
        probability: Shape [n], of the new customers, in [0, 1].
        called: Shape [n], 1 where the server calls the customer a target, else 0.
        labels: Shape [n], 1 where the customer is one, 0 where not, NaN where nobody knows.
        expected: Shape [m], the probabilities of the evaluation rows.
        calibration: From probabilities to expected shares, fitted on the evaluation rows.
        threshold: From where on a customer of the evaluation rows is called a target.
        margin: How far beyond an interval a share may be.
        name: What a person calls the customers.
    """
    share, is_share_inside = _compared("are called targets", called, (expected >= threshold).astype(float), margin)
    mean, is_mean_inside = _compared("is the mean probability", probability, expected, margin)
    told = f"Of {len(probability):,} rows ({name}) {share}, {mean}"
    otherwise = float((called != (probability >= threshold)).mean())
    if otherwise > _ROUNDED:
        return Item(TARGET_SHARE, BREACHED, f"{told}; {otherwise:.1%} are called what their probability does not say.")
    if is_share_inside and is_mean_inside:
        return Item(TARGET_SHARE, PASSED, f"{told}.")
    known = ~np.isnan(labels)
    if not known.any():
        return Item(TARGET_SHARE, BREACHED, f"{told}; no labels explain that.")
    promised = calibration.expect(probability[known], confidence=CONFIDENCE)
    low, high, true = promised.low - margin, promised.high + margin, float(labels[known].mean())
    compared = f"{true:.1%} are targets, where the answers promise {promised.share:.1%} ({low:.1%} to {high:.1%})"
    if low <= true <= high:
        return Item(TARGET_SHARE, PASSED, f"{told}; the customers have changed, and not the model: {compared}.")
    return Item(TARGET_SHARE, BREACHED, f"{told}; and {compared}.")


def _compared(what: str, found: NDArray[np.float64], expected: NDArray[np.float64], margin: float) -> tuple[str, bool]:
    """Say a mean beside the one that is expected, with the interval of their difference, and whether it is inside."""
    mean = float(expected.mean())
    half = _Z * float(expected.std()) * (1 / len(found) + 1 / len(expected)) ** 0.5 + margin
    low, high = max(0.0, mean - half), min(1.0, mean + half)
    value = float(found.mean())
    return f"{value:.1%} {what} (expected {mean:.1%}, {low:.1%} to {high:.1%})", low <= value <= high


def _answers(server: ModelServer, number: int, customers: Customers, target: str) -> Iterator[tuple[float, float]]:
    """Yield the probability of each customer, and 1.0 where the server calls it a target."""
    for start in range(0, len(customers.instances), _CHUNK):
        chunk: list[dict[str, Any]] = customers.instances[start : start + _CHUNK]
        answers = server.predict(chunk, version=number)
        if len(answers) != len(chunk):
            raise ValueError(f"{len(answers)} answers to {len(chunk)} rows")
        for answer in answers:
            try:
                probability = float(answer["probability"])
                label = answer["label"]
            except (TypeError, KeyError) as error:
                raise ValueError(f"{answer!r} is not an answer with probability and label") from error
            if not 0 <= probability <= 1:
                raise ValueError(f"{probability} is not a probability")
            yield probability, float(label == target)


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(".")
