"""A file of customers that is opened for a version: every row is read once, before any is scored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from serving.client.model_client import ModelServer
from serving.expectation.known_inputs import known_spellings
from serving.expectation.version_evaluation import VersionEvaluation, find_evaluation
from serving.score import requests
from serving.score.input_check import InputCheck
from serving.score.requests import ModelInfo
from serving.score.row_writers import RowWriter, row_writer
from serving.tables.customers import Customer, CustomersFile, Spellings


@dataclass(frozen=True)
class FileFormat:
    """How customers are read from a file, and scored ones written.

    Attributes:
        read: As `CustomersFile.of`.
        write: As `row_writer`.
    """

    read: Callable[[Path, Mapping[str, bool], Spellings], CustomersFile] = CustomersFile.of
    write: Callable[..., AbstractContextManager[RowWriter]] = row_writer


class OpenedFile(NamedTuple):
    """A file of customers that were all read once, before any is scored.

    Attributes:
        file: The file.
        rows: How many rows it has.
        check: What was seen.
        model: What the metadata of the version say.
        evaluation: What is known of the version.
    """

    file: CustomersFile
    rows: int
    check: InputCheck
    model: ModelInfo
    evaluation: VersionEvaluation


def open_file(
    server: ModelServer,
    version: int,
    path: Path,
    *,
    evaluation: Path | None = None,
    file_format: FileFormat | None = None,
    check_evaluation: Callable[[VersionEvaluation], None] = lambda _evaluation: None,
    check_header: Callable[[Sequence[str]], None] = lambda _header: None,
    observe: Callable[[Customer], None] = lambda _customer: None,
) -> OpenedFile:
    """Reads a file whose customers a version shall score.

    Args:
        server: The model server.
        version: The version.
        path: The file.
        evaluation: As `find_evaluation` takes it.
        file_format: How to read; a CSV or a workbook by default.
        check_evaluation: Shown what is known of the version before the file is read.
        check_header: Shown the names of the columns before any row is read.
        observe: Shown each customer.

    Raises:
        FileError: The file is wrong.
        EvaluationError: The version's evaluation is wrong.
        VersionGoneError: The version went away.
        ServingError: The server does not answer, or not with scores.
    """
    model = requests.model_info(server, version)

    def predict_known_rows(instances: Sequence[Mapping[str, object]]) -> list[float] | None:
        return requests.score_known_rows(server, version, instances)

    known = find_evaluation(version, evaluation, predict_known_rows)
    check_evaluation(known)
    file = (file_format or FileFormat()).read(path, model.inputs, known_spellings(known.inputs))
    check_header(file.table.layout.header)
    check = InputCheck(known.inputs, file.table.layout.columns.index)

    def see(customer: Customer) -> None:
        observe(customer)
        check.add(customer)

    rows = file.check(see)
    check.finish()
    return OpenedFile(file, rows, check, model, known)
