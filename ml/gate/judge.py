"""The verdict: a pure function of an evaluation and the thresholds, without I/O and without a clock."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from ml.artifacts import Evaluation, Verdict
from ml.config.settings import JudgeSettings
from ml.evaluation.metric_table import distinguishable, metric_text
from ml.gate.reason import Reason
from ml.storage.files import sha256_json

ROUNDING = 1e-9
"""The error of a binary fraction that is overlooked: 0.880 - 0.875 is not above 0.005."""


def judge(evaluation: Evaluation, *, settings: JudgeSettings, out: Path) -> Verdict:
    """Decide whether the candidate earned promotion, with every reason for or against.

    A candidate that earned it and is the champion once more, by its bytes or its answers, is not promoted but `same`.
    A metric that is not a number reaches no threshold. `out` is where the verdict will stand; nothing is written.
    """
    against = [
        *_below_the_bar(evaluation, settings),
        *_too_good(evaluation, settings),
        *_against_champion(evaluation, settings),
    ]
    again = [] if against else list(_champion_again(evaluation))
    reasons = [asdict(reason) for reason in against or again or _in_favour(evaluation, settings)]
    return Verdict(
        path=out,
        sha256=sha256_json([evaluation.sha256, evaluation.model_sha256, reasons]),
        rows=evaluation.rows,
        promotes=not against and not again,
        reasons=reasons,
        model_sha256=evaluation.model_sha256,
        champion_version=evaluation.champion_version,
        metrics=evaluation.metrics,
        champion_metrics=evaluation.champion_metrics,
        same=bool(again),
    )


def _champion_again(evaluation: Evaluation) -> Iterator[Reason]:
    if evaluation.same:
        how = {"bytes": "Its bytes are", "answers": f"Its answers to all {evaluation.rows} evaluation rows are"}
        yield Reason(
            "same_as_champion",
            f"{how[evaluation.same]} those of version {evaluation.champion_version}: nothing would change.",
        )


def _below_the_bar(evaluation: Evaluation, settings: JudgeSettings) -> Iterator[Reason]:
    for metric, bound in asdict(settings.at_least).items():
        value = evaluation.metrics.get(metric, math.nan)
        if not value >= bound - ROUNDING:
            shown, least = distinguishable(metric, value, bound)
            yield Reason(
                "below_threshold",
                f"{metric} is {shown}, below the threshold {least} ({evaluation.rows} evaluation rows, overall).",
            )


def _too_good(evaluation: Evaluation, settings: JudgeSettings) -> Iterator[Reason]:
    for metric, bound in asdict(settings.at_most).items():
        value = evaluation.metrics.get(metric, math.nan)
        if not value <= bound + ROUNDING:
            shown, most = distinguishable(metric, value, bound)
            yield Reason(
                "leak_suspected",
                f"{metric} is {shown}, above {most}: too good to be true on this data. "
                "Look for the answer among the features.",
            )


def _against_champion(evaluation: Evaluation, settings: JudgeSettings) -> Iterator[Reason]:
    if evaluation.champion_version is None or evaluation.replaces_sample:
        if not settings.first_run_promotes:
            of_real = " of real data" if evaluation.replaces_sample else ""
            yield Reason(
                "first_run",
                f"There is no champion{of_real}, and the settings say that the first version{of_real} needs a person "
                "(judge.first_run_promotes).",
            )
        return
    if evaluation.incomparable:
        if not settings.accept_incomparable:
            yield Reason(
                "incomparable_champion",
                f"Version {evaluation.champion_version} cannot be compared: {evaluation.incomparable}. "
                "Accept that with judge.accept_incomparable = true.",
            )
        return
    for metric, allowed in asdict(settings.below_champion).items():
        value = evaluation.metrics.get(metric, math.nan)
        baseline = evaluation.champion_metrics.get(metric, math.nan)
        if math.isnan(baseline):
            yield Reason(
                "no_baseline",
                f"{metric} of the champion (version {evaluation.champion_version}) is not defined on these "
                f"{evaluation.rows} rows, so the candidate cannot be compared with it.",
            )
        elif not baseline - value <= allowed + ROUNDING:
            yield Reason(
                "worse_than_champion",
                f"{metric} is {metric_text(metric, value)}, {baseline - value:.5f} below the champion's "
                f"{metric_text(metric, baseline)} (version {evaluation.champion_version}, same {evaluation.rows} "
                f"rows); at most {allowed:g} is allowed.",
            )


def _in_favour(evaluation: Evaluation, settings: JudgeSettings) -> Iterator[Reason]:
    reached = ", ".join(
        f"{metric} {metric_text(metric, evaluation.metrics[metric])} >= {metric_text(metric, bound)}"
        for metric, bound in asdict(settings.at_least).items()
    )
    yield Reason("thresholds_reached", f"All thresholds are reached: {reached}.")
    if evaluation.champion_version is None:
        yield Reason("first_run", "There is no champion yet, so the thresholds alone decide.")
    elif evaluation.replaces_sample:
        yield Reason(
            "replaces_sample",
            f"Version {evaluation.champion_version} is a SAMPLE, trained on made-up customers; this candidate was "
            "trained on real data, so the thresholds alone decide.",
        )
    elif evaluation.incomparable:
        yield Reason(
            "incomparable_accepted",
            f"Version {evaluation.champion_version} cannot be compared ({evaluation.incomparable}); "
            "the settings accept that.",
        )
    else:
        compared = ", ".join(
            f"{metric} {evaluation.metrics[metric] - evaluation.champion_metrics[metric]:+.4f}"
            for metric in asdict(settings.below_champion)
        )
        yield Reason(
            "not_worse_than_champion",
            f"Not worse than version {evaluation.champion_version} on the same {evaluation.rows} rows: {compared}.",
        )
