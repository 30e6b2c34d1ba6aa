"""What holds for each process that works on one file: its limits, its end with the gateway's, and words for errors."""

from __future__ import annotations

import errno
import os
import re
import resource
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from serving.client.model_client import Refused, ServingError, TooSlow, Unreachable
from serving.expectation.economics import EconomicsError
from serving.expectation.version_evaluation import EvaluationError
from serving.gateway.scoring.task import TOO_MUCH_MEMORY, Result
from serving.reasons.version_background import NoBackgroundError
from serving.score.requests import VersionGoneError
from serving.tables.file_errors import FileError

_MOST_MEMORY = 4 << 30
_NICE = 5
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})
_ADDRESS = re.compile(r"https?://\S+")


def do_task(work: Callable[[bytes], Result], afterwards: Callable[[], None] = lambda: None) -> NoReturn:
    """Reads a task from standard input, does it, and writes the result to standard output.

    A workbook may fill the memory of the process, and it may be killed at any time: so it is alone.

    Args:
        work: Does the task of a line; what it raises becomes a result, too.
        afterwards: Does, after a result of 200, what nobody who asked waits for.
    """
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(_NICE)  # those who ask for single customers come first
    Path("/proc/self/oom_score_adj").write_text("1000")  # if the memory of all is full, this ends and not the gateway
    line = sys.stdin.buffer.readline()
    threading.Thread(target=_end_with_gateway, daemon=True).start()
    result = _result(work, line)
    tell(result.line())
    if result.status == 200:
        os.nice(_NICE)  # answers come first
        afterwards()
    os._exit(0)  # the thread still reads, and would hold up the end of the interpreter


def tell(line: bytes) -> None:
    """Writes a line that the gateway hears at once."""
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def enter(directory: str) -> None:
    """Goes into the directory of a task: messages call files by their names alone.

    The releases are still found from where the gateway was started.
    """
    os.environ["RETRAIN_ROOT"] = str(Path(os.environ.get("RETRAIN_ROOT") or "var").resolve())
    os.chdir(directory)


def below_root(text: str) -> str:
    """A text without the directory below which the releases are: where that is concerns only the operator."""
    return text.replace(f"{os.environ['RETRAIN_ROOT']}/", "")


def _end_with_gateway() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def _result(work: Callable[[bytes], Result], line: bytes) -> Result:
    try:
        return work(line)
    except Exception as error:
        if (why := _no_room(error)) is not None:
            return Result(507, f"No temporary file can be written ({why}). Try again later.", log=why)
        return _told(error)


def _no_room(error: BaseException) -> str | None:
    """Why a file could not be written, when that is what led to an error: the disk is full, for example."""
    at: BaseException | None = error
    while at is not None:
        for found in (at, *at.args):  # xlsxwriter has the error of the system as an argument of its own
            if isinstance(found, OSError) and found.errno in _NO_ROOM:
                return found.strerror
        at = at.__cause__ or at.__context__
    return None


def _told(failure: Exception) -> Result:
    try:
        raise failure
    except (FileError, EconomicsError) as error:
        return Result(422, str(error))
    except NoBackgroundError as error:
        return Result(422, below_root(str(error)))
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
        # The address of the server behind is nobody's business.
        return Result(502, _ADDRESS.sub("The model server", str(error)))
    except Exception as error:
        # Its message may hold values of customers.
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__} at {last.filename}:{last.lineno}"
        return Result(500, "Scoring failed; the gateway's log says where.", log=where)
