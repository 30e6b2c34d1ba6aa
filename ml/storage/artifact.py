"""An artifact: the directory that a step leaves, with a record that says what it is, and a seal over all of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ml.errors import FinalError
from ml.storage.files import read_json, sha256_json, sha256_tree, write_json
from ml.storage.strict_json import without_nan

RECORD = "artifact.json"
SEAL = "seal"
"""The field of the record with a hash over its other fields and all other files of the directory."""


@dataclass(frozen=True)
class Artifact:
    """The result of one step: `path` is its directory, `sha256` identifies its payload, `rows` counts customers."""

    path: Path
    sha256: str
    rows: int

    def write(self, directory: Path, *, root: Path, made_from: Mapping[str, str], fingerprint: str) -> None:
        """Write the record into `directory`, as the last file of a finished step.

        Args:
            directory: Where artifact.json shall stand.
            root: What the paths in the record are relative to.
            made_from: The inputs of the step, by name.
            fingerprint: The hash of inputs and code; an equal one lets a later try reuse the directory.
        """
        fields = {
            field.name: value.relative_to(root).as_posix() if isinstance(value, Path) else value
            for field in dataclasses.fields(self)
            for value in [getattr(self, field.name)]
        }
        record = {"kind": type(self).__name__, **fields, "made_from": dict(made_from), "fingerprint": fingerprint}
        write_json(directory / RECORD, record | {SEAL: seal_of(directory, record)})

    @classmethod
    def read(cls, directory: Path, *, root: Path) -> Self:
        """Read the artifact in `directory`, whose record names paths relative to `root`.

        A field that has a default may be missing: older code did not write it.

        Raises:
            FinalError: The record is of another kind, or incomplete.
        """
        record = read_record(directory)
        fields: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            is_optional = field.default is not dataclasses.MISSING
            if record.get("kind") == cls.__name__ and field.name not in record and is_optional:
                continue
            if record.get("kind") != cls.__name__ or field.name not in record:
                raise FinalError(
                    f"{directory / RECORD}: is not a record of kind {cls.__name__} as this version writes it.",
                    "Delete the directory and repeat the step.",
                )
            value = record[field.name]
            fields[field.name] = root / value if field.type == "Path" else value
        return cls(**fields)


def read_record(directory: Path) -> dict[str, Any]:
    """Return what artifact.json in `directory` says.

    Raises:
        FinalError: It is not a JSON object.
    """
    record = read_json(directory / RECORD)
    if not isinstance(record, dict):
        raise FinalError(f"{directory / RECORD}: is not a record.", "Delete the directory and repeat the step.")
    return record


def seal_of(directory: Path, record: Mapping[str, Any]) -> str:
    """Return the hash of a finished step: of its record without the seal, and of all other files in its directory."""
    said = {name: value for name, value in record.items() if name != SEAL}
    return sha256_json([without_nan(said), sha256_tree(directory, but=RECORD)])
