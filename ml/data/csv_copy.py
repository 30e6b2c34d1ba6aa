"""A CSV copied byte by byte, hashed, checked and counted in one pass; memory does not grow with the file."""

from __future__ import annotations

import codecs
import csv
import hashlib
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from ml.data.csv_sniffer import check_head
from ml.errors import DataError
from ml.storage.files import CHUNK
from serving.tables.file_kind import BOM, HEAD


@dataclass(frozen=True)
class CsvFacts:
    """What copying found: the SHA-256 of the bytes in hex, and the rows below the header without blank lines."""

    sha256: str
    rows: int


class NoRowsError(DataError):
    """A file is right as far as it goes, and holds no customer."""


def copy_csv(source: Path, target: Path, *, name: str, max_bytes: int) -> CsvFacts:
    """Copy `source` to `target`, which appears only when the whole file passed.

    Args:
        source: The file as it was obtained.
        target: Where the same bytes shall be.
        name: What messages call the file.
        max_bytes: A larger file is refused.

    Raises:
        NoRowsError: It has no rows.
        DataError: It is not a CSV of customers in UTF-8 with ',', or is too large.
        OSError: The disk refused to read or write.
    """
    partial = target.with_name(f".{target.name}.part")
    digest = hashlib.sha256()
    text = _Text(name)
    size = 0
    try:
        with source.open("rb") as reader, partial.open("wb") as writer:
            while chunk := reader.read(CHUNK):
                if not size:
                    check_head(chunk[:HEAD], name)
                size += len(chunk)
                if size > max_bytes:
                    raise too_large(f"{name}: the file is", max_bytes)
                text.feed(chunk)
                digest.update(chunk)
                writer.write(chunk)
        if not size:
            check_head(b"", name)
        rows = text.finish(partial) - 1 - _blank_records(partial)
        if rows < 1:
            raise NoRowsError(
                f"{name}: there is a header, but not a single row.",
                "Obtain the file again, or name one with customers.",
            )
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return CsvFacts(sha256=digest.hexdigest(), rows=rows)


def too_large(what: str, max_bytes: int) -> DataError:
    """Return the error that says `what` is larger than `max_bytes`."""
    return DataError(f"{what} larger than {max_bytes:,} bytes.", "If that is right, raise data.max_bytes.")


def _blank_records(path: Path) -> int:
    """Return how many records of blanks alone stand before the header; a line without any character is no record."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return sum(map(bool, takewhile(lambda record: not any(map(str.strip, record)), csv.reader(file))))


class _Text:
    """Checks that a stream of chunks is UTF-8, and counts its records including the header."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._lines = 0
        self._records = 0
        self._open = False  # whether the last line so far has content but no end
        self._quoted = False
        self._begun = False

    def feed(self, chunk: bytes) -> None:
        if b"\0" in chunk:
            raise DataError(
                f"{self._name}: a NUL byte near line {self._lines + chunk[: chunk.index(0)].count(10) + 1}.",
                "The file is damaged or not text: obtain it again.",
            )
        if not (chunk.isascii() and self._decoder.getstate()[0] == b""):
            self._decode(chunk)
        self._lines += chunk.count(b"\n")
        # Without a quote in the file every line is a record, and counting lines is ten times faster than parsing.
        self._quoted = self._quoted or b'"' in chunk
        if not self._quoted:
            text = chunk if self._begun else chunk.removeprefix(BOM)
            filled = list(map(bool, text.replace(b"\r", b"\n").split(b"\n")))
            filled[0] |= self._open
            self._open = filled.pop()
            self._records += sum(filled)
        self._begun = True

    def finish(self, path: Path) -> int:
        """Return the number of records; `path` holds the bytes that were fed."""
        self._decode(b"", final=True)
        if not self._quoted:
            return self._records + self._open
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            try:
                return sum(map(bool, reader))
            except csv.Error as error:
                raise DataError(
                    f"{self._name}: a quote is not closed, or text follows a closed one, "
                    f"at or before line {reader.line_num} ({error}).",
                    'Correct the line; inside a quoted value a quote is written "".',
                ) from error

    def _decode(self, chunk: bytes, *, final: bool = False) -> None:
        try:
            self._decoder.decode(chunk, final)
        except UnicodeDecodeError as error:
            line = self._lines + error.object[: error.start].count(b"\n") + 1
            raise DataError(
                f"{self._name}: not UTF-8: byte 0x{error.object[error.start]:02X} in line {line}.",
                'Save the file as UTF-8, which Excel calls "CSV UTF-8"; it may be Windows-1252 or Latin-1.',
            ) from error
