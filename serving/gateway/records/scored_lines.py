"""The record of a scored file on its way from the process that scored it: pieces of compressed lines."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from serving.records.row import RecordedRow

ROWS_OF_A_PIECE = 2000
_LEVEL = 3
_SIZE = struct.Struct("<I")


def write_pieces(rows: Iterable[RecordedRow], path: Path) -> None:
    """Writes rows, some at a time; the file appears whole.

    Args:
        rows: The rows.
        path: Where to write.

    Raises:
        OSError: There is no room.
    """
    beside = path.with_name(f".{path.name}.part")
    left = iter(rows)
    with beside.open("wb") as file:
        while lines := b"".join(row.line() for row in islice(left, ROWS_OF_A_PIECE)):
            piece = gzip.compress(lines, _LEVEL)
            file.write(_SIZE.pack(len(piece)) + piece)
    beside.rename(path)


def read_pieces(data: bytes) -> Iterator[bytes]:
    """Yields the pieces of such a file: lines, compressed with gzip."""
    start = 0
    while start < len(data):
        (size,) = _SIZE.unpack_from(data, start)
        start += _SIZE.size
        yield data[start : start + size]
        start += size
