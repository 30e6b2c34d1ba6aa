"""The two steps that act on the world: promote and confirm."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from ml.artifacts import Accepted, Dataset, Evaluation, Model, Release, Verdict
from ml.errors import NothingToDoError
from ml.pipeline.approval.ending import end_without_promotion
from ml.pipeline.approval.permission import NotPermittedError, decided, require_permission
from ml.pipeline.identity import ingredients, recorded_identity
from ml.pipeline.outcome import SKIPPED, outcome_of_step
from ml.pipeline.run import Run
from ml.pipeline.run_record import RunRecord
from ml.storage.artifact import Artifact

Result = dict[str, Any]


def promote(run: Run, result: Result) -> None:
    """Publish the version if the verdict says so; else skip that and record why."""
    verdict = run.artifact("judge", Verdict)

    def work(_out: Path) -> Artifact:
        from ml.registry.promote import promote

        model, evaluation = run.artifact("train", Model), run.artifact("evaluate", Evaluation)
        origin = recorded_identity(run, model.sha256)
        permit = partial(require_permission, run, verdict, fingerprint=str(origin["fingerprint"]))
        try:
            events = permit()
            return promote(
                model,
                decided(verdict, evaluation, run_id=run.id, events=events),
                statistics=run.artifact("validate", Accepted).statistics,
                evaluation=evaluation,
                root=run.root,
                settings=run.settings,
                run_id=run.id,
                identity=origin,
                ingredients=ingredients(run),
                data=run.artifact("ingest", Dataset).csv,
                permit=permit,
            )
        except NotPermittedError as error:
            end_without_promotion(run, error.refusal, verdict, model=model, identity=origin)

    result |= run.make_artifact("promote", work, inputs=run.inputs("promote", judge=verdict), reuse=False)


def confirm(run: Run, result: Result) -> None:
    """Check over HTTP that the model server answers with the new version."""
    promoted = RunRecord.read(run.directory).results.get("promote", {})
    if promoted.get("outcome") == SKIPPED:
        raise NothingToDoError(outcome_of_step(promoted), "The run promoted nothing, so there is nothing to confirm.")
    release = run.artifact("promote", Release)

    def work(out: Path) -> Artifact:
        from ml.registry.confirm import confirm
        from ml.registry.endpoint import endpoint

        with endpoint(run.root, run.settings) as server:
            return confirm(release.version, server=server, root=run.root, settings=run.settings, out=out)

    result |= run.make_artifact("confirm", work, inputs=run.inputs("confirm", promote=release), reuse=False)
    from ml.registry.retention import clean_up

    clean_up(run.root, run.settings, current_run=run.id)
