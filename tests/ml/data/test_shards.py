"""Data in shards, compressed, or as Parquet: the same rows as in one CSV, one hash, and errors that name the shard."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import csv as arrow_csv

from ml.artifacts import Accepted, Dataset
from ml.config.settings import resolve
from ml.data.csv_reader import read_columns
from ml.data.file_lines import records
from ml.data.ingest import ingest
from ml.data.put_right import PutRight
from ml.data.schema import seed_schema
from ml.data.shards.manifest import Manifest, content_sha256, placed
from ml.errors import DataError, FinalError, RetrainError, SettingsError
from ml.registry.kept_data import keep_data, kept_data
from ml.storage.root import Root
from ml.training.transform import transform
from ml.validation.findings import Finding
from ml.validation.first_lines import first_lines

SETTINGS = resolve(environment={})
COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": lambda content: bytes(pa.compress(content, codec="zstd", asbytes=True)),
}


@pytest.fixture
def lines(sample_csv: Path) -> list[str]:
    """The header, and 3,000 rows."""
    return sample_csv.read_text().splitlines()


def obtained(source: Path | str, tmp_path: Path, *, max_bytes: int = 10**9) -> Dataset:
    out = tmp_path / "out"
    out.mkdir()
    settings = dataclasses.replace(SETTINGS.data, source=str(source), max_bytes=max_bytes)
    return ingest(settings, root=Root(tmp_path), out=out)


def refused(source: Path | str, tmp_path: Path, kind: type[RetrainError] = DataError, *, max_bytes: int = 10**9) -> str:
    with pytest.raises(kind) as caught:
        obtained(source, tmp_path, max_bytes=max_bytes)
    assert list((tmp_path / "out").iterdir()) == [], "something was left behind"
    assert caught.value.cure
    return str(caught.value)


def text(lines: list[str], begin: int, end: int) -> bytes:
    """A CSV of some of the rows."""
    return "\n".join([lines[0], *lines[begin + 1 : end + 1]]).encode() + b"\n"


def table_of(lines: list[str]) -> pa.Table:
    """The first nine rows."""
    return arrow_csv.read_csv(pa.py_buffer(text(lines, 0, 9)))


def shards(folder: Path, lines: list[str]) -> Path:
    """A directory of 3,000 rows in four shards of all kinds, and what an engine writes beside them."""
    folder.mkdir()
    (folder / "part-0.csv").write_bytes(text(lines, 0, 1000))
    (folder / "part-1.csv.gz").write_bytes(gzip.compress(text(lines, 1000, 1500).replace(b"\n", b"\r\n")))
    (folder / "part-2.csv.zst").write_bytes(COMPRESSED[".zst"](b"\xef\xbb\xbf\n" + text(lines, 1500, 2000).rstrip()))
    table = arrow_csv.read_csv(pa.py_buffer(text(lines, 2000, 3000)))
    pq.write_table(table, folder / "part-3.parquet", compression="zstd")
    (folder / "_SUCCESS").touch()
    (folder / ".part-0.csv.crc").write_bytes(b"\0")
    return folder


@pytest.mark.parametrize("ending", COMPRESSED)
@pytest.mark.parametrize("parquet", [False, True])
def test_one_file_of_any_kind_is_the_csv_in_it(
    tmp_path: Path, lines: list[str], sample_csv: Path, ending: str, parquet: bool
) -> None:
    content = sample_csv.read_bytes()
    if parquet:
        pq.write_table(arrow_csv.read_csv(sample_csv), tmp_path / "x.parquet")
        content = (tmp_path / "x.parquet").read_bytes()
    file = tmp_path / "data.bin"  # what it is, its bytes say
    file.write_bytes(COMPRESSED[ending](content))
    dataset = obtained(file, tmp_path)
    assert (dataset.rows, dataset.source) == (3000, "file:data.bin")
    assert dataset.sha256 == hashlib.sha256(dataset.csv.read_bytes()).hexdigest() == content_sha256(dataset.csv)
    assert parquet or dataset.csv.read_bytes() == sample_csv.read_bytes()
    now, before = (read_columns(csv) for csv in (dataset.csv, sample_csv))
    assert {name: column.to_pylist() for name, column in now.items()} == {
        name: column.to_pylist() for name, column in before.items()
    }


@pytest.mark.parametrize("source", ["shards", "shards/part-*", "inbox:shards"])
def test_shards_are_joined_in_the_order_of_their_names(
    tmp_path: Path, lines: list[str], sample_csv: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inbox").mkdir()
    shards(tmp_path / ("inbox/shards" if "inbox" in source else "shards"), lines)
    dataset = obtained(source, tmp_path)
    assert (dataset.rows, dataset.sha256) == (3000, content_sha256(dataset.csv))
    expected = {"shards": "file:shards", "shards/part-*": "file:part-*", "inbox:shards": "inbox:shards"}[source]
    assert dataset.source == expected
    now, before = (read_columns(csv) for csv in (dataset.csv, sample_csv))
    assert {name: column.to_pylist() for name, column in now.items()} == {
        name: column.to_pylist() for name, column in before.items()
    }
    manifest = Manifest.beside(dataset.csv)
    assert manifest is not None
    assert manifest.sha256 == dataset.sha256
    assert [(shard.name, shard.rows) for shard in manifest.shards] == [
        ("part-0.csv", 1000), ("part-1.csv.gz", 500), ("part-2.csv.zst", 500), ("part-3.parquet", 1000),
    ]  # fmt: skip


def test_the_hash_is_that_of_names_contents_and_rows(tmp_path: Path, lines: list[str]) -> None:
    def sha256(name: str, change: Callable[[Path], object]) -> str:
        place = tmp_path / name
        place.mkdir()
        folder = shards(place / "shards", lines)
        change(folder)
        return obtained(folder, place).sha256

    def other_row(folder: Path) -> None:
        (folder / "part-0.csv").write_bytes(text(lines, 1, 1001))

    hashes = [
        sha256("same", lambda folder: None),
        sha256("renamed", lambda folder: (folder / "part-3.parquet").rename(folder / "part-4.parquet")),
        sha256("fewer", lambda folder: (folder / "part-3.parquet").unlink()),
        sha256("other row", other_row),
    ]
    assert len(set(hashes)) == 4
    assert sha256("again", lambda folder: None) == hashes[0]


def test_what_was_changed_has_another_hash_and_is_not_kept(tmp_path: Path, lines: list[str]) -> None:
    dataset = obtained(shards(tmp_path / "shards", lines), tmp_path)
    root = Root(tmp_path / "root")
    keep_data(dataset.csv, dataset.sha256, root=root)
    kept = kept_data(root, dataset.sha256)
    assert kept is not None
    assert kept.read_bytes() == dataset.csv.read_bytes()
    content = kept.read_bytes()
    for changed in (content.replace(b"Artist", b"Doctor", 1), content + b"1,Male\n", content[:-1]):
        kept.write_bytes(changed)
        assert kept_data(root, dataset.sha256) is None


def test_a_line_has_its_place_in_its_shard(tmp_path: Path, lines: list[str]) -> None:
    csv = obtained(shards(tmp_path / "shards", lines), tmp_path).csv
    rows = csv.read_text().splitlines()
    for row, place in [
        (0, "line 2 of part-0.csv"),
        (999, "line 1001 of part-0.csv"),
        (1000, "line 2 of part-1.csv.gz"),
        (1499, "line 501 of part-1.csv.gz"),
        (1500, "line 3 of part-2.csv.zst"),  # its first line is blank
        (2000, "row 1 of part-3.parquet"),
        (2999, "row 1000 of part-3.parquet"),
    ]:
        line = row + 2
        assert rows[line - 1].split(",")[0] == lines[row + 1].split(",")[0]
        assert placed(csv, [line]) == place


def test_a_row_of_parquet_is_named_by_its_number_whatever_line_breaks_are_before_it(
    tmp_path: Path, lines: list[str]
) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    for name, begin in (("part-0.parquet", 0), ("part-2.parquet", 20)):
        table = arrow_csv.read_csv(pa.py_buffer(text(lines, begin, begin + 20)))
        notes = ["a\nb\r\nc" if row == 3 else "x" for row in range(20)]
        pq.write_table(table.append_column("Note", pa.array(notes)), folder / name)
    (folder / "part-1.csv").write_bytes(text(lines, 0, 20).replace(b"\n", b",x\n").replace(b"on,x", b"on,Note", 1))
    csv = obtained(folder, tmp_path).csv
    told = [placed(csv, [line]) for line in (2, 5, 6, 7, 8)]
    assert told == [f"row {row} of part-0.parquet" for row in (1, 4, 4, 4, 5)]
    last = [line for line, _ in records(csv)][-20:]
    assert [placed(csv, [line]) for line in last] == [f"row {row} of part-2.parquet" for row in range(1, 21)]
    assert placed(csv, [last[0] - 1]) == "line 21 of part-1.csv"


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("part-0.csv", lambda path, _: path.touch()),
        ("part-0.csv", lambda path, rows: path.write_bytes(text(rows, 0, 0))),
        ("part-0.csv.gz", lambda path, _: path.write_bytes(gzip.compress(b""))),
        ("part-9.csv.gz", lambda path, rows: path.write_bytes(gzip.compress(text(rows, 0, 0)))),
        ("part-0.parquet", lambda path, rows: pq.write_table(table_of(rows).slice(0, 0), path)),
        ("part-9.parquet", lambda path, rows: pq.write_table(table_of(rows).slice(0, 0), path)),
    ],
)
def test_a_shard_without_rows_is_left_out_if_another_one_has_some(
    tmp_path: Path,
    lines: list[str],
    name: str,
    write: Callable[[Path, list[str]], object],
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    write(folder / name, lines)
    assert f"shard {name}: " in refused(folder, tmp_path), "there is no other shard"
    (tmp_path / "out").rmdir()
    (folder / "part-1.csv").write_bytes(text(lines, 0, 9))
    pq.write_table(table_of(lines), folder / "part-2.parquet")
    dataset = obtained(folder, tmp_path)
    assert (dataset.rows, dataset.sha256) == (18, content_sha256(dataset.csv))
    assert len(read_columns(dataset.csv)["Age"]) == 18
    assert [placed(dataset.csv, [line]) for line in (2, 10, 11, 19)] == [
        *("line 2 of part-1.csv", "line 10 of part-1.csv"),
        *("row 1 of part-2.parquet", "row 9 of part-2.parquet"),
    ]
    manifest = Manifest.beside(dataset.csv)
    assert manifest is not None
    assert {shard.name: shard.rows for shard in manifest.shards} == {"part-1.csv": 9, "part-2.parquet": 9, name: 0}
    assert f"shard {name}: " in caplog.text


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("part-1.csv", b"<html><body>Sign in", "shard part-1.csv: this is a web page"),
        ("part-1.csv", b"ID,Age\n1,2\n", "shard part-1.csv lacks"),
        ("part-1.csv.gz", gzip.compress(b"ID,Age\n1,2\n" * 999)[:-9], "part-1.csv.gz: the compressed file is damaged"),
        ("part-1.csv.zst", COMPRESSED[".zst"](b"ID,Age\n1,2\n" * 999)[:-9], "part-1.csv.zst: the compressed file is"),
        ("part-1.parquet", b"PAR1" + b"\0" * 90, "shard part-1.parquet: the Parquet file is damaged"),
        ("part-1.csv", None, "shard part-1.csv: not UTF-8: byte 0xFF in line 3"),
    ],
)  # fmt: skip
def test_a_bad_shard_is_named(tmp_path: Path, lines: list[str], name: str, content: bytes | None, message: str) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    (folder / "part-0.csv").write_bytes(text(lines, 0, 1000))
    bad = text(lines, 0, 2).rstrip() + b"\xff\n" if content is None else content
    (folder / name).write_bytes(bad)
    assert message in refused(folder, tmp_path)


def test_other_columns_are_told(tmp_path: Path, lines: list[str]) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    (folder / "a.csv").write_bytes(text(lines, 0, 9))
    (folder / "b.csv").write_bytes(text(lines, 0, 9).replace(b"Gender,Ever_Married", b"Ever_Married,Gender"))
    assert "shard b.csv has the columns in another order" in refused(folder, tmp_path)


def with_bad_row(folder: Path, lines: list[str], edit: Callable[[list[str]], None]) -> Path:
    """Two shards, with the fifth row of the second edited."""
    fields = lines[1005].split(",")
    edit(fields)
    folder.mkdir()
    (folder / "a.csv").write_bytes(text(lines, 0, 1000))
    bad = [*lines[1001:1005], ",".join(fields), *lines[1006:]]
    (folder / "b.csv").write_bytes("\n".join([lines[0], *bad]).encode())
    return folder


def test_a_broken_row_and_a_long_value_are_named_with_their_own_line(tmp_path: Path, lines: list[str]) -> None:
    for place, edit, message in (
        (tmp_path / "1", lambda fields: fields.append("more"), "line 6 of b.csv: 12 fields instead of 11"),
        (tmp_path / "2", lambda fields: fields.__setitem__(5, "x" * 300), "line 6 of b.csv: column 'Profession' has"),
    ):
        place.mkdir()
        dataset = obtained(with_bad_row(place / "shards", lines, edit), place)
        with pytest.raises(DataError, match=message):
            read_columns(dataset.csv, PutRight(), name=dataset.name)


def test_findings_and_missing_labels_are_named_with_their_own_line(tmp_path: Path, lines: list[str]) -> None:
    dataset = obtained(with_bad_row(tmp_path / "shards", lines, lambda row: row.__setitem__(-1, "")), tmp_path)
    accepted = Accepted(tmp_path, dataset.sha256, 3000, dataset.csv, [], {}, dataset.name)
    with pytest.raises(DataError, match=r"shards: 1 row has no Segmentation \(line 6 of b\.csv\)"):
        transform(
            accepted, schema=seed_schema(), settings=SETTINGS.transform, target=SETTINGS.target, out=tmp_path / "out"
        )
    finding = Finding("FEATURE_TYPE_LOW_FRACTION_PRESENT", "Segmentation", "", 1, 1.0, [], blocks=True)
    told = first_lines(dataset.csv, [finding], name=dataset.name)
    assert told == "In shards, see Segmentation in line 6 of b.csv."


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_a_bomb_is_stopped_by_what_comes_out(tmp_path: Path, lines: list[str], ending: str) -> None:
    bomb = tmp_path / f"bomb.csv{ending}"
    bomb.write_bytes(COMPRESSED[ending](text(lines, 0, 10) + b"\n" * 50_000_000))
    assert bomb.stat().st_size < 100_000
    assert "what is compressed in it is larger than 100,000 bytes" in refused(bomb, tmp_path, max_bytes=100_000)


@pytest.mark.parametrize(
    "column", [pa.nulls(9_000_000, pa.float64()), pa.array(["x" * 90_000]).take(pa.array([0] * 9000))]
)
def test_a_bomb_of_parquet_is_stopped(tmp_path: Path, column: pa.Array) -> None:
    table = pa.table({"ID": pa.nulls(len(column), pa.int64()), "Profession": column})
    pq.write_table(table, tmp_path / "bomb.parquet")
    assert (tmp_path / "bomb.parquet").stat().st_size < 200_000
    assert "larger than 200,000 bytes" in refused(tmp_path / "bomb.parquet", tmp_path, max_bytes=200_000)


def test_all_shards_together_are_limited(tmp_path: Path, lines: list[str]) -> None:
    folder = shards(tmp_path / "shards", lines)
    whole = len(text(lines, 0, 3000))
    assert "shard part-3.parquet: the CSV of what is in it is larger" in refused(
        folder, tmp_path, max_bytes=whole - 30_000
    )


def test_a_column_of_lists_is_no_table(tmp_path: Path) -> None:
    pq.write_table(pa.table({"ID": [1], "Age": [[1, 2]]}), tmp_path / "x.parquet")
    assert "column 'Age' has values of several parts" in refused(tmp_path / "x.parquet", tmp_path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: None, "no shard is there"),
        (lambda folder: (folder / "sub").mkdir(), "sub is a directory, and shards are files side by side"),
        (lambda folder: (folder / "x.csv").symlink_to("/etc/hostname"), "x.csv is a link"),
    ],
)
def test_the_inbox_has_no_way_out(tmp_path: Path, make: Callable[[Path], object], message: str) -> None:
    folder = tmp_path / "inbox" / "shards"
    folder.mkdir(parents=True)
    make(folder)
    assert message in refused("inbox:shards", tmp_path, SettingsError)


@pytest.mark.parametrize("name", ["..", ".", "", "outside", "../elsewhere", "shards/../../elsewhere", "shards/sub"])
def test_no_directory_outside_of_the_inbox_can_be_named(tmp_path: Path, lines: list[str], name: str) -> None:
    (tmp_path / "inbox" / "shards" / "sub").mkdir(parents=True)
    shards(tmp_path / "elsewhere", lines)
    (tmp_path / "inbox" / "outside").symlink_to(tmp_path / "elsewhere")
    assert "no such file in" in refused(f"inbox:{name}", tmp_path, SettingsError)


def test_a_pattern_that_nothing_fits_and_two_shards_of_one_name_are_refused(tmp_path: Path) -> None:
    for place in ("1", "2"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "x.csv").write_text("ID,Age\n1,2\n")
    assert "two shards are called x.csv" in refused(tmp_path / "*" / "x.csv", tmp_path, SettingsError)
    (tmp_path / "out").rmdir()
    assert "no shard is there" in refused(tmp_path / "*.csv", tmp_path, SettingsError)


def test_decimals_of_parquet_are_numbers_and_durations_are_refused(sample_csv: Path, tmp_path: Path) -> None:
    table = arrow_csv.read_csv(sample_csv)
    place = table.schema.get_field_index("Age")
    ages = table.column("Age").cast(pa.decimal128(21, 2))
    pq.write_table(table.set_column(place, "Age", ages), tmp_path / "x.parquet")
    dataset = obtained(tmp_path / "x.parquet", tmp_path)
    assert read_columns(dataset.csv)["Age"].to_pylist() == read_columns(sample_csv)["Age"].to_pylist()
    spans = pa.array([1] * table.num_rows, pa.duration("s"))
    pq.write_table(table.set_column(place, "Age", spans), tmp_path / "y.parquet")
    said = "column 'Age' has values that a CSV cannot hold (duration[s])"
    (again := tmp_path / "again").mkdir()
    assert said in refused(tmp_path / "y.parquet", again)


@pytest.mark.parametrize("change", [{"shards": []}, {"shards": [{"rows": "1"}]}, {"other": 1}])
def test_a_changed_manifest_is_named(tmp_path: Path, lines: list[str], change: dict[str, Any]) -> None:
    dataset = obtained(shards(tmp_path / "shards", lines), tmp_path)
    path = dataset.csv.with_name("shards.json")
    said = json.loads(path.read_text())
    if change.get("shards"):
        change = {"shards": [said["shards"][0] | change["shards"][0]]}
    path.write_text(json.dumps(change))
    with pytest.raises(FinalError, match=r"shards\.json: is not a list of shards"):
        Manifest.beside(dataset.csv)
