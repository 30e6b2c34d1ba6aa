"""What the run that made a kept candidate left, and its promotion needs."""

from __future__ import annotations

from collections.abc import Mapping

from ml.artifacts import Accepted, Dataset, Evaluation, Model
from ml.config.settings import resolve
from ml.errors import FinalError
from ml.pipeline.run import Run
from ml.storage.artifact import Artifact
from ml.storage.root import Root

TAKEN_OVER: Mapping[str, type[Artifact]] = {
    "ingest": Dataset,
    "validate": Accepted,
    "train": Model,
    "evaluate": Evaluation,
}
"""The artifacts by their steps. Nobody needs the transformed rows any more, and they may have been erased."""


def run_of_candidate(root: Root, run_id: str) -> Run:
    """Return a run with the settings that it began with.

    Raises:
        FinalError: They were changed or are gone.
    """
    return Run(root, run_id, resolve(frozen=Run.frozen_settings(root, run_id), environment={}))


def why_lost(root: Root, run_id: str) -> str:
    """Return why the candidate of a run could not be promoted any more, as a sentence; "" when it could."""
    try:
        run = run_of_candidate(root, run_id)
        for step, kind in TAKEN_OVER.items():
            run.artifact(step, kind)
        _ = run.schema
    except FinalError as error:
        return error.what
    return ""
