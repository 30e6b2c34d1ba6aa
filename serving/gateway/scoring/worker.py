"""The process that scores one file for a program."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from serving.client.model_client import ModelServer
from serving.expectation.economics import Entered
from serving.gateway.scoring import alone
from serving.gateway.scoring.json_lines import JSON_LINES as JSON_LINES_FORMAT
from serving.gateway.scoring.kinds import JSON_LINES, WORKBOOK
from serving.gateway.scoring.task import Result, Task
from serving.score.options import Options, parse_top
from serving.score.score_file import FileFormat, score_file
from serving.tables.file_errors import FileError
from serving.tables.file_kind import HEAD, file_kind

_ROWS_PER_REQUEST = 500


def _score(line: bytes) -> Result:
    task = Task.read(line)
    server = ModelServer(task.url, task.model, timeout=task.timeout)
    alone.enter(task.directory)
    given, scored = Path(task.given), Path(task.scored)
    options = Options(
        csv=given,
        out=scored,
        top=None if task.wish.top is None else parse_top(task.wish.top),
        url=task.url,
        model=task.model,
        evaluation=None,
        rows_per_request=_ROWS_PER_REQUEST,
        timeout=task.timeout,
        strict=False,
        token=None,
        entered=Entered(task.wish.value, task.wish.cost, task.wish.budget),
        reasons=task.wish.reasons,
        named="{}",
    )
    _check_kind(given, task.ending)
    file_format = JSON_LINES_FORMAT if task.ending == JSON_LINES.ending else FileFormat()
    # What the command says on the way is of the file, and has no place in a log.
    done = score_file(server, options, Path.cwd() / scored, io.StringIO(), file_format)
    return Result(200, version=done.version, money=done.money.as_dict() if done.money else None)


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
    sys.exit(alone.do_task(_score))
