"""A compressed file or a Parquet file as the CSV in it, of no more bytes than are allowed to come out."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any

from ml.data.csv_copy import too_large
from ml.errors import DataError
from ml.storage.files import CHUNK

GZIP, ZSTD, PARQUET = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1"


def unpacked(source: Path, folder: Path, *, name: str, max_bytes: int) -> Path:
    """Return `source` if it is neither compressed nor Parquet, else the file in it, written into `folder`.

    What a file is, its first bytes say and not its name. A Parquet file becomes a CSV with the names of its columns;
    row n is line n + 1 then. It may be compressed as a whole, too.

    Args:
        source: The file as it was obtained.
        folder: An empty directory.
        name: What messages call the file.
        max_bytes: Of what comes out; more is refused before it is written.

    Raises:
        DataError: The file is damaged or cut short, or too much comes out.
        OSError: The disk refused to read or write.
    """
    head, inside = _head(source), folder / "unpacked"
    if head.startswith(GZIP):
        source = _decompressed(gzip.open(source, "rb"), inside, name, max_bytes)  # noqa: SIM115 - it closes it
    elif head.startswith(ZSTD):
        import pyarrow as pa

        source = _decompressed(pa.input_stream(str(source), compression="zstd"), inside, name, max_bytes)
    if _head(source).startswith(PARQUET):
        from ml.data.shards.parquet_csv import csv_of_parquet

        return csv_of_parquet(source, folder / "parquet.csv", name, max_bytes)
    return source


def is_parquet(path: Path) -> bool:
    """Return whether the file is Parquet, by its first bytes."""
    return _head(path).startswith(PARQUET)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)


def _decompressed(opened: Any, written: Path, name: str, max_bytes: int) -> Path:
    size = 0
    try:
        with opened as reader, written.open("wb") as writer:
            while chunk := reader.read(CHUNK):
                size += len(chunk)
                if size > max_bytes:
                    raise too_large(f"{name}: what is compressed in it is", max_bytes)
                writer.write(chunk)
    except (EOFError, zlib.error, ValueError) as error:  # Arrow's errors of a content are a ValueError ...
        raise damaged(name, "compressed file", error) from error
    except OSError as error:
        if error.errno is None:  # ... or this one; gzip's are, too
            raise damaged(name, "compressed file", error) from error
        raise
    return written


def damaged(name: str, kind: str, error: Exception) -> DataError:
    """Return the error that the content of a file is not what its first bytes promise."""
    return DataError(f"{name}: the {kind} is damaged or cut short ({error}).", "Obtain it again.")
