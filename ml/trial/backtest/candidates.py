"""One candidate a week, trained as a retraining of that week would, and what each says of all rows."""

from __future__ import annotations

import gc
import logging
import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ml.config.settings import TrainSettings
from ml.errors import FinalError
from ml.training.preprocessing import Fitter
from ml.training.train import fit
from ml.training.transform import TrainingSide
from ml.trial.backtest.weeks import Weeks
from ml.trial.cross_validation import no_garbage_is_kept

log = logging.getLogger(__name__)


def candidates(side: TrainingSide, weeks: Weeks, settings: TrainSettings) -> NDArray[np.float32]:
    """Return the probabilities that each week's candidate gives all rows, shape [weeks, n].

    Encoding and network are fitted on the training rows of the week. The seed is that of the settings in week 1, and
    one more in each week that follows.

    Raises:
        FinalError: Training diverged; the message names the week.
    """
    scores = np.empty((weeks.count, len(side.labels)), dtype=np.float32)
    started = time.monotonic()
    with no_garbage_is_kept():
        for week in range(1, weeks.count + 1):
            rows = weeks.training(week)
            scores[week - 1] = _candidate(side, rows, replace(settings, seed=settings.seed + week - 1), week)
            left = (time.monotonic() - started) / week * (weeks.count - week)
            log.info(
                "week %2d of %d: trained on %s customers%s",
                week, weeks.count, f"{np.count_nonzero(rows):,}", f"; about {left:.0f} s to go" if left else "",
            )  # fmt: skip
            gc.collect()
    return scores


def _candidate(side: TrainingSide, rows: NDArray[np.bool_], settings: TrainSettings, week: int) -> NDArray[np.float32]:
    from ml.training.network import predict

    fitter = Fitter()
    fitter.add({name: column[rows] for name, column in side.columns.items()})
    x = np.concatenate(list(fitter.fitted().apply(side.columns).values()), axis=1)
    try:
        model, _ = fit(
            x[rows], side.labels[rows].astype(np.float32), side.profiles[rows], settings, on_epoch=lambda _: None
        )
    except FinalError as error:
        raise FinalError(f"In week {week}: {error.what}", error.cure) from error
    return predict(model, x)
