"""The verdict about a challenger that has won, and whether its numbers are those of its bets."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ml.artifacts import Evaluation, Verdict
from ml.challenge.process import Process
from ml.config.settings import Settings
from ml.gate.reason import Reason
from ml.gate.thresholds import below_threshold, reached, too_good
from ml.pipeline.run import Run
from ml.registry.ledger.entries import REJECTED
from ml.registry.references import ancestry
from ml.storage import files
from ml.storage.strict_json import without_nan

NAME = "fresh_outcomes"
"""The code of the reason, and the field of the verdict with the bets."""
_STAKES = 25
_LEAST_STAKE, _MOST_STAKE = 0.01, 0.99
_FEWEST = 200
_AGREEMENT = 1e-9


def verdict_of(
    process: Process, evaluation: Evaluation, *, served: int | None, settings: Settings, run: Run, out: Path
) -> Verdict:
    """Return the verdict; `verdict.json` and `rows.npz` are written into `out`.

    It is *better*, if the stored evaluation reaches the thresholds of today, which no evidence outweighs.
    """
    against = [*below_threshold(evaluation, settings.judge), *too_good(evaluation, settings.judge)]
    won = Reason(NAME, _sentence(process))
    reasons = [*against, won] if against else [won, reached(evaluation, settings.judge)]
    decision = REJECTED if against else ancestry.BETTER
    told = [asdict(reason) for reason in reasons]
    baseline = f"version {process.champion}"
    bets = {
        "run_id": process.run_id,
        "alpha": process.alpha,
        "threshold": process.threshold,
        "n": process.n,
        "wealth": process.wealth,
        "weighed": [bets.tolist() for bets in process.weighed],
    }
    report = {
        "run_id": run.id,
        "decision": decision,
        "reasons": told,
        "model_sha256": evaluation.model_sha256,
        "champion_version": process.champion,
        "baseline": baseline,
        "anchor": "",
        "rows": evaluation.rows,
        "threshold": settings.target.threshold,
        "metrics": evaluation.metrics,
        "champion_metrics": evaluation.champion_metrics,
        "schema": {"number": run.schema_number, "sha256": run.schema.sha256},
        "settings": {name: settings.as_dict()[name] for name in ("judge", "gate")},
        "better_than": "",
        "look": None,
        "evidence": None,
        NAME: bets,
        "rows_sha256": files.sha256_file(evaluation.scored_rows),
    }
    verdict = Verdict(
        path=out,
        sha256=files.sha256_json([evaluation.sha256, evaluation.model_sha256, decision, told, bets["weighed"]]),
        rows=evaluation.rows,
        promotes=decision in ancestry.PROMOTES,
        reasons=told,
        model_sha256=evaluation.model_sha256,
        champion_version=process.champion,
        metrics=evaluation.metrics,
        champion_metrics=evaluation.champion_metrics,
        decision=decision,
        served=served,
        baseline=baseline,
        baseline_version=process.champion,
    )
    files.write_json(verdict.report, without_nan(report))
    shutil.copyfile(evaluation.scored_rows, verdict.scored_rows)
    return verdict


def wrong_bets(report: Mapping[str, Any], *, alpha: float | None) -> Iterator[str]:
    """Yield how a verdict differs from its bets, computed by another formula than the one that made it.

    The bets end with the list that won, so that what they come to in the end is what decides.

    Args:
        report: The content of `verdict.json`.
        alpha: The level that the ledger has of this challenger; None when nobody can say.
    """
    said = report.get(NAME)
    if said is None:
        if any(reason.get("code") == NAME for reason in report.get("reasons") or []):
            yield f"{NAME}: the verdict speaks of outcomes and has no bets."
        return
    try:
        bets = [float(value) for of_list in said["weighed"] for value in of_list]
        if alpha is not None and said["alpha"] != alpha:
            yield f"{NAME}.alpha: the verdict says {said['alpha']!r}, the ledger {alpha!r}."
        computed = {"n": len(bets), "threshold": 1 / float(said["alpha"]), "wealth": _wealth(bets)}
        for name, value in computed.items():
            if not abs(value - said[name]) <= _AGREEMENT * max(1.0, abs(value)):
                yield f"{NAME}.{name}: the verdict says {said[name]!r}, its bets give {value!r}."
        if len(bets) < _FEWEST or computed["wealth"] < computed["threshold"]:
            yield f"{NAME}: {len(bets)} bets came to {computed['wealth']:g}: the challenger has not won."
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        yield f"{NAME}: the bets lack something, or hold something else there: {error!r}."


def _wealth(bets: list[float]) -> float:
    """The mean over the stakes of the product of 1 + stake * bet; each in [-1, 1]."""
    if not all(abs(value) <= 1 for value in bets):
        raise ValueError("a bet is not between -1 and 1")
    step = (math.log(_MOST_STAKE) - math.log(_LEAST_STAKE)) / (_STAKES - 1)
    stakes = [_LEAST_STAKE * math.exp(place * step) for place in range(_STAKES)]
    return math.fsum(math.exp(math.fsum(math.log(1 + stake * bet) for bet in bets)) for stake in stakes) / _STAKES


def _sentence(process: Process) -> str:
    return (
        f"Bets that it predicts better than version {process.champion} have grown to {process.wealth:.1f} times what "
        f"they began with, on {process.n:,} customers whose outcome became known and whom neither model had seen, of "
        f"{len(process.lists):,} closed lists: if it were not better, {process.threshold:.1f} times ({NAME}, level "
        f"{process.alpha:.4f}) would be reached by chance in that share of cases at most."
    )
