"""One run: its directory, its settings, and its artifacts, made so that a step can be killed and repeated."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ml.beam.left_over import settle
from ml.config.settings import Settings
from ml.data.outcomes.erasure import erased_sentence, erasure_of
from ml.data.schema import Schema, seed_schema
from ml.errors import FinalError
from ml.pipeline.fingerprint import code_sha256
from ml.pipeline.outcome import DONE, FAILED, REUSED, result_of_error
from ml.pipeline.run_record import result_path
from ml.registry.policy.trigger import Trigger
from ml.registry.schemas.in_force import schema_in_force
from ml.storage import files, locks, run_order
from ml.storage.artifact import RECORD, SEAL, Artifact, read_record, seal_of
from ml.storage.root import Root

log = logging.getLogger(__name__)
A = TypeVar("A", bound=Artifact)
LOCK_WAIT_SECONDS = 5.0
FROZEN, FROZEN_SCHEMA = "settings.json", "schema.pbtxt"


class Work(Protocol):
    """Fills an empty directory and says what it made."""

    def __call__(self, out: Path, /) -> Artifact:
        """Return the artifact whose `path` is `out`, or another place that the work itself filled."""


class Hashed(Protocol):
    """Something with a hash, such as an artifact or a schema."""

    @property
    def sha256(self) -> str:
        """The SHA-256, in hex."""


@dataclass(frozen=True)
class Run:
    """One run of the steps, with or without Airflow."""

    root: Root
    id: str
    settings: Settings
    force: bool = False
    trigger: Trigger = field(default_factory=Trigger)

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
            FinalError: The step has not finished, its record is of another kind, or its files were changed since.
        """
        directory = self.step_directory(step)
        is_there = (directory / RECORD).is_file()
        is_as_made = is_there and self._is_as_made(step)
        if not is_as_made and (day := self.erased()) is not None:
            raise FinalError(
                f"Run {self.id} cannot go on: {erased_sentence(day)}.",
                f"Start a new run, or begin this one again: python -m ml ingest --run {self.id}",
            )
        if not is_there:
            raise FinalError(
                f"Run {self.id}: step {step!r} has not finished yet.",
                f"Run it first: python -m ml {step} --run {self.id}",
            )
        if not is_as_made:
            raise FinalError(
                f"{directory}: the files of step {step!r} were changed since it finished.",
                f"Repeat it, and the steps after it: python -m ml {step} --run {self.id}",
            )
        return kind.read(directory, root=self.root.path)

    def erased(self) -> str | None:
        """Return the day on which a customer was erased from the data of this run; None when they are as they were."""
        directory = self.step_directory("ingest")
        sha256 = files.json_object(directory / RECORD).get("sha256", "")
        return None if not sha256 or self._is_as_made("ingest") else erasure_of(self.root, str(sha256))

    def freeze_settings(self) -> None:
        """Remember the settings, so that every later step of this run uses the same."""
        files.write_json(self.directory / FROZEN, self.settings.as_dict())
        run_order.note(self.directory, settings_sha256=files.sha256_file(self.directory / FROZEN), sealed=True)

    def freeze_schema(self) -> None:
        """Remember the schema in force, so that every later step of this run uses it.

        Raises:
            FinalError: The file of the accepted schema is missing or was changed.
        """
        in_force = schema_in_force(self.root)
        in_force.log()
        files.write_whole(self.directory / FROZEN_SCHEMA, in_force.schema.text.encode())
        run_order.note(self.directory, schema_sha256=in_force.schema.sha256, schema_number=in_force.number)

    @property
    def schema(self) -> Schema:
        """The schema with which this run began.

        Raises:
            FinalError: Its file was changed since.
        """
        return frozen_schema(self.directory)

    @property
    def schema_number(self) -> int:
        """The number of that schema; 0 for git's."""
        found = run_order.noted(self.directory).get("schema_number")
        return found if type(found) is int else 0

    def note_trigger(self) -> None:
        """Remember why the run began; with another reason than at its first try, that of the first stays."""
        if "trigger" not in run_order.noted(self.directory):
            run_order.note(self.directory, trigger=self.trigger.text)

    @property
    def began(self) -> str:
        """Why the run began, in a few words; "" for a run of older code."""
        found = run_order.noted(self.directory).get("trigger")
        return found if isinstance(found, str) else ""

    @staticmethod
    def frozen_settings(root: Root, run_id: str) -> dict[str, Any]:
        """Return the settings with which a run began, for `resolve`.

        Raises:
            FinalError: The file was changed since, or is not JSON.
        """
        directory = root.run(run_id)
        noted, found = run_order.noted(directory).get("settings_sha256"), files.sha256_file(directory / FROZEN)
        if noted is None:
            run_order.note(directory, settings_sha256=found)
            log.info("noted the hash of the settings of run %s, which had none", run_id)
        elif noted != found:
            raise FinalError(
                f"{directory / FROZEN}: was changed since the run began.", "Start a new run with the settings you want."
            )
        settings = files.read_json(directory / FROZEN)
        if not isinstance(settings, dict):
            raise FinalError(f"{directory / FROZEN}: does not hold settings.", "Start a new run.")
        return settings

    @contextmanager
    def recording(self, step: str, *, begins: bool = False) -> Iterator[dict[str, Any]]:
        """Hold the run's lock, and write `results/STEP.json` whatever happens in the block.

        First a job of a Beam runner is ended that a killed step of this run left.

        Yields the result record for the block to fill in: `step, run_id, outcome (done | reused | skipped | failed),
        seconds, artifact, error`. `begins` makes the run's directory.

        Raises:
            FinalError: There is no such run, its id would be taken for a version, or the disk refuses.
            TransientError: The disk is full, another process is at work on this run, or such a job does not end.
        """
        who = f"step {step} of run {self.id}"
        with files.disk_errors(who):
            if begins:
                files.make_directories(self.root.run_to_begin(self.id))
            elif not self.directory.is_dir():
                raise FinalError(
                    f"There is no run {self.id} in {self.root.runs}.", f"Begin it: python -m ml ingest --run {self.id}"
                )
            started = time.monotonic()
            result: dict[str, Any] = {"step": step, "run_id": self.id, "outcome": FAILED}
            result |= {"artifact": None, "error": None}
            with locks.hold(self.directory / ".lock", who=who, wait_seconds=LOCK_WAIT_SECONDS):
                if begins:
                    run_order.begin(self.directory)
                try:
                    with files.disk_errors(who):  # here already, so that the result names the cure
                        settle(self.directory, self.settings.beam)
                        yield result
                except BaseException as error:
                    result |= result_of_error(error)
                    raise
                finally:
                    result["seconds"] = round(time.monotonic() - started, 3)
                    self._write_result(step, result)

    def inputs(self, *sections: str, **hashed: Hashed) -> dict[str, Any]:
        """Return what decides the result of a step: the hashes of what it reads, and these sections of the settings."""
        tree = self.settings.as_dict()
        of_settings = {f"settings.{name}": tree[name] for name in sections}
        return {name: one.sha256 for name, one in hashed.items()} | of_settings

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
        record = read_record(self.step_directory(step))
        return {"outcome": REUSED if reused else DONE, "artifact": record}

    def _is_finished(self, step: str, fingerprint: str) -> bool:
        directory = self.step_directory(step)
        if not (directory / RECORD).is_file() or read_record(directory).get("fingerprint") != fingerprint:
            return False
        if self._is_as_made(step):
            return True
        day = self.erased()
        why = f"the files of step {step!r} were changed since it finished" if day is None else erased_sentence(day)
        log.warning("%s: %s; making them again", directory, why)
        return False

    def _is_as_made(self, step: str) -> bool:
        """Return whether the files of a finished step are still those that it made."""
        directory = self.step_directory(step)
        record = read_record(directory)
        seal = seal_of(directory, record)
        if SEAL not in record:
            if run_order.noted(self.directory).get("sealed"):
                return False
            # The run was begun by an older version of the code, whose steps left no seal.
            files.write_json(directory / RECORD, record | {SEAL: seal})
            log.info("noted the hash of step %r of run %s, which had none", step, self.id)
        return bool(record.get(SEAL, seal) == seal)

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


def frozen_schema(directory: Path) -> Schema:
    """Return the schema with which the run in `directory` began; git's for a run of older code, which knew no other.

    Raises:
        FinalError: Its file is missing or was changed since.
    """
    noted, path = run_order.noted(directory).get("schema_sha256"), directory / FROZEN_SCHEMA
    if noted is None and not path.is_file():
        return seed_schema()
    return Schema.read(path, sha256=str(noted or ""), cure="Start a new run: this one began with another schema.")
