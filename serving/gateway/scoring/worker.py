"""The process that scores one file for a program."""

from __future__ import annotations

import io
import time
from pathlib import Path

from serving.client.model_client import ModelServer
from serving.expectation.economics import Entered
from serving.gateway.records.scored_lines import write_pieces
from serving.gateway.scoring import alone, json_lines
from serving.gateway.scoring.kinds import JSON_LINES, WORKBOOK
from serving.gateway.scoring.task import Result, Task
from serving.records.row import utc_text
from serving.score.exploration import EXPLORE
from serving.score.lists.drawn_list import NO_CUT
from serving.score.lists.recorded_rows import RecordedFile, identifier_of_row
from serving.score.opened_file import FileFormat
from serving.score.options import Options, parse_top
from serving.score.score_file import Scored, score_file
from serving.tables.file_errors import FileError
from serving.tables.file_kind import HEAD, file_kind

_ROWS_PER_REQUEST = 500


class _Work:
    """The one file of this process."""

    def __init__(self) -> None:
        self._task: Task | None = None
        self._done: Scored | None = None

    def score(self, line: bytes) -> Result:
        """Scores the file that a task names."""
        task = Task.read(line)
        server = ModelServer(task.url, task.model, timeout=task.timeout)
        alone.enter(task.directory)
        given, scored = Path(task.given), Path(task.scored)
        _check_kind(given, task.ending)
        # What the command says on the way is of the file, and has no place in a log.
        done = score_file(server, _options(task), Path.cwd() / scored, io.StringIO(), _format(task))
        self._task, self._done = task, done
        listed = done.drawn.as_dict() if done.drawn else None
        if task.wish.explore and listed is None:
            listed = {"notes": [NO_CUT]}
        return Result(200, version=done.version, money=done.money.as_dict() if done.money else None, listed=listed)

    def record(self) -> None:
        """Writes the record of the file, if there is to be one."""
        task, done = self._task, self._done
        if task is None or done is None or task.record_without is None:
            return
        without = frozenset(task.record_without)
        common = RecordedFile(utc_text(time.time()), task.request_id, task.model, done.version, without)
        identify = (json_lines.identifier if task.ending == JSON_LINES.ending else identifier_of_row)(
            done.file.table.layout.header, without
        )
        customers = (customer for chunk in done.file.chunks(_ROWS_PER_REQUEST) for customer in chunk)
        write_pieces(common.rows(customers, done.rows, done.drawn, identify), Path(task.recorded))


def _options(task: Task) -> Options:
    wish = task.wish
    return Options(
        csv=Path(task.given),
        out=Path(task.scored),
        top=None if wish.top is None else parse_top(wish.top),
        url=task.url,
        model=task.model,
        evaluation=None,
        rows_per_request=_ROWS_PER_REQUEST,
        timeout=task.timeout,
        strict=False,
        token=None,
        entered=Entered(wish.value, wish.cost, wish.budget),
        reasons=wish.reasons,
        named="{}",
        explore=EXPLORE if wish.explore is None else wish.explore,
        control=wish.control,
        request_id=task.request_id,
    )


def _format(task: Task) -> FileFormat:
    return json_lines.JSON_LINES if task.ending == JSON_LINES.ending else FileFormat()


def _check_kind(path: Path, ending: str) -> None:
    """Makes sure that a file is what its media type said.

    Raises:
        FileError: It is another kind.
    """
    if ending == JSON_LINES.ending:
        return
    with path.open("rb") as file:
        found = file_kind(file.read(HEAD), str(path))
    if (found == "workbook") != (ending == WORKBOOK.ending):
        kind = "a workbook" if found == "workbook" else "no workbook"
        raise FileError(f"{path}: this is {kind}, and the Content-Type says otherwise.", "Correct the Content-Type.")


if __name__ == "__main__":
    work = _Work()
    alone.do_task(work.score, work.record)
