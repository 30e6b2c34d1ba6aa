"""The columns of a list of the page after those of a ranking: as of the command with reasons, and then money."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from serving.expectation.economics import Economics
from serving.gateway.page.work.tasks import MOST_EXPLAINED
from serving.reasons.reason_columns import COLUMNS as REASONS
from serving.reasons.reason_columns import ReasonTexts
from serving.score.columns.extra_columns import UNLIKE, UNLIKE_DIGITS
from serving.score.lists.drawn_list import DrawnList
from serving.score.lists.list_columns import COLUMNS as LIST
from serving.score.lists.list_file import MoreColumns
from serving.score.row_writers import Number

MONEY = ("expected_profit", "reckoned_with")
ADDED = (UNLIKE, *REASONS, *MONEY, *LIST)


def reckoned_with(economics: Economics, target: str) -> str:
    """The amounts that count for a list.

    Args:
        economics: The amounts.
        target: The label of a target customer.
    """
    amount = economics.given
    budget = f", budget {amount(economics.budget)}" if economics.budget else ""
    return f"{amount(economics.cost)} a contact, {amount(economics.value)} a {target or 'target'} customer{budget}"


def more_columns(
    drawn: DrawnList,
    unlike: NDArray[np.float32] | None,
    reasons: Sequence[ReasonTexts],
    why_not: str,
    economics: Economics | None,
    calibrated: NDArray[np.float64] | None,
    target: str,
) -> MoreColumns:
    """The columns of a list.

    Args:
        drawn: The list.
        unlike: How unlike the training data each of the list is, best first, in bits, 0 where it is not flagged; None
            leaves the column out.
        reasons: Those of the best customers of the file.
        why_not: Why there are no more, when they are fewer than `MOST_EXPLAINED`.
        economics: What the list was chosen by; None leaves the columns of money out.
        calibrated: The calibrated probabilities of the list, best first; None when there is no calibration.
        target: The label of a target customer.
    """
    beyond = ReasonTexts(why_not or f"only the best {MOST_EXPLAINED:,} have reasons", "")
    told = [*reasons, beyond]  # once: it is no reason
    terms = reckoned_with(economics, target) if economics else ""
    places, contacted = drawn.places(), drawn.contacted

    def cells(rank: int) -> list[Number | str]:
        found: list[Number | str] = []
        if unlike is not None:
            bits = float(unlike[rank - 1])
            found.append(Number(bits, UNLIKE_DIGITS) if bits else "")
        place = int(places[rank - 1])
        found += [*(told[place] if place < len(told) else ("", ""))]
        if economics and calibrated is not None and not contacted[rank - 1]:
            found += ["", terms]
        elif economics and calibrated is not None:
            found += [Number(float(economics.value * calibrated[rank - 1] - economics.cost), 2), terms]
        return found

    names = REASONS if unlike is None else (UNLIKE, *REASONS)
    return MoreColumns((*names, *(MONEY if economics and calibrated is not None else ())), cells)
