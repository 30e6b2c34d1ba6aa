"""Scoring a file from its header to its last row, by one version: what the command and the gateway share."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from serving.client.model_client import ModelServer
from serving.expectation.economics import Economics
from serving.expectation.version_evaluation import VersionEvaluation
from serving.score import output_files, ranking, requests, summary
from serving.score.columns.explainer import Explainer
from serving.score.columns.extra_columns import ExtraColumns
from serving.score.input_check import InputCheck
from serving.score.lists.drawn_list import NO_CUT, DrawnList, Source, everybody
from serving.score.lists.list_columns import COLUMNS, ListColumns
from serving.score.lists.money import ListMoney
from serving.score.opened_file import FileFormat, open_file
from serving.score.options import Options, Top
from serving.score.output_files import ScoredRows
from serving.score.progress import with_progress
from serving.score.ranking import ListWish
from serving.score.requests import Score, with_served_version
from serving.tables.customers import Customer, CustomersFile
from serving.tables.file_errors import FileError


@dataclass(frozen=True)
class Scored:
    """What was written.

    Attributes:
        said: The summary.
        version: The version that gave every score.
        file: The file.
        rows: What was scored.
        drawn: Who is on the list; None when nobody said whom to ask.
        money: What the list costs and brings; None when nothing is said in money, or there is no list.
    """

    said: str
    version: int
    file: CustomersFile
    rows: ScoredRows
    drawn: DrawnList | None = None
    money: ListMoney | None = None


def score_file(
    server: ModelServer, given: Options, target: Path, stderr: TextIO, file_format: FileFormat | None = None
) -> Scored:
    """Scores a file with the version that the server serves; with another one when that goes away meanwhile.

    Args:
        server: The model server.
        given: The file, and what is wanted of it.
        target: Where to write; it appears whole or not at all.
        stderr: Told what the user should know of the file, and the progress.
        file_format: How to read and to write; a CSV or a workbook by default.

    Raises:
        FileError: The file is wrong, or cannot be written.
        EconomicsError: What contacts cost and bring contradicts itself, or is not known where it is needed.
        EvaluationError: The version's evaluation is wrong.
        NoBackgroundError: Reasons are wanted, and this version has none.
        VersionGoneError: The version went away each time.
        ServingError: The server does not answer, or not with scores.
    """
    scored, _ = with_served_version(
        server,
        lambda version: _score(server, version, given, target, stderr, file_format or FileFormat()),
        lambda: stderr.write("the version went away meanwhile; beginning again with the one that is served now\n"),
    )
    return scored


def _score(
    server: ModelServer, version: int, given: Options, target: Path, stderr: TextIO, file_format: FileFormat
) -> Scored:
    top: Top | None = None
    economics: Economics | None = None
    extra = ExtraColumns({}, None)

    def settle(evaluation: VersionEvaluation) -> None:
        nonlocal top, economics, extra
        economics = given.entered.over(evaluation.economics, given.named)
        top = given.top or (Top(pays=True) if economics and not given.entered.is_empty else None)
        ranking.check_top(top, economics, evaluation)
        explainer = Explainer.of(server, version, given.evaluation, evaluation.inputs) if given.reasons else None
        extra = ExtraColumns(evaluation.inputs, explainer)

    def is_list() -> bool:
        return top is not None or given.control > 0

    def check_header(header: Sequence[str]) -> None:
        listed = COLUMNS if is_list() or given.request_id is not None else ()
        output_files.check_columns(given.csv, header, ranked=top is not None, more=(*extra.names, *listed))

    customers = array("q")
    """The numbers of the rows that are customers, where all of them are a list."""
    read = 0

    def observe(customer: Customer) -> None:
        nonlocal read
        if customer.instance is not None and top is None and given.control:
            customers.append(read)
        read += 1

    def wish() -> ListWish:
        source = Source.of(server.model, version, given.csv)
        return ListWish(source, given.explore, given.control, given.request_id)

    file, rows, check, model, evaluation = open_file(
        server,
        version,
        given.csv,
        evaluation=given.evaluation,
        file_format=file_format,
        check_evaluation=settle,
        check_header=check_header,
        observe=observe,
    )
    header = file.table.layout.header
    if top is None or not top.pays:
        extra.check_size(top.of(check.customers) if top else check.customers)
    _say(given, check, file, evaluation, version, stderr)
    if given.explore and not is_list():
        stderr.write(f"{given.csv}: {NO_CUT}.\n")
    chunks = file.chunks(given.rows_per_request)

    def scored() -> Iterator[tuple[Customer, Score | None]]:
        return with_progress(requests.score_chunks(server, version, chunks, given.csv), rows, stderr)

    with ExitStack() as stack:
        out = stack.enter_context(output_files.write_atomically(target))
        writer = stack.enter_context(
            file_format.write(out, given.out, file.table.layout, decimal_comma=check.has_decimal_comma)
        )
        if top is None:
            drawn = wish().drawn(everybody(customers), len(customers)) if is_list() else None
            listed = None
            if drawn is not None or given.request_id is not None:
                listed = ListColumns(given.request_id or (drawn.id if drawn else ""), version, drawn)
            written = output_files.write_scored(header, scored(), extra, writer, listed)
            said = summary.scores_summary(written, version, given.out, unlike=extra.unlike, drawn=drawn)
            best = ranking.BestList(said, None, written, drawn)
        else:
            best = ranking.write_best(
                scored(),
                header,
                writer,
                top=top,
                economics=economics,
                evaluation=evaluation,
                version=version,
                extra=extra,
                out=given.out,
                beside=target.parent,
                wish=wish(),
            )
    if writer.guarded:
        stderr.write(f"{given.out}: {summary.guarded_note(writer.guarded)}.\n")
    said = (summary.sample_warning(version) if model.is_sample else "") + best.said
    return Scored(said, version, file, best.written, best.drawn, best.money)


def _say(
    given: Options,
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
