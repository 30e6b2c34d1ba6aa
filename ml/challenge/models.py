"""The two models that are compared: where their files are, what they were trained on, what they say of customers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.challenge.fresh_rows import column_of, customer_pseudonym, hashes_of
from ml.data.features import CATEGORICAL, FEATURES, RawFeatures
from ml.data.outcomes.outcome_rows import NAME as OUTCOMES
from ml.data.outcomes.outcome_rows import read_customers
from ml.evaluation.row_hashes import hashes_in
from ml.evaluation.rows.evaluation_rows import BATCH_ROWS
from ml.evaluation.rows.scoring import answers_to, are_probabilities, loaded
from ml.performance.asked import Floats
from ml.registry.champion import Champion
from ml.registry.ledger.ledger import Version
from ml.registry.references.challengers import Challenger
from ml.registry.references.model_store import stored_model
from ml.storage.files import json_object, sha256_tree
from ml.storage.root import Root
from serving.expectation.calibration import Calibration


@dataclass(frozen=True)
class Model:
    """A model with its calibration.

    Attributes:
        name: What messages call it.
        saved_model: Its SavedModel.
        calibration: From the evaluation that is kept with it.
        target: The label of a target customer.
        trained_before: It was made before that time, and so from nothing that came later.
        trained_on: The hashes of the rows that it was made from, uint64, in any order; of those that outcomes added,
            with both labels.
        customers: The pseudonyms of the customers whose outcomes were added.
    """

    name: str
    saved_model: Path
    calibration: Calibration
    target: str
    trained_before: datetime
    trained_on: NDArray[np.uint64]
    customers: frozenset[str] = frozenset()

    def expected(self, features: RawFeatures) -> Floats:
        """Return the calibrated probabilities of customers, [n].

        Raises:
            ValueError: The model returns something else than probabilities.
        """
        rows = len(features[FEATURES[0]])
        if not rows:
            return np.zeros(0)
        with loaded(self.saved_model) as servable:
            answers = answers_to(servable, _batches(features, rows))
        if not are_probabilities(answers, rows):
            raise ValueError(f"{self.saved_model} returns something else than probabilities")
        return self.calibration.apply(answers)


class NotKeptError(Exception):
    """Something that is needed of a model is not kept; the message says what, as the end of a sentence."""


def champion_model(root: Root, version: Version, champion: Champion) -> Model:
    """Return the champion's.

    Raises:
        NotKeptError: Its evaluation or the hashes of its data are not kept, since it is of older code, or the rows that
            outcomes added to its data are not.
    """
    name = f"version {champion.number}"
    model = _model(name, champion.saved_model, champion.release, str(version.intent["at"]))
    added = root.data / str(version.intent["data_sha256"]) / OUTCOMES
    if version.intent.get("outcome_rows") and not added.is_file():
        raise NotKeptError(f"it is not kept in {added.parent} which outcomes {name} was made from")
    return _with_outcomes(model, added)


def challenger_model(root: Root, challenger: Challenger) -> Model:
    """Return a challenger's.

    Raises:
        NotKeptError: The files of its run, or its SavedModel, are gone or were changed.
    """
    place = stored_model(root, challenger.model_sha256)
    if sha256_tree(place) != challenger.model_sha256:
        raise NotKeptError(f"{place} is missing or was changed")
    name = f"the kept candidate of run {challenger.run_id}"
    made_by = root.run(challenger.run_id)
    model = _model(name, place, made_by / "evaluate", challenger.kept_at)
    if not (made_by / "ingest").is_dir():
        raise NotKeptError(f"it is not kept in {made_by} whether {name} was made from outcomes")
    return _with_outcomes(model, made_by / "ingest" / OUTCOMES)


def _model(name: str, saved_model: Path, evaluated: Path, before: str) -> Model:
    report: dict[str, Any] = json_object(evaluated / "evaluation.json")
    try:
        calibration, target = Calibration.of(report["calibration"]), str(report["target"])
    except (LookupError, TypeError, ValueError) as error:
        raise NotKeptError(f"the evaluation of {name} is not kept in {evaluated}, or has no calibration") from error
    trained_on = hashes_in(evaluated)
    if trained_on is None:
        raise NotKeptError(f"it is not kept in {evaluated} which rows {name} was made from")
    return Model(name, saved_model, calibration, target, datetime.fromisoformat(before), trained_on)


def _with_outcomes(model: Model, path: Path) -> Model:
    """Add whom outcomes added to its data, if there is a file of them: their other outcomes would be used twice."""
    if not path.is_file():
        return model
    identifiers, texts = read_customers(path)
    features = {
        name: column_of(
            texts[name] if name in CATEGORICAL else [float(text) if text else None for text in texts[name]],
            is_text=name in CATEGORICAL,
        )
        for name in FEATURES
    }
    known = frozenset(customer_pseudonym(identifier) for identifier in identifiers)
    return replace(model, trained_on=np.append(model.trained_on, hashes_of(features).ravel()), customers=known)


def _batches(features: RawFeatures, rows: int) -> Iterator[RawFeatures]:
    for start in range(0, rows, BATCH_ROWS):
        yield {name: column[start : start + BATCH_ROWS] for name, column in features.items()}
