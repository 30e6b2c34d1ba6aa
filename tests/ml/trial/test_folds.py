"""Folds go by profile, and what cannot be compared on them is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.artifacts import Accepted
from ml.config.settings import resolve
from ml.data.schema import seed_schema
from ml.errors import DataError, FinalError
from ml.training.transform import TrainingSide, training_side
from ml.trial.cross_validation import cross_validate, fold_of

SETTINGS = resolve(environment={})
BOTH = (SETTINGS.train, SETTINGS.train)


@pytest.fixture(scope="module")
def side(sample_csv: Path) -> TrainingSide:
    accepted = Accepted(sample_csv.parent, "", 3000, sample_csv, [], {})
    return training_side(accepted, schema=seed_schema(), settings=SETTINGS.transform, target=SETTINGS.target)


def test_a_profile_is_in_one_fold_and_folds_are_of_equal_size(side: TrainingSide) -> None:
    fold = fold_of(side.profiles, 5, seed=0)
    assert len(set(side.profiles.tolist())) < len(side.profiles), "no twins to keep together"
    assert len({(p, f) for p, f in zip(side.profiles, fold, strict=True)}) == len(set(side.profiles.tolist()))
    assert np.ptp(np.bincount(fold)) < 0.1 * len(fold) / 5


def test_folds_depend_on_the_profiles_and_the_repeat_and_not_on_the_order_of_rows(side: TrainingSide) -> None:
    first, again = fold_of(side.profiles, 5, seed=0), fold_of(side.profiles[::-1], 5, seed=0)
    assert (first == again[::-1]).all()
    assert (first == fold_of(side.profiles, 5, seed=1)).mean() < 0.3


def test_too_few_targets_for_the_folds_are_counted(side: TrainingSide) -> None:
    few = replace(side, labels=(np.arange(len(side.labels)) < 2).astype(np.int8))
    with pytest.raises(DataError, match=r"2 are targets: too few of one kind for 5 folds"):
        cross_validate(few, BOTH, threshold=0.5, folds=5, repeats=1)


@pytest.mark.usefixtures("libraries")
def test_training_that_fails_says_under_which_settings(side: TrainingSide) -> None:
    all_watched = replace(side, profiles=np.arange(len(side.labels), dtype=np.uint64))
    with pytest.raises(FinalError, match=r"^With the settings of now: .* both sides need rows"):
        cross_validate(all_watched, BOTH, threshold=0.5, folds=2, repeats=1)
