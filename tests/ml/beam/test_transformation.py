"""Examples made by Beam's DirectRunner are those made in this process, byte by byte; so is what is said of bad data."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ml.artifacts import Accepted, Examples
from ml.beam import done_shards, transformation
from ml.config.settings import BeamSettings
from ml.data import csv_reader
from ml.data.csv_reader import read_batches
from ml.data.features import FEATURES
from ml.data.schema import seed_schema
from ml.errors import DataError, FinalError, TransientError
from ml.pipeline.steps import run_step
from ml.storage.root import PROJECT, Root
from ml.training import transform as step
from ml.training.examples import example_files
from ml.training.examples.counts import Counts
from ml.training.preprocessing import Encoding
from tests.ml.beam.same_examples import MADE, assert_transforms_alike, begun, made
from tests.ml.conftest import settings_for
from tests.prometheus.debian import eventually

pytestmark = pytest.mark.filterwarnings("ignore")  # libraries', as in the process of its own
DIRECT = BeamSettings("DirectRunner", (), 300.0, "")
SEED = seed_schema()


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of some thousand rows have several shards, and several groups of rows."""
    monkeypatch.setattr("ml.beam.split.ROWS", 700)
    monkeypatch.setattr("ml.beam.split.BLOCK_BYTES", 40_000)
    monkeypatch.setattr(example_files, "ROW_GROUP_ROWS", 500)


def transformed(csv: Path, out: Path, beam: BeamSettings | None, *others: str, rows: int | None = None) -> Examples:
    out.mkdir()
    settings = settings_for(csv, *others)
    rows = sum(batch.num_rows for batch in read_batches(csv)) if rows is None else rows
    return step.transform(
        Accepted(out, "", rows, csv, [], {}, name="customers of May.csv"),
        schema=SEED,
        settings=settings.transform,
        target=settings.target,
        out=out,
        beam=beam,
    )


def assert_same(csv: Path, place: Path, *others: str) -> None:
    here, there = (transformed(csv, place / name, beam, *others) for name, beam in (("here", None), ("there", DIRECT)))
    for name in MADE:
        assert (here.path / name).read_bytes() == (there.path / name).read_bytes(), name
    assert (here.sha256, here.train_rows, here.eval_rows) == (there.sha256, there.train_rows, there.eval_rows)
    assert not list(place.rglob(".beam-*"))


def changed(csv: Path, place: Path, line: int, change: Callable[[str], str]) -> Path:
    """A copy of a CSV with another text in one line, counted from 1."""
    lines = csv.read_text().splitlines()
    lines[line - 1] = change(lines[line - 1])
    (copy := place / "changed.csv").write_text("\n".join(lines) + "\n")
    return copy


def test_the_real_file_in_shards_makes_the_same_files(
    customers_csv: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    assert_same(customers_csv, tmp_path)
    (told,) = (record.getMessage() for record in caplog.records if "shards by" in record.getMessage())
    assert int(told.split()[2]) > 5
    assert pq.ParquetFile(tmp_path / "there" / "train.parquet").num_row_groups > 10


@pytest.mark.parametrize("batch_rows", [97, 10_000])
def test_odd_rows_make_the_same_files(
    odd_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_rows: int
) -> None:
    """Among them rows without any feature, and a category that the schema does not know: two spellings, two shards."""
    lines = odd_csv.read_text(encoding="utf-8").splitlines(keepends=True)
    columns = lines[0].removeprefix("\ufeff").rstrip().split(",")
    place = columns.index("Profession")
    odd = {20: "Zookeeper", -5: "zookeeper", -4: "Ar\x00tist", -3: "NaN", -1: "Überführer"}
    for number, profession in odd.items():
        fields = lines[number].split(",")
        fields[place] = profession
        lines[number] = ",".join(fields)
    empty = ",".join("7" if name == "ID" else "A" if name == "Segmentation" else "" for name in columns) + "\n"
    lines[1000:1000] = [empty] * 3
    odd_csv.write_text("".join(lines), encoding="utf-8")
    monkeypatch.setattr(csv_reader, "BLOCK_BYTES", 30_000)
    assert_same(odd_csv, tmp_path, f"transform.batch_rows={batch_rows}")
    professions = Encoding.read(tmp_path / "there" / "encoding.json").features[FEATURES.index("Profession")].values
    assert {"Zookeeper", "Überführer", "Ar\x00tist"} <= {*professions}
    assert "zookeeper" not in professions
    train = pq.read_table(tmp_path / "there" / "train.parquet", columns=["Profession"])["Profession"].to_pylist()
    assert {"Zookeeper", "zookeeper"} <= {*train}, "the test needs both on this side"


def test_the_step_makes_the_same_with_a_runner(libraries: None, odd_csv: Path, tmp_path: Path) -> None:
    assert_transforms_alike(Root(tmp_path / "root"), odd_csv, DIRECT)


def test_shards_may_lie_elsewhere(sample_csv: Path, tmp_path: Path) -> None:
    (elsewhere := tmp_path / "elsewhere").mkdir()
    there = transformed(sample_csv, tmp_path / "there", BeamSettings("DirectRunner", (), 300.0, str(elsewhere)))
    assert there.sha256 == transformed(sample_csv, tmp_path / "here", None).sha256
    assert not [*elsewhere.iterdir()]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda line: line.rpartition(",")[0] + ",", "1 row has no Segmentation (line 2500)."),
        (lambda line: line + ",one more", "1 broken rows: line 2500: "),
        (lambda line: line.replace(",", "," + "x" * 300, 1), "column 'Gender' has a value of "),
    ],
    ids=["no label", "a field more", "a long value"],
)
def test_bad_data_are_named_as_in_one_process(
    sample_csv: Path, tmp_path: Path, change: Callable[[str], str], said: str
) -> None:
    bad = changed(sample_csv, tmp_path, 2500, change)
    found = []
    for name, beam in (("here", None), ("there", DIRECT)):
        with pytest.raises(DataError) as error:
            transformed(bad, tmp_path / name, beam, rows=3000)
        found.append(str(error.value))
    assert found[0] == found[1]
    assert found[0].startswith("customers of May.csv: ")
    assert said in found[0]


