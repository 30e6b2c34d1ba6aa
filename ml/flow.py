"""The whole loop in one process, without Airflow: each heavy library loads once."""

from __future__ import annotations

import logging
import math
import os
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from ml import locks
from ml.artifacts import Confirmed, Dataset, Evaluation, Verdict
from ml.errors import DataError, NothingToDoError, RetrainError, SettingsError
from ml.ledger import Ledger
from ml.root import Root
from ml.runs import Run
from ml.settings import Settings
from ml.steps import STEPS

log = logging.getLogger("ml.run")
LOCK_WAIT_SECONDS = 2.0


@dataclass
class Outcome:
    """What a loop came to: promoted, rejected, withheld, unchanged, blocked or failed.

    `version` is the one that should be serving now; metrics are overall values by TFMA's names.
    """

    run_id: str
    outcome: str = "failed"
    version: int | None = None
    reasons: list[str] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    champion_metrics: dict[str, float] = field(default_factory=dict)
    data_sha256: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    exit_code: int = 0

    def as_json(self) -> dict[str, Any]:
        """Without the exit code, and with null where a metric is undefined."""
        fields = asdict(self)
        del fields["exit_code"]
        for name in ("metrics", "champion_metrics"):
            fields[name] = {k: None if math.isnan(v) else v for k, v in fields[name].items()}
        return fields


def new_run_id(prefix: str = "manual") -> str:
    """Unique on this machine and in the order of time."""
    return f"{prefix}-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}"


def retrain(root: Root, settings: Settings, *, run_id: str, force: bool) -> Outcome:
    """Run all steps in order; whatever happens becomes an `Outcome`, and the log has one line a step."""
    outcome = Outcome(run_id)
    run = Run(root, run_id, settings, force)
    try:
        with locks.hold(root.retrain_lock, who=f"retraining {run_id}", wait_seconds=LOCK_WAIT_SECONDS):
            for name, step in STEPS.items():
                started = time.monotonic()
                ended = "failed"
                try:
                    ended = step(run)["outcome"]
                except NothingToDoError:
                    ended = "skipped"
                    raise
                finally:
                    outcome.seconds[name] = round(time.monotonic() - started, 2)
                    log.info("step %-9s  %-7s  %6.1f s", name, ended, outcome.seconds[name])
        outcome.outcome = "promoted"
    except NothingToDoError as nothing:
        outcome.outcome, outcome.reasons = nothing.outcome, [nothing.what]
    except RetrainError as error:
        is_data = isinstance(error, DataError)
        outcome.outcome = "blocked" if is_data else "failed"
        outcome.reasons = [*getattr(error, "findings", [error.what]), error.cure]
        outcome.exit_code = 2 if is_data or isinstance(error, SettingsError) else 1
    except (Exception, KeyboardInterrupt) as error:
        log.exception("unexpected error")
        outcome.reasons = [f"{type(error).__name__}: {error}"]
        outcome.exit_code = 130 if isinstance(error, KeyboardInterrupt) else 1
    _fill_in(outcome, run)
    return outcome


def _fill_in(outcome: Outcome, run: Run) -> None:
    """What the finished steps of the run know, and which version serves now."""
    try:
        if "ingest" in outcome.seconds:
            outcome.data_sha256 = run.artifact("ingest", Dataset).sha256
        if "evaluate" in outcome.seconds:
            evaluation = run.artifact("evaluate", Evaluation)
            outcome.metrics, outcome.champion_metrics = evaluation.metrics, evaluation.champion_metrics
        if outcome.outcome in ("promoted", "rejected", "withheld"):
            outcome.reasons = run.artifact("judge", Verdict).sentences
        if outcome.outcome == "promoted":
            outcome.version = run.artifact("confirm", Confirmed).version
            return
        champion = Ledger(run.root.ledger).champion()
        outcome.version = champion.number if champion else None
    except RetrainError as error:  # the failed step has no artifact; what is known is filled in already
        log.debug("%s", error)
