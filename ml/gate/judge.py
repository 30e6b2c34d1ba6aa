"""The verdict: a pure function of an evaluation, its scores and the settings, without I/O and without a clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from ml.artifacts import Evaluation, Verdict
from ml.config.gate_settings import JudgeSettings
from ml.gate.decision import BETTER, REFRESH, WORSE, Decision
from ml.gate.reason import Reason
from ml.gate.thresholds import below_threshold, reached, too_good
from ml.registry.ledger.entries import KEPT, REJECTED, SAME
from ml.registry.references import ancestry
from ml.storage.files import sha256_json


def judge(evaluation: Evaluation, decision: Decision | None, *, settings: JudgeSettings, out: Path) -> Verdict:
    """Decide what becomes of the candidate, with every reason for or against.

    The thresholds come first, and no evidence outweighs them. Without anything to compare with, they and the rule for
    first versions decide. A candidate that is the baseline once more is `same`.

    Args:
        evaluation: The metrics of the candidate and the baseline.
        decision: What the paired tests say; None when the candidate was compared with nothing.
        settings: The section `judge`.
        out: Where the verdict will stand; nothing is written.
    """
    against = [*below_threshold(evaluation, settings), *too_good(evaluation, settings)]
    what, reasons = (REJECTED, against) if against else _compared(evaluation, decision, settings)
    if against and evaluation.incomparable and not evaluation.replaces_sample and not settings.accept_incomparable:
        reasons = [*against, _incomparable(evaluation)]
    elif against and decision is not None:
        reasons = [*against, *decision.reasons]
    told = [asdict(reason) for reason in reasons]
    return Verdict(
        path=out,
        sha256=sha256_json([evaluation.sha256, evaluation.model_sha256, what, told]),
        rows=evaluation.rows,
        promotes=what in ancestry.PROMOTES,
        reasons=told,
        model_sha256=evaluation.model_sha256,
        champion_version=evaluation.champion_version,
        metrics=evaluation.metrics,
        champion_metrics=evaluation.champion_metrics,
        same=what == SAME,
        decision=what,
        served=evaluation.served,
        anchor_version=evaluation.anchor_version if what == ancestry.REFRESH else None,
        anchor_sha256=evaluation.anchor_sha256 if what == ancestry.REFRESH else "",
        baseline_version=evaluation.baseline_version,
        stand_in=evaluation.stand_in,
        baseline=evaluation.baseline,
        better_than=evaluation.gone_back_from if decision is not None and decision.ends_hold else "",
    )


def _compared(evaluation: Evaluation, decision: Decision | None, settings: JudgeSettings) -> tuple[str, list[Reason]]:
    """Return what becomes of a candidate that reaches the thresholds, and why."""
    passed = reached(evaluation, settings)
    if evaluation.champion_version is None or evaluation.replaces_sample:
        refused = list(_first_version_needs_a_person(evaluation, settings))
        return (REJECTED, refused) if refused else _without_champion(evaluation, passed)
    if evaluation.incomparable:
        if settings.accept_incomparable:
            return ancestry.ACCEPTED, [passed, _accepted(evaluation)]
        return REJECTED, [_incomparable(evaluation)]
    if evaluation.same:
        return SAME, [_champion_again(evaluation)]
    if decision is None:
        raise ValueError("a candidate that can be compared was not")
    outcome = {BETTER: ancestry.BETTER, REFRESH: ancestry.REFRESH, WORSE: REJECTED}.get(decision.outcome, KEPT)
    return outcome, [*decision.reasons, *([passed] if outcome in ancestry.PROMOTES else [])]


def _without_champion(evaluation: Evaluation, passed: Reason) -> tuple[str, list[Reason]]:
    if not evaluation.replaces_sample:
        return ancestry.FIRST, [
            passed,
            Reason("first_run", "There is no champion yet, so the thresholds alone decide."),
        ]
    return ancestry.REPLACES_SAMPLE, [
        passed,
        Reason(
            "replaces_sample",
            f"Version {evaluation.champion_version} is a SAMPLE, trained on made-up customers; this candidate was "
            "trained on real data, so the thresholds alone decide.",
        ),
    ]


def _first_version_needs_a_person(evaluation: Evaluation, settings: JudgeSettings) -> Iterator[Reason]:
    if not settings.first_run_promotes:
        of_real = " of real data" if evaluation.replaces_sample else ""
        yield Reason(
            "first_run",
            f"There is no champion{of_real}, and the settings say that the first version{of_real} needs a person "
            "(judge.first_run_promotes).",
        )


def _incomparable(evaluation: Evaluation) -> Reason:
    return Reason(
        "incomparable_champion",
        f"Version {evaluation.baseline_version} cannot be compared: {evaluation.incomparable}. "
        "Accept that with judge.accept_incomparable = true.",
    )


def _accepted(evaluation: Evaluation) -> Reason:
    return Reason(
        "incomparable_accepted",
        f"Version {evaluation.baseline_version} cannot be compared ({evaluation.incomparable}); "
        "the settings accept that.",
    )


def _champion_again(evaluation: Evaluation) -> Reason:
    how = {"bytes": "Its bytes are", "answers": f"Its answers to all {evaluation.rows} evaluation rows are"}
    return Reason(
        "same_as_champion",
        f"{how[evaluation.same]} those of version {evaluation.baseline_version}: nothing would change.",
    )