def test_an_empty_side_is_named_as_in_one_process(sample_csv: Path, tmp_path: Path) -> None:
    few = tmp_path / "few.csv"
    few.write_text("\n".join(sample_csv.read_text().splitlines()[:3]) + "\n")
    for name, beam in (("here", None), ("there", DIRECT)):
        with pytest.raises(DataError, match=r"The eval side of the split is empty \(2 rows, share 0\.01\)"):
            transformed(few, tmp_path / name, beam, "transform.eval_share=0.01")


def test_rows_that_were_lost_end_the_step(sample_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FinalError, match=r"of 3,001 rows, 3,000 were counted by DirectRunner"):
        transformed(sample_csv, tmp_path / "accepted", DIRECT, rows=3001)

    def but_the_last(shards: list[str]) -> object:
        return everything(shards[:-1])

    everything = transformation.results
    monkeypatch.setattr(transformation, "results", but_the_last)
    with pytest.raises(FinalError, match=r"of 2,\d{3} \+ \d{3} rows, [12],\d{3} \+ \d{3} were written"):
        transformed(sample_csv, tmp_path / "written", DIRECT)


def test_a_worker_that_reads_otherwise_ends_the_step(
    sample_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one with other libraries might. What it says is not said of the user's data, which can be read."""

    def refuse(csv: Path, out: Path, **_: object) -> Counts:
        pq.write_table(example_files.RAW.empty_table(), out)
        return Counts(problem=f"{csv.name}: row 3 is odd.")

    monkeypatch.setattr(step, "prepare_shard", refuse)
    with pytest.raises(FinalError, match=r"DirectRunner reads the data otherwise: part-0000\d\.csv: row 3 is odd"):
        transformed(sample_csv, tmp_path / "out", DIRECT)


def test_a_worker_that_fails_ends_the_step_and_leaves_nothing(
    sample_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(csv: Path, out: Path, **_: object) -> Counts:
        raise MemoryError(f"no room for {csv.name}")

    monkeypatch.setattr(step, "prepare_shard", fail)
    with pytest.raises(TransientError, match=r"Beam job failed.*no room for part-0000\d\.csv"):
        transformed(sample_csv, tmp_path / "out", DIRECT)
    assert not [*(tmp_path / "out").iterdir()]


def test_a_long_job_tells_how_many_shards_are_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    told, shards = tmp_path / "told", [str(tmp_path / name) for name in "abc"]
    for shard in shards:
        Path(shard).write_text("")

    def wait_until_it_is_told(shard: Path, made: Path) -> Counts:
        done = len(list(shard.parent.glob("?.parquet")))
        eventually(lambda: f"DirectRunner: {done} of 3 shards are done" in told.read_text())
        made.write_text("")
        return Counts()

    monkeypatch.setattr(done_shards, "LINE_SECONDS", 0.01)
    caplog.set_level("INFO")
    done_shards.log.addHandler(handler := logging.FileHandler(told))
    try:
        transformation.transform_shards(
            shards, work=wait_until_it_is_told, summary=Counts, settings=DIRECT, out=str(tmp_path / "out")
        )
    finally:
        done_shards.log.removeHandler(handler)
        handler.close()


NEVER_ENDS = """
import sys, time
from pathlib import Path
import ml.beam.split
from ml.config.settings import resolve
from ml.pipeline.run import Run
from ml.pipeline.steps import run_step
from ml.storage.root import Root
from ml.training import transform

def wait(csv, out, **_):
    out.write_bytes(b"half")
    Path(sys.argv[2]).touch()
    time.sleep(600)

transform.prepare_shard = wait
ml.beam.split.ROWS = 700
overrides = ["beam.runner=DirectRunner", f"data.source={sys.argv[3]!r}"]
run_step("transform", Run(Root(Path(sys.argv[1])), "run", resolve(overrides=overrides, environment={})))
"""


def test_a_killed_step_is_done_again_and_nothing_of_the_dead_one_is_left(
    libraries: None, sample_csv: Path, tmp_path: Path
) -> None:
    root, mark = Root(tmp_path / "root"), tmp_path / "in the middle"
    run = begun(root, "run", sample_csv, DIRECT)
    command = [sys.executable, "-W", "ignore", "-c", NEVER_ENDS, root.path, mark, sample_csv]
    with (tmp_path / "log").open("wb") as log:
        killed = subprocess.Popen([str(part) for part in command], cwd=PROJECT, stdout=log, stderr=log)
    try:
        eventually(lambda: mark.exists() or killed.poll() is not None)
        killed.send_signal(signal.SIGKILL)
        assert killed.wait(60) == -signal.SIGKILL, (tmp_path / "log").read_text()
    finally:
        killed.kill()
    assert list(run.directory.rglob(".beam-*")), "the test needs something to clean up"
    run_step("transform", run)
    plain = begun(root, "plain", sample_csv)
    run_step("transform", plain)
    assert made(run) == made(plain)
