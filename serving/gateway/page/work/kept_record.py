"""The record of a kept list: all customers of its file, as the retraining reads them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from serving.gateway.page.work.facts import Facts
from serving.gateway.page.work.origin import Origin
from serving.gateway.page.work.scored_file import ROWS, ScoredFile
from serving.records import parquet_rows
from serving.records.private_files import locked, remove_left_over, written_beside
from serving.records.row import utc_text
from serving.score.lists.drawn_list import DrawnList
from serving.score.lists.recorded_rows import RecordedFile, identifier_of_row
from serving.score.output_files import ScoredRows
from serving.tables.csv_table import CsvTable
from serving.tables.customers import CustomersFile

_ROWS_AT_ONCE = 1000


@dataclass(frozen=True)
class _KeptRows(CsvTable):
    """The rows that `keep_scored` kept, with their lines in the file that came in."""

    scored: ScoredRows
    comma: bool

    @property
    def decimal_comma(self) -> bool:
        return self.comma

    def rows(self) -> Iterator[tuple[int, list[str] | str]]:
        numbers = range(len(self.scored.probabilities))
        kept = ScoredFile(self.path.parent)
        for start in range(0, len(numbers), _ROWS_AT_ONCE):
            part = numbers[start : start + _ROWS_AT_ONCE]
            for number, row in zip(part, kept.rows(self.scored, part), strict=True):
                yield self.scored.lines[number], row[:-1]


def write_record(kept: Path, directory: Path, scored: ScoredRows, drawn: DrawnList) -> None:
    """Writes `<list id>.parquet`, unless it is there already; whole, or not at all.

    Of a list that was kept before there were records nothing is written: how its inputs were sent is not known.

    Args:
        kept: Where the list is kept.
        directory: That of the scored file.
        scored: The scores.
        drawn: The list.

    Raises:
        OSError: It cannot be written.
    """
    origin, facts = Origin.read(directory), Facts.read(directory)
    path = kept / f"{drawn.id}{parquet_rows.ENDING}"
    if origin is None or path.exists():
        return
    table = _KeptRows(directory / ROWS, ROWS, facts.csv_layout(), scored, origin.decimal_comma)
    file = CustomersFile(table, origin.numbers, origin.spellings)
    common = RecordedFile(utc_text(origin.scored_at), drawn.id, origin.model, origin.version)
    customers = (customer for chunk in file.chunks(_ROWS_AT_ONCE) for customer in chunk)
    rows = [*common.rows(customers, scored, drawn, identifier_of_row(facts.header))]
    with locked(kept):
        remove_left_over(kept)
        with written_beside(path) as beside:
            parquet_rows.write_rows(rows, beside)
