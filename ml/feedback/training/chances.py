"""Whether everybody had a chance to get an outcome: of those who never had one, a model learns nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ml.data.outcomes.outcome_rows import OutcomeRow
from ml.performance.joined import Key, Scored


@dataclass(frozen=True)
class Chances:
    """How the customers of the rows were chosen.

    Attributes:
        rows: How many there are.
        unknown: Of how many nobody knows with which probability they were asked, or what those around them had.
        closed: How many are of a file in which some customers could not be asked at all.
        explored: How many had the smallest chance in a file in which everybody had one. Only these say anything about
            customers whom the model would not choose.
    """

    rows: int
    unknown: int
    closed: int
    explored: int

    @property
    def warning(self) -> str:
        """What a person has to know, as a sentence; "" when customers from outside the lists are among the rows."""
        if not self.rows or self.explored:
            return ""
        who = "The only outcome is of a customer" if self.rows == 1 else f"All {self.rows:,} outcomes are of customers"
        how = [
            f"{self.closed:,} of lists that gave nobody else a chance" if self.closed else "",
            f"{self.unknown:,} of whom nobody knows with which probability they were asked" if self.unknown else "",
            f"{self._chosen:,} whom their lists were most likely to choose" if self._chosen else "",
        ]
        return (
            f"{who} on lists ({', '.join(filter(None, how))}): the model would learn nothing about the others. "
            "Let lists explore (docs/outcomes.md)."
        )

    @property
    def _chosen(self) -> int:
        return self.rows - self.unknown - self.closed - self.explored


def chances(rows: Iterable[OutcomeRow], scored: Iterable[Scored]) -> Chances:
    """Say how the customers of these rows were chosen.

    Args:
        rows: Those that join a training set.
        scored: All rows of the lists that they are from; of two with the same key the first counts. A file that was
            ranked is there as a whole, with a propensity of 0 for whom its list left out.
    """
    first: dict[Key, Scored] = {}
    for one in scored:
        first.setdefault((one.request_id, one.row), one)
    smallest: dict[str, float | None] = {}
    for one in first.values():
        chance = one.propensity if one.is_whole else None
        before = smallest.get(one.request_id, 1.0)
        smallest[one.request_id] = None if chance is None or before is None else min(before, chance)
    count = unknown = closed = explored = 0
    for row in rows:
        count += 1
        least, own = smallest.get(row.request_id), first[row.request_id, row.row].propensity
        if least is None or own is None:
            unknown += 1
        elif least <= 0:
            closed += 1
        elif own <= least:
            explored += 1
    return Chances(count, unknown, closed, explored)
