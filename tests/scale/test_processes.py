"""Steps by Beam's own pool of processes on one machine: `DirectRunner` with `direct_running_mode=multi_processing`.

Here and not in `tests/ml/beam`, since Beam listens on every address for such a pool (`stack/prism/alone.sh`).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ml.beam import transformation
from ml.config.settings import BeamSettings
from ml.data.sample import write_csv
from ml.storage.root import Root
from ml.training.examples.counts import Counts
from tests.ml.beam.same_evaluation import assert_evaluates_alike, in_process, trained
from tests.ml.beam.same_examples import assert_transforms_alike
from tests.ml.beam.same_step import assert_validates_alike

pytestmark = pytest.mark.filterwarnings("ignore")  # libraries', as in the process of its own
ROWS = 3000
TWO_PROCESSES = BeamSettings(
    "DirectRunner", ("--direct_num_workers=2", "--direct_running_mode=multi_processing"), 300.0, ""
)


@pytest.fixture
def customers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that makes several shards."""
    monkeypatch.setattr("ml.beam.split.ROWS", 700)
    monkeypatch.setattr("ml.beam.split.BLOCK_BYTES", 40_000)
    path = tmp_path / "customers.csv"
    write_csv(path, rows=ROWS, seed=7)
    return path


def test_the_step_validate_says_the_same(customers: Path, tmp_path: Path) -> None:
    assert_validates_alike(Root(tmp_path / "root"), customers, TWO_PROCESSES)


def test_the_step_transform_makes_the_same_files(customers: Path, tmp_path: Path) -> None:
    assert_transforms_alike(Root(tmp_path / "root"), customers, TWO_PROCESSES)


def test_the_step_evaluate_comes_to_the_same(customers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers ask about the rows of a shard together, and so does this process."""
    monkeypatch.setattr("ml.evaluation.rows.evaluation_rows.BATCH_ROWS", 200)
    monkeypatch.setattr("ml.evaluation.workers.job.ROWS", 200)
    run = trained(Root(tmp_path / "root"), customers)
    assert_evaluates_alike(run, in_process(run, tmp_path / "other"), TWO_PROCESSES)


def test_each_process_gets_shards(tmp_path: Path) -> None:
    def note_the_process(shard: Path, made: Path) -> Counts:
        made.write_text(f"{os.getpid()} {shard.name}")
        return Counts(train=1)

    for name in "abcdefgh":
        (tmp_path / name).write_text("")
    shards = [str(tmp_path / name) for name in "hgfedcba"]
    out = str(tmp_path / "counts.json")
    counts = transformation.transform_shards(
        shards, work=note_the_process, summary=Counts, settings=TWO_PROCESSES, out=out
    )
    assert counts.train == len(shards)
    found = [path.read_text().split() for path in transformation.results(shards)]
    assert [name for _, name in found] == [*"hgfedcba"]
    assert len({process for process, _ in found}) == 2
    assert str(os.getpid()) not in {process for process, _ in found}
