"""The change of the list is what one counts by hand, and nothing where nothing changes."""

from __future__ import annotations

import numpy as np
import pytest

from ml.evaluation.list_change import list_change

ROWS = np.arange(1000, dtype=np.uint64)
OLD = np.linspace(1, 0, 1000, dtype=np.float32)


def test_sides_and_names_are_counted() -> None:
    new = OLD.copy()
    new[:3], new[600:641] = 0.1, 0.99  # 3 leave the upper half, and 41 come
    found = list_change(ROWS, new, OLD, threshold=0.5)
    assert found is not None
    assert (found.rows, found.change_side, found.best, found.names) == (1000, 44, 500, 41)
    said = "Against version 1, 4.4 % of 1,000 customers change side; the best 500 change by 41 names."
    assert found.sentence("version 1") == said


def test_equal_lists_do_not_change_whatever_order_equal_scores_have() -> None:
    score = np.full(1000, 0.5, dtype=np.float32)
    found = list_change(ROWS, score, score.copy(), threshold=0.5)
    assert found is not None
    assert (found.change_side, found.names) == (0, 0)
    shifted = list_change(ROWS, OLD * np.float32(0.9), OLD, threshold=0.95)
    assert shifted is not None
    assert shifted.change_side == 50, "all below the threshold now"
    assert shifted.names == 0, "in the same order"


def test_of_customers_with_equal_scores_those_with_the_lowest_hashes_are_the_best() -> None:
    equal = np.full(1000, 0.5, dtype=np.float32)
    for hashes, names in ((ROWS, 0), (ROWS[::-1].copy(), 500)):
        found = list_change(hashes, equal, OLD, threshold=0.5)
        assert found is not None
        assert found.names == names


@pytest.mark.parametrize(("rows", "best"), [(999, 200), (400, 200), (399, 100), (100, 50), (99, 0)])
def test_the_top_is_at_most_half_of_the_rows(rows: int, best: int) -> None:
    found = list_change(ROWS[:rows], OLD[:rows], OLD[:rows], threshold=0.5)
    assert found is not None
    assert found.best == best
    assert ("the best" in found.sentence("it")) is bool(best)


def test_one_name_is_a_name_and_no_rows_are_no_list() -> None:
    new = OLD.copy()
    new[0] = 0.0
    found = list_change(ROWS, new, OLD, threshold=0.5)
    assert found is not None
    assert found.sentence("it").endswith("the best 500 change by 1 name.")
    assert list_change(ROWS[:0], OLD[:0], OLD[:0], threshold=0.5) is None
