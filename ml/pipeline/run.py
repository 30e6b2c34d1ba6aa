"""One run: its directory, its settings, and its artifacts, made so that a step can be killed and repeated."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ml.artifacts import RECORD, Artifact
from ml.config.settings import Settings
from ml.errors import FinalError
from ml.pipeline.fingerprint import code_sha256
from ml.pipeline.outcome import DONE, FAILED, REUSED, result_of_error
from ml.pipeline.run_record import result_path
from ml.storage import files, locks
from ml.storage.root import Root

log = logging.getLogger(__name__)
A = TypeVar("A", bound=Artifact)
LOCK_WAIT_SECONDS = 5.0


class Work(Protocol):
    """Fills an empty directory and says what it made."""

    def __call__(self, out: Path, /) -> Artifact:
        """Return the artifact whose `path` is `out`, or another place that the work itself filled."""


@dataclass(frozen=True)
class Run:
    """One run of the steps, with or without Airflow."""

    root: Root
    id: str
    settings: Settings
    force: bool = False

    @property
    def directory(self) -> Path:
        """The directory of everything that this run makes, but for what it promotes."""
        return self.root.run(self.id)

    def step_directory(self, step: str) -> Path:
        """Return the directory of a finished step."""
        return self.directory / step

    def artifact(self, step: str, kind: type[A]) -> A:
        """Return what a finished step of this run made.

        Raises:
            FinalError: The step has not finished, or its record is of another kind.
        """
        directory = self.step_directory(step)
        if not (directory / RECORD).is_file():
            raise FinalError(
                f"Run {self.id}: step {step!r} has not finished yet.",
                f"Run it first: python -m ml {step} --run {self.id}",
            )
        return kind.read(directory, root=self.root.path)

    def freeze_settings(self) -> None:
        """Remember the settings, so that every later step of this run uses the same."""
        files.write_json(self.directory / "settings.json", self.settings.as_dict())

    @contextmanager
    def recording(self, step: str, *, begins: bool = False) -> Iterator[dict[str, Any]]:
        """Hold the run's lock, and write `results/STEP.json` whatever happens in the block.

        Yields the result record for the block to fill in: `step, run_id, outcome (done | reused | skipped | failed),
        seconds, artifact, error`. `begins` makes the run's directory.

        Raises:
            FinalError: There is no such run, or the disk refuses.
            TransientError: The disk is full, or another process is at work on this run.
        """
        who = f"step {step} of run {self.id}"
        with files.disk_errors(who):
            if begins:
                self.directory.mkdir(parents=True, exist_ok=True)
            elif not self.directory.is_dir():
                raise FinalError(
                    f"There is no run {self.id} in {self.root.runs}.", f"Begin it: python -m ml ingest --run {self.id}"
                )
            started = time.monotonic()
            result: dict[str, Any] = {"step": step, "run_id": self.id, "outcome": FAILED}
            result |= {"artifact": None, "error": None}
            with locks.hold(self.directory / ".lock", who=who, wait_seconds=LOCK_WAIT_SECONDS):
                try:
                    yield result
                except BaseException as error:
                    result |= result_of_error(error)
                    raise
                finally:
                    result["seconds"] = round(time.monotonic() - started, 3)
                    self._write_result(step, result)

    def make_artifact(self, step: str, work: Work, *, inputs: Mapping[str, Any], reuse: bool = True) -> dict[str, Any]:
        """Make the artifact of a step, or reuse the finished one when it came from the same inputs and the same code.

        Args:
            step: The name of the step, which is also that of its directory.
            work: Makes the artifact in an empty temporary directory.
            inputs: JSON values that decide the result; part of the fingerprint.
            reuse: False for a step that acts on the world and knows by itself what is already done.

        Returns:
            The part of the result record that says so: `outcome` (done or reused) and `artifact`.

        Raises:
            RetrainError: The work raised it.
        """
        fingerprint = files.sha256_json([step, dict(inputs), code_sha256()])
        reused = reuse and self._is_finished(step, fingerprint)
        if not reused:
            self._make(step, work, inputs, fingerprint)
        record = files.read_json(self.step_directory(step) / RECORD)
        return {"outcome": REUSED if reused else DONE, "artifact": record}

    def _is_finished(self, step: str, fingerprint: str) -> bool:
        record = self.step_directory(step) / RECORD
        return record.is_file() and files.read_json(record).get("fingerprint") == fingerprint

    def _make(self, step: str, work: Work, inputs: Mapping[str, Any], fingerprint: str) -> None:
        place, out = self.step_directory(step), self.directory / f".{step}.making"
        for leftover in (out, place):
            files.remove_directory(leftover, self.root.trash)
        out.mkdir()
        made = work(out)
        relocated = replace(made, path=place) if made.path == out else made
        made_from = {name: str(value) for name, value in inputs.items()}
        relocated.write(out, root=self.root.path, made_from=made_from, fingerprint=fingerprint)
        files.publish_directory(out, place)

    def _write_result(self, step: str, result: Mapping[str, Any]) -> None:
        try:
            path = result_path(self.directory, step)
            path.parent.mkdir(exist_ok=True)
            files.write_json(path, result)
        except OSError as error:  # must not hide the error that brought us here
            log.error("could not write the result of step %s: %s", step, error)
