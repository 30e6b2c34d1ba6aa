"""The process that reads an uploaded workbook: a small one may unpack to more than the gateway has memory for."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from serving.gateway.outcomes.outcome_rows import MOST_ROWS, OutcomesError
from serving.gateway.outcomes.upload import Row, table_rows
from serving.gateway.scoring import alone
from serving.gateway.scoring.task import JsonLine, Result

UPLOAD, ROWS = "upload", "rows.jsonl"


@dataclass(frozen=True)
class WorkbookTask(JsonLine):
    """A workbook to read.

    Attributes:
        directory: Where it is, called `UPLOAD`; its rows go there as `ROWS`.
    """

    directory: str


def numbered_rows(path: Path) -> Iterator[Row]:
    """The rows that the process wrote, as `table_rows` gives them."""
    with path.open("rb") as file:
        for line in file:
            number, row = json.loads(line)
            yield number, row


def _read(line: bytes) -> Result:
    alone.enter(WorkbookTask.read(line).directory)
    try:
        # One more than are taken, so that the gateway says that they are too many.
        rows = islice(table_rows(Path(UPLOAD)), MOST_ROWS + 1)
        with Path(ROWS).open("w") as file:
            file.writelines(f"{json.dumps(row)}\n" for row in rows)
    except OutcomesError as error:
        return Result(422, str(error))
    return Result(200)


if __name__ == "__main__":
    sys.exit(alone.do_task(_read))
