"""One trial: is a change of settings better? Neither the root nor the ledger is written, nor the holdout looked at."""

from __future__ import annotations

import logging

from ml.errors import SettingsError
from ml.storage.root import Root
from ml.trial.change import Change
from ml.trial.cross_validation import cross_validate
from ml.trial.result import TrialResult, compare
from ml.trial.training_side import of_last_run, of_source

log = logging.getLogger(__name__)
FOLDS, REPEATS = 5, 2
"""Chosen so that a trial of the Kaggle file takes less than two minutes on a slow machine (docs/benchmarks.md)."""
MOST_FOLDS, MOST_REPEATS = 50, 1000


def try_change(
    root: Root, change: Change, *, with_source: bool, folds: int = FOLDS, repeats: int = REPEATS
) -> TrialResult:
    """Compare the settings of now with those to try by cross-validation on the training side.

    Args:
        root: Where the last run is; only read.
        change: What to compare.
        with_source: Take the data of `data.source` instead of those of the last run.
        folds: Of the cross-validation, 2 to 50.
        repeats: How often the folds are drawn anew, 1 to 1,000.

    Raises:
        RetrainError: The data cannot be had or used, or training diverges.
    """
    for name, value, least, most in (("folds", folds, 2, MOST_FOLDS), ("repeats", repeats, 1, MOST_REPEATS)):
        if not least <= value <= most:
            raise SettingsError(f"--{name} {value}: must lie in [{least}, {most}].", "Change the value.")
    if change.is_none:
        return TrialResult(change.values, 0, "", folds, repeats, [])
    customers = of_source(root, change.now) if with_source else of_last_run(root)
    rows = len(customers.side.labels)
    log.info("%s: %s customers on the training side", customers.name, f"{rows:,}")
    scores = cross_validate(
        customers.side, change.train, threshold=customers.target.threshold, folds=folds, repeats=repeats
    )
    return TrialResult(change.values, rows, customers.name, folds, repeats, compare(scores, folds=folds))
