"""A list that was drawn from the ranked customers of a file: who is on it, with which probability, and its name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from serving.expectation.calibration import Calibration, Expectation
from serving.score.exploration import Draw, Flags, Floats, Rows, draw_list

CONTROL, EXPLORED, TARGETED = "control", "explored", "targeted"
"""The groups of a list; a customer who is on it by rank and is asked has "" there, and the last of these in the record.

One who was drawn by lot and is left alone is of the first."""
NO_CUT = "everybody is listed: there is nobody outside a cut to explore"
_ID_DIGITS = 24


@dataclass(frozen=True)
class Source:
    """What a list is drawn from.

    Attributes:
        release: The model and its version, such as "customer-model/7".
        file: The SHA-256 of the file, in hexadecimal digits.
    """

    release: str
    file: str

    @classmethod
    def named(cls, model: str, version: int, file: str) -> Self:
        """That of a file with this SHA-256."""
        return cls(f"{model}/{version}", file)

    @classmethod
    def of(cls, model: str, version: int, path: Path) -> Self:
        """That of a file.

        Raises:
            OSError: It cannot be read.
        """
        with path.open("rb") as file:
            return cls.named(model, version, hashlib.file_digest(file, "sha256").hexdigest())

    def list_id(self, count: int, explore: float, control: float) -> str:
        """What names a list from it: the same file, release and choice have the same list, and so the same name."""
        named = "\0".join((self.release, self.file, str(count), repr(float(explore)), repr(float(control))))
        return f"list-{hashlib.sha256(named.encode()).hexdigest()[:_ID_DIGITS]}"


@dataclass(frozen=True)
class DrawnList:
    """A list.

    Attributes:
        id: Its name (`Source.list_id`).
        order: All customers of the file, best first, by the numbers of their rows, [n].
        draw: Who is on the list, [k], and with which probability each customer of the file is, [n].
        explore: The share of the places that was to be drawn by lot.
        control: The share that was to be left alone.
    """

    id: str
    order: Rows
    draw: Draw
    explore: float
    control: float

    @classmethod
    def of(cls, order: Rows, count: int, source: Source, *, explore: float = 0.0, control: float = 0.0) -> Self:
        """Draws a list; the same arguments give the same one.

        Args:
            order: As the attribute.
            count: How many places it has, at most n.
            source: What it is drawn from.
            explore: The share of the places for customers from outside the cut, 0 to 1.
            control: The share that is left alone, 0 to 1.

        Raises:
            ValueError: As `draw_list`.
        """
        draw = draw_list(order, count, explore=explore, control=control, seed=[source.release, source.file])
        return cls(source.list_id(count, explore, control), order, draw, explore, control)

    def __len__(self) -> int:
        return len(self.draw.rows)

    @property
    def contacted(self) -> Flags:
        """Which customers of the list are contacted, [k]."""
        return ~self.draw.control

    @property
    def contacts(self) -> int:
        """How many are."""
        return int(self.contacted.sum())

    @property
    def by_lot(self) -> Flags:
        """Which customers of the list were drawn by lot and are contacted, [k]."""
        return self.draw.explored & self.contacted

    @cached_property
    def propensity(self) -> Floats:
        """The probability with which each customer of the list is contacted, [k]."""
        return self.draw.propensity(self.order)

    def group(self, place: int) -> str:
        """The group of the customer at a place of the list, from 0."""
        return CONTROL if self.draw.control[place] else EXPLORED if self.draw.explored[place] else ""

    def propensities(self, rows: int) -> Floats:
        """The probability with which each row of the file is contacted, [rows]; NaN for one that is not a customer."""
        found = np.full(rows, np.nan)
        found[self.order] = self.draw.asked
        return found

    def groups(self) -> dict[int, str]:
        """The groups of the customers of the list, by the numbers of their rows, as the record has them."""
        return {number: self.group(place) or TARGETED for place, number in enumerate(self.draw.rows.tolist())}

    def places(self) -> Rows:
        """The place of each customer of the list among all of the file, best first, from 0, [k]."""
        found = np.empty(int(self.order.max(initial=-1)) + 1, np.intp)
        found[self.order] = np.arange(len(self.order))
        return np.asarray(found[self.draw.rows])

    def expect(self, probabilities: NDArray[Any], calibration: Calibration | None) -> Expectation | None:
        """What share to expect of those who are contacted; None when nobody is, or there is no calibration.

        Args:
            probabilities: What the network says of each row of the file, [rows].
            calibration: That of the version.
        """
        return self._expect(self.contacted, probabilities, calibration)

    def expect_by_lot(self, probabilities: NDArray[Any], calibration: Calibration | None) -> Expectation | None:
        """The same of those of them who were drawn by lot."""
        return self._expect(self.by_lot, probabilities, calibration)

    def _expect(self, which: Flags, probabilities: NDArray[Any], line: Calibration | None) -> Expectation | None:
        return line.expect(probabilities[self.draw.rows[which]]) if line is not None and which.any() else None

    def notes(self) -> Iterator[str]:
        """A sentence for each thing that was asked for and is not so."""
        count = f"{len(self):,} customer{'' if len(self) == 1 else 's'}"
        if self.explore and len(self) == len(self.order):
            yield NO_CUT
        elif self.explore and len(self) and not self.draw.explored.any():
            yield f"{100 * self.explore:g} % of {count} is less than one, and by lot nobody outside the cut was drawn"
        if self.control and len(self) and not self.draw.control.any():
            yield f"{100 * self.control:g} % of {count} is less than one, and by lot nobody is left alone"

    def as_dict(self) -> dict[str, Any]:
        """What to tell a program of it."""
        explored, control = int(self.draw.explored.sum()), int(self.draw.control.sum())
        told = {"listed": len(self), "contacts": self.contacts, EXPLORED: explored, CONTROL: control}
        return {**told, "notes": [*self.notes()]}


def everybody(customers: Sequence[int]) -> Rows:
    """The order of customers of whom all are listed: their rank decides nothing."""
    return np.asarray(customers, dtype=np.intp)
