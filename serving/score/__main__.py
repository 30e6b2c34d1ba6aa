"""The command `python -m serving.score`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import TextIO

from serving.client.model_client import ModelServer, ServingError
from serving.expectation.economics import EconomicsError
from serving.expectation.version_evaluation import EvaluationError
from serving.reasons.version_background import NoBackgroundError
from serving.score import options, output_files
from serving.score.requests import TRIES, VersionGoneError
from serving.score.score_file import score_file
from serving.tables.file_errors import FileError


def main(arguments: Sequence[str], stdout: TextIO, stderr: TextIO) -> int:
    """Scores a file; the summary goes to `stdout`, everything else to `stderr`.

    Returns:
        0 when everything was written; 2 when the file or the command line is wrong; 1 when the server is.
    """
    given = options.parse_arguments(arguments)
    try:
        server = ModelServer(given.url, given.model, timeout=given.timeout, token=given.token)
    except ValueError as error:
        stderr.write(f"{error}\n")
        return 2
    try:
        scored = score_file(server, given, output_files.resolve_output(given.out), stderr)
    except (FileError, EvaluationError, EconomicsError, NoBackgroundError) as error:
        stderr.write(f"{error}\n")
        return 2
    except ServingError as error:
        stderr.write(f"{error}\nNothing was written.\n")
        return 1
    except VersionGoneError:
        stderr.write(f"{given.url}: the version went away {TRIES} times. Nothing was written; try again later.\n")
        return 1
    stdout.write(scored.said + "\n")
    return 0


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    try:
        sys.exit(main(sys.argv[1:], sys.stdout, sys.stderr))
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped; nothing was written.\n")
        sys.exit(130)
