"""Whether outcomes that came later say otherwise about what an upload is about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from serving.records.outcome import Outcome

_CUSTOMER_ALONE, _ROW_ALONE = "customer alone", "row alone"


class Contradictions:
    """Knows what an upload says of each customer and each row at each date.

    Args:
        outcomes: The rows of the upload.
    """

    def __init__(self, outcomes: Iterable[Outcome]) -> None:
        self._labels: dict[tuple[object, ...], set[str]] = defaultdict(set)
        for outcome in outcomes:
            if outcome.label is not None:
                for subject in _subjects(outcome, _named_by(outcome)):
                    self._labels[subject].add(outcome.label)

    def has(self, later: Outcome) -> bool:
        """Whether another outcome says otherwise of the same customer or row at the same date, or may do so.

        It may when one names a customer alone and the other a row alone: only the record knows whose row it is.
        """
        if later.label is None:
            return False
        other = {_CUSTOMER_ALONE: _ROW_ALONE, _ROW_ALONE: _CUSTOMER_ALONE}.get(_named_by(later), "")
        return any(self._labels.get(subject, set()) - {later.label} for subject in _subjects(later, other))


def _named_by(outcome: Outcome) -> str:
    if outcome.request_id is None:
        return _CUSTOMER_ALONE
    return _ROW_ALONE if outcome.customer is None else ""


def _subjects(outcome: Outcome, named_by: str) -> Iterable[tuple[object, ...]]:
    if outcome.customer is not None:
        yield "customer", outcome.customer, outcome.date
    if outcome.request_id is not None:
        yield "row", outcome.request_id, outcome.row, outcome.date
    if named_by:
        yield named_by, outcome.date
