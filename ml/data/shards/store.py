"""Copies of the shards that lie in a store, such as `s3://bucket/name`, through the file systems of Apache Beam."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

from ml.data.csv_copy import too_large
from ml.data.shards.source_files import CURE, STORE, SourceFiles, in_order
from ml.errors import FinalError, RetrainError, SettingsError, TransientError
from ml.storage.files import CHUNK

_MAGIC = re.compile(r"[*?[]")
_NEEDS = {"s3": ("boto3", "make ml-s3"), "gs": ("google.cloud.storage", "make ml")}
"""The module that Beam needs for a store, and the command that installs it."""
_REFUSED = range(400, 500)
"""The codes of HTTP that say so: no such bucket, or not for these credentials."""


def require_package(path: str) -> None:
    """Refuse a path of a store for which a package is missing in this environment, or that Beam does not know.

    Raises:
        FinalError: The package is missing.
        SettingsError: There is no such kind of store.
    """
    found = STORE.match(path)
    if found is None:
        return
    if found[1] not in _NEEDS:
        raise SettingsError(f"{path}: there is no store {found[1]}://.", f"Known: {', '.join(_NEEDS)}.")
    module, command = _NEEDS[found[1]]
    if find_spec(module.partition(".")[0]) is None or find_spec(module) is None:
        raise FinalError(
            f"{path}: {found[1]}:// needs the package {module}, which is not installed.", f"Run {command}."
        )


def require_credentials(path: str) -> None:
    """Refuse a path in S3 when this process has no credentials: Beam would try for eight minutes, and then say so.

    Raises:
        FinalError: There are none, in the environment or where else Amazon's library looks.
    """
    if not path.startswith("s3://"):
        return
    import boto3

    if boto3.session.Session().get_credentials() is None:
        raise FinalError(
            f"{path}: there are no credentials.",
            "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; for Airflow's steps, name them in beam.environment.",
        )


def file_systems(path: str, options: Sequence[str]) -> Any:
    """Return Beam's `FileSystems`, which reach `path` by these options of a pipeline.

    Raises:
        FinalError, SettingsError: As `require_package`.
    """
    require_package(path)
    require_credentials(path)
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions

    FileSystems.set_options(PipelineOptions([*options]))
    return FileSystems


def fetch(source: str, folder: Path, *, options: Sequence[str], max_bytes: int) -> SourceFiles:
    """Copy what `source` names in a store into a directory of this machine.

    It names an object, a pattern (`s3://bucket/day/part-*.csv`), or a directory: all objects in it, but not below.
    The rules for the names of shards are those of a directory of this machine.

    Args:
        source: Such a path.
        folder: A directory, in which `shards` is made.
        options: Of a Beam pipeline, such as `--s3_endpoint_url=...`.
        max_bytes: Of all that is copied; more is refused before anything is.

    Raises:
        SettingsError: It names nothing, or two shards have the same name.
        DataError: It is too large.
        FinalError: A package is missing, or the store refuses: no such bucket, or no permission.
        TransientError: The store does not answer; Beam tries for some eight minutes before it says so.
    """
    given, systems = f"data.source = {source!r}", file_systems(source, options)
    try:
        sizes, sharded = _found(systems, source)
        paths = [PurePosixPath(path) for path in sizes]  # which have one slash less behind the colon
        objects = in_order(paths, given) if sharded else paths
        by_name = {PurePosixPath(path).name: path for path in sizes}
        if sum(sizes[by_name[one.name]] for one in objects) > max_bytes:
            raise too_large(f"{given}: what is there is", max_bytes)
        (place := folder / "shards").mkdir()
        left = max_bytes
        for one in objects:
            left -= _copy(systems, by_name[one.name], place / one.name, left, given, max_bytes)
    except RetrainError:
        raise
    except Exception as error:  # whatever a store throws: each has its own
        raise store_error(given, error) from error
    return SourceFiles(tuple(place / one.name for one in objects), sharded)


def store_error(given: str, error: Exception) -> RetrainError:
    """Return what a store answered as an error of ours; what it refuses, it will refuse again."""
    inmost = error
    for inmost in _within(error):
        if getattr(inmost, "code", None) in _REFUSED or "Credentials" in type(inmost).__name__:
            return FinalError(
                f"{given}: the store refuses: {inmost}.",
                "Check the name of the bucket, the credentials in the environment, and what they may do.",
            )
    return TransientError(
        f"{given}: the store cannot be used: {inmost}.", "Try again; check the address in beam.options."
    )


def _within(error: BaseException) -> Iterator[Exception]:
    """Yield an error and those in it: Beam gathers the errors of paths in one, and wraps those of libraries."""
    details = getattr(error, "exception_details", None)
    below = [*(details.values() if isinstance(details, dict) else []), error.__cause__ or error.__context__]
    if isinstance(error, Exception):
        yield error
    for one in below:
        if isinstance(one, BaseException):
            yield from _within(one)


def _found(systems: Any, source: str) -> tuple[dict[str, int], bool]:
    """Return the size of each object that `source` names, and whether they are shards."""
    if _MAGIC.search(source):
        found, sharded = _sizes(systems, source), True
    elif not source.endswith("/") and (found := _sizes(systems, source)):
        sharded = False
    else:
        found, sharded = _sizes(systems, source.rstrip("/") + "/*"), True
    if not found:  # Beam's listing says no more
        raise SettingsError(f"data.source = {source!r}: nothing is there, or there is no such bucket.", CURE)
    return found, sharded


def _sizes(systems: Any, pattern: str) -> dict[str, int]:
    (match,) = systems.match([pattern])
    # Some tools mark a directory by an empty object whose name ends with a slash.
    return {file.path: file.size_in_bytes for file in match.metadata_list if not file.path.endswith("/")}


def _copy(systems: Any, path: str, target: Path, left: int, given: str, max_bytes: int) -> int:
    from apache_beam.io.filesystem import CompressionTypes

    size = 0
    with systems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as reader, target.open("wb") as writer:
        while chunk := reader.read(CHUNK):
            size += len(chunk)
            if size > left:  # it has grown since it was listed
                raise too_large(f"{given}: what is there is", max_bytes)
            writer.write(chunk)
    return size
