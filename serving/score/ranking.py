"""The ranking of the best customers: how many of them, what to expect of them, and the file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from serving.expectation.economics import Economics, EconomicsError
from serving.expectation.profit import contacts_that_pay, is_contacted
from serving.expectation.version_evaluation import VersionEvaluation
from serving.score import output_files, summary
from serving.score.columns.extra_columns import ExtraColumns
from serving.score.columns.kept_instances import KeptInstances, RankedCells
from serving.score.lists.drawn_list import DrawnList, Source
from serving.score.lists.list_columns import ListColumns
from serving.score.lists.list_file import MoreColumns, write_list
from serving.score.lists.money import ListMoney
from serving.score.options import Top
from serving.score.output_files import ScoredRows
from serving.score.requests import Score
from serving.score.row_writers import RowWriter
from serving.tables.customers import Customer


@dataclass(frozen=True)
class ListWish:
    """How a list is drawn.

    Attributes:
        source: What it is drawn from.
        explore: The share of the places for customers from outside the cut.
        control: The share that is left alone.
        request_id: What names it; None for its own name.
    """

    source: Source
    explore: float = 0.0
    control: float = 0.0
    request_id: str | None = None

    def drawn(self, order: NDArray[np.intp], count: int) -> DrawnList:
        """The list of `count` customers of a ranking."""
        return DrawnList.of(order, count, self.source, explore=self.explore, control=self.control)


@dataclass(frozen=True)
class BestList:
    """What was written.

    Attributes:
        said: The summary.
        money: That of the list; None when nothing is said in money.
        written: What was scored.
        drawn: Who is on the list; None when nobody said whom to ask.
    """

    said: str
    money: ListMoney | None
    written: ScoredRows
    drawn: DrawnList | None


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
    wish: ListWish,
) -> BestList:
    """Writes the best customers, best first, and those who are drawn by lot.

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
        wish: How the list is drawn.

    Raises:
        FileError: Reasons are wanted for too many customers.
    """
    with tempfile.TemporaryFile(dir=beside) as everybody, tempfile.TemporaryFile(dir=beside) as taken:
        instances = KeptInstances(taken)
        written = output_files.keep_scored(instances.passing(scored), everybody)
        pays = _that_pay(written, economics, evaluation)
        asked = pays.within_budget if top.pays and pays else top.of(written.rows)
        drawn = wish.drawn(written.best(written.rows), len(written.best(asked, at_most=top.pays)))
        rows = drawn.draw.rows
        if top.pays:
            extra.check_size(len(drawn))
        more = MoreColumns(extra.names, RankedCells(extra, instances, rows.tolist()).of)
        listed = ListColumns(wish.request_id or drawn.id, version, drawn)
        write_list(header, written, listed, evaluation.calibration, everybody, writer, more)
    probabilities, line = written.by_row(), evaluation.calibration
    expected = drawn.expect(probabilities, line)
    pay = pays.all if pays else None
    money = ListMoney.of(economics, pay, drawn, probabilities, line) if economics else None
    by_rank = rows[~drawn.draw.explored]
    said = summary.ranking_summary(
        written,
        version,
        out,
        asked=asked,
        drawn=drawn,
        least=float(probabilities[by_rank[-1]]) if len(by_rank) else None,
        expected=(expected, float(line.apply(written.all()).mean())) if line and expected else None,
        evaluation=evaluation,
        money=money,
        unlike=extra.unlike,
    )
    return BestList(said, money, written, drawn)


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
