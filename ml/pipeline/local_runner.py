"""The whole loop in one process, without Airflow: each heavy library loads once."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from ml.artifacts import Dataset, Evaluation, Verdict
from ml.config.settings import Settings
from ml.errors import DataError, NothingToDoError, RetrainError, SettingsError
from ml.pipeline.run import Run
from ml.pipeline.steps import STEPS, carry_out
from ml.registry.ledger import Ledger
from ml.storage import files, locks
from ml.storage.root import Root
from ml.storage.strict_json import without_nan

log = logging.getLogger(__name__)
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
        return dict(without_nan(fields))


def new_run_id(prefix: str = "manual") -> str:
    """Unique on this machine and in the order of time."""
    return f"{prefix}-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}"


def retrain(root: Root, settings: Settings, *, run_id: str, force: bool) -> Outcome:
    """Run all steps in order; whatever happens becomes an `Outcome`, and the log has one line a step."""
    outcome = Outcome(run_id)
    run = Run(root, run_id, settings, force)
    try:
        with (
            files.disk_errors(f"Run {run_id}"),
            locks.hold(root.retrain_lock, who=f"retraining {run_id}", wait_seconds=LOCK_WAIT_SECONDS),
        ):
            for name in STEPS:
                started = time.monotonic()
                ended = "failed"
                try:
                    ended = carry_out(name, run)["outcome"]
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
    except KeyboardInterrupt:
        log.error("interrupted")
        outcome.reasons, outcome.exit_code = ["Interrupted."], 130
    except Exception as error:
        log.exception("unexpected error")
        outcome.reasons, outcome.exit_code = [f"{type(error).__name__}: {error}"], 1
    _fill_in(outcome, run)
    return outcome


def _fill_in(outcome: Outcome, run: Run) -> None:
    """What the finished steps of the run know, and which version serves now; what is not known stays empty."""
    for fill in (_from_ingest, _from_evaluate, _from_judge, _from_ledger):
        try:
            fill(outcome, run)
        except (RetrainError, OSError) as error:  # the step that failed has no artifact
            log.debug("%s", error)


def _from_ingest(outcome: Outcome, run: Run) -> None:
    if "ingest" in outcome.seconds:
        outcome.data_sha256 = run.artifact("ingest", Dataset).sha256


def _from_evaluate(outcome: Outcome, run: Run) -> None:
    if "evaluate" in outcome.seconds:
        evaluation = run.artifact("evaluate", Evaluation)
        outcome.metrics, outcome.champion_metrics = evaluation.metrics, evaluation.champion_metrics


def _from_judge(outcome: Outcome, run: Run) -> None:
    if outcome.outcome in ("promoted", "rejected", "withheld"):
        outcome.reasons = run.artifact("judge", Verdict).sentences


def _from_ledger(outcome: Outcome, run: Run) -> None:
    champion = Ledger(run.root.ledger).champion()
    outcome.version = champion.number if champion else None
