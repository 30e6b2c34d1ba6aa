"""Data and shards in a store: an S3 over real HTTP. The same data and the same report as from a disk."""

from __future__ import annotations

import dataclasses
import gzip
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml.artifacts import Dataset
from ml.beam.shared_files import joined, shared_directory, writable
from ml.config.settings import BeamSettings, resolve
from ml.data.ingest import ingest
from ml.data.shards import store
from ml.errors import DataError, FinalError, RetrainError, SettingsError, TransientError
from ml.storage.root import Root
from tests.ml.beam.s3_server import KEYS, S3, SECRET, running_s3
from tests.ml.beam.same_evaluation import assert_evaluates_alike, in_process, trained
from tests.ml.beam.same_examples import assert_transforms_alike
from tests.ml.beam.same_step import assert_validates_alike

pytestmark = pytest.mark.filterwarnings("ignore")  # libraries', as in the process of its own


@pytest.fixture(scope="module")
def server() -> Iterator[S3]:
    with running_s3() as server:
        yield server


@pytest.fixture
def s3(server: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    """The server, with nothing in its bucket, and its keys in the environment."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    yield server
    server.empty()


def settings(s3: S3, directory: str = "") -> BeamSettings:
    return BeamSettings("DirectRunner", s3.options, 300.0, directory)


def obtained(source: str, out: Path, s3: S3, *, max_bytes: int = 10**9) -> Dataset:
    out.mkdir()
    data = dataclasses.replace(resolve(environment={}).data, source=source, max_bytes=max_bytes)
    return ingest(data, root=Root(out), out=out, beam=settings(s3))


def refused(source: str, tmp_path: Path, s3: S3, kind: type[RetrainError], *, max_bytes: int = 10**9) -> str:
    with pytest.raises(kind) as caught:
        obtained(source, tmp_path / "out", s3, max_bytes=max_bytes)
    assert list((tmp_path / "out").iterdir()) == [], "something was left behind"
    assert caught.value.cure
    assert SECRET not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def shards(sample_csv: Path) -> dict[str, bytes]:
    """3,000 customers in two shards."""
    head, *rows = sample_csv.read_bytes().splitlines(keepends=True)
    return {"part-0.csv": head + b"".join(rows[:1000]), "part-1.csv.gz": gzip.compress(head + b"".join(rows[1000:]))}


@pytest.mark.parametrize("source", ["s3://customers/day/part-*", "s3://customers/day", "s3://customers/day/"])
def test_shards_of_a_store_are_the_data_that_they_are_on_a_disk(
    s3: S3, shards: dict[str, bytes], tmp_path: Path, source: str
) -> None:
    (local := tmp_path / "day").mkdir()
    for name, content in shards.items():
        s3.put(f"day/{name}", content)
        (local / name).write_bytes(content)
    s3.put("day/_SUCCESS", b"")
    s3.put("day/older/part-9.csv", b"not a shard of this day")
    found, expected = obtained(source, tmp_path / "of store", s3), obtained(str(local), tmp_path / "of disk", s3)
    assert (found.sha256, found.rows) == (expected.sha256, 3000)
    assert found.source == f"file:{source}"
    for name in ("data.csv", "shards.json"):
        assert (found.path / name).read_bytes() == (expected.path / name).read_bytes()
    assert sorted(path.name for path in found.path.iterdir()) == ["data.csv", "shards.json"]


def test_one_object_is_a_file_even_with_a_name_that_no_shard_has(s3: S3, sample_csv: Path, tmp_path: Path) -> None:
    s3.put("_all.csv", sample_csv.read_bytes())
    found = obtained("s3://customers/_all.csv", tmp_path / "out", s3)
    assert found.csv.read_bytes() == sample_csv.read_bytes()
    assert found.rows == 3000


def test_too_much_is_refused_before_it_is_copied(s3: S3, shards: dict[str, bytes], tmp_path: Path) -> None:
    for name, content in shards.items():
        s3.put(f"day/{name}", content)
    both = sum(map(len, shards.values()))
    said = refused("s3://customers/day", tmp_path, s3, DataError, max_bytes=both - 1)
    assert f"what is there is larger than {both - 1:,} bytes" in said


def test_a_packed_shard_may_not_unfold_beyond_the_limit(s3: S3, shards: dict[str, bytes], tmp_path: Path) -> None:
    s3.put("day/part-1.csv.gz", shards["part-1.csv.gz"])
    said = refused("s3://customers/day", tmp_path, s3, DataError, max_bytes=len(shards["part-1.csv.gz"]) + 1)
    assert "shard part-1.csv.gz: what is compressed in it is larger" in said


def test_a_shard_that_is_no_table_names_itself(s3: S3, shards: dict[str, bytes], tmp_path: Path) -> None:
    s3.put("day/part-0.csv", shards["part-0.csv"])
    s3.put("day/part-1.csv", b"ID,Age\n1,2\n")
    assert "shard part-1.csv lacks 'Gender'" in refused("s3://customers/day", tmp_path, s3, DataError)


@pytest.mark.parametrize(
    ("source", "kind", "said"),
    [
        ("s3://customers/nothing.csv", SettingsError, "nothing is there, or there is no such bucket"),
        ("s3://customers/nothing-*.csv", SettingsError, "nothing is there, or there is no such bucket"),
        ("s3://nobodys/day/*.csv", SettingsError, "nothing is there, or there is no such bucket"),
        ("s3://customers/_*", SettingsError, "no shard is there"),
        ("ftp://customers/day", SettingsError, "there is no store ftp://. Known: s3, gs"),
    ],
)
def test_what_is_not_there_is_said(s3: S3, tmp_path: Path, source: str, kind: type[RetrainError], said: str) -> None:
    s3.put("_SUCCESS", b"")
    assert said in refused(source, tmp_path, s3, kind)


def test_without_credentials_a_store_refuses(s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert "there are no credentials" in refused("s3://customers/day/*.csv", tmp_path, s3, FinalError)


def test_two_objects_with_one_name_are_no_shards(s3: S3, tmp_path: Path) -> None:
    for name in ("a/x.csv", "b/x.csv"):
        s3.put(name, b"ID\n1\n")
    assert "two shards are called x.csv" in refused("s3://customers/*/x.csv", tmp_path, s3, SettingsError)


def test_without_the_package_the_command_is_named(s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def find_spec(name: str) -> Any:
        return None if name == "boto3" else importlib.util.find_spec(name)

    monkeypatch.setattr(store, "find_spec", find_spec)
    said = refused("s3://customers/day/*.csv", tmp_path, s3, FinalError)
    assert said.endswith("s3:// needs the package boto3, which is not installed. Run make ml-s3.")
    with pytest.raises(FinalError, match="Run make ml-s3"), shared_directory(settings(s3, "s3://customers"), tmp_path):
        raise AssertionError("never")


def test_the_directory_of_a_job_goes_with_it(s3: S3, tmp_path: Path) -> None:
    s3.put("work/kept", b"")
    with shared_directory(settings(s3, "s3://customers/work"), tmp_path) as directory:
        for name in ("part-0", "beam-temp/part-1"):
            with writable(joined(directory, name)) as path:
                path.write_bytes(b"rows")
        assert len(s3.names()) == 3
    assert s3.names() == ["work/kept"]


def test_a_directory_in_a_bucket_that_is_not_there_is_refused_before_any_work(s3: S3, tmp_path: Path) -> None:
    with (
        pytest.raises(FinalError, match=r"beam\.directory = 's3://nobodys/work': the store refuses"),
        shared_directory(settings(s3, "s3://nobodys/work"), tmp_path),
    ):
        raise AssertionError("never")


def test_a_store_that_does_not_answer_may_answer_later(s3: S3, tmp_path: Path) -> None:
    gone = BeamSettings("DirectRunner", ("--s3_endpoint_url=http://127.0.0.1:1",), 300.0, "s3://customers/work")
    with pytest.raises(TransientError, match="the store cannot be used"), shared_directory(gone, tmp_path):
        raise AssertionError("never")


def test_validation_by_shards_in_a_store_says_the_same(
    libraries: None, s3: S3, sample_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml.beam.split.ROWS", 1000)
    assert_validates_alike(Root(tmp_path), sample_csv, settings(s3, "s3://customers/work"))
    assert s3.names() == []


def test_transformation_by_shards_in_a_store_makes_the_same_files(
    libraries: None, s3: S3, sample_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml.beam.split.ROWS", 700)
    monkeypatch.setattr("ml.beam.split.BLOCK_BYTES", 40_000)
    assert_transforms_alike(Root(tmp_path), sample_csv, settings(s3, "s3://customers/work"))
    assert s3.names() == []


def test_evaluation_by_shards_in_a_store_comes_to_the_same(
    libraries: None, s3: S3, sample_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml.evaluation.rows.evaluation_rows.BATCH_ROWS", 100)
    monkeypatch.setattr("ml.evaluation.workers.job.ROWS", 200)
    run = trained(Root(tmp_path / "root"), sample_csv)
    assert_evaluates_alike(run, in_process(run, tmp_path / "other"), settings(s3, "s3://customers/work"))
    assert s3.names() == []
