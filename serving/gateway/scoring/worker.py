"""The process that scores one file. A workbook may fill its memory, and it may be killed at any time: it is alone."""

from __future__ import annotations

import io
import os
import resource
import sys
import threading
import traceback
from pathlib import Path

from serving.client.model_client import ModelServer, Refused, ServingError, TooSlow, Unreachable
from serving.expectation.economics import EconomicsError, Entered
from serving.expectation.version_evaluation import EvaluationError
from serving.gateway.scoring.json_lines import JSON_LINES as JSON_LINES_FORMAT
from serving.gateway.scoring.kinds import JSON_LINES, WORKBOOK
from serving.gateway.scoring.task import TOO_MUCH_MEMORY, Result, Task
from serving.score.options import Options, parse_top
from serving.score.requests import VersionGoneError
from serving.score.score_file import FileFormat, score_file
from serving.tables.file_errors import FileError
from serving.tables.file_kind import HEAD, file_kind

_ROWS_PER_REQUEST = 500
_MOST_MEMORY = 4 << 30


def main() -> int:
    """Reads a task from standard input, scores the file, and writes the result to standard output."""
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(5)  # those who ask for single customers come first
    Path("/proc/self/oom_score_adj").write_text("1000")  # if the memory of all is full, this ends and not the gateway
    task = Task.of(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_gateway, daemon=True).start()
    sys.stdout.buffer.write(_result(task).line())
    sys.stdout.buffer.flush()
    return 0


def _end_with_gateway() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def _result(task: Task) -> Result:
    server = ModelServer(task.url, task.model, timeout=task.timeout)
    # The releases are found from where the gateway was started; messages call files by their names alone.
    os.environ["RETRAIN_ROOT"] = str(Path(os.environ.get("RETRAIN_ROOT") or "var").resolve())
    os.chdir(task.directory)
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
        named="{}",
    )
    try:
        _check_kind(given, task.ending)
        file_format = JSON_LINES_FORMAT if task.ending == JSON_LINES.ending else FileFormat()
        # What the command says on the way is of the file, and has no place in a log.
        done = score_file(server, options, Path.cwd() / scored, io.StringIO(), file_format)
    except FileError as error:
        return Result(422, str(error))
    except EconomicsError as error:
        return Result(422, str(error))
    except MemoryError:
        return Result(413, TOO_MUCH_MEMORY)
    except EvaluationError as error:
        return Result(500, "The evaluation of the version cannot be read; the gateway's log says more.", log=str(error))
    except VersionGoneError:
        return Result(503, "The version went away each time the file was scored. Try again later.")
    except TooSlow as error:
        return Result(504, "The model server is too slow; nothing was scored. Try again.", log=str(error))
    except Unreachable as error:
        return Result(502, "The model server is gone; nothing was scored. Try again.", log=str(error))
    except Refused as error:
        told = f"The model server refused with {error.status}: {error.said[:500]}. Nothing was scored; try again later."
        return Result(504 if error.status == 504 else 502, told)
    except ServingError as error:
        return Result(502, str(error).replace(server.url, "The model server"))
    except Exception as error:
        # Its message may hold values of customers.
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__} at {last.filename}:{last.lineno}"
        return Result(500, "Scoring failed; the gateway's log says where.", log=where)
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
    sys.exit(main())
