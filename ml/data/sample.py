"""Made-up customers: the columns, domains and missing rates of the Kaggle file, and an honest amount of label noise.

No row of the real file is in here: only rounded percentages and coefficients. Nothing but `random()` of PCG64 and
exact arithmetic is used (no exp, no log), so a seed gives the same customers with every NumPy on every machine.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Column = NDArray[Any]

FIRST_ID = 500_000
LINES_AT_A_TIME = 100_000

# Age: straight lines between these points of its distribution.
AGE_SHARES = (0.00, 0.08, 0.18, 0.30, 0.50, 0.70, 0.80, 0.90, 1.00)
AGES = (18, 22, 27, 32, 40, 50, 57, 69, 90)
BANDS = (23, 33, 43, 53, 65)  # where a new age band begins: six bands

PROFESSIONS = (
    "Artist",
    "Doctor",
    "Engineer",
    "Entertainment",
    "Executive",
    "Healthcare",
    "Homemaker",
    "Lawyer",
    "Marketing",
)
PROFESSION_BY_BAND = (  # percent
    (1, 8, 2, 4, 1, 77, 1, 0, 6),
    (15, 14, 9, 12, 3, 36, 6, 0, 5),
    (40, 10, 12, 15, 7, 8, 4, 0, 4),
    (50, 7, 11, 13, 10, 2, 3, 1, 3),
    (47, 5, 9, 14, 13, 1, 2, 7, 2),
    (17, 2, 3, 6, 12, 0, 1, 58, 1),
)
MALE_BY_PROFESSION = (52, 56, 20, 73, 94, 58, 18, 51, 44)  # percent
GRADUATED_BY_PROFESSION = (88, 62, 46, 63, 49, 55, 56, 62, 47)  # percent; half of that below the second band
MARRIED_BY_BAND = (3, 22, 56, 79, 88, 94)  # percent
SPENDING = ("Low", "Average", "High")
SPENDING_BY_MARRIED = ((100, 0, 0), (33, 42, 25))  # percent; no, yes
SIZE_BY_MARRIED = ((28, 15, 20, 19, 10, 4, 2, 1, 1), (13, 42, 18, 17, 6, 2, 1, 1, 0))  # percent; 1 to 9 people
WORK_YEARS = (32, 32, 4, 4, 4, 3, 3, 3, 6, 6, 1, 1, 1)  # percent; 0 to 12 years (13 and 14: a year or two more, below)
CATEGORIES = ("Cat_1", "Cat_2", "Cat_3", "Cat_4", "Cat_5", "Cat_6", "Cat_7")
CATEGORY = (2, 5, 10, 14, 1, 66, 2)  # percent

# Segment D when this score plus a bell-shaped noise is above zero.
D_BASE = -2.4
D_BY_PROFESSION = (-1.7, -0.2, 0.0, -0.3, 0.0, 1.0, 0.5, 0.3, 1.1)
D_BY_BAND = (1.9, 0.5, -0.1, -0.7, -0.9, 0.0)
D_NOT_GRADUATED = 0.7
D_LOW_SPENDING = 1.0
D_MALE = 0.4
D_FAMILY_OF_FIVE_OR_MORE = 0.4
D_WORKED_SIX_YEARS_OR_MORE = 0.3
NOISE = 2.8  # times the sum of four uniforms minus 2: standard deviation 1.62
SEGMENTS = ("A", "B", "C")
SEGMENT_BY_SPENDING = (
    (48, 30, 22),
    (18, 32, 50),
    (25, 37, 38),
)  # percent of the customers outside D; Low, Average, High

MISSING = {  # share of the rows
    "Ever_Married": 0.017,
    "Graduated": 0.010,
    "Profession": 0.015,
    "Work_Experience": 0.103,
    "Family_Size": 0.042,
    "Var_1": 0.009,
}


def write_csv(path: Path, *, rows: int, seed: int) -> None:
    """Write `rows` made-up customers as a CSV like Kaggle's, with nothing between the commas where one is missing."""
    with path.open("w", encoding="utf-8") as file:
        for start in range(0, rows, LINES_AT_A_TIME):
            columns = _customers(rows, seed, start, min(start + LINES_AT_A_TIME, rows))
            if not start:
                file.write(",".join(columns) + "\n")
            texts = [_as_text(column) for column in columns.values()]
            lines = pc.binary_join_element_wise(*texts, ",", null_handling="replace", null_replacement="")
            file.write("\n".join(lines.to_pylist()) + "\n")


