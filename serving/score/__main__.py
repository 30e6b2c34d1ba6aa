"""The command `python -m serving.score`."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import TextIO

import numpy as np

from serving.client.model_client import ModelServer, ServingError
from serving.expectation.known_inputs import known_spellings
from serving.expectation.version_evaluation import EvaluationError, VersionEvaluation, find_evaluation
from serving.score import options, output_files, requests, summary
from serving.score.input_check import InputCheck
from serving.score.progress import with_progress
from serving.score.requests import Score, VersionGoneError
from serving.score.row_writers import row_writer
from serving.tables.customers import Customer, CustomersFile
from serving.tables.file_errors import FileError

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

    def predict_known_rows(instances: Sequence[Mapping[str, object]]) -> list[float] | None:
        return requests.score_known_rows(server, version, instances)

    evaluation = find_evaluation(version, given.evaluation, predict_known_rows)
    file = CustomersFile.of(given.csv, model.inputs, known_spellings(evaluation.inputs))
    header = file.table.layout.header
    output_files.check_columns(given.csv, header, ranked=given.top is not None)
    check = InputCheck(evaluation.inputs, file.table.layout.columns.index)
    rows = file.check(check.add)
    check.finish()
    _say(given, check, file, evaluation, version, stderr)
    chunks = file.chunks(given.rows_per_request)

    def scored() -> Iterator[tuple[Customer, Score | None]]:
        return with_progress(requests.score_chunks(server, version, chunks, given.csv), rows, stderr)

    with ExitStack() as stack:
        out = stack.enter_context(output_files.write_atomically(target))
        writer = stack.enter_context(
            row_writer(out, given.out, file.table.layout, decimal_comma=check.has_decimal_comma)
        )
        if given.top is None:
            said = summary.scores_summary(output_files.write_scored(header, scored(), writer), version, given.out)
        else:
            everybody = stack.enter_context(tempfile.TemporaryFile(dir=target.parent))
            written = output_files.keep_scored(scored(), everybody)
            asked = given.top.of(written.rows)
            best = written.best(asked)
            output_files.write_ranking(header, written, best, evaluation.calibration, everybody, writer)
            probability = np.frombuffer(written.probabilities, dtype=np.float32)[best]
            line = evaluation.calibration
            said = summary.ranking_summary(
                written,
                version,
                given.out,
                asked=asked,
                count=len(best),
                least=float(probability[-1]),
                expected=(line.expect(probability), float(line.apply(written.all()).mean())) if line else None,
                evaluation=evaluation,
            )
    if writer.guarded:
        stderr.write(f"{given.out}: {summary.guarded_note(writer.guarded)}.\n")
    return (summary.sample_warning(version) if model.is_sample else "") + said


def _say(
    given: options.Options,
    check: InputCheck,
    file: CustomersFile,
    evaluation: VersionEvaluation,
    version: int,
    stderr: TextIO,
) -> None:
    """Write what the user should know of the file, a line for each thing.

    Raises:
        FileError: `--strict` refuses the file.
    """
    stderr.writelines(f"{given.csv}: {note}.\n" for note in (*file.table.notes, *check.notes()))
    if not evaluation.inputs:
        stderr.write(f"{given.csv}: which values version {version} does not know is not known, nor whether the ")
        stderr.write("customers are like those of its training.\n")
    elif far := check.far():
        stderr.write(f"{given.csv}: {summary.far_warning(far, version)}.\n")
    if given.strict:
        odd = [*check.oddities()]
        if not evaluation.inputs:
            odd.append(f"what version {version} knows is not known: {evaluation.reason or 'it is an old evaluation'}")
        if odd:
            raise FileError(f"{given.csv}: refused because of --strict; nothing was written.", f"{'; '.join(odd)}.")


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    try:
        sys.exit(main(sys.argv[1:], sys.stdout, sys.stderr))
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped; nothing was written.\n")
        sys.exit(130)
