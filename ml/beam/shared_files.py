"""Files that all workers reach: on a disk that they share, or in a store such as `s3://` or `gs://`."""

from __future__ import annotations

import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ml.beam.runner import pipeline_options
from ml.config.settings import BeamSettings
from ml.errors import TransientError

_STORE = re.compile(r"[a-z][a-z0-9+.-]+://")
_CURE = "Check that beam.directory is there, that all workers reach it, and that this process may write in it."


def is_remote(path: str) -> bool:
    """Whether a path names a file of a store, such as `s3://bucket/name`."""
    return bool(_STORE.match(path))


def joined(directory: str, *names: str) -> str:
    """Return the path of a file below a directory, which may be one of a store."""
    return "/".join([directory.rstrip("/"), *names]) if is_remote(directory) else str(Path(directory, *names))


@contextmanager
def shared_directory(settings: BeamSettings, beside: Path) -> Iterator[str]:
    """Make a directory for one job, and remove it with all that is in it at the end.

    Args:
        settings: The section `beam`. Its `directory` holds the new one; when that is empty, `beside` does.
        beside: A directory of this machine.

    Raises:
        TransientError: It cannot be made.
    """
    file_systems = _file_systems(settings)
    path = joined(settings.directory or str(beside.absolute()), f".beam-{uuid.uuid4().hex}")
    if not is_remote(path):  # a store makes directories when it gets their files
        try:
            Path(path).mkdir(mode=0o700)
        except OSError as error:
            raise TransientError(f"{path} cannot be made: {error.strerror}.", _CURE) from error
    try:
        yield path
    finally:
        if not is_remote(path):
            shutil.rmtree(path, ignore_errors=True)
        elif found := [file.path for match in file_systems.match([f"{path}/**"]) for file in match.metadata_list]:
            file_systems.delete(found)


@contextmanager
def readable(path: str) -> Iterator[Path]:
    """Yield a file of this machine with the bytes of `path`: itself, or a copy that is removed afterwards.

    In a worker, Beam has set the options of the file systems; elsewhere a pipeline or `shared_directory` has.
    """
    if not is_remote(path):
        yield Path(path)
        return
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


def _file_systems(settings: BeamSettings) -> Any:
    from apache_beam.io.filesystems import FileSystems

    FileSystems.set_options(pipeline_options(settings))
    return FileSystems
