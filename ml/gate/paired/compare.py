"""Compute paired differences with standard errors clustered by customer profile."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml.gate.paired.contributions import AUC, Floats, contributions
from ml.gate.paired.difference import PairedDifference

NO_DIFFERENCE = 1e-12
"""Contributions that differ by no more are equal: the mean of equal numbers is off by rounding."""
NO_SPREAD = 1e-9
"""A standard error of so small a part of the largest difference is rounding, too."""


def compare(
    metric: str,
    labels: NDArray[np.int8],
    profiles: NDArray[np.uint64],
    candidate: NDArray[np.float32],
    references: NDArray[np.float32],
    *,
    threshold: float,
    cut: float | None = None,
) -> PairedDifference:
    """Return the difference between the candidate and the references.

    Args:
        metric: One of `ml.gate.paired.contributions.METRICS`.
        labels: Shape [n], 0 or 1.
        profiles: Shape [n]; rows with equal values are one cluster.
        candidate: Probabilities, shape [n].
        references: Probabilities, shape [k, n], k at least 1.
        threshold: A row is predicted positive when its probability is above it.
        cut: A customer is contacted when the probability is above it (`Profit`).
    """
    positive = labels > 0
    clusters, cluster = np.unique(profiles, return_inverse=True)
    ours = contributions(metric, labels, candidate, threshold, cut)
    each = [contributions(metric, labels, one, threshold, cut) for one in references]
    over = positive if metric == AUC else np.ones(len(labels), dtype=bool)
    value, error = against_several([difference_of(metric, ours - theirs, positive, cluster) for theirs in each])
    return PairedDifference(
        metric=metric,
        value=value,
        standard_error=error,
        rows=len(labels),
        clusters=len(clusters),
        candidate=_mean(ours[over]),
        reference=float(np.mean([_mean(theirs[over]) for theirs in each])),
    )


def against_several(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    """Return value and standard error against several references: the means of those against each.

    The value is thus that against a model of average worth, whereas the mean of the *scores* would be an ensemble that
    is better than each of its members. The standard error is not below that of the mean difference (Minkowski's
    inequality). It counts on no luck being averaged away, since a champion that was promoted by luck raises the bar for
    all that follow (docs/gate.md has the numbers of both choices).
    """
    values, errors = zip(*pairs, strict=True)
    return float(np.mean(values)), float(np.mean(errors))


def difference_of(
    metric: str, differences: Floats, positive: NDArray[np.bool_], cluster: NDArray[np.intp]
) -> tuple[float, float]:
    """Return value and standard error of a metric's difference, from the differences of the contributions.

    Args:
        metric: One of `ml.gate.paired.contributions.METRICS`.
        differences: What a row contributes to the candidate's metric, less what it contributes to the reference's, [n].
        positive: Whether the label is 1, [n].
        cluster: The number of each row's cluster, [n], 0 .. clusters - 1.
    """
    undefined = float("nan"), float("nan")
    if not len(differences) or np.isnan(differences).any():
        return undefined
    largest = float(np.abs(differences).max())
    if largest <= NO_DIFFERENCE:
        return 0.0, 0.0
    value, variance = (_auc if metric == AUC else _mean_over_clusters)(differences, positive, cluster)
    return (value, variance**0.5) if variance > (NO_SPREAD * largest) ** 2 else undefined


def _auc(differences: Floats, positive: NDArray[np.bool_], cluster: NDArray[np.intp]) -> tuple[float, float]:
    """DeLong et al., Biometrics 44 (1988), for clusters as in Obuchowski, Biometrics 53 (1997), eq. 3.

    With one row in each cluster this is DeLong's variance. NaN when a class is in fewer than two clusters.
    """
    value = float(differences[positive].mean())
    deviation = differences - value
    m, n = int(np.count_nonzero(positive)), int(np.count_nonzero(~positive))
    clusters = int(cluster.max()) + 1
    in_positives = np.bincount(cluster, deviation * positive, clusters)
    in_negatives = np.bincount(cluster, deviation * ~positive, clusters)
    variance = (
        _correction(len(np.unique(cluster[positive]))) * float(in_positives @ in_positives) / m**2
        + _correction(len(np.unique(cluster[~positive]))) * float(in_negatives @ in_negatives) / n**2
        + 2 * _correction(clusters) * float(in_positives @ in_negatives) / (m * n)
    )
    return value, variance


def _mean_over_clusters(
    differences: Floats, _positive: NDArray[np.bool_], cluster: NDArray[np.intp]
) -> tuple[float, float]:
    """Return mean and variance of the mean, from the sums of the deviations within each cluster."""
    value = float(differences.mean())
    sums = np.bincount(cluster, differences - value)
    return value, _correction(len(sums)) * float(sums @ sums) / len(differences) ** 2


def _correction(clusters: int) -> float:
    return clusters / (clusters - 1) if clusters > 1 else float("nan")


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")
