"""Customers no two of whom are alike, so that a score can be chosen for each of them."""

from __future__ import annotations

from pathlib import Path

import pytest

ROWS = 2500


@pytest.fixture(scope="session")
def people_csv(sample_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2,500 of the made-up customers, each with other features."""
    head, *lines = sample_csv.read_text().splitlines()
    names = head.split(",")
    apart = [place for place, name in enumerate(names) if name not in ("ID", "Var_1", "Segmentation")]
    different = {tuple(line.split(",")[place] for place in apart): line for line in lines}
    assert len(different) >= ROWS
    path = tmp_path_factory.mktemp("people") / "customers.csv"
    path.write_text("\n".join([head, *[*different.values()][:ROWS]]) + "\n")
    return path
