"""The command `python -m serving.score`."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import TextIO

from serving.client import ModelServer, ServingError
from serving.score import asking, expected, options, summary, writing
from serving.score.asking import Score, VersionGoneError
from serving.score.customers import Customer, CustomersFile
from serving.score.expected import EvaluationError
from serving.score.layout import FileError
from serving.score.progress import shown

_TRIES = 3
"""A version that is replaced while a file is scored means to begin again; not for ever."""


def main(arguments: Sequence[str], stdout: TextIO, stderr: TextIO) -> int:
    """Scores a file; the summary goes to `stdout`, everything else to `stderr`.

    Returns:
        0 when everything was written; 2 when the file or the command line has to be changed; 1 when the server has to.
    """
    given = options.read(arguments)
    try:
        server = ModelServer(given.url, given.model, timeout=given.timeout, token=given.token)
    except ValueError as error:
        stderr.write(f"{error}\n")
        return 2
    try:
        for _ in range(_TRIES):
            try:
                stdout.write(_score(server, asking.newest(server), given, stderr) + "\n")
                return 0
            except VersionGoneError:
                stderr.write("the version was replaced meanwhile: beginning again with the new one\n")
    except (FileError, EvaluationError) as error:
        stderr.write(f"{error}\n")
        return 2
    except ServingError as error:
        stderr.write(f"{error}\nNothing was written.\n")
        return 1
    stderr.write(f"{given.url} replaced its version {_TRIES} times meanwhile. Nothing was written; try again later.\n")
    return 1


def _score(server: ModelServer, version: int, given: options.Options, stderr: TextIO) -> str:
    file = CustomersFile.of(given.csv, asking.inputs(server, version))
    writing.check_columns(given.csv, file.layout, ranked=given.top is not None)
    rows = file.check()
    chunks = file.chunks(given.rows_per_request)

    def scored() -> Iterator[tuple[Customer, Score]]:
        return shown(asking.scored(server, version, chunks, given.csv), rows, stderr)

    if given.top is None:
        with writing.appearing(given.out) as out:
            written = writing.write_scored(file.layout, scored(), out)
        return summary.scored(written, version, given.out)
    known, looked_at = expected.find(version, given.evaluation)
    with writing.appearing(given.out) as out, tempfile.TemporaryFile(dir=given.out.parent) as everybody:
        written = writing.write_scored(file.layout, scored(), everybody)
        count = given.top.of(written.rows)
        least = writing.write_ranking(file.layout, written, count, known, everybody, out)
    return summary.ranked(written, version, given.out, count=count, least=least, expected=known, looked_at=looked_at)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    try:
        sys.exit(main(sys.argv[1:], sys.stdout, sys.stderr))
    except KeyboardInterrupt:
        sys.stderr.write("\nstopped; nothing was written\n")
        sys.exit(130)
