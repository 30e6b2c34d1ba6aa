"""All steps in one process, without Airflow, so that each heavy library loads once."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from ml.artifacts import Dataset, Evaluation, Verdict
from ml.config.settings import Settings
from ml.errors import DataError, NothingToDoError, RetrainError, SettingsError
from ml.pipeline.outcome import FAILED, KEPT, PROMOTED, REJECTED, SAME, WAITING, WITHHELD, end_of, result_of_error
from ml.pipeline.run import Run
from ml.pipeline.step_names import STEPS
from ml.pipeline.steps import run_step
from ml.registry.ledger.ledger import Ledger
from ml.storage import files, locks
from ml.storage.root import Root
from ml.storage.strict_json import without_nan

log = logging.getLogger(__name__)
LOCK_WAIT_SECONDS = 2.0


@dataclass
class RetrainResult:
    """What a run of all steps came to; `outcome` is one of `ml.pipeline.outcome.OUTCOMES`.

    `version` is the one that should be serving now; metrics are overall values by TFMA's names.
    """

    run_id: str
    outcome: str = FAILED
    version: int | None = None
    reasons: list[str] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    champion_metrics: dict[str, float] = field(default_factory=dict)
    data_sha256: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    exit_code: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the fields without the exit code, and with None where a metric is undefined."""
        fields = asdict(self)
        del fields["exit_code"]
        return dict(without_nan(fields))


def new_run_id(prefix: str = "manual") -> str:
    """Make a run id from the time and the process; ids of later runs sort behind."""
    return f"{prefix}-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}"


def retrain(root: Root, settings: Settings, *, run_id: str, force: bool) -> RetrainResult:
    """Run all steps in order. Whatever happens becomes a `RetrainResult`, and the log has one line a step."""
    answer = RetrainResult(run_id)
    run = Run(root, run_id, settings, force)
    results: dict[str, Mapping[str, Any]] = {}
    try:
        with (
            files.disk_errors(f"Run {run_id}"),
            locks.hold(root.retrain_lock, who=f"retraining {run_id}", wait_seconds=LOCK_WAIT_SECONDS),
        ):
            for name in STEPS:
                started = time.monotonic()
                try:
                    results[name] = run_step(name, run)
                except BaseException as error:
                    results[name] = result_of_error(error)
                    raise
                finally:
                    answer.seconds[name] = round(time.monotonic() - started, 2)
                    log.info("step %-9s  %-7s  %6.1f s", name, results[name]["outcome"], answer.seconds[name])
    except NothingToDoError as nothing:
        answer.reasons = [nothing.what]
    except RetrainError as error:
        answer.reasons = [*getattr(error, "findings", [error.what]), error.cure]
        answer.exit_code = 2 if isinstance(error, DataError | SettingsError) else 1
    except KeyboardInterrupt:
        log.error("interrupted")
        answer.reasons, answer.exit_code = ["Interrupted."], 130
    except Exception as error:
        log.exception("unexpected error")
        answer.reasons, answer.exit_code = [f"{type(error).__name__}: {error}"], 1
    end = end_of(results)
    answer.outcome = end.outcome if end else FAILED
    _fill_in(answer, run)
    return answer


def _fill_in(answer: RetrainResult, run: Run) -> None:
    """Fill in what the finished steps know, and which version serves now; what is not known stays empty."""
    for fill in (_from_ingest, _from_evaluate, _from_judge, _from_ledger):
        try:
            fill(answer, run)
        except (RetrainError, OSError) as error:  # the step that failed has no artifact
            log.debug("%s", error)


def _from_ingest(answer: RetrainResult, run: Run) -> None:
    if "ingest" in answer.seconds:
        answer.data_sha256 = run.artifact("ingest", Dataset).sha256


def _from_evaluate(answer: RetrainResult, run: Run) -> None:
    if "evaluate" in answer.seconds:
        evaluation = run.artifact("evaluate", Evaluation)
        answer.metrics, answer.champion_metrics = evaluation.metrics, evaluation.champion_metrics


def _from_judge(answer: RetrainResult, run: Run) -> None:
    if answer.outcome in (PROMOTED, REJECTED, KEPT, SAME, WITHHELD, WAITING):
        # What stopped a candidate that earned promotion stands in no verdict.
        stopped = answer.reasons if answer.outcome in (WITHHELD, WAITING) else []
        answer.reasons = [*stopped, *run.artifact("judge", Verdict).sentences]


def _from_ledger(answer: RetrainResult, run: Run) -> None:
    champion = Ledger(run.root.ledger).champion()
    answer.version = champion.number if champion else None
