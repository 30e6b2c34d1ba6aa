"""Files that all workers reach: on a disk that they share, or in a store such as `s3://` or `gs://`."""

from __future__ import annotations

import logging
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ml.beam.jobs.record import JobRecord, job_name, noted
from ml.beam.jobs.termination import ending_cleanly
from ml.beam.runner import pipeline_options
from ml.config.settings import BeamSettings
from ml.data.shards.source_files import is_remote
from ml.data.shards.store import require_credentials, require_package, store_error
from ml.errors import TransientError

log = logging.getLogger(__name__)
_CURE = "Check that beam.directory is there, that all workers reach it, and that this process may write in it."


def joined(directory: str, *names: str) -> str:
    """Return the path of a file below a directory, which may be one of a store."""
    return "/".join([directory.rstrip("/"), *names]) if is_remote(directory) else str(Path(directory, *names))


@contextmanager
def shared_directory(settings: BeamSettings, beside: Path, *, step: str = "") -> Iterator[str]:
    """Make a directory for one job, and remove it with all that is in it at the end; on SIGTERM, too.

    Beside it a record of the job is written first, by which the next step of the run ends what a killed process leaves
    (`ml.beam.left_over`). One block is for one pipeline at a time.

    Args:
        settings: The section `beam`. Its `directory` holds the new one; when that is empty, `beside` does.
        beside: The directory of a run or of one of its steps, on this machine.
        step: The name of the step, for the name of the job.

    Raises:
        TransientError: It cannot be made, or the store does not answer.
        FinalError: The store refuses, or a package is missing for it.
    """
    unique = uuid.uuid4().hex
    path = joined(settings.directory or str(beside.absolute()), f".beam-{unique}")
    use_options(settings, path)
    run = beside.parent if beside.name.startswith(".") else beside  # a step fills .STEP.making in that of its run
    record = JobRecord(job_name(run.absolute().name, step, unique[:12]), settings.runner, directory=path)
    with ending_cleanly(), noted(record, beside / f".beam-{unique}.json"):
        _make(path, settings)
        try:
            yield path
        finally:
            remove(path)


def _make(path: str, settings: BeamSettings) -> None:
    if is_remote(path):  # a store makes directories when it gets their files
        try:
            _try_to_write(path)
        except Exception as error:  # whatever a store throws: each has its own
            raise store_error(f"beam.directory = {settings.directory!r}", error) from error
        return
    try:
        Path(path).mkdir(mode=0o700)
    except OSError as error:
        raise TransientError(f"{path} cannot be made: {error.strerror}.", _CURE) from error


def use_options(settings: BeamSettings, path: str) -> None:
    """Let Beam's file systems reach `path` by the options of the settings, in this process.

    Raises:
        FinalError: A package is missing for such a path.
        SettingsError: As `pipeline_options`, or there is no such kind of store.
    """
    from apache_beam.io.filesystems import FileSystems

    require_package(path)
    require_credentials(path)
    FileSystems.set_options(pipeline_options(settings))


def remove(directory: str) -> None:
    """Remove a directory of `shared_directory` with all that is in it; what cannot be removed is said in the log."""
    if not is_remote(directory):
        try:
            shutil.rmtree(directory)
        except FileNotFoundError:
            return
        except OSError as error:  # must not hide what ended the job
            log.warning("%s: could not be removed; remove it by hand (%s)", directory, error.strerror)
        return
    from apache_beam.io.filesystems import FileSystems

    try:
        if found := _files_in(directory):
            FileSystems.delete(found)
    except Exception as error:  # must not hide what ended the job
        log.warning("%s: could not be removed; remove it by hand (%s)", directory, store_error(directory, error).what)


def _try_to_write(directory: str) -> None:
    """Write a file and delete it: the listing of a bucket that is not there is empty, and no error."""
    from apache_beam.io.filesystems import FileSystems

    mark = joined(directory, "begun")
    with FileSystems.create(mark) as out:
        out.write(b"\n")  # Beam cannot write an empty object to S3
    FileSystems.delete([mark])


def _files_in(directory: str) -> list[str]:
    from apache_beam.io.filesystems import FileSystems

    return [file.path for match in FileSystems.match([f"{directory}/**"]) for file in match.metadata_list]


@contextmanager
def readable(path: str) -> Iterator[Path]:
    """Yield a file of this machine with the bytes of `path`: itself, or a copy that is removed afterwards.

    In a worker, Beam has set the options of the file systems; elsewhere a pipeline or `shared_directory` has.
    """
    if not is_remote(path):
        yield Path(path)
        return
    require_package(path)
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    with tempfile.TemporaryDirectory(prefix="beam-") as directory:
        copy = Path(directory, path.rsplit("/", 1)[-1])
        with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as source, copy.open("wb") as out:
            shutil.copyfileobj(source, out, 1 << 20)
        yield copy


@contextmanager
def writable(path: str) -> Iterator[Path]:
    """Yield a file of this machine to write; at a good end its bytes are in `path`, else nothing is there.

    Two workers that do the same work, as after a lost one, may both write it: the later one replaces the same bytes.
    """
    if not is_remote(path):
        beside = Path(f"{path}.{uuid.uuid4().hex}.part")
        try:
            yield beside
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        return
    require_package(path)
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    with tempfile.TemporaryDirectory(prefix="beam-") as directory:
        copy = Path(directory, path.rsplit("/", 1)[-1])
        yield copy
        with (
            copy.open("rb") as source,
            FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED) as out,
        ):
            shutil.copyfileobj(source, out, 1 << 20)
