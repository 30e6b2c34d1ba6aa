"""The shards of a Parquet file hold its rows in their order, and as many as were asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml.beam.parquet_shards import split_parquet

ROWS = 1000
TABLE = pa.table({"number": np.arange(ROWS), "text": [None if n % 7 == 0 else f"text {n}" for n in range(ROWS)]})


@pytest.mark.parametrize("group", [1, 64, 100, 1000])
@pytest.mark.parametrize("rows", [100, 300, 1000, 5000])
def test_every_shard_has_the_rows_that_were_asked_for(tmp_path: Path, group: int, rows: int) -> None:
    pq.write_table(TABLE, tmp_path / "whole.parquet", row_group_size=group)
    (place := tmp_path / "shards").mkdir()
    scores = np.linspace(0, 1, ROWS, dtype=np.float32)
    shards = split_parquet(
        tmp_path / "whole.parquet", str(place), columns=["text", "number"], rows=rows, also={"score": scores}
    )
    tables = [pq.read_table(shard) for shard in shards]
    assert [table.num_rows for table in tables[:-1]] == [rows] * (len(tables) - 1)
    assert 0 < tables[-1].num_rows <= rows
    assert pa.concat_tables(tables) == TABLE.select(["text", "number"]).append_column("score", pa.array(scores))
    assert sorted(map(str, place.iterdir())) == shards


def test_a_file_without_rows_has_no_shard(tmp_path: Path) -> None:
    pq.write_table(TABLE.slice(0, 0), tmp_path / "empty.parquet")
    assert split_parquet(tmp_path / "empty.parquet", str(tmp_path), columns=["text"], rows=10) == []
