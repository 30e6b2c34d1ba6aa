"""How numbers are written in answers and in error messages."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.codecs.number_format import debug, floats


@given(st.floats(width=32))  # type: ignore[untyped-decorator]
@settings(deadline=None, max_examples=500)  # type: ignore[untyped-decorator]
def test_float_answers_identify_the_float(value: float) -> None:
    (text,) = (text.decode() for text in floats(np.array([value], np.float32)))
    back = float(text)
    same = math.isnan(back) if math.isnan(value) else _single(back) == value
    assert same
    assert any(sign in text for sign in (".", "e", "N", "I"))


def _single(value: float) -> float:
    """The value in single precision."""
    return float(np.float32(value))


@given(st.lists(st.floats(width=32), min_size=13, max_size=40))  # type: ignore[untyped-decorator]
@settings(deadline=None, max_examples=1000)  # type: ignore[untyped-decorator]
def test_floats_written_in_bulk_have_the_same_digits_as_one_by_one(values: list[float]) -> None:
    many = np.array(values, np.float32)
    assert floats(many) == [text for value in many for text in floats(np.array([value], np.float32))]


def test_every_size_of_probability_is_written_in_bulk_as_one_by_one() -> None:
    randomness = np.random.default_rng(3)
    many = np.concatenate([randomness.random(20_000), 10 ** randomness.uniform(-8, 9, 20_000)]).astype(np.float32)
    assert floats(many) == [text for at in range(0, len(many), 10) for text in floats(many[at : at + 10])]


@given(st.floats(allow_nan=False, allow_infinity=False))  # type: ignore[untyped-decorator]
@settings(deadline=None, max_examples=500)  # type: ignore[untyped-decorator]
def test_numbers_in_error_messages_read_back(value: float) -> None:
    assert float(debug(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0"),
        (38.5, "38.5"),
        (1e20, "100000000000000000000.0"),
        (1e21, "1e21"),
        (1.5e-5, "0.000015"),
        (1e-7, "1e-7"),
        (-0.0, "-0.0"),
        (1.25e300, "1.25e300"),
    ],
)
def test_numbers_in_error_messages(value: float, text: str) -> None:
    assert debug(value) == text
