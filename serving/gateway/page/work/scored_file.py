"""The files in which scored customers stand: their rows, probabilities, oddities and reasons."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from serving.reasons.reason_columns import ReasonTexts
from serving.score.output_files import ScoredRows, kept_row

ROWS = "rows.csv"
_PROBABILITIES = "probabilities.f4"
_ENDS = "ends.i8"
_UNLIKE = "unlike.f4"
_REASONS = "reasons.jsonl"
_LINES = "lines.i8"
_LABELS = "labels.i4"


class ScoredFile:
    """The files in a directory.

    Args:
        directory: The directory.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def write(self, scored: ScoredRows, unlike: array[float]) -> None:
        """Writes everything but the rows themselves and the reasons.

        Args:
            scored: What `keep_scored` returned for `ROWS`.
            unlike: For each row how unlike the training data it is, in bits; 0 for one that is not flagged.
        """
        for name, values in (
            *((_PROBABILITIES, scored.probabilities), (_ENDS, scored.ends), (_UNLIKE, unlike)),
            *((_LINES, scored.lines), (_LABELS, scored.label_numbers)),
        ):
            with (self.directory / name).open("wb") as file:
                values.tofile(file)

    def scored(self, labels: dict[str, int]) -> ScoredRows:
        """What was written, as `keep_scored` returned it.

        Args:
            labels: How many customers got each label.
        """
        found = ScoredRows(rows=sum(labels.values()), ends=array("q"))
        found.labels.update(labels)
        found.probabilities.frombytes((self.directory / _PROBABILITIES).read_bytes())
        found.ends.frombytes((self.directory / _ENDS).read_bytes())
        if (self.directory / _LINES).exists():
            found.lines.frombytes((self.directory / _LINES).read_bytes())
            found.label_numbers.frombytes((self.directory / _LABELS).read_bytes())
        else:  # it was kept before lists had lines: one a row, below the header
            found.lines.extend(range(2, len(found.probabilities) + 2))
        return found

    def rows(self, scored: ScoredRows, numbers: Iterable[int]) -> list[list[str]]:
        """Some rows: the values as they were in the file, and last the label."""
        with (self.directory / ROWS).open("rb") as file:
            found = []
            for number in numbers:
                start, end = scored.ends[number], scored.ends[number + 1]
                file.seek(start)
                found.append(kept_row(file.read(end - start)))
            return found

    def unlike(self) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        """For each row how unlike the training data it is, in bits; 0 for one that is not flagged."""
        return np.fromfile(self.directory / _UNLIKE, dtype=np.float32)

    def add_reasons(self, reasons: Iterable[ReasonTexts]) -> None:
        """Writes the reasons of the next best customers."""
        with (self.directory / _REASONS).open("a") as file:
            file.writelines(f"{json.dumps(texts)}\n" for texts in reasons)

    def forget_reasons(self) -> None:
        """Removes the reasons of an earlier try."""
        (self.directory / _REASONS).unlink(missing_ok=True)

    def reasons(self) -> list[ReasonTexts]:
        """The reasons of the best customers, as far as they are found."""
        try:
            lines = (self.directory / _REASONS).read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        return [ReasonTexts(*json.loads(line)) for line in lines[:-1]]
