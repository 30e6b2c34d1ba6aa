"""What is drawn of a column: every row is counted once, beside the other data over the same labels."""

from __future__ import annotations

import pyarrow as pa
import pytest

from ml.reports.run.distributions import MOST_VALUES, distribution, distribution_plot, missing_share


def test_texts_are_counted_by_value_the_most_frequent_first() -> None:
    now = {"Gender": pa.array(["Male", "Male", None, "Female"])}
    before = {"Gender": pa.array(["Female", "Other", None, None])}
    found = distribution("Gender", now, before)
    assert list(found.labels) == ["Female", "Male", "Other"]
    assert found.counts.tolist() == [1, 2, 0]
    assert found.before is not None
    assert found.before.tolist() == [1, 0, 1]
    assert missing_share(found) == (0.25, 0.5)


def test_rare_values_are_one_bar_and_none_is_lost() -> None:
    values = [f"v{n:03}" for n in range(40) for _ in range(50 - n)]
    found = distribution("Profession", {"Profession": pa.array(values)}, None)
    assert len(found.labels) == MOST_VALUES + 1
    assert found.labels[-1] == "other (31 values)"
    assert found.rows == (len(values), 0)


def test_few_whole_numbers_are_a_range_each() -> None:
    found = distribution("Family_Size", {"Family_Size": pa.array([1.0, 2.0, 2.0, 4.0, None])}, None)
    assert list(found.labels) == ["1", "2", "3", "4"]
    assert found.counts.tolist() == [1, 2, 0, 1]


@pytest.mark.parametrize("extreme", [1e12, float("inf"), -1e12])
def test_an_extreme_does_not_flatten_the_drawing_and_is_counted(extreme: float) -> None:
    column = pa.array([float(age) for age in range(20, 80)] * 50 + [extreme])
    found = distribution("Age", {"Age": column}, None)
    assert found.counts.sum() == 3001
    assert found.edges is not None
    assert found.edges[-1] - found.edges[0] < 100


def test_a_column_that_the_other_data_lack_stands_alone() -> None:
    found = distribution("Age", {"Age": pa.array([1.0, 2.0])}, {"Gender": pa.array(["Male"])})
    assert found.before is None
    assert missing_share(found) == (0.0, None)


@pytest.mark.parametrize("values", [[None, None], [3.0, 3.0], ["</svg><script>", "$x$ & \x00", "職業"]])
def test_every_column_can_be_drawn(values: list[object]) -> None:
    found = distribution("Age", {"Age": pa.array(values)}, {"Age": pa.array(values)})
    plot = distribution_plot(found, now="this run", before="version 1")
    assert "<script" not in plot.svg
    assert len(plot.table.rows) == len(found.labels) + 1
    assert sum(int(row[1].replace(",", "")) for row in plot.table.rows) == len(values)
