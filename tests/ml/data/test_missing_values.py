"""What is missing: the reader of training and the reader of scoring agree on every way to write it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from ml.data.csv_reader import read_batches
from ml.data.features import FEATURES
from serving.tables.customers import CustomersFile
from serving.tables.missing_values import MISSING

TEXTS = [*sorted(MISSING), *(f" {text}\t" for text in sorted(MISSING)), "0", "na", "none", "nulL", "-", "?", "x", "N A"]
PRESENT = "1"


@pytest.mark.parametrize("text", TEXTS)
def test_a_value_is_missing_in_training_if_and_only_if_it_is_in_scoring(text: str, tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    values = ",".join([*(f'"{text}"' for _ in FEATURES[:-1]), PRESENT])
    path.write_text(f"{','.join(FEATURES)}\n{values}\n")
    [[customer]] = CustomersFile.of(path, dict.fromkeys(FEATURES, False)).chunks(10)
    in_training = pa.Table.from_batches([*read_batches(path)]).to_pylist()[0]
    assert customer.instance is not None
    assert {customer.instance[name] == "" for name in FEATURES[:-1]} == {text.strip() in MISSING}
    assert {in_training[name] is None for name in FEATURES[:-1]} == {text.strip() in MISSING}


def test_what_pandas_takes_for_missing_is_missing_here() -> None:
    from pandas._libs.parsers import STR_NA_VALUES

    assert STR_NA_VALUES <= MISSING