def generate(rows: int, seed: int) -> dict[str, Column]:
    """Return the columns of the Kaggle file, each of shape [rows]; a missing value is "" in text and NaN in numbers."""
    return _customers(rows, seed, 0, rows)


class _Draws:
    """Uniform numbers in [0, 1): each call those of another quantity, for the customers from `start` to `end`.

    All of them are one stream of PCG64, in which a quantity's numbers for all `rows` follow one another. A generator
    that skips to its part gives some customers what it would give them among all.
    """

    def __init__(self, rows: int, seed: int, start: int, end: int) -> None:
        self._rows, self._seed, self._start, self._end = rows, seed, start, end
        self._calls = 0

    def __call__(self) -> NDArray[np.float64]:
        stream = np.random.PCG64(self._seed)
        stream.advance(self._calls * self._rows + self._start)
        self._calls += 1
        return np.random.Generator(stream).random(self._end - self._start)


def _customers(rows: int, seed: int, start: int, end: int) -> dict[str, Column]:
    """Return the columns of the customers from `start` to `end` out of so many `rows`."""
    draw = _Draws(rows, seed, start, end)
    age = np.interp(draw(), AGE_SHARES, AGES).astype(np.int64)
    band = np.searchsorted(BANDS, age, side="right")
    profession = _pick(PROFESSION_BY_BAND, band, draw())
    male = draw() * 100 < np.take(MALE_BY_PROFESSION, profession)
    graduated = draw() * 100 < np.take(GRADUATED_BY_PROFESSION, profession) * np.where(band == 0, 0.05, 1.0)
    married = draw() * 100 < np.take(MARRIED_BY_BAND, band)
    spending = _pick(SPENDING_BY_MARRIED, married, draw())
    size = 1 + _pick(SIZE_BY_MARRIED, married, draw())
    years = _pick((WORK_YEARS,), np.zeros(end - start, np.int64), draw())
    years = years + np.where(years == 12, (draw() * 3).astype(np.int64), 0)

    score = D_BASE + np.take(D_BY_PROFESSION, profession) + np.take(D_BY_BAND, band)
    score += D_NOT_GRADUATED * ~graduated + D_LOW_SPENDING * (spending == 0) + D_MALE * male
    score += D_FAMILY_OF_FIVE_OR_MORE * (size >= 5) + D_WORKED_SIX_YEARS_OR_MORE * (years >= 6)
    noise = NOISE * (draw() + draw() + draw() + draw() - 2)
    other = _words(SEGMENTS, _pick(SEGMENT_BY_SPENDING, spending, draw()))

    columns: dict[str, Column] = {
        "ID": np.arange(FIRST_ID + start, FIRST_ID + end),
        "Gender": _words(("Female", "Male"), male),
        "Ever_Married": _words(("No", "Yes"), married),
        "Age": age,
        "Graduated": _words(("No", "Yes"), graduated),
        "Profession": _words(PROFESSIONS, profession),
        "Work_Experience": years.astype(np.float64),
        "Spending_Score": _words(SPENDING, spending),
        "Family_Size": size.astype(np.float64),
        "Var_1": _words(CATEGORIES, _pick((CATEGORY,), np.zeros(end - start, np.int64), draw())),
        "Segmentation": np.where(score + noise > 0, "D", other).astype(object),
    }
    for name, share in MISSING.items():
        columns[name][draw() < share] = "" if columns[name].dtype == object else np.nan
    return columns


def _pick(percent: tuple[tuple[int, ...], ...], row: Column, uniform: Column) -> Column:
    """Return for each customer an index into its row of the table of percentages."""
    marks = np.cumsum(np.array(percent), axis=1)
    u, picked = uniform * 100, np.zeros(len(uniform), np.int64)
    for column in range(marks.shape[1] - 1):
        picked += u >= marks[:, column][row.astype(np.int64)]
    return picked


def _as_text(column: Column) -> Any:
    if column.dtype == object:
        return pa.array(column, pa.string())
    written = pc.cast(pa.array(column, from_pandas=True), pa.string())
    return written if column.dtype == np.int64 else pc.replace_substring_regex(written, r"^(\d+)$", r"\1.0")


def _words(words: tuple[str, ...], index: Column) -> Column:
    return np.array(words, dtype=object)[index.astype(np.int64)]
