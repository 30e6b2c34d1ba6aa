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
from serving.score.expected_precision import EvaluationError, ExpectedPrecision
from serving.score.progress import with_progress
from serving.score.requests import Score, VersionGoneError
from serving.tables.csv_layout import FileError
from serving.tables.csv_rows import Customer, CustomersFile

_TRIES = 3
"""How often scoring begins again because its version went away meanwhile."""


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
        out, wait = output_files.resolve_output(given.out), 0.0
        for _ in range(_TRIES):
            try:
                stdout.write(_score(server, requests.latest_version(server, within=wait), given, out, stderr) + "\n")
                return 0
            except VersionGoneError:
                stderr.write("the version went away meanwhile; beginning again with the one that is served now\n")
                wait = requests.PATIENCE_SECONDS
    except (FileError, EvaluationError) as error:
        stderr.write(f"{error}\n")
        return 2
    except ServingError as error:
        stderr.write(f"{error}\nNothing was written.\n")
        return 1
    stderr.write(f"{given.url}: the version went away {_TRIES} times. Nothing was written; try again later.\n")
    return 1


def _score(server: ModelServer, version: int, given: options.Options, target: Path, stderr: TextIO) -> str:
    model = requests.model_info(server, version)
    file = CustomersFile.of(given.csv, model.inputs)
    output_files.check_columns(given.csv, file.layout, ranked=given.top is not None)
    rows = file.check()
    warning = summary.sample_warning(version) if model.is_sample else ""
    chunks = file.chunks(given.rows_per_request)

    def scored() -> Iterator[tuple[Customer, Score]]:
        return with_progress(requests.score_chunks(server, version, chunks, given.csv), rows, stderr)

    if given.top is None:
        with output_files.write_atomically(target) as out:
            written = output_files.write_scored(file.layout, scored(), out)
        return warning + summary.scores_summary(written, version, given.out)

    def predict_known_rows(instances: Sequence[Mapping[str, object]]) -> list[float] | None:
        return requests.score_known_rows(server, version, instances)

    found = expected_precision.find_expected_precision(version, given.evaluation, predict_known_rows)
    precisions = found if isinstance(found, ExpectedPrecision) else None
    with output_files.write_atomically(target) as out, tempfile.TemporaryFile(dir=target.parent) as everybody:
        written = output_files.write_scored(file.layout, scored(), everybody)
        count = given.top.of(written.rows)
        least = output_files.write_ranking(file.layout, written, count, precisions, everybody, out)
    return warning + summary.ranking_summary(written, version, given.out, count=count, least=least, expected=found)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    try:
        sys.exit(main(sys.argv[1:], sys.stdout, sys.stderr))
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped; nothing was written.\n")
        sys.exit(130)
