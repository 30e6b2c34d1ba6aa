"""Shards joined into one plain CSV, each checked by itself, so that messages name it and its own lines."""

from __future__ import annotations

import csv
import hashlib
import logging
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ml.data.csv_copy import NoRowsError, copy_csv, too_large
from ml.data.csv_reader import header
from ml.data.plain_csv import as_plain_csv
from ml.data.shards.manifest import Manifest, Shard
from ml.data.shards.source_files import SourceFiles
from ml.data.shards.unpacked import is_parquet, unpacked
from ml.errors import DataError
from ml.storage.files import CHUNK, sha256_file
from serving.tables.column_names import quoted_names
from serving.tables.file_kind import BOM

log = logging.getLogger("ml.data.ingest")


@dataclass(frozen=True)
class Part:
    """A part of data.csv: its lines, bytes and SHA-256."""

    lines: int
    bytes: int
    sha256: str


def join(source: SourceFiles, target: Path, *, name: str, max_bytes: int) -> Manifest:
    """Write the shards one after the other to `target` with one header, and their manifest beside it.

    `target` appears only when all shards passed. Memory does not grow with them; the largest of them lies on the disk
    a second time meanwhile. A shard without rows, as engines write them of an empty partition, is left out if another
    one has some; the manifest names it.

    Args:
        source: The shards.
        target: Where the CSV shall be.
        name: What messages call the source.
        max_bytes: Of all that comes out of them.

    Raises:
        DataError: A shard is not a table of customers, or has other columns than the first; or all together have no
            rows, or are too large.
        OSError: The disk refused to read or write.
    """
    partial = target.with_name(f".{target.name}.part")
    shards: list[Shard] = []
    names: list[str] = []
    first = ""
    empty: list[NoRowsError] = []
    try:
        with partial.open("wb") as writer:
            for file in source.files:
                left, called = max_bytes - writer.tell(), f"{name}: shard {file.name}"
                with tempfile.TemporaryDirectory(prefix=".shard-", dir=target.parent) as folder:
                    inside = unpacked(file, Path(folder), name=called, max_bytes=left)
                    unit = "row" if is_parquet(inside) or inside.name == "parquet.csv" else "line"
                    if not inside.stat().st_size:
                        empty.append(NoRowsError(f"{called}: the file is empty (0 bytes).", "Obtain the file again."))
                        shards.append(_without_rows(file, unit))
                        continue
                    plain = as_plain_csv(inside, Path(folder) / "plain.csv", name=called)
                    checked = Path(folder) / "data.csv"
                    try:
                        rows = copy_csv(plain, checked, name=called, max_bytes=left).rows
                    except NoRowsError as error:
                        empty.append(error)
                        shards.append(_without_rows(file, unit))
                        continue
                    found, _ = header(checked, name=called)
                    skipped, begins = _header_end(checked) if names else (0, 0)
                    names, first = names or found, first or file.name
                    if found != names:
                        raise _other_columns(called, found, first, names)
                    part = _append(checked, writer, begins)
                    if writer.tell() > max_bytes:
                        raise too_large(f"{name}: all shards together are", max_bytes)
                shards.append(
                    Shard(file.name, sha256_file(file), rows, unit, skipped, part.lines, part.bytes, part.sha256)
                )
        if not names:
            raise empty[0]
        for without_rows in empty:
            log.warning("%s It is left out.", without_rows.what)
        manifest = Manifest(tuple(shards))
        manifest.write(target)
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return manifest


def _without_rows(file: Path, unit: str) -> Shard:
    return Shard(file.name, sha256_file(file), 0, unit, 0, 0, 0, hashlib.sha256().hexdigest())


def _append(checked: Path, writer: BinaryIO, begins: int) -> Part:
    """Append a file from byte `begins` on, and end its last line."""
    digest, size, lines, last = hashlib.sha256(), 0, 0, b""
    with checked.open("rb") as reader:
        reader.seek(begins)
        while chunk := reader.read(CHUNK):
            # "\r\n" is one end of a line, also when a chunk ends within it.
            lines += chunk.count(b"\n") + chunk.count(b"\r") - chunk.count(b"\r\n")
            lines -= last == b"\r" and chunk.startswith(b"\n")
            digest.update(chunk)
            size += len(chunk)
            writer.write(chunk)
            last = chunk[-1:]
    if last not in (b"\n", b"\r"):
        writer.write(b"\n")
        digest.update(b"\n")
        size, lines = size + 1, lines + 1
    return Part(lines, size, digest.hexdigest())


def _header_end(path: Path) -> tuple[int, int]:
    """Return how many lines and bytes a file has up to the end of its header, blank lines before it included."""
    taken = 0

    def lines() -> Iterator[str]:
        nonlocal taken
        with path.open(encoding="utf-8", newline="") as file:
            for line in file:
                taken += len(line.encode())
                yield line.removeprefix(BOM.decode())

    reader = csv.reader(lines())
    next(row for row in reader if any(name.strip() for name in row))
    return reader.line_num, taken


def _other_columns(called: str, found: list[str], first: str, names: list[str]) -> DataError:
    missing = [name for name in names if name not in found]
    more = [name for name in found if name not in names]
    if missing:
        what = f"lacks {quoted_names(missing)}"
    elif more:
        what = f"has {quoted_names(more)} too"
    else:
        what = f"has the columns in another order ({quoted_names(found)})"
    return DataError(f"{called} {what}; {first} has {quoted_names(names)}.", "Export all shards alike.")
