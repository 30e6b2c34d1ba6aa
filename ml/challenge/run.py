"""The run of a challenger that has won: what its own run made is taken over, judged anew, and promoted.

The steps promote and confirm are those of any run, so that holds, quarantine, approvals, the checks of the answers and
probation are too. It may be killed and repeated at any time.
"""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ml.artifacts import Accepted, Evaluation, Verdict
from ml.challenge.candidate_files import TAKEN_OVER, run_of_candidate
from ml.challenge.process import Process
from ml.challenge.verdict import verdict_of
from ml.config.settings import Settings
from ml.errors import FinalError, NothingToDoError
from ml.pipeline.outcome import REUSED
from ml.pipeline.run import FROZEN_SCHEMA, Run
from ml.pipeline.run_record import RunRecord
from ml.pipeline.step_names import STEPS
from ml.pipeline.steps import run_step
from ml.registry.champion import verified_champion
from ml.registry.references.baseline import served_version
from ml.registry.references.challengers import challenge_run
from ml.storage import files, run_order
from ml.storage.artifact import RECORD, Artifact
from ml.storage.root import Root

log = logging.getLogger(__name__)
OF_NOW = ("judge", "gate", "promote", "confirm", "economics", "probation", "keep", "serving", "feedback")
"""The sections of the settings that count as they are now; what the model was made by counts as it was then."""


@dataclass(frozen=True)
class Ended:
    """What the run of a challenger came to: its id, its outcome (`ml.pipeline.outcome`), and why, in sentences."""

    run_id: str
    outcome: str
    reasons: tuple[str, ...]


def promote_challenger(root: Root, settings: Settings, process: Process) -> Ended:
    """Judge a challenger whose wealth has reached its threshold, promote it and confirm it.

    Raises:
        FinalError: Files of its run are gone or were changed, another version serves than the one that it challenged,
            or a step ended so.
        TransientError: Another process is at work, or the server does not answer; repeat the command.
    """
    if process.won_at is None:
        raise FinalError(f"The challenger of run {process.run_id} has not won.", "Wait for more outcomes.")
    run_id = challenge_run(process.model_sha256, process.champion)
    made_by = run_of_candidate(root, process.run_id)
    run = Run(root, run_id, _combined(made_by.settings, settings))
    for step in STEPS[: STEPS.index("judge")]:
        with run.recording(step, begins=step == STEPS[0]) as result:
            if step == STEPS[0]:
                _freeze(run, made_by)
            if step in TAKEN_OVER:
                result |= _take_over(run, made_by, step, TAKEN_OVER[step])
            else:  # what it made is only told
                result |= {"outcome": REUSED, "artifact": dict(RunRecord.read(made_by.directory).artifact(step))}
    with run.recording("judge") as result:
        result |= _judge(run, process)
    for step in ("promote", "confirm"):
        try:
            run_step(step, run)
        except NothingToDoError as nothing:
            log.info("%s", nothing.what)
    record = RunRecord.read(run.directory)
    return Ended(run_id, record.outcome or "", tuple(record.reasons))


def _combined(then: Settings, now: Settings) -> Settings:
    return replace(then, **{name: getattr(now, name) for name in OF_NOW})


def _freeze(run: Run, made_by: Run) -> None:
    """Remember settings and schema as `ingest` does, and whose candidate this is."""
    run.freeze_settings()
    schema = made_by.schema
    files.write_whole(run.directory / FROZEN_SCHEMA, schema.text.encode())
    run_order.note(
        run.directory,
        schema_sha256=schema.sha256,
        schema_number=made_by.schema_number,
        candidate_of=made_by.id,
    )


def _take_over(run: Run, made_by: Run, step: str, kind: type[Artifact]) -> dict[str, Any]:
    """Copy what a step of the other run made; its seal is checked before."""
    made = made_by.artifact(step, kind)

    def work(out: Path) -> Artifact:
        for path in made.path.iterdir():
            if path.name == RECORD:
                continue
            if path.is_dir():
                files.copy_directory(path, out / path.name)
            else:
                shutil.copyfile(path, out / path.name)
        taken = replace(made, path=out)
        if isinstance(taken, Accepted) and taken.csv.is_relative_to(made_by.directory):
            taken = replace(taken, csv=run.directory / taken.csv.relative_to(made_by.directory))
        return taken

    return run.make_artifact(step, work, inputs={"taken over from": made_by.id, step: made.sha256})


def _judge(run: Run, process: Process) -> dict[str, Any]:
    evaluation = run.artifact("evaluate", Evaluation)
    champion = verified_champion(run.root, run.settings.serving.model)
    number = champion.number if champion else None
    served, _ = served_version(run.root, run.settings)
    if number != process.champion or served not in (None, process.champion):
        raise FinalError(
            f"The candidate of run {process.run_id} challenged version {process.champion}; the champion is now "
            f"{number}, and the model server answers with {served}.",
            "Run `python -m ml challenge` again once the champion serves.",
        )
    settings = run.settings

    def work(out: Path) -> Verdict:
        verdict = verdict_of(process, evaluation, served=served, settings=settings, run=run, out=out)
        for reason in verdict.reasons:
            log.info("%s: %s", verdict.decision.upper(), reason["sentence"])
        return verdict

    inputs = run.inputs("judge", "gate", "target", evaluate=evaluation)
    inputs |= {"bets": files.sha256_json(process.as_dict()), "served": served}
    return run.make_artifact("judge", work, inputs=inputs)
