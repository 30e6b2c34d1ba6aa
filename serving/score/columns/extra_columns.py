"""The columns beside a score: how unlike the training data a row is, and the reasons for its score."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeAlias, TypeVar

from serving.expectation.known_inputs import KnownInput
from serving.expectation.unlikeness import unlikeness_of
from serving.reasons.reason_columns import COLUMNS as REASON_COLUMNS
from serving.score.columns.explainer import Explainer
from serving.score.row_writers import Number
from serving.tables.customers import Instance

UNLIKE = "unlike_training"
_EXPLAINED_AT_ONCE = 1000
_AT_ONCE = 100
UNLIKE_DIGITS = 1
Cells: TypeAlias = "tuple[Number | str, ...]"
T = TypeVar("T")


class ExtraColumns:
    """Fills the columns, some rows at a time.

    Args:
        inputs: What the version knows of its inputs; empty when that is not known.
        explainer: Gives reasons; None when nobody wants any.

    Attributes:
        names: Those of the columns; without that of the distance when the version's inputs are not known.
        unlike: How many rows were flagged so far; None when the version's inputs are not known.
        at_once: How many rows should be looked at together.
    """

    def __init__(self, inputs: Mapping[str, KnownInput], explainer: Explainer | None) -> None:
        self._unlikeness = unlikeness_of(inputs)
        self._explainer = explainer
        # An empty column would say that no row is unlike them.
        self.names = ((UNLIKE,) if self._unlikeness else ()) + (REASON_COLUMNS if explainer else ())
        self.at_once = _EXPLAINED_AT_ONCE if explainer else _AT_ONCE
        self.unlike = 0 if self._unlikeness else None

    def batches(self, items: Iterable[T]) -> Iterator[list[T]]:
        """All items in order, as many at a time as should be looked at together."""
        rest = iter(items)
        while batch := list(islice(rest, self.at_once)):
            yield batch

    def check_size(self, customers: int) -> None:
        """Makes sure that a list is not too long for the reasons, if any are wanted.

        Raises:
            FileError: It is.
        """
        if self._explainer:
            self._explainer.check_size(customers)

    def cells(self, instances: Sequence[Instance | None]) -> list[Cells]:
        """The cells of each row; empty for one that is not a customer.

        Raises:
            VersionGoneError: The version is no longer served.
            ServingError: The server does not answer, or not with scores.
        """
        customers = [instance for instance in instances if instance is not None]
        reasons = iter(self._explainer.cells(customers) if self._explainer else [()] * len(customers))
        nothing = ("",) * len(self.names)
        return [nothing if each is None else (*self._unlike(each), *next(reasons)) for each in instances]

    def _unlike(self, instance: Instance) -> Cells:
        if self._unlikeness is None:
            return ()
        bits = self._unlikeness.flagged(instance)
        if bits is None:
            return ("",)
        self.unlike = (self.unlike or 0) + 1
        return (Number(bits, UNLIKE_DIGITS),)
