"""Where scored customers came from: origin.json, from which lists are drawn and records of them are made."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from serving.gateway.page.work.facts import Facts
from serving.gateway.page.work.scored_file import ROWS
from serving.score.lists.drawn_list import Source
from serving.tables.customers import CustomersFile

_NAME = "origin.json"


@dataclass(frozen=True)
class Origin:
    """Where they came from.

    Attributes:
        model: The model.
        version: The version that scored them.
        file: The SHA-256 of the file, in hexadecimal digits.
        scored_at: When, in seconds since 1970.
        numbers: The inputs of the model, and whether each is a number (else text).
        spellings: The categories that the version knows, as `CustomersFile` takes them.
        decimal_comma: Whether a comma within a number was read as its decimal point.
    """

    model: str
    version: int
    file: str
    scored_at: float
    numbers: Mapping[str, bool]
    spellings: Mapping[str, Mapping[str, str]]
    decimal_comma: bool

    @property
    def source(self) -> Source:
        """What lists of them are drawn from."""
        return Source.named(self.model, self.version, self.file)

    @classmethod
    def of(cls, model: str, version: int, file: CustomersFile) -> Self:
        """That of a file that is scored now."""
        source = Source.of(model, version, file.table.path)
        return cls(*(model, version, source.file, time.time()), file.inputs, file.spellings, file.table.decimal_comma)

    @classmethod
    def read(cls, directory: Path) -> Self | None:
        """Reads what `write` wrote; None for a list that was kept before this was."""
        try:
            return cls(**json.loads((directory / _NAME).read_bytes()))
        except FileNotFoundError:
            return None

    def write(self, directory: Path) -> None:
        """Writes it."""
        beside = directory / f".{_NAME}.part"
        beside.write_text(json.dumps(asdict(self)))
        beside.replace(directory / _NAME)


def source_of(directory: Path) -> Source:
    """What the lists of a directory are drawn from; of one without an origin its kept rows stand for the file.

    Raises:
        OSError, ValueError, TypeError: There are no scored customers.
    """
    origin = Origin.read(directory)
    return origin.source if origin else Source.of("", Facts.read(directory).version, directory / ROWS)
