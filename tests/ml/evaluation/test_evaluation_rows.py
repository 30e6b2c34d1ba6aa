"""The evaluation rows batch by batch are the rows of the file, however it is laid out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from ml.artifacts import Accepted
from ml.config.settings import resolve
from ml.data.features import FEATURES, NUMERIC
from ml.data.sample import write_csv
from ml.data.schema import seed_schema
from ml.evaluation.rows import evaluation_rows
from ml.evaluation.rows.evaluation_rows import EvaluationRows
from ml.evaluation.slices import slicing_columns
from ml.storage.files import sha256_bytes, sha256_json
from ml.training.transform import transform


@pytest.fixture(scope="module")
def parquet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rows")
    write_csv(folder / "customers.csv", rows=4000, seed=5)
    settings = resolve(environment={})
    accepted = Accepted(folder, "", 0, folder / "customers.csv", [], {})
    examples = transform(
        accepted, schema=seed_schema(), settings=settings.transform, target=settings.target, out=folder
    )
    table = pq.read_table(examples.eval)
    pq.write_table(table, folder / "many_groups.parquet", row_group_size=77)
    return folder / "many_groups.parquet"


def test_every_row_comes_once_in_batches_of_one_size(parquet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation_rows, "BATCH_ROWS", 100)
    table, rows = pq.read_table(parquet), EvaluationRows.read(parquet)
    batches = list(evaluation_rows.batches(parquet))
    assert [len(batch["Age"]) for batch in batches[:-1]] == [100] * (len(rows) // 100)
    assert len(batches[-1]["Age"]) == len(rows) % 100
    for name in FEATURES:
        found, expected = np.concatenate([batch[name] for batch in batches]), table[name].to_numpy()
        assert found.dtype == (np.float32 if name in NUMERIC else object)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.usefixtures("libraries")
def test_labels_hashes_groups_and_identity_are_those_of_the_whole_table(parquet: Path) -> None:
    import tensorflow as tf

    table, rows = pq.read_table(parquet), EvaluationRows.read(parquet)
    columns = {name: table[name].to_numpy() for name in FEATURES}
    np.testing.assert_array_equal(rows.labels, table["label"].to_numpy())
    np.testing.assert_array_equal(rows.profiles, table["profile"].to_numpy())
    np.testing.assert_array_equal(rows.rows, table["row"].to_numpy())
    expected = slicing_columns(columns)
    assert list(rows.groups) == list(expected)
    for name, column in expected.items():
        assert rows.groups[name].texts().tolist() == column.texts().tolist()
    numbers = [sha256_bytes(columns[name].astype(np.float32).tobytes()) for name in NUMERIC]
    whole = [tf.__version__, sha256_bytes(table["row"].to_numpy().tobytes()), numbers]
    assert rows.identity() == sha256_json(whole), "scores that were kept would not be found again"
