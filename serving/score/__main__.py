"""The command `python -m serving.score`."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import TextIO

from serving.client.model_client import ModelServer, ServingError
from serving.score import expected_precision, options, output_files, requests, summary
from serving.score.expected_precision import EvaluationError, Expected
from serving.score.progress import shown
from serving.score.requests import Score, VersionGoneError
from serving.tables.csv_layout import FileError
from serving.tables.csv_rows import Customer, CustomersFile

_TRIES = 3
"""A version that goes away while a file is scored means to begin again; not for ever."""


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
        out, wait = output_files.check_out(given.out), 0.0
        for _ in range(_TRIES):
            try:
                stdout.write(_score(server, requests.newest(server, within=wait), given, out, stderr) + "\n")
                return 0
            except VersionGoneError:
                stderr.write("the version went away meanwhile: beginning again with the one that is served next\n")
                wait = requests.PATIENCE_SECONDS
    except (FileError, EvaluationError) as error:
        stderr.write(f"{error}\n")
        return 2
    except ServingError as error:
        stderr.write(f"{error}\nNothing was written.\n")
        return 1
    stderr.write(
        f"{given.url}: the version went away {_TRIES} times meanwhile. Nothing was written; try again later.\n"
    )
    return 1


def _score(server: ModelServer, version: int, given: options.Options, place: Path, stderr: TextIO) -> str:
    file = CustomersFile.of(given.csv, requests.inputs(server, version))
    output_files.check_columns(given.csv, file.layout, ranked=given.top is not None)
    rows = file.check()
    chunks = file.chunks(given.rows_per_request)

    def scored() -> Iterator[tuple[Customer, Score]]:
        return shown(requests.scored(server, version, chunks, given.csv), rows, stderr)

    if given.top is None:
        with output_files.appearing(place) as out:
            written = output_files.write_scored(file.layout, scored(), out)
        return summary.scored(written, version, given.out)

    def known(instances: Sequence[Mapping[str, object]]) -> list[float] | None:
        return requests.known(server, version, instances)

    found = expected_precision.find(version, given.evaluation, known)
    precisions = found if isinstance(found, Expected) else None
    with output_files.appearing(place) as out, tempfile.TemporaryFile(dir=place.parent) as everybody:
        written = output_files.write_scored(file.layout, scored(), everybody)
        count = given.top.of(written.rows)
        least = output_files.write_ranking(file.layout, written, count, precisions, everybody, out)
    return summary.ranked(written, version, given.out, count=count, least=least, expected=found)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    try:
        sys.exit(main(sys.argv[1:], sys.stdout, sys.stderr))
    except KeyboardInterrupt:
        sys.stderr.write("\nstopped; nothing was written\n")
        sys.exit(130)
