"""What is written of a job before it is submitted, so that whoever comes after a killed process can end it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ml.errors import FinalError
from ml.storage.files import read_json, write_json

PATTERN = ".beam-*.json"
IN_PROCESS = ("DirectRunner", "FnApiRunner", "BundleBasedDirectRunner")
"""Runners whose job dies with the process that asked for it."""
LONGEST_NAME = 63
"""Of a job of Dataflow, which may have lower-case letters, digits and "-"."""


@dataclass(frozen=True)
class JobRecord:
    """A job, without options: they could hold what is nobody's business.

    Attributes:
        name: Of this one job, in the words of its run.
        runner: By its name in the settings.
        endpoint: Where the runner takes jobs over Beam's job API; "" if it does not.
        directory: Where its shards are; the last part of it is the name of the record's file without `.json`.
        place: Project and region of a job of Dataflow.
        flink: Where the Flink is that does the work of the endpoint, if the options say so; else "".
        submitted: Whether a runner may know of it.
        ids: Those that the runner gave it.
    """

    name: str
    runner: str
    endpoint: str = ""
    directory: str = ""
    place: tuple[str, ...] = ()
    flink: str = ""
    submitted: bool = False
    ids: tuple[str, ...] = ()

    @property
    def is_in_process(self) -> bool:
        """Whether the job is gone when its process is."""
        return self.runner in IN_PROCESS or not self.submitted

    @classmethod
    def read(cls, path: Path) -> JobRecord:
        """Return the record in a file.

        Raises:
            FinalError: It holds none, or one with a directory that is not its own.
        """
        try:
            found = read_json(path)
            record = cls(**found | {name: tuple(found[name]) for name in ("place", "ids")})
        except (TypeError, KeyError, AttributeError) as error:
            raise FinalError(f"{path}: is not the record of a Beam job ({error}).", "Delete it.") from error
        if record.directory.rpartition("/")[2] != path.stem:
            raise FinalError(f"{path}: names a directory of something else.", "Delete it.")
        return record


@dataclass
class Job:
    """The job of a block: its record, which is kept in a file as it changes, and whether the job has ended."""

    record: JobRecord
    path: Path | None = None
    has_ended: bool = field(default=False)

    def note(self, **changes: Any) -> None:
        """Change the record, and its file if it has one."""
        self.record = replace(self.record, **changes)
        if self.path is not None:
            write_json(self.path, asdict(self.record))

    def note_id(self, found: str) -> None:
        """Note an id that the runner gave."""
        if found and found not in self.record.ids:
            self.note(ids=(*self.record.ids, found))


_current: ContextVar[Job | None] = ContextVar("job", default=None)


def current_job() -> Job | None:
    """Return the job of the block of `noted` that this runs in; None outside of any."""
    return _current.get()


@contextmanager
def noted(record: JobRecord, path: Path) -> Iterator[Job]:
    """Keep the record in a file for as long as the block lasts, and longer if its job may go on.

    Within the block `current_job` returns the job.
    """
    job = Job(record, path)
    job.note()
    token = _current.set(job)
    try:
        yield job
    finally:
        _current.reset(token)
        if job.has_ended or job.record.is_in_process:
            path.unlink(missing_ok=True)


def job_name(run: str, step: str, unique: str) -> str:
    """Return the name of a job: as much of run and step as fits, and what makes it unlike all others."""
    words = re.sub(r"[^a-z0-9]+", "-", f"retrain-{step}-{run}".lower())
    return f"{words[: LONGEST_NAME - len(unique) - 1].strip('-')}-{unique}"
