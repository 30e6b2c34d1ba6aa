"""A column of texts that is held as codes: the same texts, masks and groups as from the texts themselves."""

from __future__ import annotations

import numpy as np
import pytest

from ml.evaluation.rows.categorical import Categorical

TEXTS = ["b", "", "a", None, "b", float("nan"), "ü"]


def test_the_texts_come_back_and_a_missing_one_is_none() -> None:
    column = Categorical.of(TEXTS)
    assert column.texts().tolist() == ["b", "", "a", None, "b", None, "ü"]
    assert column.values() == ["", "a", "b", "ü"]
    assert column.equals("b").tolist() == [True, False, False, False, True, False, False]
    assert not column.equals("c").any()


def test_a_value_that_does_not_occur_in_some_rows_is_none_of_theirs() -> None:
    some = Categorical.of(TEXTS)[np.array([2, 3])]
    assert some.values() == ["a"]
    assert some.texts().tolist() == ["a", None]


def test_parts_with_other_categories_are_joined() -> None:
    whole = Categorical.joined([Categorical.of(TEXTS[:3]), Categorical.of([]), Categorical.of(TEXTS[3:])])
    assert whole.texts().tolist() == Categorical.of(TEXTS).texts().tolist()
    assert whole.categories == Categorical.of(TEXTS).categories


def test_more_texts_than_a_byte_counts_keep_their_codes() -> None:
    texts = [f"{number:03}" for number in range(300)]
    halves = [Categorical.of(texts[:100]), Categorical.of(texts[100:])]
    assert Categorical.joined(halves).texts().tolist() == texts
    assert halves[0].codes.dtype == np.int8


@pytest.mark.parametrize(
    ("codes", "categories", "fact"),
    [([2], ("a", "b"), "without a text"), ([-2], ("a",), "without a text"), ([0], ("b", "a"), "not sorted")],
)
def test_codes_that_do_not_fit_are_refused(codes: list[int], categories: tuple[str, ...], fact: str) -> None:
    with pytest.raises(ValueError, match=fact):
        Categorical(np.array(codes, np.int8), categories)
