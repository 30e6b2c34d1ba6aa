"""What a killed process left: its job is ended, and its shards and its record are removed."""

from __future__ import annotations

import logging
from pathlib import Path

from ml.beam.jobs.record import PATTERN, JobRecord
from ml.beam.jobs.service import end_jobs
from ml.beam.shared_files import remove
from ml.config.settings import BeamSettings
from ml.data.shards.source_files import is_remote
from ml.data.shards.store import file_systems
from ml.errors import FinalError, RetrainError
from ml.storage import files, locks

log = logging.getLogger(__name__)
SECONDS = 60.0
"""How long the end of a job is waited for."""


def records_in(directory: Path) -> list[Path]:
    """Return the records in a directory of a run, and in those of its steps."""
    return sorted([*directory.glob(PATTERN), *directory.glob(f"*/{PATTERN}")])


def settle(directory: Path, settings: BeamSettings) -> None:
    """End all that killed processes left in the directory of a run; call it under the lock of that run.

    Args:
        directory: Of the run.
        settings: The section `beam`, whose options say how a store is reached.

    Raises:
        TransientError: The job server does not answer, or the job does not end in time.
        FinalError: A person has to end the job: its runner cannot be asked from here.
    """
    for path in records_in(directory):
        record = JobRecord.read(path)
        if not record.is_in_process:
            if not record.endpoint:
                raise _by_hand(record, path)
            cancelled = end_jobs(record, seconds=SECONDS)
            what = f"it went on, and has been cancelled ({', '.join(cancelled)})" if cancelled else "it had ended"
            log.warning("a killed process left job %s on %s: %s", record.name, record.endpoint, what)
        if is_remote(record.directory):
            file_systems(record.directory, settings.options)
        remove(record.directory)
        path.unlink()


def settle_others(runs: Path, current: Path, settings: BeamSettings) -> None:
    """End what killed processes left in the directories of other runs; what cannot be ended now is said in the log.

    Args:
        runs: The directory of all runs.
        current: The directory of the run that asks, which is passed over. So are runs at which somebody is at work.
        settings: As for `settle`.
    """
    for directory in files.children(runs):
        if directory == current or not directory.is_dir() or not records_in(directory):
            continue
        try:
            with locks.hold(directory / ".lock", who=f"run {current.name}", wait_seconds=0):
                settle(directory, settings)
        except RetrainError as error:
            log.warning("run %s: %s", directory.name, error)


def _by_hand(record: JobRecord, path: Path) -> FinalError:
    what = f"A killed process left job {record.name} on {record.runner}, and it may go on."
    if record.runner != "DataflowRunner":
        return FinalError(what, f"Look there, and end it. Then remove {path}, and try again.")
    project, region = record.place if len(record.place) == 2 else ("PROJECT", "REGION")
    at = f"--project={project} --region={region}"
    cancel = f"gcloud dataflow jobs cancel {' '.join(record.ids) or 'ID'} {at}"
    find = "" if record.ids else f"gcloud dataflow jobs list --filter=name={record.name} {at} says its ID. "
    return FinalError(what, f"{find}End it: {cancel}. Then remove {path}, and try again.")
