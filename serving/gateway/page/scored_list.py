"""A scored file in memory: its ranking and what to expect of any list that begins at its top."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from serving.expectation.calibration import Calibration
from serving.gateway.page.work.facts import Facts
from serving.gateway.page.work.origin import source_of
from serving.gateway.page.work.scored_file import ScoredFile
from serving.score.lists.drawn_list import DrawnList
from serving.score.output_files import DIGITS, ScoredRows


@dataclass(frozen=True)
class ScoredList:
    """A scored file; it takes some thirty bytes for each customer.

    Attributes:
        files: Where it stands.
        facts: What was known of it when its customers were ranked.
        scored: Probabilities and places of its rows.
        order: The number of each customer among the rows, best first, int [n].
        probabilities: Of the customers, best first, float32 [n].
        calibration: The line to calibrated ones, if it is known.
    """

    files: ScoredFile
    facts: Facts
    scored: ScoredRows
    order: NDArray[np.intp]
    probabilities: NDArray[np.float32]
    calibration: Calibration | None
    _drawn: dict[tuple[int, float, float], DrawnList] = field(default_factory=dict)

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Reads the files of a directory in which customers are ranked.

        Raises:
            OSError, ValueError, TypeError: They are not there, or something else.
        """
        files, facts = ScoredFile(directory), Facts.read(directory)
        scored = files.scored(facts.labels)
        probabilities = np.frombuffer(scored.probabilities, dtype=np.float32)
        order = scored.best(scored.rows)
        return cls(files, facts, scored, order, probabilities[order], facts.line())

    @property
    def customers(self) -> int:
        """How many customers there are."""
        return len(self.probabilities)

    @cached_property
    def calibrated(self) -> NDArray[np.float64]:
        """The calibrated probabilities, best first, shape [n]; empty without a calibration."""
        return self.calibration.apply(self.probabilities) if self.calibration else np.zeros(0)

    def end(self, count: int, *, at_most: bool = False) -> int:
        """How many customers a list of about `count` has, since equal ones stay together (`ScoredRows.best`)."""
        return len(self.scored.best(count, at_most=at_most))

    def drawn(self, count: int, explore: float, control: float) -> DrawnList:
        """The list of some places, with those that go by lot; the same each time."""
        wanted = (count, explore, control)
        if wanted not in self._drawn:
            self._drawn.clear()
            source = source_of(self.files.directory)
            self._drawn[wanted] = DrawnList.of(self.order, count, source, explore=explore, control=control)
        return self._drawn[wanted]

    def by_row(self) -> NDArray[np.float32]:
        """The probability of each row of the file, NaN for one that is not a customer."""
        return self.scored.by_row()

    def rows(self, drawn: DrawnList, first: int, count: int) -> list[dict[str, Any]]:
        """Customers of a list as the page shows them.

        Args:
            drawn: The list.
            first: The rank of the first one, from 1.
            count: How many.
        """
        ranks = range(first, min(first + count, len(drawn) + 1))
        numbers = [int(drawn.draw.rows[rank - 1]) for rank in ranks]
        places, probabilities = drawn.places(), self.by_row()
        reasons, unlike = self.files.reasons(), self.files.unlike()
        return [
            {
                "rank": rank,
                "place": int(places[rank - 1]) + 1,
                "group": drawn.group(rank - 1),
                "cells": row[:-1],
                "label": row[-1],
                "probability": round(float(probabilities[number]), DIGITS),
                "reasons": reasons[places[rank - 1]] if places[rank - 1] < len(reasons) else None,
                "unlike": round(float(unlike[number]), 1),
            }
            for rank, number, row in zip(ranks, numbers, self.files.rows(self.scored, numbers), strict=True)
        ]
