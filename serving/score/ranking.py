"""The ranking of the best customers: how many of them, what to expect of them, and the file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from serving.expectation.economics import Economics, EconomicsError
from serving.expectation.profit import contacts_that_pay, is_contacted
from serving.expectation.version_evaluation import VersionEvaluation
from serving.score import output_files, summary
from serving.score.columns.extra_columns import ExtraColumns
from serving.score.columns.kept_instances import KeptInstances, RankedCells
from serving.score.money import ListMoney
from serving.score.options import Top
from serving.score.output_files import MoreColumns, ScoredRows
from serving.score.requests import Score
from serving.score.row_writers import RowWriter
from serving.tables.customers import Customer


def write_best(
    scored: Iterable[tuple[Customer, Score | None]],
    header: Sequence[str],
    writer: RowWriter,
    *,
    top: Top,
    economics: Economics | None,
    evaluation: VersionEvaluation,
    version: int,
    extra: ExtraColumns,
    out: Path,
    beside: Path,
) -> tuple[str, ListMoney | None]:
    """Writes the best customers, best first.

    Args:
        scored: Each row with its score.
        header: The names of the columns.
        writer: Where the rows go.
        top: How many are wanted; `check_top` has accepted it.
        economics: What contacts cost and bring; None when nothing is said in money.
        evaluation: What is known of the version.
        version: The version.
        extra: Fills the columns after those of the score.
        out: The name that the user gave to the file.
        beside: A directory for a temporary file.

    Returns:
        The summary, and the money of the list.

    Raises:
        FileError: Reasons are wanted for too many customers.

    """
    with tempfile.TemporaryFile(dir=beside) as everybody, tempfile.TemporaryFile(dir=beside) as taken:
        instances = KeptInstances(taken)
        written = output_files.keep_scored(instances.passing(scored), everybody)
        pays = _that_pay(written, economics, evaluation)
        asked = pays.within_budget if top.pays and pays else top.of(written.rows)
        best = written.best(asked, at_most=top.pays)
        if top.pays:
            extra.check_size(len(best))
        more = MoreColumns(extra.names, RankedCells(extra, instances, best.tolist()).of)
        output_files.write_ranking(header, written, best, evaluation.calibration, everybody, writer, more)
    probability = np.frombuffer(written.probabilities, dtype=np.float32)[best]
    line = evaluation.calibration
    expected = line.expect(probability) if line and len(best) else None
    money = ListMoney.of(economics, pays.all if pays else None, len(best), expected) if economics else None
    said = summary.ranking_summary(
        written,
        version,
        out,
        asked=asked,
        count=len(best),
        least=float(probability[-1]) if len(best) else None,
        expected=(expected, float(line.apply(written.all()).mean())) if line and expected else None,
        evaluation=evaluation,
        money=money,
        unlike=extra.unlike,
    )
    return said, money


def check_top(top: Top | None, economics: Economics | None, evaluation: VersionEvaluation) -> None:
    """Makes sure before anybody is scored that as many as pay can be found, if they are wanted.

    Raises:
        EconomicsError: They cannot.
    """
    if top is None or not top.pays:
        return
    if economics is None:
        raise EconomicsError(
            "How many customers pay is not known: nobody has said what a contact costs and a reached target is worth. "
            "Give value and cost."
        )
    if evaluation.calibration is None:
        raise EconomicsError(f"How many customers pay is not known: {evaluation.reason}. {evaluation.cure}")


class _Paying:
    def __init__(self, calibrated: NDArray[np.float64], economics: Economics) -> None:
        self.all = int(is_contacted(calibrated, economics.cut).sum())
        self.within_budget = contacts_that_pay(calibrated, economics)


def _that_pay(written: ScoredRows, economics: Economics | None, evaluation: VersionEvaluation) -> _Paying | None:
    if economics is None or evaluation.calibration is None:
        return None
    best_first = -np.sort(-written.all())
    return _Paying(evaluation.calibration.apply(best_first), economics)
