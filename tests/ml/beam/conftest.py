"""Data for the tests of what a Beam runner does."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def odd_csv(sample_csv: Path, tmp_path: Path) -> Path:
    """Customers of which some are written in other ways: quotes, line ends and commas in values, other spellings."""
    head, first, second, *lines = sample_csv.read_text().splitlines()
    fields = [line.split(",") for line in lines]
    place = head.split(",").index("Profession")
    for number, odd in enumerate(('"Art""ist"', '"a\nb"', '"a,b"', " doctor ", "NA", '""')):
        fields[number][place] = odd
    path = tmp_path / "odd.csv"
    path.write_text("\ufeff" + "\n".join([head, first, "", second, *map(",".join, fields)]) + "\n", encoding="utf-8")
    return path
