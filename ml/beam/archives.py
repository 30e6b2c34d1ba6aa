"""A directory as one file, so that it can lie in a store and workers can have it."""

from __future__ import annotations

import tarfile
from pathlib import Path

from ml.beam.shared_files import readable, writable


def pack(directory: Path, path: str) -> None:
    """Write all that is in a directory into one file, at a path that all workers reach."""
    with writable(path) as local, tarfile.open(local, "w") as archive:
        archive.add(directory, arcname=".")


def unpack(path: str, directory: Path) -> None:
    """Write what `pack` put into a file into a directory, which is made if it is not there.

    Raises:
        tarfile.FilterError: A name in the archive leads out of the directory.
    """
    with readable(path) as local, tarfile.open(local) as archive:
        archive.extractall(directory, filter="data")
