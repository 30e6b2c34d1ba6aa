"""What the release record of a version says about how it should do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.errors import FinalError
from ml.evaluation.scored_rows import ScoredRows
from ml.performance.asked import Asked, Floats
from ml.performance.estimate import Estimate, share
from ml.performance.live import Measured
from ml.performance.ranking import hajek_auc
from ml.storage import files
from ml.storage.root import Root
from serving.expectation.calibration import Calibration, logit

_NO_ROWS = "The release record of this version has no evaluation rows."


@dataclass(frozen=True)
class ReleaseFacts:
    """What was known of a version when it was released.

    Attributes:
        calibration: Its calibration; None when there is none.
        note: What that means, as a sentence; "" when there is one.
        auc: On its evaluation rows.
        share: The share of targets among them.
        covariance: Of the calibration's intercept and slope and of that share, which come from the same rows, [3, 3];
            zeros when there are none.
    """

    calibration: Calibration | None
    note: str
    auc: Measured
    share: Measured
    covariance: NDArray[np.float64]

    def calibrated(self, probability: Floats) -> Floats:
        """Return calibrated probabilities, or the same ones without a calibration, [n]."""
        return self.calibration.apply(probability) if self.calibration else probability

    def promised(self, probability: NDArray[np.float64]) -> Estimate:
        """Return the share of targets that the calibrated probabilities of customers promise, [n].

        Its interval is that of the calibration alone: the delta method of `serving.expectation.calibration` without the
        chance that is in the outcomes. Without a calibration the ends are not known.
        """
        rows = len(probability)
        if not rows:
            return Estimate.unknown(0)
        expected = self.calibrated(probability)
        value = float(expected.mean())
        if self.calibration is None:
            return Estimate(value, np.nan, np.nan, rows)
        spread = expected * (1 - expected)
        gradient = np.array([spread.mean(), (spread * logit(probability)).mean()])
        variance = float(gradient @ np.array(self.calibration.covariance) @ gradient)
        return Estimate.normal(value, max(0.0, variance) ** 0.5, rows).within(0.0, 1.0)


def read_release_facts(root: Root, version: str) -> ReleaseFacts:
    """Read what is known of a version; what is not recorded, or damaged, is unknown and no error."""
    release = root.release(int(version))
    calibration, note = None, ""
    try:
        calibration = Calibration.of(files.json_object(release / "evaluation.json")["calibration"])
    except (LookupError, TypeError, ValueError):
        what = "has no calibration" if release.is_dir() else "is not kept"
        note = f"Its release record {what}: what is expected comes from probabilities that are not calibrated."
    try:
        rows = ScoredRows.read(release / "rows.npz")
    except (FileNotFoundError, FinalError):
        unknown = Measured.unknown(_NO_ROWS)
        return ReleaseFacts(calibration, note, unknown, unknown, np.zeros((3, 3)))
    return release_facts(calibration, note, rows)


def release_facts(calibration: Calibration | None, note: str, rows: ScoredRows) -> ReleaseFacts:
    """Return what a calibration and evaluation rows say; `note` tells why there is no calibration."""
    label, score = rows.labels.astype(np.float64), rows.candidate.astype(np.float64)
    auc = hajek_auc(Asked(score, score, np.ones(len(score)), label))
    of_rows = share(int(label.sum()), len(label))
    return ReleaseFacts(
        calibration,
        note,
        Measured(auc, "" if auc.is_known else "It was evaluated on too few rows."),
        Measured(of_rows, "" if of_rows.is_known else _NO_ROWS),
        covariance(calibration, rows) if calibration is not None and len(label) else np.zeros((3, 3)),
    )


def covariance(calibration: Calibration, rows: ScoredRows) -> NDArray[np.float64]:
    """Return that of intercept, slope and share, [3, 3].

    It is the sandwich of Huber and White, clustered as in `ml.evaluation.calibration`.
    """
    label, expected = rows.labels.astype(np.float64), calibration.apply(rows.candidate)
    x = np.stack([np.ones(len(label)), logit(rows.candidate)], axis=1)
    bread = np.linalg.pinv((x * (expected * (1 - expected))[:, None]).T @ x)
    influence = np.column_stack([x * (label - expected)[:, None] @ bread, (label - label.mean()) / len(label)])
    _, cluster = np.unique(rows.profiles, return_inverse=True)
    sums = np.zeros((int(cluster.max()) + 1, 3))
    np.add.at(sums, cluster, influence)
    return np.asarray(sums.T @ sums)
