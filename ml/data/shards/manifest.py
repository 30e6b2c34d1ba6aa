"""The shards that a data set was made of, beside its data.csv: what its hash is, and where a line of it stands."""

from __future__ import annotations

import csv as csv_module
import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ml.errors import FinalError
from ml.storage.files import CHUNK, read_json, sha256_file, sha256_json, write_json

MANIFEST = "shards.json"


@dataclass(frozen=True)
class Shard:
    """A shard by its name and its content.

    Attributes:
        name: Of the file.
        sha256: Of the file as it was delivered, compressed or not.
        rows: How many customers are in it.
        unit: What the numbers of its lines count: "line", and "row" in a Parquet file.
        skipped: How many lines of it are not in data.csv, its header; 0 for the first shard.
        lines: How many are.
        bytes: The length of its part of data.csv.
        part_sha256: The hash of that part.
    """

    name: str
    sha256: str
    rows: int
    unit: str
    skipped: int
    lines: int
    bytes: int
    part_sha256: str


@dataclass(frozen=True)
class Manifest:
    """The shards in the order of their names, which is that of data.csv."""

    shards: tuple[Shard, ...]

    @property
    def sha256(self) -> str:
        """The hash of the data: names, hashes and rows of the shards, and what binds them to data.csv."""
        return sha256_json([asdict(shard) for shard in self.shards])

    def write(self, csv: Path) -> None:
        """Write the manifest beside data.csv."""
        write_json(csv.with_name(MANIFEST), {"shards": [asdict(shard) for shard in self.shards]})

    @classmethod
    def beside(cls, csv: Path) -> Manifest | None:
        """Return the manifest of a data.csv; None for one that was no shards.

        Raises:
            FinalError: The file was changed so that it is none.
        """
        path = csv.with_name(MANIFEST)
        if not path.is_file():
            return None
        try:
            shards = tuple(Shard(**shard) for shard in read_json(path)["shards"])
            counts = [count for shard in shards for count in (shard.rows, shard.skipped, shard.lines, shard.bytes)]
            if not shards or not all(isinstance(count, int) for count in counts):
                raise ValueError("no shards, or counts that are no numbers")
            return cls(shards)
        except (TypeError, KeyError, ValueError) as error:
            raise FinalError(f"{path}: is not a list of shards ({error}).", "Start a new run.") from error

    def place(self, csv: Path, line: int) -> tuple[Shard, int]:
        """Return the shard in which a line of data.csv stands, counted from 1, and its number there."""
        begins = 0
        for shard in self.shards:
            if line <= shard.lines:
                break
            line -= shard.lines
            begins += shard.bytes
        if shard.unit == "line":
            return shard, line + shard.skipped
        # The names are row 0, if they are in data.csv; a row with a line break in a value has several lines.
        return shard, _record_of(csv, begins, line) - (not shard.skipped)

    def holds(self, csv: Path) -> bool:
        """Return whether data.csv is made of these shards, byte by byte."""
        with csv.open("rb") as file:
            for shard in self.shards:
                digest, left = hashlib.sha256(), shard.bytes
                while left and (chunk := file.read(min(CHUNK, left))):
                    digest.update(chunk)
                    left -= len(chunk)
                if left or digest.hexdigest() != shard.part_sha256:
                    return False
            return not file.read(1)


def _record_of(csv: Path, begins: int, line: int) -> int:
    """Return which record, from 1, the n-th line after byte `begins` belongs to."""
    with csv.open("rb") as file:
        file.seek(begins)
        reader = csv_module.reader(io.TextIOWrapper(file, encoding="utf-8-sig", newline=""))
        for number, _ in enumerate(reader, 1):
            if reader.line_num >= line:
                return number
    return line


def content_sha256(csv: Path) -> str:
    """Return the hash of the data in `csv`: of its bytes, or of the manifest beside it if it holds them.

    A data.csv that is not what its manifest says has the hash of its bytes, which no data set of shards has.
    """
    manifest = Manifest.beside(csv)
    return manifest.sha256 if manifest is not None and manifest.holds(csv) else sha256_file(csv)


def in_shard(csv: Path, find: Callable[[], Sequence[tuple[int, str]]]) -> str:
    """Return the place of the first of the lines that `find` finds, before a message: "line 3 of part-1.csv: ".

    "" without shards, which are looked for first.
    """
    manifest = Manifest.beside(csv)
    if manifest is None:
        return ""
    try:
        first = find()
    except csv_module.Error:  # a value of more than 128 KB
        return ""
    if not first:
        return ""
    shard, line = manifest.place(csv, first[0][0])
    return f"{shard.unit} {line} of {shard.name}: "


def placed(csv: Path, lines: Sequence[int]) -> str:
    """Return lines of data.csv for a message: "line 3", "lines 3, 9", or "line 3 of part-1.csv" and so on."""
    manifest = Manifest.beside(csv)
    if manifest is None:
        return f"line{'s' * (len(lines) > 1)} {', '.join(map(str, lines))}"
    found = (manifest.place(csv, line) for line in lines)
    return ", ".join(f"{shard.unit} {line} of {shard.name}" for shard, line in found)
